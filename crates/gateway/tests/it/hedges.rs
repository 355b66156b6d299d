//! What counts against a server whose request was also sent to another one.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::StatusCode;
use socket2::{Domain, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::raw::{self, RawServer, ok};
use crate::rig::{Rig, until};
use crate::ways::{patient_way_to, upstream, with_upstream};

/// A server that does `answer` a while after each request; nothing is a broken connection.
async fn after(pause_ms: u64, answer: &'static str) -> RawServer {
    RawServer::start(move |_, mut connection| async move {
        connection.head().await?;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        connection.send(answer).await
    })
    .await
}

/// The status of a hedged request, and the failures of both servers.
async fn hedged(first: &RawServer, second: &RawServer) -> (StatusCode, [u64; 2]) {
    let mut way = patient_way_to("api", 2);
    way.retries.hedge_after_ms = Some(10);
    let servers = upstream("api", &[first.address, second.address]);
    let rig = Rig::start_with(|settings| {
        with_upstream(way, servers)(settings);
        settings.observe.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
    });
    let status = rig.get("/").await.status();
    assert_eq!((first.heads(), second.heads()), (1, 1), "it was hedged");
    let metrics = rig.gateway.as_ref().unwrap().metrics_address().unwrap();
    let told = rig.client.get(format!("http://{metrics}/metrics")).send();
    let told = told.await.unwrap().text().await.unwrap();
    let failures = |server: SocketAddr| {
        let mut lines = told.lines().filter(|line| {
            line.starts_with("portcullis_upstream_failures_total{")
                && line.contains(&server.to_string())
        });
        let line = lines.next().unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    (status, [failures(first.address), failures(second.address)])
}

#[tokio::test]
async fn whoever_of_two_hedged_servers_fails_is_charged_and_nobody_else() {
    let good = ok("good").leak();
    const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    for (first, second, status, failures) in [
        ((60, ""), (150, &*good), 200, [1, 0]),
        ((150, good), (60, ""), 200, [0, 1]),
        ((60, ""), (150, ""), 502, [1, 1]),
        ((150, ""), (60, ""), 502, [1, 1]),
        ((60, ""), (150, BUSY), 503, [1, 1]),
        // One that is only slower did nothing wrong.
        ((600, good), (60, good), 200, [0, 0]),
    ] {
        let (one, other) = (
            after(first.0, first.1).await,
            after(second.0, second.1).await,
        );
        let told = hedged(&one, &other).await;
        let expected = (StatusCode::from_u16(status).unwrap(), failures);
        assert_eq!(told, expected, "{first:?} {second:?}");
    }
}

/// A server to which nobody gets through: whoever connects waits.
struct Engaged {
    socket: Socket,
    _waiting: Vec<TcpStream>,
}

impl Engaged {
    async fn start() -> Engaged {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        let limit = Duration::from_millis(200);
        while let Ok(stream) = tokio::time::timeout(limit, TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
        }
        Engaged {
            socket,
            _waiting: waiting,
        }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap().as_socket().unwrap()
    }
}

/// The first server breaks off when the body is too long to be kept, and only then the second one is found to be
/// unreachable. Nothing was sent by the attempt that failed last, and yet there is no body to send any more.
#[tokio::test]
async fn a_long_body_is_not_sent_as_an_empty_one_when_the_hedge_gets_no_connection() {
    const LENGTH: usize = 200 * 1024;
    for framing in [
        format!("Content-Length: {LENGTH}"),
        "Transfer-Encoding: chunked".to_owned(),
    ] {
        let first = RawServer::start(|_, mut connection| async move {
            connection.head().await?;
            connection.body(|body| body.len() >= LENGTH).await?;
            connection.reset();
            None
        })
        .await;
        let second = Engaged::start().await;
        let mut way = patient_way_to("api", 3);
        way.retries.hedge_after_ms = Some(10);
        way.timeouts.connect_ms = 1_000;
        let servers = upstream("api", &[first.address, second.address()]);
        let rig = Rig::start_with(with_upstream(way, servers));
        let mut client = raw::connect(&rig).await;
        let head = format!("PUT / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        until("it was sent", || first.heads() == 1).await;
        // The hedge begins meanwhile: it takes no connection that anybody could see.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let body = match framing.starts_with('C') {
            true => "x".repeat(LENGTH),
            false => format!("{LENGTH:X}\r\n{}\r\n0\r\n\r\n", "x".repeat(LENGTH)),
        };
        client.write_all(body.as_bytes()).await.unwrap();
        let answer = raw::read_head(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        assert_eq!(first.heads(), 1, "{framing}");
    }
}
