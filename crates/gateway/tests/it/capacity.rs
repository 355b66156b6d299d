//! How much of a route is under way at once: places, the queue, and what gives a place back.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tokio::time::Instant;

use portcullis_config::{CapacityConfig, RouteConfig};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http2;
use crate::raw::{self, RawServer};
use crate::rig::{Rig, arm, closed_address, until};
use crate::service::Service;
use crate::ways::{patient_way_to, upstream, way, way_to, with_upstream, with_ways};

/// One place, and a queue.
fn narrow(mut way: RouteConfig, queue_max: u32, queue_timeout_ms: u64) -> RouteConfig {
    way.capacity = CapacityConfig {
        in_flight_max: Some(1),
        queue_max,
        queue_timeout_ms,
    };
    way
}

async fn served(way: RouteConfig, service: &Service) -> Arc<Rig> {
    let rig = Rig::start_with(with_ways(vec![way]));
    rig.split(&arm("1.0", service), None, 0).await;
    Arc::new(rig)
}

fn get(rig: &Arc<Rig>, path: &'static str) -> tokio::task::JoinHandle<(StatusCode, String)> {
    let rig = Arc::clone(rig);
    tokio::spawn(async move {
        let answer = rig.get(path).await;
        (answer.status(), answer.text().await.unwrap())
    })
}

/// A connection that changed its protocol.
async fn open_tunnel(rig: &Rig) -> TcpStream {
    let mut stream = raw::connect(rig).await;
    let upgrade =
        b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";
    stream.write_all(upgrade).await.unwrap();
    let head = raw::read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream.write_all(b"a").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'A');
    stream
}

