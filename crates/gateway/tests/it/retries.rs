//! Requests that are sent again, and those that must not be.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use portcullis_config::{RetryConfig, UpstreamProtocol};
use reqwest::{Body, Method, StatusCode};
use tokio::io::AsyncWriteExt;

use crate::raw::{self, RawConnection, RawServer, dechunked, ok};
use crate::rig::{Rig, closed_address, until};
use crate::service::Service;
use crate::ways::{patient_way_to, upstream, way, way_to, with_upstream, with_ways};

/// A server that answers every request with `answer`.
async fn always(answer: &'static str) -> RawServer {
    RawServer::start(move |_, mut connection| async move {
        loop {
            connection.head().await?;
            connection.send(answer).await?;
        }
    })
    .await
}

/// A server that closes without an answer once the head and `body_bytes` of the body are there.
async fn breaking(body_bytes: usize) -> RawServer {
    RawServer::start(move |_, mut connection| async move {
        connection.head().await?;
        connection.body(|body| body.len() >= body_bytes).await?;
        None
    })
    .await
}

const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn only_what_may_be_repeated_is_sent_again_after_it_was_sent() {
    let (first, second) = (breaking(0).await, breaking(0).await);
    let servers = [first.address, second.address];
    let sent = || first.heads() + second.heads();
    let mut before = 0;
    for (method, attempts) in [
        (Method::GET, 3),
        (Method::PUT, 3),
        (Method::POST, 1),
        (Method::PATCH, 1),
    ] {
        // A gateway of its own, with a budget of its own.
        let rig = Rig::start_with(with_upstream(
            patient_way_to("api", 3),
            upstream("api", &servers),
        ));
        let request = rig.client.request(method.clone(), rig.url("/"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(sent() - before, attempts, "{method}");
        before = sent();
    }
}

#[tokio::test]
async fn an_answer_whose_status_is_named_is_asked_for_elsewhere_and_kept_if_all_say_the_same() {
    let (busy, good) = (always(BUSY).await, Service::start("good"));
    let servers = [busy.address, good.address];
    let rig = Rig::start_with(with_upstream(
        patient_way_to("api", 2),
        upstream("api", &servers),
    ));
    for _ in 0..10 {
        let answer = rig.get("/who").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "good");
    }
    assert!(busy.heads() > 0, "it was asked as well");

    let busy = always("HTTP/1.1 503 Busy\r\nX-Own: yes\r\nContent-Length: 4\r\n\r\nbusy").await;
    let rig = Rig::start_with(with_upstream(
        patient_way_to("api", 2),
        upstream("api", &[busy.address]),
    ));
    let answer = rig.get("/who").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["x-own"], "yes");
    assert_eq!(answer.text().await.unwrap(), "busy");
    assert_eq!(busy.heads(), 2);
}

#[tokio::test]
async fn the_budget_bounds_what_is_sent_again() {
    let busy = always(BUSY).await;
    let mut way = patient_way_to("api", 2);
    way.retries.budget_percent = 10;
    let rig = Rig::start_with(with_upstream(way, upstream("api", &[busy.address])));
    for _ in 0..100 {
        let answer = rig.get("/").await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    // A tenth of the requests, which is more than the three that are always allowed.
    assert_eq!(busy.heads(), 110);
}

#[tokio::test]
async fn a_request_that_could_not_be_sent_is_always_tried_once_more() {
    let good = Service::start("good");
    let servers = [closed_address(), good.address.to_string()];
    let rig = Rig::start_with(with_upstream(way_to("api"), upstream("api", &servers)));
    for _ in 0..6 {
        let answer = rig.client.post(rig.url("/echo")).body("kept").send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "kept");
    }
    assert_eq!(good.requests(), 6);
}

/// The first connection breaks when all of the body is there; later ones answer with its length.
async fn breaks_once(body: usize) -> RawServer {
    RawServer::start(move |number, mut connection| async move {
        connection.head().await?;
        let body = connection.body(|read| read.len() >= body).await?;
        match number {
            0 => None,
            _ => connection.send(&ok(&body.len().to_string())).await,
        }
    })
    .await
}

