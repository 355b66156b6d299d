//! Moving traffic and waiting for it to end.

use std::time::Duration;

use portcullis_driver::conformance::{self, Scenario};
use portcullis_driver::{Driver, GatewayDriver};
use portcullis_rollout::{
    Action, CutOff, Direction, Presence, Promotion, ReleaseId, ServiceName, Split, SplitArm,
    Target, Weight,
};

use crate::admin_server::{AdminServer, arm_of, changes_of, client_of};
use crate::world::{fact, free_address, op};

const STABLE: &str = "127.0.0.1:11";
const CANARY: &str = "127.0.0.1:12";

fn arm(release: &str, address: &str) -> SplitArm {
    SplitArm {
        release: ReleaseId::new(release),
        address: address.to_owned(),
    }
}

fn split(canary: Option<&str>, percent: u8) -> Split {
    Split {
        service: ServiceName::new("tiny"),
        stable: arm("1.0", STABLE),
        canary: canary.map(|release| arm(release, CANARY)),
        weight: Weight::new(percent).unwrap(),
        closed: None,
    }
}

fn cut_off(address: &str, drain_timeout_ms: u64) -> CutOff {
    CutOff {
        service: ServiceName::new("tiny"),
        release: ReleaseId::new("1.0"),
        target: Target {
            name: "local".to_owned(),
            driver: "process".to_owned(),
            address: address.to_owned(),
        },
        drain_timeout_ms,
        stop_timeout_ms: 1_000,
    }
}

/// A gateway at which all traffic goes to 1.0.
async fn server() -> AdminServer {
    let server = AdminServer::start().await;
    let split = portcullis_api::gateway::Split {
        stable: arm_of("1.0", STABLE),
        canary: None,
        weight_percent: 0,
        closed: None,
        mirror_only: false,
    };
    server.set("tiny", Some(split), &[]);
    server
}

#[tokio::test]
async fn the_gateway_driver_conforms() {
    let server = server().await;
    let driver = GatewayDriver::new(server.client()).with_epoch(2);
    let scenario = Scenario {
        // The gateway takes 200 ms for this one, as if it had to wait for the arm's health.
        op: op(Direction::Do, Action::Shift(split(Some("slow"), 10))),
        inverse: op(Direction::Undo, Action::Shift(split(None, 0))),
        cut_after_ms: vec![0, 2, 20, 100],
    };
    let in_effect = async || {
        let status = server.status();
        status.routes[0]
            .split
            .as_ref()
            .is_some_and(|split| split.weight_percent == 10)
    };
    let shown = conformance::check(&driver, &scenario, in_effect)
        .await
        .unwrap();
    assert_eq!(shown.interrupted, 8);
}

#[tokio::test]
async fn a_split_is_compared_as_a_whole() {
    let server = server().await;
    let driver = GatewayDriver::new(server.client()).with_epoch(1);
    let shift = |split: Split| op(Direction::Do, Action::Shift(split));
    let facts = driver.apply(&shift(split(Some("1.1"), 10))).await.unwrap();
    assert_eq!(
        fact(&facts, "split"),
        "10 % to 1.1 at 127.0.0.1:12, 90 % to 1.0 at 127.0.0.1:11"
    );
    assert_eq!(fact(&facts, "changes"), "1");
    for (other, why) in [
        (split(Some("1.1"), 50), "another weight"),
        (split(Some("1.2"), 10), "another candidate"),
        (split(None, 10), "no candidate"),
        (
            Split {
                stable: arm("1.0", CANARY),
                ..split(Some("1.1"), 10)
            },
            "another address",
        ),
        (
            Split {
                service: ServiceName::new("none"),
                ..split(Some("1.1"), 10)
            },
            "no route",
        ),
    ] {
        assert_eq!(
            driver.probe(&shift(other)).await.presence,
            Presence::Absent,
            "{why}"
        );
    }
    let promote = Split {
        stable: arm("1.1", CANARY),
        ..split(None, 0)
    };
    let launch = crate::world::World::new().launch("1.1");
    let promotion = Promotion {
        split: promote,
        launch,
    };
    let promote = op(Direction::Do, Action::Promote(Box::new(promotion)));
    driver.apply(&promote).await.unwrap();
    assert_eq!(driver.probe(&promote).await.presence, Presence::Applied);
    assert_eq!(changes_of(&server.status())["tiny"], 2);
}