/// The one place is free.
async fn is_free(rig: &Rig) {
    let began = Instant::now();
    // The place is given back a moment after the answer was read.
    while rig.get("/who").await.status() != StatusCode::OK {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "the place is lost"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn who_finds_no_place_waits_and_who_finds_no_queue_is_told_when_to_come_back() {
    let service = Service::start("old");
    let rig = served(narrow(way("all"), 1, 10_000), &service).await;
    let first = get(&rig, "/slow");
    until("the place is taken", || service.requests() == 1).await;
    // One of them waits, the other is refused at once.
    let (mut one, mut two) = (Box::pin(rig.get("/who")), Box::pin(rig.get("/who")));
    let (third, second) = tokio::select! {
        third = &mut one => (third, two),
        third = &mut two => (third, one),
    };
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds = third.headers()["retry-after"].to_str().unwrap();
    assert!((1..=60).contains(&seconds.parse::<u32>().unwrap()));
    let problem: Value = third.json().await.unwrap();
    assert_eq!(problem["type"], "urn:portcullis:problem:overloaded");
    assert_eq!(service.requests(), 1);
    service.seen.gate.add_permits(1);
    assert_eq!(first.await.unwrap().1, "at last");
    assert_eq!(second.await.text().await.unwrap(), "old");
    is_free(&rig).await;
}

#[tokio::test]
async fn who_waits_too_long_is_refused_and_nothing_of_it_is_counted_for_an_arm() {
    let service = Service::start("old");
    let rig = served(narrow(way("all"), 1, 50), &service).await;
    let first = get(&rig, "/slow");
    until("the place is taken", || service.requests() == 1).await;
    assert_eq!(
        get(&rig, "/who").await.unwrap().0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    service.seen.gate.add_permits(1);
    assert_eq!(first.await.unwrap().0, StatusCode::OK);
    let counted = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((counted.requests, counted.errors), (1, 0));
}

#[tokio::test]
async fn the_time_for_the_whole_request_ends_the_wait_and_nothing_is_sent() {
    let service = Service::start("old");
    let mut way = narrow(way("all"), 1, 60_000);
    way.timeouts.whole_ms = Some(200);
    let rig = served(way, &service).await;
    let tunnel = open_tunnel(&rig).await;
    let began = Instant::now();
    let (status, problem) = get(&rig, "/who").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    assert!(problem.contains("overloaded"), "{problem}");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(service.requests(), 1, "nothing was sent");
    let metrics = rig.metrics().await;
    let shed = "portcullis_requests_shed_total{route=\"all\",cause=\"queue_timeout\"} 1\n";
    assert!(metrics.contains(shed), "{metrics}");
    drop(tunnel);
    is_free(&rig).await;
}

#[tokio::test]
async fn a_client_that_gives_up_in_the_queue_leaves_it_and_is_not_sent_on() {
    let service = Service::start("old");
    let rig = served(narrow(way("all"), 1, 10_000), &service).await;
    let first = get(&rig, "/slow");
    until("the place is taken", || service.requests() == 1).await;
    let request = b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n";
    for _ in 0..3 {
        let mut waiting = raw::connect(&rig).await;
        waiting.write_all(request).await.unwrap();
        // One more is refused as soon as it waits.
        let mut other = raw::connect(&rig).await;
        other.write_all(request).await.unwrap();
        let refused = async {
            tokio::select! {
                head = raw::read_head(&mut waiting) => head,
                head = raw::read_head(&mut other) => head,
            }
        };
        assert!(refused.await.starts_with("HTTP/1.1 503 "));
        drop((waiting, other));
        // The queue is empty again: somebody waits in it until he gives up.
        let began = Instant::now();
        loop {
            let request = rig
                .client
                .get(rig.url("/who"))
                .timeout(Duration::from_millis(30));
            match request.send().await {
                Err(error) if error.is_timeout() => break,
                _ => assert!(
                    began.elapsed() < Duration::from_secs(5),
                    "the queue stays full"
                ),
            }
        }
    }
    service.seen.gate.add_permits(1);
    assert_eq!(first.await.unwrap().0, StatusCode::OK);
    is_free(&rig).await;
}

#[tokio::test]
async fn the_place_is_given_back_on_every_way_out() {
    let service = Service::start("old");
    let mut route = narrow(way("all"), 0, 0);
    route.body_bytes_max = 1_000;
    route.timeouts.first_byte_ms = 100;
    route.timeouts.idle_ms = 100;
    let rig = served(route, &service).await;
    for path in ["/who", "/big", "/fail", "/headers", "/trailers"] {
        rig.get(path).await.bytes().await.unwrap();
        is_free(&rig).await;
    }
    assert_eq!(rig.get("/slow").await.status(), StatusCode::GATEWAY_TIMEOUT);
    is_free(&rig).await;
    // An answer that is silent for too long, and one that breaks off.
    rig.get("/sse").await.bytes().await.unwrap_err();
    is_free(&rig).await;
    let answer = rig.get("/break").await;
    service.seen.gate.add_permits(1);
    answer.bytes().await.unwrap_err();
    is_free(&rig).await;
    // A body that is too long, by what it says and by what comes.
    let post = rig.client.post(rig.url("/swallow")).body(vec![0; 2_000]);
    assert_eq!(
        post.send().await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    is_free(&rig).await;
    let chunks = [Ok::<_, std::io::Error>(vec![0; 600]), Ok(vec![0; 600])];
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let answer = rig.client.post(rig.url("/swallow")).body(body).send().await;
    assert_eq!(answer.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    is_free(&rig).await;
    // Clients that go away: before the answer, in it, and in their own body.
    for bytes in [
        "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /swallow HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    ] {
        let before = service.requests();
        let mut stream = raw::connect(&rig).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        until("it is there", || service.requests() > before).await;
        drop(stream);
        is_free(&rig).await;
    }
    // A connection that changed its protocol holds the place until it is closed.
    let stream = open_tunnel(&rig).await;
    assert_eq!(
        rig.get("/who").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop(stream);
    is_free(&rig).await;
}

#[tokio::test]
async fn the_place_is_given_back_when_no_server_answers() {
    let broken = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        None
    })
    .await;
    let servers = [closed_address(), broken.address.to_string()];
    let route = narrow(patient_way_to("api", 4), 0, 0);
    let rig = Rig::start_with(with_upstream(route, upstream("api", &servers)));
    for _ in 0..5 {
        assert_eq!(rig.get("/").await.status(), StatusCode::BAD_GATEWAY);
    }
}

#[tokio::test]
async fn http2_streams_that_are_reset_in_the_queue_leave_it() {
    let service = Service::start_http2("old");
    let mut set = upstream("api", &[service.address]);
    set.protocol = portcullis_config::UpstreamProtocol::Http2;
    let route = narrow(way_to("api"), 1, 10_000);
    let rig = Rig::start_with(with_upstream(route, set));
    let mut client = http2::Client::connect(&rig).await;
    let mut other = http2::Client::connect(&rig).await;
    let slow = tokio::spawn(async move { http2::text(other.get("/slow").await).await });
    until("the place is taken", || service.requests() == 1).await;
    for _ in 0..5 {
        let given_up = tokio::time::timeout(Duration::from_millis(30), client.get("/who")).await;
        // The one before may not have left yet.
        assert!(given_up.is_err() || given_up.is_ok_and(|answer| answer.status() == 503));
    }
    // When this is answered, what was sent before it was looked at.
    assert_eq!(client.get("/a/../b").await.status(), 400);
    service.seen.gate.add_permits(1);
    assert_eq!(slow.await.unwrap(), "at last");
    is_free(&rig).await;
    assert_eq!(service.seen.requests.load(SeqCst), 2);
}
