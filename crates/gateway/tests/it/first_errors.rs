//! First errors of routing keys, and the times of streams, as a gate needs them.

use std::time::Duration;

use futures::StreamExt;

use crate::rig::{Rig, arm, release, settings};
use crate::service::Service;

/// Asks for an answer with 500 as a user; the release that gave it.
async fn fail_as(rig: &Rig, user: &str) -> String {
    let request = rig.client.get(rig.url("/fail"));
    let answer = request.header("x-user", user).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 500);
    release(&answer)
}

#[tokio::test]
async fn a_key_counts_once_in_a_rollout_with_the_arm_that_it_had_first() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    rig.split(&stable, None, 0).await;
    // Without a canary there is nothing to compare.
    assert_eq!(fail_as(&rig, "user-0").await, "1.0");
    rig.split(&stable, Some(&canary), 50).await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    let (mut first, mut of_canary) = (Vec::new(), 0);
    for number in 0..40 {
        let user = format!("user-{number}");
        let by = fail_as(&rig, &user).await;
        of_canary += u64::from(by == "1.1");
        first.push((user, by));
    }
    // One broken session makes many errors.
    for _ in 0..20 {
        fail_as(&rig, "user-7").await;
    }
    // Who is sent to the canary otherwise than by the weight says nothing.
    let forced = rig.client.get(rig.url("/fail"));
    let forced = forced.header("x-user", "somebody");
    let forced = forced.header("canary", "true").send().await.unwrap();
    assert_eq!(release(&forced), "1.1");
    let counted = async || {
        let of = async |release: &str| {
            let status = rig.arm_when(release, |arm| arm.in_flight == 0).await;
            (status.first_errors, status.errors)
        };
        (of("1.0").await, of("1.1").await)
    };
    let (of_old, of_new) = counted().await;
    assert!((5..=35).contains(&of_canary), "{of_canary}");
    assert_eq!((of_old.0, of_new.0), (40 - of_canary, of_canary));
    assert_eq!(of_old.1 + of_new.1, 1 + 40 + 20 + 1);

    // At another weight the same users are not counted again, whichever arm they have now.
    rig.split(&stable, Some(&canary), 100).await;
    for (user, _) in &first {
        assert_eq!(fail_as(&rig, user).await, "1.1");
    }
    let (again_old, again_new) = counted().await;
    assert_eq!((again_old.0, again_new.0), (of_old.0, of_new.0));

    // Another rollout begins anew.
    let third = Service::start("third");
    let next = arm("1.2", &third);
    rig.split(&stable, None, 0).await;
    rig.split(&stable, Some(&next), 50).await;
    rig.arm_when("1.2", |arm| arm.health.healthy).await;
    for (user, _) in &first {
        fail_as(&rig, user).await;
    }
    let next = rig.arm_when("1.2", |arm| arm.in_flight == 0).await;
    let (old_now, _) = counted().await;
    assert_eq!(old_now.0 - of_old.0 + next.first_errors, 40);
}

/// A gate adds up what it is told of before and after a restart: a broken session that was told of must not be told of
/// again, or the same evidence would count twice.
#[tokio::test]
async fn a_key_that_was_told_of_is_not_counted_again_after_a_restart() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("splits.json"));
    let mut rig = Rig::start_settings(settings.clone());
    rig.split(&stable, Some(&canary), 50).await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    for number in 0..40 {
        fail_as(&rig, &format!("user-{number}")).await;
    }
    let sum = async |rig: &Rig| {
        let (old, new) = (rig.arm("1.0").await, rig.arm("1.1").await);
        old.first_errors + new.first_errors
    };
    rig.arm_when("1.1", |arm| arm.in_flight == 0).await;
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    // What a gate reads; from then on it is told.
    rig.status().await;
    assert_eq!(sum(&rig).await, 40);
    rig.stop(Duration::ZERO).await;

    let mut again = Rig::start_settings(settings.clone());
    again.arm_when("1.1", |arm| arm.health.healthy).await;
    again.arm_when("1.0", |arm| arm.health.healthy).await;
    for number in 20..60 {
        fail_as(&again, &format!("user-{number}")).await;
    }
    again.arm_when("1.1", |arm| arm.in_flight == 0).await;
    again.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!(sum(&again).await, 20, "users 40 to 59 are new");

    // A split without a canary ends it: the next rollout counts anew, also after a restart.
    again.split(&stable, None, 0).await;
    again.status().await;
    again.stop(Duration::ZERO).await;
    let third = Rig::start_settings(settings);
    third.arm_when("1.0", |arm| arm.health.healthy).await;
    third.split(&stable, Some(&canary), 50).await;
    third.arm_when("1.1", |arm| arm.health.healthy).await;
    for number in 0..60 {
        fail_as(&third, &format!("user-{number}")).await;
    }
    third.arm_when("1.1", |arm| arm.in_flight == 0).await;
    third.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!(sum(&third).await, 60);
}

#[tokio::test]
async fn a_stream_tells_its_first_token_and_the_pauses_after_it() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    assert_eq!(rig.arm("1.0").await.streams, None);
    let mut events = rig.get("/sse").await.bytes_stream();
    for _ in 0..3 {
        events.next().await.unwrap().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        service.seen.gate.add_permits(1);
    }
    assert!(events.next().await.is_none());
    let status = rig.arm_when("1.0", |arm| arm.requests == 1).await;
    let streams = status.streams.unwrap();
    let counts = [
        &streams.first_token,
        &streams.token_gap,
        &streams.token_time,
    ];
    assert_eq!(counts.map(|times| times.count()), [1, 2, 1]);
    let gap_us = streams.token_gap.quantile_us(0.0).unwrap();
    assert!((25_000..1_000_000).contains(&gap_us), "{gap_us}");
    assert!(streams.token_time.quantile_us(0.5).unwrap() >= 25_000);
}
