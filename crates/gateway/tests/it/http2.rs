//! Clients and releases that speak HTTP/2 in plain text, with prior knowledge.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw::{self, RawServer};
use crate::rig::{Rig, arm, until};
use crate::service::Service;
use crate::ways::{patient_way_to, upstream};

pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

pub(crate) struct Client {
    pub(crate) sender: SendRequest<Body>,
    connection: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Client {
    pub(crate) async fn connect(rig: &Rig) -> Client {
        let stream = TcpStream::connect(rig.listen).await.unwrap();
        let io = TokioIo::new(stream);
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
        let (sender, connection) = handshake.await.unwrap();
        let connection = tokio::spawn(connection);
        Client { sender, connection }
    }

    /// A client of a connection that was made elsewhere.
    pub(crate) fn of(
        sender: SendRequest<Body>,
        connection: tokio::task::JoinHandle<hyper::Result<()>>,
    ) -> Client {
        Client { sender, connection }
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        self.sender.ready().await.unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response<Incoming> {
        self.send(request(path).body(empty()).unwrap()).await
    }
}

pub(crate) fn request(path: &str) -> http::request::Builder {
    Request::builder().uri(format!("http://shop.example{path}"))
}

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

pub(crate) fn full(text: &'static str) -> Body {
    Full::from(text).map_err(|never| match never {}).boxed()
}

pub(crate) async fn text(answer: Response<Incoming>) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn rig(service: &Service) -> Rig {
    let rig = Rig::start();
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

#[tokio::test]
async fn requests_and_answers_pass_as_over_http1() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = Client::connect(&rig).await;
    let asked = request("/headers?a=b")
        .header("cookie", "one=1")
        .header("cookie", "two=2")
        .header("x-own", "kept");
    let answer = client.send(asked.body(empty()).unwrap()).await;
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(answer.headers()["x-portcullis-release"], "1.0");
    assert!(!answer.headers().contains_key("connection"));
    assert!(!answer.headers().contains_key("x-private"));
    let seen = text(answer).await;
    assert!(seen.starts_with("GET /headers?a=b\n"), "{seen}");
    assert!(seen.contains("host: shop.example\n"), "{seen}");
    assert!(seen.contains("cookie: one=1; two=2\n"), "{seen}");
    assert!(seen.contains("x-forwarded-for: 127.0.0.1\n"), "{seen}");
    assert!(seen.contains("x-forwarded-proto: http\n"), "{seen}");
    let posted = request("/echo").method("POST").body(full("hello")).unwrap();
    assert_eq!(text(client.send(posted).await).await, "hello");
    // A body whose length nobody knows, also with a method that seldom has one.
    for method in ["POST", "GET"] {
        let frames = ["one ", "two"].map(|text| Ok(Frame::data(Bytes::from(text))));
        let body = StreamBody::new(futures::stream::iter(frames));
        let asked = request("/echo").method(method).body(BodyExt::boxed(body));
        assert_eq!(text(client.send(asked.unwrap()).await).await, "one two");
    }
    rig.arm_when("1.0", |arm| {
        arm.requests == 4 && arm.in_flight == 0 && arm.errors == 0
    })
    .await;
}

#[tokio::test]
async fn streams_run_side_by_side_and_events_come_one_by_one() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = Client::connect(&rig).await;
    let answer = client.get("/sse").await;
    let mut events = answer.into_body().into_data_stream();
    for number in 0..3 {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {number}\n\n"));
        // Others are answered on the same connection while this one is open.
        assert_eq!(text(client.get("/who").await).await, "old");
        assert_eq!(rig.arm("1.0").await.in_flight, 1);
        service.seen.gate.add_permits(1);
    }
    // The end may come as an empty frame of its own.
    while let Some(last) = events.next().await {
        assert!(last.unwrap().is_empty());
    }
    let many = (0..50).map(|_| {
        let mut sender = client.sender.clone();
        async move {
            let asked = request("/echo").method("POST").body(full("hello")).unwrap();
            text(sender.send_request(asked).await.unwrap()).await
        }
    });
    let answers = futures::future::join_all(many).await;
    assert!(answers.iter().all(|answer| answer == "hello"));
}

#[tokio::test]
async fn trailers_pass_both_ways_as_grpc_needs_them() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = Client::connect(&rig).await;
    let fields = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-sum"),
        HeaderValue::from_static("42"),
    )]);
    let frames = [
        Ok(Frame::data(Bytes::from("hello"))),
        Ok(Frame::trailers(fields)),
    ];
    let asked = request("/trailers")
        .method("POST")
        .header("te", "trailers")
        .header("trailer", "x-sum")
        .body(BodyExt::boxed(StreamBody::new(futures::stream::iter(
            frames,
        ))));
    let answer = client.send(asked.unwrap()).await;
    let collected = answer.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap();
    assert_eq!(trailers["x-sum"], "42");
    assert_eq!(trailers["x-length"], "5");
    assert_eq!(collected.to_bytes(), "hello");
}

