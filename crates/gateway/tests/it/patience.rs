//! How long clients and arms are waited for, and who is blamed when it was too long.

use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_api::gateway::Arm;
use portcullis_config::UpstreamProtocol;
use portcullis_gateway::GatewaySettings;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::http2::{Body, Client, full, request, text};
use crate::raw::{self, RawServer};
use crate::rig::{Rig, arm};
use crate::service::Service;
use crate::ways::{upstream, way, way_to, with_upstream, with_ways};

const STALL_MS: u64 = 400;

type Sender = UnboundedSender<Result<Frame<Bytes>, std::io::Error>>;

/// A body that is sent piece by piece.
fn pieces() -> (Sender, Body) {
    let (sender, receiver) = unbounded();
    (sender, BodyExt::boxed(StreamBody::new(receiver)))
}

async fn send(sender: &mut Sender, piece: &'static str) {
    let frame = Frame::data(Bytes::from(piece));
    sender.send(Ok(frame)).await.unwrap();
}

fn speaks_http2(settings: &mut GatewaySettings) {
    settings.services[0].protocol = UpstreamProtocol::Http2;
}

/// The beginning of a call of gRPC.
fn call(path: &str, body: Body) -> http::Request<Body> {
    let call = request(path).method("POST");
    let call = call.header("content-type", "application/grpc");
    call.body(body).unwrap()
}

async fn served(service: &Service, adjust: impl FnOnce(&mut GatewaySettings)) -> Rig {
    let rig = Rig::start_with(adjust);
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

/// Two calls of gRPC with a message a second: one whose answer has begun, and one whose answer has not.
#[tokio::test]
async fn a_call_of_grpc_with_a_message_a_second_is_not_too_slow() {
    let service = Service::start_http2("old");
    let rig = served(&service, speaks_http2).await;
    let mut client = Client::connect(&rig).await;
    let mut call = |path: &str| {
        let (sender, body) = pieces();
        let asked = request(path)
            .method("POST")
            .header("content-type", "application/grpc+proto");
        let answer = client.sender.send_request(asked.body(body).unwrap());
        (sender, tokio::spawn(answer))
    };
    let (mut late, late_answer) = call("/collect");
    let (mut both, both_answer) = call("/echo");
    send(&mut both, "ping").await;
    let mut echo = both_answer.await.unwrap().unwrap().into_body();
    for second in 0..13 {
        assert_eq!(
            echo.frame().await.unwrap().unwrap().into_data().unwrap(),
            "ping",
            "after {second} seconds"
        );
        sleep(Duration::from_secs(1)).await;
        send(&mut late, "ping").await;
        send(&mut both, "ping").await;
    }
    drop((late, both));
    let late = text(late_answer.await.unwrap().unwrap()).await;
    assert_eq!(late, "ping".repeat(13));
    rig.arm_when("1.0", |arm| arm.in_flight == 0 && arm.errors == 0)
        .await;
}

/// The client would send more, and is not asked for it.
#[tokio::test]
async fn an_arm_that_takes_nothing_for_a_while_is_not_the_clients_fault() {
    const LENGTH: usize = 24 << 20;
    let server = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        sleep(Duration::from_secs(12)).await;
        connection.body(|body| body.len() == LENGTH).await?;
        connection.send(&raw::ok("taken")).await
    })
    .await;
    let adjust = with_upstream(way_to("api"), upstream("api", &[server.address]));
    let rig = Rig::start_with(|settings| {
        adjust(settings);
        settings.clients.body_bytes_per_second_min = 8 << 20;
    });
    let sent = rig.client.post(rig.url("/")).body(vec![b'x'; LENGTH]);
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "taken");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_stream_loses_it_and_no_other() {
    let service = Service::start("old");
    let rig = served(&service, |settings| {
        settings.clients.stall_timeout_ms = STALL_MS;
    })
    .await;
    let mut client = narrow_client(&rig).await;
    let mut stalled = client.get("/big").await.into_body();
    rig.arm_when("1.0", |arm| arm.in_flight == 1).await;
    assert_eq!(text(client.get("/who").await).await, "old");
    let reset = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((reset.requests, reset.errors), (2, 0));
    let error = loop {
        match stalled.frame().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(!error.is_closed(), "{error:?}");
    assert_eq!(text(client.get("/who").await).await, "old");
}

#[tokio::test]
async fn a_client_that_takes_its_stream_slowly_gets_all_of_it() {
    let service = Service::start("old");
    let rig = served(&service, |settings| {
        settings.clients.stall_timeout_ms = STALL_MS;
    })
    .await;
    let mut client = narrow_client(&rig).await;
    let mut slow = client.get("/big").await.into_body();
    let mut bytes = 0;
    while let Some(frame) = slow.frame().await {
        bytes += frame.unwrap().data_ref().map_or(0, Bytes::len);
        if bytes < 1 << 20 {
            sleep(Duration::from_millis(40)).await;
        }
    }
    assert_eq!(bytes, 10 << 20);
}

/// A client of HTTP/2 that lets 16 KiB come on a stream before it has read some.
async fn narrow_client(rig: &Rig) -> Client {
    let stream = TcpStream::connect(rig.listen).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(16 * 1024);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.unwrap();
    Client::of(sender, tokio::spawn(connection))
}

#[tokio::test]
async fn a_call_of_grpc_may_be_silent_for_longer_than_an_upload_may_pause() {
    let service = Service::start_http2("old");
    let rig = served(&service, |settings| {
        speaks_http2(settings);
        settings.clients.stall_timeout_ms = STALL_MS;
    })
    .await;
    let mut client = Client::connect(&rig).await;
    for path in ["/collect", "/echo"] {
        let (mut sender, body) = pieces();
        let asked = request(path)
            .method("POST")
            .header("content-type", "application/grpc");
        let asked = client.sender.send_request(asked.body(body).unwrap());
        let answer = tokio::spawn(asked);
        send(&mut sender, "one ").await;
        sleep(Duration::from_millis(4 * STALL_MS)).await;
        send(&mut sender, "two").await;
        drop(sender);
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(text(answer).await, "one two");
    }
}

/// Nothing comes from either side before the request is whole: then it is the route's time for silence that ends the
/// call. The arm may have waited for its client, so it is not blamed.
#[tokio::test]
async fn a_call_of_grpc_that_is_silent_for_too_long_is_timed_out_and_nobody_is_to_blame() {
    let service = Service::start_http2("old");
    let rig = served(&service, |settings| {
        speaks_http2(settings);
        settings.services[0].timeouts.idle_ms = STALL_MS;
    })
    .await;
    let mut client = Client::connect(&rig).await;
    for first in [None, Some("one")] {
        let (mut sender, body) = pieces();
        let answer = client.sender.send_request(call("/collect", body));
        if let Some(piece) = first {
            send(&mut sender, piece).await;
        }
        // What 504 stands for in gRPC: DEADLINE_EXCEEDED.
        let answer = answer.await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "4", "{first:?}");
        let message = answer.headers()["grpc-message"].to_str().unwrap();
        assert!(message.contains("the call"), "{message}");
    }
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (2, 0));
    assert_eq!(status.by_class, [0; 5]);
}

