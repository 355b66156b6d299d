//! Mirrored requests: what is sent to a canary beside the stable arm, and what is not.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tokio::time::Instant;

use portcullis_api::gateway::{Arm, ShadowStatus};

use crate::raw::{RawServer, ok};
use crate::rig::{Rig, arm, release, split, until};
use crate::service::Service;

fn mirrored() -> Rig {
    Rig::start_with(|settings| {
        settings.workers = 1;
        settings.services[0].shadow_percent = 100;
    })
}

async fn shadow_when(rig: &Rig, wanted: impl Fn(&ShadowStatus) -> bool) -> ShadowStatus {
    let is = |arm: &portcullis_api::gateway::ArmStatus| arm.shadow.as_ref().is_some_and(&wanted);
    rig.arm_when("1.1", is).await.shadow.unwrap()
}

#[tokio::test]
async fn reads_are_mirrored_and_compared_and_count_for_no_gate() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = mirrored();
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    rig.split(&stable, None, 0).await;
    rig.split(&stable, Some(&canary), 0).await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    for _ in 0..10 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "old");
    }
    rig.client.head(rig.url("/who")).send().await.unwrap();
    rig.get("/fail").await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        rig.client
            .request(method, rig.url("/who"))
            .send()
            .await
            .unwrap();
    }
    let with_body = rig.client.get(rig.url("/echo")).body("x");
    with_body.send().await.unwrap();
    let shadow = shadow_when(&rig, |shadow| shadow.requests == 12).await;
    assert_eq!((shadow.errors, shadow.differed, shadow.skipped), (1, 0, 0));
    assert_eq!(shadow.latency.count(), 12);
    let metrics = rig.metrics().await;
    let labels = format!(
        "service=\"shop\",release=\"1.1\",address=\"{}\"",
        canary.address
    );
    for (name, count) in [
        ("requests", 12),
        ("errors", 1),
        ("differed", 0),
        ("skipped", 0),
    ] {
        let line = format!("portcullis_shadow_{name}_total{{{labels}}} {count}\n");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    for answered_by in ["canary", "stable"] {
        let name = "portcullis_shadow_request_duration_seconds_count";
        let line = format!("{name}{{{labels},answered_by=\"{answered_by}\"}} 12\n");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    assert_eq!(
        new.requests(),
        12,
        "nothing that has a body or changes something"
    );
    let counted = rig.arm("1.1").await;
    assert_eq!(
        (counted.requests, counted.errors, counted.in_flight),
        (0, 0, 0)
    );
    assert_eq!(counted.by_class, [0; 5]);
    assert_eq!(
        rig.arm_when("1.0", |arm| arm.requests == 17).await.errors,
        1
    );
}

#[tokio::test]
async fn users_of_the_canary_are_not_mirrored_and_without_a_canary_nobody_is() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = mirrored();
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    rig.split(&stable, None, 0).await;
    rig.get("/who").await;
    rig.split(&stable, Some(&canary), 100).await;
    for _ in 0..5 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "new");
    }
    assert_eq!((old.requests(), new.requests()), (1, 5));
}

#[tokio::test]
async fn a_slow_canary_costs_the_client_nothing_and_no_more_than_so_many_wait_for_it() {
    const AT_ONCE: u64 = 64;
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = mirrored();
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    rig.split(&stable, None, 0).await;
    rig.split(&stable, Some(&canary), 0).await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    old.seen.gate.add_permits(100);
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(rig.get("/slow").await.text().await.unwrap(), "at last");
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    until("they are there", || new.requests() == AT_ONCE).await;
    new.seen.gate.add_permits(100);
    let shadow = shadow_when(&rig, |shadow| shadow.requests == AT_ONCE).await;
    assert_eq!((shadow.skipped, shadow.differed), (100 - AT_ONCE, 0));
    // There is room again.
    rig.get("/who").await;
    shadow_when(&rig, |shadow| shadow.requests == AT_ONCE + 1).await;
}

#[tokio::test]
async fn a_canary_that_answers_otherwise_or_not_at_all_differs() {
    let old = Service::start("old");
    let odd = RawServer::start(|_, mut connection| async move {
        loop {
            let head = connection.head().await?;
            match head.split(' ').nth(1)? {
                "/health" => connection.send(&ok("")).await?,
                "/broken" => return None,
                _ => {
                    let answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
                    connection.send(answer).await?;
                }
            }
        }
    })
    .await;
    let rig = mirrored();
    let stable = arm("1.0", &old);
    let canary = Arm {
        release: "1.1".to_owned(),
        address: odd.address.to_string(),
    };
    rig.split(&stable, None, 0).await;
    rig.split(&stable, Some(&canary), 0).await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    for path in ["/who", "/broken", "/who"] {
        assert_eq!(rig.get(path).await.status(), 200);
    }
    let shadow = shadow_when(&rig, |shadow| shadow.requests == 3).await;
    assert_eq!((shadow.errors, shadow.differed), (1, 3));
}

/// A canary that closes its connections after every answer is not taken for one that does not answer.
#[tokio::test]
async fn connections_that_a_canary_closes_are_no_difference() {
    let old = Service::start("old");
    let closing = RawServer::start(|number, mut connection| async move {
        connection.head().await?;
        connection.send(&ok("")).await?;
        for _ in 0..number % 5 {
            tokio::task::yield_now().await;
        }
        None
    })
    .await;
    let rig = mirrored();
    let stable = arm("1.0", &old);
    let canary = Arm {
        release: "1.1".to_owned(),
        address: closing.address.to_string(),
    };
    rig.split(&stable, None, 0).await;
    rig.split(&stable, Some(&canary), 0).await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    for _ in 0..400 {
        rig.get("/who").await;
    }
    let shadow = shadow_when(&rig, |shadow| shadow.requests + shadow.skipped == 400).await;
    assert_eq!((shadow.errors, shadow.differed), (0, 0));
    assert!(old.seen.requests.load(SeqCst) == 400);
}

#[tokio::test]
async fn no_user_meets_a_canary_that_is_only_mirrored_to() {
    let (old, twin) = (Service::start("old"), Service::start("twin"));
    let rig = Rig::start_with(|settings| settings.services[0].shadow_percent = 100);
    let (stable, canary) = (arm("1.0", &old), arm("2.0", &twin));
    rig.split(&stable, None, 0).await;
    let mut mirrored = split(&stable, Some(&canary), 0);
    mirrored.mirror_only = true;
    rig.try_split(mirrored.clone()).await.unwrap();
    rig.arm_when("2.0", |arm| arm.health.healthy).await;
    for user in 0..20 {
        assert_eq!(rig.get_as(&format!("u{user}")).await, "1.0");
    }
    let asked = rig.client.get(rig.url("/who")).header("canary", "true");
    assert_eq!(release(&asked.send().await.unwrap()), "1.0");
    let posted = rig
        .client
        .post(rig.url("/collect"))
        .header("canary", "true");
    assert_eq!(release(&posted.send().await.unwrap()), "1.0");
    let told = rig
        .arm_when("2.0", |arm| {
            arm.shadow
                .as_ref()
                .is_some_and(|shadow| shadow.requests >= 21)
        })
        .await;
    assert_eq!((told.requests, told.errors), (0, 0));
    mirrored.weight_percent = 10;
    let (status, _) = rig.try_split(mirrored).await.unwrap_err();
    assert_eq!(status.as_u16(), 422);
}