#[tokio::test]
async fn users_are_divided_and_refusals_are_problems() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start();
    let mut client = Client::connect(&rig).await;
    let answer = client.get("/who").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    rig.split(&arm("1.0", &old), Some(&arm("1.1", &new)), 50)
        .await;
    let mut releases = std::collections::BTreeMap::new();
    for user in 0..100 {
        let asked = request("/who").header("x-user", format!("user-{user}"));
        let answer = client.send(asked.body(empty()).unwrap()).await;
        let release = answer.headers()["x-portcullis-release"].to_str().unwrap();
        *releases.entry(release.to_owned()).or_insert(0) += 1;
    }
    assert!(releases["1.0"] > 25 && releases["1.1"] > 25, "{releases:?}");
}

#[tokio::test]
async fn an_arm_that_breaks_off_resets_its_stream_and_no_other() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = Client::connect(&rig).await;
    let mut broken = client.get("/break").await.into_body();
    assert_eq!(
        broken.frame().await.unwrap().unwrap().into_data().unwrap(),
        "half"
    );
    service.seen.gate.add_permits(1);
    let error = broken.frame().await.unwrap().unwrap_err();
    assert!(!error.is_closed(), "{error:?}");
    assert_eq!(text(client.get("/who").await).await, "old");
    rig.arm_when("1.0", |arm| arm.in_flight == 0 && arm.errors == 1)
        .await;
}

#[tokio::test]
async fn a_stream_that_its_client_resets_ends_at_the_arm() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = Client::connect(&rig).await;
    let answer = client.get("/sse").await;
    rig.arm_when("1.0", |arm| arm.in_flight == 1).await;
    drop(answer);
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    let open = || service.seen.open_connections.load(SeqCst);
    until("the arm's connection is closed", || open() <= 1).await;
    assert_eq!(text(client.get("/who").await).await, "old");
}

#[tokio::test]
async fn stopping_finishes_streams_and_tells_clients_to_go() {
    let service = Service::start("old");
    let mut rig = rig(&service).await;
    let mut client = Client::connect(&rig).await;
    let mut idle = Client::connect(&rig).await;
    assert_eq!(text(idle.get("/who").await).await, "old");
    let slow = client.get("/sse").await;
    let mut events = slow.into_body().into_data_stream();
    events.next().await.unwrap().unwrap();
    let gateway = rig.gateway.take().unwrap();
    let stopping = tokio::spawn(gateway.stop(Duration::from_secs(20)));
    // The idle one is told at once.
    tokio::time::timeout(Duration::from_secs(10), idle.connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    service.seen.gate.add_permits(3);
    for number in 1..3 {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {number}\n\n"));
    }
    // The end may come as an empty frame of its own.
    while let Some(last) = events.next().await {
        assert!(last.unwrap().is_empty());
    }
    assert_eq!(stopping.await.unwrap(), 0, "nothing was cut off");
    client.connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_preface_that_comes_byte_by_byte_is_waited_for() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // An empty SETTINGS frame, and the answer begins with the server's own.
    stream
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "{head:?}");
    // A method that begins like the preface is HTTP/1.1.
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    let asked = b"PROPFIND /who HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    stream.write_all(asked).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

async fn rig_of_http2(service: &Service) -> Rig {
    let rig = Rig::start_with(|settings| {
        settings.services[0].protocol = portcullis_config::UpstreamProtocol::Http2;
    });
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

#[tokio::test]
async fn releases_that_speak_http2_are_reached_by_clients_of_both_kinds() {
    let service = Service::start_http2("old");
    let rig = rig_of_http2(&service).await;
    let mut client = Client::connect(&rig).await;
    let asked = request("/headers?a=b").header("te", "trailers");
    let seen = text(client.send(asked.body(empty()).unwrap()).await).await;
    assert!(
        seen.starts_with("GET http://shop.example/headers?a=b\n"),
        "{seen}"
    );
    assert!(seen.contains("te: trailers\n"), "{seen}");
    assert!(seen.contains("x-forwarded-host: shop.example\n"), "{seen}");
    assert!(
        !seen.contains("\nhost:") && !seen.contains("connection"),
        "{seen}"
    );
    let posted = rig.client.post(rig.url("/echo")).body("hello").send();
    assert_eq!(posted.await.unwrap().text().await.unwrap(), "hello");
    // A client of HTTP/1.1 cannot upgrade where the release has no such thing.
    let asked = rig
        .client
        .get(rig.url("/who"))
        .header("connection", "upgrade");
    let answer = asked.header("upgrade", "shout").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "old");
    rig.arm_when("1.0", |arm| {
        arm.requests == 3 && arm.in_flight == 0 && arm.errors == 0
    })
    .await;
}

#[tokio::test]
async fn requests_share_a_connection_to_a_release_and_survive_its_end() {
    let service = Service::start_http2("old");
    let rig = rig_of_http2(&service).await;
    let many = (0..200).map(|_| rig.get_as("user"));
    assert!(
        futures::future::join_all(many)
            .await
            .iter()
            .all(|release| release == "1.0")
    );
    // One of each worker, and those of the health checks.
    let checks = service.seen.checks.load(SeqCst);
    let connections = service.seen.connections.load(SeqCst);
    assert!(
        connections <= checks + 3,
        "{connections} connections, {checks} checks"
    );
    let address = service.address;
    drop(service);
    let service = Service::start_speaking("again", address, true);
    for _ in 0..10 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "again");
    }
    drop(service);
    assert_eq!(rig.get("/who").await.status(), 502);
}

