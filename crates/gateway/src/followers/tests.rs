use portcullis_api::gateway::{
    Arm, ArmHealth, ArmStatus, FollowerReport, GatewayStatus, RouteStatus, Split,
};

use super::{Elsewhere, Followers};
use crate::bounds::{FOLLOWER_LOST_MS, FOLLOWERS_MAX};

const OLD: &str = "127.0.0.1:9001";
const NEW: &str = "127.0.0.1:9002";

fn split(address: &str) -> Split {
    Split {
        stable: Arm {
            release: "1.0".to_owned(),
            address: address.to_owned(),
        },
        canary: None,
        weight_percent: 0,
        closed: None,
        mirror_only: false,
    }
}

fn report(instance: &str, to: &str, in_flight: u64) -> FollowerReport {
    let arm = ArmStatus {
        arm: split(OLD).stable,
        requests: 0,
        errors: 0,
        failed_over: 0,
        in_flight,
        writes_in_flight: in_flight / 2,
        by_class: [0; 5],
        latency: portcullis_analysis::Histogram::default(),
        last_sent_at_ms: 0,
        health: ArmHealth::default(),
        shadow: None,
        first_errors: 0,
        refused: 0,
        streams: None,
    };
    FollowerReport {
        name: "edge".to_owned(),
        service: "shop".to_owned(),
        why_not: None,
        status: GatewayStatus {
            instance: instance.to_owned(),
            started_at_ms: 0,
            now_ms: 0,
            listen: "127.0.0.1:8080".to_owned(),
            routes: vec![RouteStatus {
                service: "shop".to_owned(),
                split: Some(split(to)),
                epoch: 1,
                changes: 1,
                changed_at_ms: 0,
                arms: vec![arm],
                unrouted: 0,
                held: 0,
                turned_away: 0,
                bypass: None,
                pause: None,
            }],
            followers: Vec::new(),
        },
    }
}

#[test]
fn an_arm_is_not_drained_while_a_follower_has_requests_there_or_still_sends_some() {
    let mut followers = Followers::default();
    let new = split(NEW);
    let old = |followers: &mut Followers| followers.in_flight("shop", (OLD, Some(&new)), 5).all;
    assert_eq!(old(&mut followers), 0);
    followers.hear(report("a", OLD, 0), 1);
    assert_eq!(old(&mut followers), 1, "it does not have the new split yet");
    followers.hear(report("a", NEW, 2), 2);
    assert_eq!(old(&mut followers), 2);
    followers.hear(report("b", NEW, 1), 3);
    assert_eq!(old(&mut followers), 3, "all of them count");
    assert_eq!(
        followers.in_flight("other", (OLD, Some(&new)), 5),
        Elsewhere::default()
    );
    followers.hear(report("a", NEW, 0), 4);
    followers.hear(report("b", NEW, 0), 4);
    assert_eq!(old(&mut followers), 0);
}

#[test]
fn a_follower_that_is_not_heard_any_more_is_not_waited_for() {
    let mut followers = Followers::default();
    followers.hear(report("a", OLD, 7), 1);
    let new = split(NEW);
    let later = 1 + FOLLOWER_LOST_MS;
    assert_eq!(followers.in_flight("shop", (OLD, Some(&new)), later).all, 8);
    assert_eq!(
        followers.in_flight("shop", (OLD, Some(&new)), later + 1),
        Elsewhere::default()
    );
    assert_eq!(followers.list(later + 1), []);
}

#[test]
fn too_many_are_refused_and_known_ones_are_not() {
    let mut followers = Followers::default();
    for number in 0..FOLLOWERS_MAX {
        assert!(followers.hear(report(&number.to_string(), OLD, 0), 1));
    }
    assert!(!followers.hear(report("one too many", OLD, 0), 2));
    assert!(followers.hear(report("0", NEW, 0), 2));
    assert_eq!(followers.list(2).len(), FOLLOWERS_MAX);
}

#[test]
fn writes_elsewhere_are_waited_for_until_the_follower_is_closed_too() {
    let mut followers = Followers::default();
    let closed = Split {
        closed: Some(portcullis_api::gateway::Closure {
            to: portcullis_api::gateway::ClosedTo::Writes,
            of: portcullis_api::gateway::ClosedFor::Everyone,
            hold_ms: 0,
            retry_after_s: 1,
            drain_ms: 0,
            reads: Vec::new(),
        }),
        ..split(OLD)
    };
    followers.hear(report("a", OLD, 4), 1);
    let there = |followers: &mut Followers| followers.in_flight("shop", (OLD, Some(&closed)), 2);
    let open = there(&mut followers);
    assert_eq!(
        (open.all, open.writes),
        (5, 3),
        "it is open, and may have more"
    );
    let mut known = report("a", OLD, 4);
    known.status.routes[0].split = Some(closed.clone());
    followers.hear(known, 2);
    let shut = there(&mut followers);
    assert_eq!((shut.all, shut.writes), (4, 2));
}
