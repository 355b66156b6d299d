//! Pauses of writes for backups: they hold, they end by themselves, and they never stand in a rollout's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_api::gateway::{ClosedFor, ClosedTo, Closure, NO_PAUSE, NOT_PAUSED};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::{Rig, TOKEN, arm};
use crate::service::Service;

fn wish(for_ms: u64, hold_ms: u64) -> Value {
    let closure = Closure {
        to: ClosedTo::Writes,
        of: ClosedFor::Everyone,
        hold_ms,
        retry_after_s: 7,
        drain_ms: 1_000,
        reads: vec!["POST /search".parse().unwrap()],
    };
    json!({ "by": "a test", "reason": "a backup", "closure": closure, "for_ms": for_ms })
}

async fn send(rig: &Rig, method: Method, path: &str, body: &Value) -> reqwest::Response {
    let url = format!("http://{}/v1/routes/shop/{path}", rig.admin);
    let request = rig.client.request(method, url).bearer_auth(TOKEN);
    request.json(body).send().await.unwrap()
}

/// Begins a pause; the status and what was said.
async fn begin(rig: &Rig, wish: &Value) -> (StatusCode, Value) {
    let answer = send(rig, Method::PUT, "pause", wish).await;
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

async fn end(rig: &Rig, id: &Value) -> (StatusCode, Value) {
    let body = json!({ "id": id });
    let answer = send(rig, Method::POST, "pause/end", &body).await;
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

async fn post(rig: &Rig, path: &str) -> reqwest::Response {
    let request = rig.client.request(Method::POST, rig.url(path));
    request.send().await.unwrap()
}

/// Under writers: once a pause is in force and no write is under way, none comes until it is ended, reads go on, and
/// nobody is dropped. It is no part of the split.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_comes_while_a_pause_holds_and_everybody_is_answered() {
    let service = Service::start("old");
    let rig = Arc::new(Rig::start());
    let stable = arm("1.0", &service);
    rig.split(&stable, None, 0).await;
    let before = rig.route().await;
    let (stop, sent) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let writers = (0..8).map(|_| {
        let (rig, stop, sent) = (Arc::clone(&rig), Arc::clone(&stop), Arc::clone(&sent));
        tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                assert_eq!(post(&rig, "/collect").await.status(), StatusCode::OK);
                sent.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for round in 0..50 {
        let (status, begun) = begin(&rig, &wish(60_000, 60_000)).await;
        assert_eq!(status, StatusCode::OK, "{begun}");
        rig.arm_when("1.0", |arm| arm.writes_in_flight == 0).await;
        let seen = service.requests();
        assert_eq!(
            rig.get("/who").await.status(),
            StatusCode::OK,
            "reads go on"
        );
        assert_eq!(post(&rig, "/search").await.status(), StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(service.requests(), seen + 2, "round {round}: a write came");
        let route = rig.route().await;
        assert_eq!(
            (&route.split, route.changes),
            (&before.split, before.changes)
        );
        let (status, ended) = end(&rig, &begun["pause"]["id"]).await;
        assert_eq!(status, StatusCode::OK, "{ended}");
        assert_eq!(ended["broken"], Value::Null, "{ended}");
        assert!(ended["lasted_ms"].as_u64().unwrap() >= 5, "{ended}");
        assert!(rig.route().await.pause.is_none());
        let before = sent.load(Ordering::SeqCst);
        while sent.load(Ordering::SeqCst) < before + 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(rig.route().await.turned_away, 0);
}

/// Whoever began it is gone: it ends by itself, and says so to whoever asks later.
#[tokio::test]
async fn a_pause_that_nobody_ends_is_over_in_time() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let (_, begun) = begin(&rig, &wish(300, 60_000)).await;
    // It waits until the gateway opens by itself.
    assert_eq!(post(&rig, "/collect").await.status(), StatusCode::OK);
    assert!(rig.route().await.pause.is_none());
    let (status, ended) = end(&rig, &begun["pause"]["id"]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ended["broken"], "its time was over before it was ended");
    assert!(ended["lasted_ms"].as_u64().unwrap() >= 300, "{ended}");
    // It is told once; a gateway that was started anew knows nothing of it either.
    let (status, problem) = end(&rig, &begun["pause"]["id"]).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!(NO_PAUSE))
    );
}

/// A request that has waited as long as it may is told when to come again.
#[tokio::test]
async fn a_write_waits_as_long_as_it_may() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let (_, begun) = begin(&rig, &wish(60_000, 50)).await;
    let refused = post(&rig, "/collect").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "7");
    assert_eq!(service.requests(), 0);
    end(&rig, &begun["pause"]["id"]).await;
    assert_eq!(post(&rig, "/collect").await.status(), StatusCode::OK);
}

/// A rollout that changes the split does not wait for a backup: the pause ends, and whoever began it hears of it. While a
/// rollout divides users or has closed the service, and without a release, there is none.
#[tokio::test]
async fn a_pause_gives_way_to_a_rollout_and_never_begins_beside_one() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start();
    let (status, problem) = begin(&rig, &wish(60_000, 60_000)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!(NOT_PAUSED))
    );
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    rig.split(&stable, None, 0).await;
    let (_, begun) = begin(&rig, &wish(60_000, 60_000)).await;
    let (status, second) = begin(&rig, &wish(60_000, 60_000)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{second}");
    rig.split(&stable, Some(&canary), 50).await;
    assert_eq!(post(&rig, "/collect").await.status(), StatusCode::OK);
    let (_, ended) = end(&rig, &begun["pause"]["id"]).await;
    assert_eq!(ended["broken"], "the split was changed");
    let (status, problem) = begin(&rig, &wish(60_000, 60_000)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!(NOT_PAUSED))
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("a rollout divides"),
        "{problem}"
    );
    // One who is gone cannot end the pause of another.
    rig.split(&stable, None, 0).await;
    let (_, begun) = begin(&rig, &wish(60_000, 60_000)).await;
    assert_eq!(end(&rig, &json!(1)).await.0, StatusCode::CONFLICT);
    assert!(rig.route().await.pause.is_some());
    assert_eq!(
        end(&rig, &begun["pause"]["id"]).await.1["broken"],
        Value::Null
    );
    for wrong in [wish(0, 1), wish(600_001, 1)] {
        assert_eq!(
            begin(&rig, &wrong).await.0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}