#[tokio::test]
async fn an_old_epoch_is_refused_for_good_and_an_unhealthy_arm_for_now() {
    let server = server().await;
    let shift = |release| op(Direction::Do, Action::Shift(split(Some(release), 10)));
    let driver = GatewayDriver::new(server.client()).with_epoch(2);
    driver.apply(&shift("1.1")).await.unwrap();
    let fenced = driver
        .clone()
        .with_epoch(1)
        .apply(&shift("1.2"))
        .await
        .unwrap_err();
    assert!(!fenced.retryable);
    assert!(
        fenced.message.contains("epoch 1 is fenced off"),
        "{}",
        fenced.message
    );
    assert_eq!(driver.epoch(), 1, "clones share the epoch");
    driver.set_epoch(3);
    let unhealthy = driver.apply(&shift("sick")).await.unwrap_err();
    assert!(unhealthy.retryable);
    assert!(
        unhealthy.message.contains("not healthy"),
        "{}",
        unhealthy.message
    );
    assert_eq!(
        driver.probe(&shift("1.1")).await.presence,
        Presence::Applied,
        "nothing changed"
    );
}

#[tokio::test]
async fn an_unreachable_gateway_is_unknown() {
    let driver = GatewayDriver::new(client_of(&free_address()));
    let shift = op(Direction::Do, Action::Shift(split(None, 0)));
    let failure = driver.apply(&shift).await.unwrap_err();
    assert!(
        failure.retryable && failure.message.contains("no server answers"),
        "{failure:?}"
    );
    assert_eq!(driver.probe(&shift).await.presence, Presence::Unknown);
    assert!(
        driver
            .drained(&cut_off(STABLE, 100))
            .await
            .unwrap_err()
            .retryable
    );
}

#[tokio::test]
async fn draining_waits_for_the_last_request_and_says_what_is_left() {
    let server = server().await;
    let driver = GatewayDriver::new(server.client()).with_epoch(1);
    let refused = driver.drained(&cut_off(STABLE, 100)).await.unwrap_err();
    assert!(
        !refused.retryable && refused.message.contains("still in the split"),
        "{refused:?}"
    );

    // Weight 0 still answers those who ask for the candidate.
    let shift = op(Direction::Do, Action::Shift(split(Some("1.1"), 0)));
    driver.apply(&shift).await.unwrap();
    assert!(driver.drained(&cut_off(CANARY, 100)).await.is_err());

    let old = "127.0.0.1:13";
    let route = server.status().routes[0].split.clone();
    let counts = (5, 0, vec![]);
    server.set(
        "tiny",
        route.clone(),
        &[(arm_of("0.9", old), 2, counts.clone())],
    );
    let facts = driver.drained(&cut_off(old, 150)).await.unwrap();
    assert!(
        fact(&facts, "drained").starts_with("2 requests were still under way"),
        "{facts:?}"
    );

    let order = cut_off(old, 10_000);
    let (drained, ()) = tokio::join!(driver.drained(&order), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.set("tiny", route, &[(arm_of("0.9", old), 0, counts)]);
    });
    assert!(fact(&drained.unwrap(), "drained").starts_with("no request left after"));
    let unknown = CutOff {
        service: ServiceName::new("none"),
        ..cut_off(old, 100)
    };
    assert!(fact(&driver.drained(&unknown).await.unwrap(), "drained").starts_with("no request"));
}

#[tokio::test]
async fn a_change_that_was_sent_is_waited_for_by_probes_and_further_changes() {
    let server = server().await;
    let driver = GatewayDriver::new(server.client()).with_epoch(1);
    let slow = op(Direction::Do, Action::Shift(split(Some("slow"), 10)));
    let back = op(Direction::Undo, Action::Shift(split(None, 0)));
    let cut = tokio::time::timeout(Duration::from_millis(50), driver.apply(&slow)).await;
    assert!(cut.is_err());
    // Asked at once the gateway would still say that nothing changed.
    assert_eq!(driver.probe(&slow).await.presence, Presence::Applied);

    driver.apply(&back).await.unwrap();
    let cut = tokio::time::timeout(Duration::from_millis(50), driver.apply(&slow)).await;
    assert!(cut.is_err());
    driver.apply(&back).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(
        driver.probe(&back).await.presence,
        Presence::Applied,
        "it came back by itself"
    );
}
