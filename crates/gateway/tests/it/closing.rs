//! Keeping requests out while data is moved: nobody is dropped, nothing gets past.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_api::gateway::{Arm, ClosedFor, ClosedTo, Closure, Split};
use reqwest::{Method, StatusCode};

use crate::rig::{Rig, arm, release, split};
use crate::service::Service;

fn closed(arm: &Arm, to: ClosedTo, hold_ms: u64) -> Split {
    Split {
        closed: Some(Closure {
            to,
            of: ClosedFor::Everyone,
            hold_ms,
            retry_after_s: 7,
            drain_ms: 1_000,
            reads: vec!["POST /search".parse().unwrap()],
        }),
        ..split(arm, None, 0)
    }
}

async fn post(rig: &Rig, path: &str) -> reqwest::Response {
    let request = rig.client.request(Method::POST, rig.url(path));
    request.send().await.unwrap()
}

/// Waits until so many requests wait for the service to open.
async fn held(rig: &Rig, wanted: u64) {
    for _ in 0..1000 {
        if rig.route().await.held == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("there never were {wanted} requests that waited");
}

/// Waits until no request that may write is under way to an arm.
async fn no_writes(rig: &Rig, release: &str) {
    rig.arm_when(release, |arm| arm.writes_in_flight == 0).await;
}

#[tokio::test]
async fn a_request_waits_and_is_answered_when_the_service_opens() {
    let service = Service::start("old");
    let rig = Arc::new(Rig::start());
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    let closed = closed(&stable, ClosedTo::Everything, 60_000);
    rig.try_split(closed).await.unwrap();
    let asking = Arc::clone(&rig);
    let waiting = tokio::spawn(async move { post(&asking, "/collect").await });
    held(&rig, 1).await;
    assert_eq!(service.requests(), 0, "nothing of it was sent");
    rig.split(&stable, None, 0).await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(service.requests(), 1);
    let route = rig.route().await;
    assert_eq!((route.held, route.turned_away), (0, 0));
}

#[tokio::test]
async fn who_has_waited_long_enough_is_told_when_to_come_again() {
    let service = Service::start("old");
    let rig = Rig::start();
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    for (hold_ms, turned_away) in [(50, 1), (0, 2)] {
        let closed = closed(&stable, ClosedTo::Everything, hold_ms);
        rig.try_split(closed).await.unwrap();
        let answer = rig.get("/who").await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "7");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], "urn:portcullis:problem:closed");
        assert_eq!(rig.route().await.turned_away, turned_away);
    }
    assert_eq!(service.requests(), 0);
}

#[tokio::test]
async fn a_service_closed_to_writes_can_be_read() {
    let service = Service::start("old");
    let rig = Rig::start();
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    let closed = closed(&stable, ClosedTo::Writes, 20);
    rig.try_split(closed).await.unwrap();
    assert_eq!(rig.get("/who").await.status(), StatusCode::OK);
    // The closure says of it that it writes nothing.
    assert_eq!(post(&rig, "/search").await.status(), StatusCode::OK);
    let refused = post(&rig, "/collect").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(service.requests(), 2);
}