/// Its client can do no more, so it is the arm that is waited for.
#[tokio::test]
async fn an_arm_that_does_not_answer_a_whole_call_is_to_blame() {
    let service = Service::start_http2("old");
    let rig = served(&service, |settings| {
        speaks_http2(settings);
        settings.services[0].timeouts.first_byte_ms = STALL_MS;
    })
    .await;
    let mut client = Client::connect(&rig).await;
    let answer = client.send(call("/slow", full("all"))).await;
    assert_eq!(answer.headers()["grpc-status"], "4");
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (1, 1));
}

/// A byte now and then keeps a call open for as long as the route's time for a whole request, and no longer.
#[tokio::test]
async fn a_call_of_grpc_that_never_becomes_whole_ends_with_the_routes_time_for_a_request() {
    let service = Service::start_http2("old");
    let rig = served(&service, |settings| {
        let mut way = way("calls");
        way.timeouts.whole_ms = Some(3 * STALL_MS);
        with_ways(vec![way])(settings);
        speaks_http2(settings);
    })
    .await;
    let mut client = Client::connect(&rig).await;
    let (mut sender, body) = pieces();
    let answer = tokio::spawn(client.sender.send_request(call("/collect", body)));
    let mut sent = 0;
    while !answer.is_finished() {
        let frame = Frame::data(Bytes::from("x"));
        let _ = sender.send(Ok(frame)).await;
        sent += 1;
        assert!(sent < 300, "it is open for ever");
        sleep(Duration::from_millis(STALL_MS / 10)).await;
    }
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.headers()["grpc-status"], "4");
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (1, 0));
}

/// Only HTTP/2 from end to end carries calls of gRPC, and gRPC-Web is none: an upload is one whatever it says.
#[tokio::test]
async fn what_only_says_that_it_is_a_call_of_grpc_is_an_upload() {
    let (plain, http2) = (Service::start("old"), Service::start_http2("old"));
    for (service, kind) in [
        (&http2, "application/grpc-web"),
        (&http2, "application/grpc-web+proto"),
        (&http2, "application/grpcfoo"),
        (&plain, "application/grpc"),
    ] {
        let rig = served(service, |settings| {
            settings.clients.stall_timeout_ms = STALL_MS;
            if service.address == http2.address {
                speaks_http2(settings);
            }
        })
        .await;
        let mut client = Client::connect(&rig).await;
        let (mut sender, body) = pieces();
        let asked = request("/collect").method("POST");
        let asked = asked.header("content-type", kind).body(body).unwrap();
        let answer = client.sender.send_request(asked);
        send(&mut sender, "one").await;
        let answer = answer.await.unwrap();
        // A client of gRPC is told in gRPC, also of an upload.
        let (status, message) = match answer.headers().get("grpc-message") {
            None => (answer.status().as_u16(), text(answer).await),
            Some(message) => (408, message.to_str().unwrap().to_owned()),
        };
        assert_eq!(status, 408, "{kind}: {message}");
        assert!(message.contains("did not arrive whole"), "{message}");
        let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
        assert_eq!((status.requests, status.errors), (1, 0), "{kind}");
    }
    let rig = served(&http2, |settings| {
        speaks_http2(settings);
        settings.clients.stall_timeout_ms = STALL_MS;
    })
    .await;
    let head = "POST /collect HTTP/1.1\r\nHost: shop\r\nContent-Type: application/grpc\r\n\
                Content-Length: 100\r\n\r\none";
    let answer = raw::send(&rig, head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (1, 0));
}