#[tokio::test]
async fn a_body_of_64_kib_is_kept_and_a_longer_one_is_sent_once() {
    const KEPT: usize = 64 * 1024;
    for (length, status) in [(KEPT, 200), (KEPT + 1, 502)] {
        let server = breaks_once(length).await;
        let rig = Rig::start_with(with_upstream(
            patient_way_to("api", 2),
            upstream("api", &[server.address]),
        ));
        let request = rig.client.put(rig.url("/")).body(vec![b'x'; length]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{length}");
        if status == 200 {
            assert_eq!(answer.text().await.unwrap(), length.to_string());
        }
        assert_eq!(server.heads(), if status == 200 { 2 } else { 1 });
    }
}

#[tokio::test]
async fn an_upload_under_way_goes_on_at_the_next_server_with_what_came_before() {
    let server = RawServer::start(|number, mut connection| async move {
        connection.head().await?;
        match number {
            // It breaks in the middle of the body.
            0 => connection
                .body(|read| read.ends_with(b"half\r\n"))
                .await
                .map(drop),
            _ => {
                let body = connection.body(|read| dechunked(read).is_some()).await?;
                let body = String::from_utf8(dechunked(&body)?).ok()?;
                connection.send(&ok(&body)).await
            }
        }
    })
    .await;
    let rig = Rig::start_with(with_upstream(
        patient_way_to("api", 2),
        upstream("api", &[server.address]),
    ));
    let mut stream = raw::connect(&rig).await;
    let head =
        "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"4\r\nhalf\r\n").await.unwrap();
    until("it is tried again", || server.heads() == 2).await;
    stream.write_all(b"5\r\n done\r\n0\r\n\r\n").await.unwrap();
    let answer = raw::read_all(&mut stream).await;
    assert!(answer.ends_with("half done"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_closes_in_the_very_moment_costs_nobody_an_answer() {
    let server = RawServer::start(|number, mut connection| async move {
        // Every connection answers at least once.
        for _ in 0..=number % 4 {
            connection.head().await?;
            connection.send(&ok("good")).await?;
        }
        for _ in 0..number % 7 {
            tokio::task::yield_now().await;
        }
        None
    })
    .await;
    let rig = Arc::new(Rig::start_with(with_upstream(
        way_to("api"),
        upstream("api", &[server.address]),
    )));
    let clients = (0..4).map(|_| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move {
            for _ in 0..1_000 {
                let answer = rig.get("/").await;
                assert_eq!(answer.status(), StatusCode::OK);
                assert_eq!(answer.text().await.unwrap(), "good");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

/// How often each request came, by its id, and how often one was left unanswered.
#[derive(Default)]
struct Deliveries {
    of: Mutex<HashMap<String, u32>>,
    broken: [AtomicU64; DEATHS],
}

/// The moments in which a connection dies: before a request, in its head, with its head, in its body, behind it, in the
/// answer's head, in the answer's body, behind the answer.
const DEATHS: usize = 8;
const POST_BODY: &str = "some text";

impl Deliveries {
    /// Counts the ids in what a connection was sent.
    fn count(&self, sent: &[u8]) {
        let text = String::from_utf8_lossy(sent);
        let mut of = self.of.lock().unwrap();
        for line in text.split("\r\n") {
            if let Some(id) = line.strip_prefix("x-delivery: ") {
                *of.entry(id.to_owned()).or_default() += 1;
            }
        }
    }
}

/// A server whose connections answer a few requests and then die, each in another moment. Whatever of a request
/// reached it counts as delivered, also what it never read.
async fn dies_at_every_moment(deliveries: Arc<Deliveries>) -> RawServer {
    RawServer::start(move |number, mut connection| {
        let deliveries = Arc::clone(&deliveries);
        async move {
            let death = number as usize % DEATHS;
            let mut sent = Vec::new();
            for _ in 0..number / DEATHS as u64 % 3 {
                let head = connection.head().await;
                sent.extend_from_slice(head.as_deref().unwrap_or_default().as_bytes());
                let body = connection.body(|read| read.len() >= POST_BODY.len()).await;
                if body.is_none() || connection.send(&ok("good")).await.is_none() {
                    break;
                }
            }
            for _ in 0..number % 7 {
                tokio::task::yield_now().await;
            }
            sent.extend(die(&mut connection, death).await.unwrap_or_default());
            deliveries.broken[death].fetch_add(1, SeqCst);
            if number % 2 == 0 {
                connection.reset();
            }
            sent.extend(connection.all_that_came());
            deliveries.count(&sent);
            None
        }
    })
    .await
}

/// Reads and answers as far as the moment in which a connection dies; returns what was read of the head.
async fn die(connection: &mut RawConnection, death: usize) -> Option<Vec<u8>> {
    if death == 0 {
        return None;
    }
    if death == 1 {
        return connection.body(|read| read.len() >= 20).await;
    }
    let head = connection.head().await?.into_bytes();
    if death == 2 {
        return Some(head);
    }
    let wanted = if death == 3 { 4 } else { POST_BODY.len() };
    let body = connection.body(|read| read.len() >= wanted).await;
    let answer = match death {
        _ if body.is_none() => "",
        5 => "HTTP/1.1 200 O",
        6 => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngo",
        7 => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood",
        _ => "",
    };
    connection.send(answer).await;
    Some(head)
}

/// Whatever happens on a connection, and however often a route tries: no POST reaches a server twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_never_sent_twice() {
    const CLIENTS: usize = 4;
    const POSTS: usize = 500;
    let deliveries = Arc::<Deliveries>::default();
    let server = dies_at_every_moment(Arc::clone(&deliveries)).await;
    let rig = Arc::new(Rig::start_with(with_upstream(
        patient_way_to("api", 5),
        upstream("api", &[server.address]),
    )));
    let clients = (0..CLIENTS).map(|client| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move {
            let mut good = Vec::new();
            for number in 0..POSTS {
                let id = format!("{client}-{number}");
                let request = rig.client.post(rig.url("/")).header("x-delivery", &id);
                // An answer that breaks off in the middle may leave nothing of itself.
                let Ok(answer) = request.body(POST_BODY).send().await else {
                    continue;
                };
                if answer.status() == StatusCode::OK {
                    good.push(id);
                }
            }
            good
        })
    });
    let mut good = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        good.extend(client.await.unwrap());
    }
    let died = || {
        deliveries
            .broken
            .iter()
            .all(|count| count.load(SeqCst) > 10)
    };
    assert!(died(), "in every moment");
    // What is left of connections ends with the gateway.
    drop(rig);
    until("every answered request is counted", || {
        let of = deliveries.of.lock().unwrap();
        good.iter().all(|id| of.contains_key(id))
    })
    .await;
    let of = deliveries.of.lock().unwrap();
    let twice: Vec<_> = of.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(good.len() > 100, "{} were answered", good.len());
    assert!(of.len() > 1_000, "{} were delivered", of.len());
}

#[tokio::test]
async fn an_arm_that_breaks_is_tried_again_and_every_attempt_counts() {
    let mut way = way("all");
    way.retries = RetryConfig {
        attempts_max: 3,
        budget_percent: 100,
        statuses: Vec::new(),
        hedge_after_ms: None,
    };
    // It answers checks, and breaks off everything else.
    let checked = RawServer::start(|_, mut connection| async move {
        loop {
            let head = connection.head().await?;
            match head.starts_with("GET /health ") {
                true => connection.send(&ok("")).await?,
                false => return None,
            }
        }
    })
    .await;
    let rig = Rig::start_with(with_ways(vec![way]));
    let arm = portcullis_api::gateway::Arm {
        release: "1.0".to_owned(),
        address: checked.address.to_string(),
    };
    rig.split(&arm, None, 0).await;
    assert_eq!(rig.get("/").await.status(), StatusCode::BAD_GATEWAY);
    let counted = rig.arm_when("1.0", |arm| arm.requests == 3).await;
    assert_eq!((counted.errors, counted.in_flight), (3, 0));
    assert_eq!(counted.by_class[4], 1, "the client got one answer");
}

/// A route that asks a second server after a while.
fn hedged(after_ms: u64, attempts: u32) -> portcullis_config::RouteConfig {
    let mut way = patient_way_to("api", attempts);
    way.retries.hedge_after_ms = Some(after_ms);
    way
}

#[tokio::test]
async fn a_slow_server_is_hedged_and_the_loser_leaves_nothing_behind() {
    let fast = Service::start("fast");
    let silent = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        // It ends when the gateway closes.
        connection.rest().await;
        None
    })
    .await;
    let servers = [silent.address, fast.address];
    let mut way = hedged(20, 2);
    way.capacity.in_flight_max = Some(1);
    let rig = Rig::start_with(with_upstream(way, upstream("api", &servers)));
    for _ in 0..10 {
        let answer = rig.get("/who").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "fast");
    }
    assert!(silent.heads() >= 4, "half of the requests began there");
}

#[tokio::test]
async fn a_hedge_is_not_sent_to_the_same_server_and_not_for_a_post() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        tokio::time::sleep(Duration::from_millis(60)).await;
        connection.send(&ok("late")).await
    })
    .await;
    let rig = Rig::start_with(with_upstream(
        hedged(5, 2),
        upstream("api", &[server.address]),
    ));
    assert_eq!(rig.get("/").await.text().await.unwrap(), "late");
    assert_eq!(server.heads(), 1, "there is no other server");

    let servers = [server.address, closed_address().parse().unwrap()];
    let mut both = upstream("api", &servers);
    both.servers[1].weight = 0;
    let rig = Rig::start_with(with_upstream(hedged(5, 2), both));
    let posted = rig.client.post(rig.url("/")).body("x").send().await;
    assert_eq!(posted.unwrap().text().await.unwrap(), "late");
    assert_eq!(server.heads(), 2);
}

