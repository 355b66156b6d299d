use std::sync::Arc;

use portcullis_analysis::Histogram;
use portcullis_api::gateway::{ArmHealth, ArmStatus, Split};

use super::*;
use crate::metrics::RouteCounters;
use crate::observe::ObservedRoute;
use crate::observe::tests::{upstream, watched};
use crate::upstream_set::Outcome;

fn arm(release: &str) -> Arm {
    Arm {
        release: release.to_owned(),
        address: format!("{release}:80"),
    }
}

fn known(release: &str, healthy: bool) -> ArmStatus {
    let text = serde_json::json!({
        "release": release, "address": format!("{release}:80"), "requests": 10, "errors": 0,
        "failed_over": 0, "in_flight": 2, "by_class": [0, 10, 0, 0, 0],
        "latency": Histogram::default(), "last_sent_at_ms": 0,
        "health": ArmHealth { healthy, ..ArmHealth::default() },
    });
    serde_json::from_value(text).unwrap()
}

/// A service with a stable arm, a canary at 30 percent, and an arm that is out.
fn service(stable_healthy: bool, canary_healthy: bool) -> RouteStatus {
    RouteStatus {
        service: "shop".to_owned(),
        bypass: None,
        pause: None,
        split: Some(Split {
            stable: arm("1.0"),
            canary: Some(arm("1.1")),
            weight_percent: 30,
            closed: None,
            mirror_only: false,
        }),
        epoch: 1,
        changes: 1,
        changed_at_ms: 0,
        arms: vec![
            known("0.9", false),
            known("1.0", stable_healthy),
            known("1.1", canary_healthy),
        ],
        unrouted: 0,
        held: 0,
        turned_away: 0,
    }
}

fn status(services: Vec<RouteStatus>) -> GatewayStatus {
    GatewayStatus {
        followers: Vec::new(),
        instance: "test".to_owned(),
        started_at_ms: 0,
        now_ms: 0,
        listen: "127.0.0.1:0".to_owned(),
        routes: services,
    }
}

fn route(backing: Backing) -> WatchedRoute {
    let observed = ObservedRoute {
        name: "api".into(),
        counters: RouteCounters::new(1),
    };
    watched(&Arc::new(observed), backing)
}

#[test]
fn a_route_is_as_ready_as_what_stands_behind_it() {
    let behind_service = |name: &str, services| {
        let route = route(Backing::Service(name.into()));
        behind(&route, &status(services), 0)
    };
    let all = service(true, true);
    assert_eq!(behind_service("shop", vec![all]), Behind::Healthy);
    // The stable arm answers in place of a canary that is down.
    let without_canary = service(true, false);
    assert_eq!(
        behind_service("shop", vec![without_canary]),
        Behind::Healthy
    );
    let without_stable = service(false, true);
    assert_eq!(
        behind_service("shop", vec![without_stable]),
        Behind::Unhealthy
    );
    let unreleased = RouteStatus {
        split: None,
        ..service(true, true)
    };
    assert_eq!(behind_service("shop", vec![unreleased]), Behind::NoRelease);
    assert_eq!(behind_service("other", Vec::new()), Behind::NoRelease);
    let own = route(Backing::Gateway);
    assert_eq!(behind(&own, &status(Vec::new()), 0), Behind::Gateway);
}

#[test]
fn a_route_to_an_upstream_is_ready_while_one_of_its_servers_is_in() {
    let set = upstream("models");
    let route = route(Backing::Upstream(Arc::clone(&set)));
    let status = status(Vec::new());
    assert_eq!(behind(&route, &status, 5), Behind::Healthy);
    set.server(0).begin(0).ended(Outcome::Failed, 5);
    assert_eq!(behind(&route, &status, 6), Behind::Unhealthy);
}

#[test]
fn an_upstream_of_several_routes_is_told_once() {
    let (one, other) = (upstream("models"), upstream("images"));
    let routes = [
        route(Backing::Upstream(Arc::clone(&one))),
        route(Backing::Upstream(one)),
        route(Backing::Upstream(other)),
        route(Backing::Gateway),
    ];
    let names: Vec<&str> = upstreams(&routes).iter().map(|set| &*set.name).collect();
    assert_eq!(names, ["images", "models"]);
}

#[test]
fn the_weight_is_of_arms_of_the_split_alone() {
    let mut service = service(true, true);
    let weight = |service: &RouteStatus, release: &str| weight_percent(service, &arm(release));
    assert_eq!(weight(&service, "1.0"), Some(70));
    assert_eq!(weight(&service, "1.1"), Some(30));
    assert_eq!(weight(&service, "0.9"), None);
    let split = service.split.as_mut().unwrap();
    split.canary = None;
    assert_eq!(weight(&service, "1.0"), Some(100));
    service.split = None;
    assert_eq!(weight(&service, "1.0"), None);
}
