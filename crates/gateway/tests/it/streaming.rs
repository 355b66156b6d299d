//! Bodies pass as they come, both ways, with their trailers, and no faster than they are taken.

use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, arm, until};
use crate::service::Service;

async fn rig(service: &Service) -> Rig {
    let rig = Rig::start();
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let answer = rig.get("/sse").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = answer.bytes_stream();
    for number in 0..3 {
        // The service sends the next event only after this one was read here.
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {number}\n\n"));
        assert_eq!(rig.arm("1.0").await.in_flight, 1);
        service.seen.gate.add_permits(1);
    }
    assert!(events.next().await.is_none());
    rig.arm_when("1.0", |arm| {
        arm.in_flight == 0 && arm.requests == 1 && arm.errors == 0
    })
    .await;
}

#[tokio::test]
async fn a_chunked_request_arrives_as_it_is_sent() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = TcpStream::connect(rig.listen).await.unwrap();
    let head = "POST /swallow HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    for sent in 1..=3 {
        client.write_all(b"5\r\nhello\r\n").await.unwrap();
        let swallowed = || service.seen.swallowed.load(SeqCst);
        until("the chunk arrived", || swallowed() == 5 * sent).await;
    }
    client.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1024];
    let count = client.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n15"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_chunked_get_keeps_its_body() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = TcpStream::connect(rig.listen).await.unwrap();
    let head = "GET /echo HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\
                Connection: close\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("one") && answer.contains("two"), "{answer}");
}

#[tokio::test]
async fn ten_megabytes_pass_both_ways() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let sent: Bytes = (0..10 << 20)
        .map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for _ in 0..2 {
        let answer = rig
            .client
            .post(rig.url("/echo"))
            .body(sent.clone())
            .send()
            .await
            .unwrap();
        assert!(answer.bytes().await.unwrap() == sent);
    }
    let chunks = sent
        .chunks(70_000)
        .map(Bytes::copy_from_slice)
        .map(Ok::<_, std::io::Error>);
    let chunks: Vec<_> = chunks.collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let answer = rig
        .client
        .post(rig.url("/echo"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert!(answer.bytes().await.unwrap() == sent);
    let big = rig.get("/big").await.bytes().await.unwrap();
    assert!(big.len() == 10 << 20 && big.iter().all(|byte| *byte == b'b'));
    rig.arm_when("1.0", |arm| {
        arm.in_flight == 0 && arm.requests == 4 && arm.errors == 0
    })
    .await;
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let stream = TcpStream::connect(rig.listen).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let fields = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-sum"),
        HeaderValue::from_static("42"),
    )]);
    let frames = [
        Ok::<_, std::io::Error>(Frame::data(Bytes::from("hello"))),
        Ok(Frame::trailers(fields)),
    ];
    let request = Request::post("/trailers")
        .header("host", "shop")
        .header("te", "trailers")
        .header("trailer", "x-sum")
        .body(StreamBody::new(futures::stream::iter(frames)))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let collected = answer.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap();
    assert_eq!(
        (
            trailers["x-sum"].as_bytes(),
            trailers["x-length"].as_bytes()
        ),
        (&b"42"[..], &b"5"[..])
    );
    assert_eq!(collected.to_bytes(), "hello");
}

/// A client that does not read holds up the arm instead of filling the gateway's memory.
#[tokio::test]
async fn a_slow_client_gets_everything_in_the_end() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = TcpStream::connect(rig.listen).await.unwrap();
    client
        .write_all(b"GET /big HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    rig.arm_when("1.0", |arm| arm.in_flight == 1).await;
    // Others are served meanwhile, by the same worker too.
    for _ in 0..20 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "old");
    }
    assert_eq!(
        rig.arm("1.0").await.in_flight,
        1,
        "the answer waits for its client"
    );
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(
        answer.iter().filter(|byte| **byte == b'b').count() / (1 << 20),
        10
    );
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
}

#[tokio::test]
async fn expect_continue_is_answered() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let mut client = TcpStream::connect(rig.listen).await.unwrap();
    let head =
        "POST /echo HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    client.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"hello").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert!(client.read_buf(&mut answer).await.unwrap() > 0);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}