#[tokio::test]
async fn an_upload_that_stalls_is_408_and_the_client_is_blamed() {
    let service = Service::start("old");
    let rig = served(&service, |settings| {
        settings.clients.stall_timeout_ms = STALL_MS;
    })
    .await;
    let mut stream = raw::connect(&rig).await;
    let head = "POST /swallow HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // Pauses that are shorter than it may pause, and together are longer.
    for _ in 0..6 {
        stream.write_all(b"some").await.unwrap();
        sleep(Duration::from_millis(STALL_MS / 2)).await;
    }
    let answer = raw::read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (1, 0));
}

#[tokio::test]
async fn an_arm_that_does_not_answer_a_whole_request_is_504_however_long_it_was_sent() {
    let service = Service::start("old");
    let rig = served(&service, |settings| {
        settings.clients.stall_timeout_ms = 20_000;
        settings.services[0].timeouts.first_byte_ms = STALL_MS;
    })
    .await;
    let (mut sender, body) = pieces();
    let mut client = Client::connect(&rig).await;
    let asked = request("/slow").method("POST").body(body).unwrap();
    let answer = tokio::spawn(client.sender.send_request(asked));
    for _ in 0..4 {
        send(&mut sender, "some").await;
        sleep(Duration::from_millis(STALL_MS)).await;
        assert!(!answer.is_finished(), "the request is not whole");
    }
    drop(sender);
    assert_eq!(answer.await.unwrap().unwrap().status(), 504);
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (1, 1));
}

/// The arm answers at once and then listens: what the client sends keeps the stream open.
#[tokio::test]
async fn a_stream_in_which_only_the_client_speaks_is_not_idle() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.send(head).await?;
        let whole = |body: &[u8]| raw::dechunked(body).is_some();
        let body = raw::dechunked(&connection.body(whole).await?)?;
        let end = format!(
            "{:x}\r\n{}\r\n0\r\n\r\n",
            body.len(),
            "y".repeat(body.len())
        );
        connection.send(&end).await
    })
    .await;
    let mut way = way_to("api");
    way.timeouts.idle_ms = STALL_MS;
    let rig = Rig::start_with(with_upstream(way, upstream("api", &[server.address])));
    let mut client = Client::connect(&rig).await;
    let (mut sender, body) = pieces();
    let asked = request("/").method("POST").body(body).unwrap();
    let answer = client.send(asked).await;
    for _ in 0..12 {
        send(&mut sender, "tick").await;
        sleep(Duration::from_millis(STALL_MS / 4)).await;
    }
    drop(sender);
    assert_eq!(text(answer).await, "y".repeat(48));
}

/// Answers that are heads alone fill what is kept for a client that takes nothing: then the request that is at it, and
/// the connection, end all the same.
#[tokio::test]
async fn a_client_that_takes_no_heads_does_not_hold_its_arm() {
    const HEAD_BYTES: usize = 32 << 10;
    let server = RawServer::start(|_, mut connection| async move {
        loop {
            let answer = match connection.head().await?.starts_with("HEAD ") {
                true => format!(
                    "HTTP/1.1 200 OK\r\nX-Fill: {}\r\nContent-Length: 5\r\n\r\n",
                    "x".repeat(HEAD_BYTES)
                ),
                false => raw::ok("hello"),
            };
            connection.send(&answer).await?;
        }
    })
    .await;
    let rig = Rig::start_with(|settings| {
        settings.workers = 1;
        settings.services[0].timeouts.idle_ms = STALL_MS;
        settings.clients.idle_timeout_ms = STALL_MS;
        settings.clients.head_timeout_ms = STALL_MS;
    });
    let old = Arm {
        release: "1.0".to_owned(),
        address: server.address.to_string(),
    };
    rig.split(&old, None, 0).await;
    let mut stream = raw::connect(&rig).await;
    // More than the sockets of both sides and the gateway keep.
    let count = (16 << 20) / HEAD_BYTES;
    let heads = "HEAD / HTTP/1.1\r\nHost: shop\r\n\r\n".repeat(count);
    let last = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n";
    let _ = stream.write_all(format!("{heads}{last}").as_bytes()).await;
    // Until nothing moves any more.
    let mut before = 0;
    while before == 0 || rig.arm("1.0").await.requests > before {
        before = rig.arm("1.0").await.requests;
        sleep(Duration::from_millis(3 * STALL_MS)).await;
    }
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert!(status.requests < count as u64, "it took them all");
    assert_eq!(status.errors, 0, "nobody is to blame");
}