#[tokio::test]
async fn when_one_of_two_hedged_servers_fails_the_other_answers_and_the_failure_counts() {
    let failing = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        tokio::time::sleep(Duration::from_millis(30)).await;
        None
    })
    .await;
    let late = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        tokio::time::sleep(Duration::from_millis(90)).await;
        connection.send(&ok("late")).await
    })
    .await;
    let mut servers = upstream("api", &[failing.address, late.address]);
    servers.eject.failures = 2;
    (servers.eject.min_ms, servers.eject.max_ms) = (60_000, 60_000);
    let rig = Rig::start_with(with_upstream(hedged(10, 2), servers));
    for _ in 0..6 {
        let answer = rig.get("/").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "late");
    }
    assert_eq!(failing.heads(), 2, "then it is left out");
}

/// The body is sent to both as it comes, and becomes longer than what is kept: whatever the one took, the other
/// does not have, and must not take what it has for the whole.
#[tokio::test]
async fn a_hedged_body_that_is_not_kept_reaches_no_server_with_a_hole() {
    const PIECE: usize = 16 * 1024;
    const PIECES: usize = 32;
    for protocol in [UpstreamProtocol::Http1, UpstreamProtocol::Http2] {
        let whole: Vec<u8> = (0..PIECES)
            .flat_map(|n| vec![b'a' + n as u8 % 26; PIECE])
            .collect();
        let (one, two) = match protocol {
            UpstreamProtocol::Http1 => (Service::start("one"), Service::start("two")),
            UpstreamProtocol::Http2 => (Service::start_http2("one"), Service::start_http2("two")),
        };
        let mut servers = upstream("api", &[one.address, two.address]);
        servers.protocol = protocol;
        let rig = Rig::start_with(with_upstream(hedged(10, 2), servers));
        let pieces = futures::stream::unfold(0, |number| async move {
            let pause = if number < 3 { 10 } else { 1 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let piece = Bytes::from(vec![b'a' + (number % 26) as u8; PIECE]);
            (number < PIECES).then_some((Ok::<_, std::io::Error>(piece), number + 1))
        });
        let request = rig.client.put(rig.url("/collect"));
        let answer = request
            .body(Body::wrap_stream(pieces))
            .send()
            .await
            .unwrap();
        if answer.status() == StatusCode::OK {
            assert_eq!(answer.bytes().await.unwrap(), whole);
        }
        assert_eq!(one.requests() + two.requests(), 2, "it was hedged");
        for service in [&one, &two] {
            for body in service.bodies() {
                assert!(body == whole, "{} of {} bytes", body.len(), whole.len());
            }
        }
    }
}

#[tokio::test]
async fn a_hedged_body_that_is_refused_reaches_no_server_as_a_whole() {
    let (one, two) = (Service::start("one"), Service::start("two"));
    let mut way = hedged(10, 2);
    way.body_bytes_max = 100;
    let servers = [one.address, two.address];
    let rig = Rig::start_with(with_upstream(way, upstream("api", &servers)));
    let pieces = futures::stream::unfold(0, |number| async move {
        tokio::time::sleep(Duration::from_millis(15)).await;
        let piece = Bytes::from(vec![b'x'; 30]);
        (number < 6).then_some((Ok::<_, std::io::Error>(piece), number + 1))
    });
    let request = rig.client.put(rig.url("/collect"));
    let answer = request
        .body(Body::wrap_stream(pieces))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(one.requests() + two.requests(), 2, "it was hedged");
    assert!(one.bodies().is_empty() && two.bodies().is_empty());
}

#[tokio::test]
async fn the_time_for_the_whole_request_is_not_begun_again_by_a_retry() {
    let silent = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        connection.rest().await;
        None
    })
    .await;
    let mut way = patient_way_to("api", 5);
    way.retries.statuses = vec![504];
    way.timeouts.first_byte_ms = 150;
    way.timeouts.whole_ms = Some(400);
    let rig = Rig::start_with(with_upstream(way, upstream("api", &[silent.address])));
    let began = tokio::time::Instant::now();
    let answer = rig.get("/").await;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    let took = began.elapsed();
    assert!(
        took > Duration::from_millis(340) && took < Duration::from_millis(900),
        "{took:?}"
    );
    assert!((2..=3).contains(&silent.heads()), "{}", silent.heads());
}