#[tokio::test]
async fn trailers_and_streams_pass_between_two_that_speak_http2() {
    let service = Service::start_http2("old");
    let rig = rig_of_http2(&service).await;
    let mut client = Client::connect(&rig).await;
    let frames = [Ok(Frame::data(Bytes::from("hello")))];
    let asked = request("/trailers")
        .method("POST")
        .header("te", "trailers")
        .body(BodyExt::boxed(StreamBody::new(futures::stream::iter(
            frames,
        ))));
    let answer = client.send(asked.unwrap()).await;
    let collected = answer.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-length"], "5");
    let mut events = client.get("/sse").await.into_body().into_data_stream();
    for number in 0..3 {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {number}\n\n"));
        service.seen.gate.add_permits(1);
    }
    // A client that goes away ends the stream at the release.
    let given_up = tokio::time::timeout(Duration::from_millis(200), client.get("/slow"));
    assert!(given_up.await.is_err());
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    let mut broken = client.get("/break").await.into_body();
    broken.frame().await.unwrap().unwrap();
    service.seen.gate.add_permits(1);
    while let Some(frame) = broken.frame().await {
        if frame.is_err() {
            break;
        }
    }
    rig.arm_when("1.0", |arm| arm.errors == 1).await;
}

/// As over HTTP/1.1, where a line too many is refused while the head is read.
#[tokio::test]
async fn a_head_with_too_many_lines_is_refused_and_its_connection_goes_on() {
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| settings.clients.headers_max = 10);
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut client = Client::connect(&rig).await;
    for name in ["x-own", "cookie"] {
        let lines = |count| {
            let asked = (0..count).fold(request("/who"), |asked, line| {
                asked.header(name, format!("a{line}=b"))
            });
            asked.body(empty()).unwrap()
        };
        let answer = client.send(lines(11)).await;
        assert_eq!(answer.status(), 431, "{name}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(text(answer).await.contains("head-too-large"), "{name}");
        let answer = client.send(lines(10)).await;
        assert_eq!(text(answer).await, "old", "{name}");
    }
    assert_eq!(service.requests(), 2);
    let calls = (0..11).fold(request("/who").method("POST"), |asked, line| {
        asked.header("x-own", line)
    });
    let called = calls.header("content-type", "application/grpc");
    let answer = client.send(called.body(empty()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["grpc-status"], "8");
}

/// RFC 9110, 6.6.2: whoever sends trailers should announce them. Over HTTP/1.1 only those are passed on that are.
#[tokio::test]
async fn trailers_over_http1_pass_if_they_are_announced_and_over_http2_all_do() {
    let server = RawServer::start(|_, mut connection| async move {
        loop {
            connection.head().await?;
            let came = connection.body(|bytes| bytes.ends_with(b"\r\n\r\n"));
            let came = String::from_utf8(came.await?).unwrap();
            let told = format!(
                "{} {}",
                came.contains("x-sum: 1"),
                came.contains("x-more: 1")
            );
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n";
            let body = format!("{:x}\r\n{told}\r\n0\r\n", told.len());
            let all = format!("{head}{body}x-sum: 2\r\nx-more: 2\r\n\r\n");
            connection.send(&all).await?;
        }
    })
    .await;
    let rig = Rig::start_with(|settings| {
        settings.routing.routes = vec![patient_way_to("raw", 1)];
        settings.routing.upstreams = vec![upstream("raw", &[server.address])];
    });
    let ask = async |te: &str| {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{te}");
        let framing = "Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n";
        let body = "2\r\nhi\r\n0\r\nx-sum: 1\r\nx-more: 1\r\n\r\n";
        raw::send(&rig, &format!("{head}{framing}{body}")).await
    };
    let answer = ask("TE: trailers\r\n").await;
    assert!(answer.contains("true false"), "{answer}");
    assert!(answer.ends_with("0\r\nx-sum: 2\r\n\r\n"), "{answer}");
    let answer = ask("").await;
    assert!(answer.ends_with("0\r\n\r\n"), "not asked for: {answer}");
    let mut client = Client::connect(&rig).await;
    let names = ["x-sum", "x-more"];
    let fields = names.map(|name| (name.parse().unwrap(), HeaderValue::from_static("1")));
    let frames = [
        Ok(Frame::data(Bytes::from("hi"))),
        Ok(Frame::trailers(HeaderMap::from_iter(fields))),
    ];
    let body = BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)));
    let asked = request("/").method("POST").header("trailer", "x-sum");
    let answer = client.send(asked.body(body).unwrap()).await;
    let collected = answer.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap();
    assert_eq!(
        (&trailers["x-sum"], &trailers["x-more"]),
        (&"2".parse().unwrap(), &"2".parse().unwrap())
    );
    assert_eq!(collected.to_bytes(), "true false");
}