/// Whoever closes a service and then finds no write under way may copy its data: none comes after that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_after_a_closure_says_so_and_nobody_is_dropped() {
    let service = Service::start("old");
    let rig = Arc::new(Rig::start());
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    let (stop, sent) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let writers = (0..8).map(|_| {
        let (rig, stop, sent) = (Arc::clone(&rig), Arc::clone(&stop), Arc::clone(&sent));
        tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let answer = post(&rig, "/collect").await;
                assert_eq!(answer.status(), StatusCode::OK);
                sent.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for round in 0..100 {
        let to = match round % 2 {
            0 => ClosedTo::Writes,
            _ => ClosedTo::Everything,
        };
        rig.try_split(closed(&stable, to, 60_000)).await.unwrap();
        no_writes(&rig, "1.0").await;
        let seen = service.requests();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(
            service.requests(),
            seen,
            "round {round}: a write came later"
        );
        rig.split(&stable, None, 0).await;
        let before = sent.load(Ordering::SeqCst);
        while sent.load(Ordering::SeqCst) == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(rig.route().await.turned_away, 0);
}

#[tokio::test]
async fn only_users_of_the_candidate_are_let_in_and_the_stable_release_never_stands_in() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start();
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    rig.split(&stable, None, 0).await;
    let mut opened = closed(&stable, ClosedTo::Everything, 0);
    rig.try_split(opened.clone()).await.unwrap();
    let before = old.requests();
    (opened.canary, opened.weight_percent) = (Some(canary.clone()), 50);
    if let Some(closed) = &mut opened.closed {
        closed.of = ClosedFor::StableUsers;
    }
    rig.try_split(opened.clone()).await.unwrap();
    let (mut let_in, mut turned_away) = (0, 0);
    for user in 0..100 {
        let request = rig.client.post(rig.url("/collect"));
        let answer = request.header("x-user", format!("u{user}")).send();
        let answer = answer.await.unwrap();
        match answer.status() {
            StatusCode::OK => {
                assert_eq!(release(&answer), "1.1");
                let_in += 1;
            }
            StatusCode::SERVICE_UNAVAILABLE => turned_away += 1,
            other => panic!("{other}"),
        }
    }
    assert!(
        let_in > 20 && turned_away > 20,
        "{let_in} and {turned_away}"
    );
    drop(new);
    for user in 0..100 {
        let request = rig.client.get(rig.url("/who"));
        let answer = request.header("x-user", format!("u{user}")).send();
        let answer = answer.await.unwrap();
        assert!(answer.status().is_server_error(), "{}", answer.status());
    }
    assert_eq!(old.requests(), before);
    let failed = rig.arm_when("1.1", |arm| arm.errors > 20).await;
    assert!(failed.errors > 20, "its failures count: {failed:?}");
}

#[tokio::test]
async fn a_restarted_gateway_is_as_closed_as_before() {
    let service = Service::start("old");
    let folder = tempfile::tempdir().unwrap();
    let settings = || crate::rig::settings(folder.path().join("splits.json"));
    let mut rig = Rig::start_settings(settings());
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    let closed = closed(&stable, ClosedTo::Everything, 0);
    rig.try_split(closed.clone()).await.unwrap();
    rig.stop(Duration::ZERO).await;
    let rig = Rig::start_settings(settings());
    assert_eq!(rig.route().await.split, Some(closed));
    let answer = rig.get("/who").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(service.requests(), 0);
}

#[tokio::test]
async fn a_bypass_does_not_open_a_service_that_is_closed() {
    let service = Service::start("old");
    let rig = Rig::start();
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    let closed = closed(&stable, ClosedTo::Everything, 0);
    rig.try_split(closed).await.unwrap();
    let wish = serde_json::json!({"by": "ana", "reason": "let me in", "for_ms": 1000});
    let url = format!("http://{}/v1/routes/shop/bypass", rig.admin);
    let asked = rig.client.put(url).bearer_auth(crate::rig::TOKEN);
    let refused = asked.json(&wish).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = refused.text().await.unwrap();
    assert!(problem.contains("closed for a cut-over"), "{problem}");
}

/// A connection that changes its protocol may carry anything afterwards, whatever its method was.
#[tokio::test]
async fn a_change_of_protocol_counts_as_a_write() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let service = Service::start("old");
    let rig = Rig::start();
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    let switch = async || {
        let mut stream = tokio::net::TcpStream::connect(rig.listen).await.unwrap();
        let request =
            "GET /switch HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        (stream, String::from_utf8(head.to_vec()).unwrap())
    };
    let (tunnel, status) = switch().await;
    assert_eq!(status, "HTTP/1.1 101");
    rig.try_split(closed(&stable, ClosedTo::Writes, 20))
        .await
        .unwrap();
    let open = rig.arm("1.0").await;
    assert_eq!(
        (open.in_flight, open.writes_in_flight),
        (1, 1),
        "the tunnel is still there"
    );
    let (_, status) = switch().await;
    assert_eq!(status, "HTTP/1.1 503", "no further one is let in");
    drop(tunnel);
    no_writes(&rig, "1.0").await;
}
