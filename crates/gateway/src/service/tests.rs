use portcullis_api::gateway::Arm;

use super::*;
use crate::settings::HealthSettings;

fn state(release: &str) -> Arc<ArmState> {
    let arm = Arm {
        release: release.to_owned(),
        address: "127.0.0.1:80".to_owned(),
    };
    Arc::new(ArmState::new(arm, portcullis_config::UpstreamProtocol::Http1, 1).unwrap())
}

fn named(assignment: &Assignment) -> (&'static str, String) {
    match assignment {
        Assignment::Stable(stable) => ("stable", stable.arm.release.clone()),
        Assignment::Canary { canary, .. } => ("canary", canary.arm.release.clone()),
        Assignment::CanaryAlone(canary) => ("canary alone", canary.arm.release.clone()),
        Assignment::StandIn { stable, .. } => ("stand-in", stable.arm.release.clone()),
    }
}

/// Invariant 11: a new version gets traffic only when it is healthy.
#[test]
fn the_canary_is_met_only_when_it_is_healthy() {
    let health = HealthSettings {
        unhealthy_after: 1,
        healthy_after: 1,
        ..Default::default()
    };
    let canary = state("1.1");
    let split = ActiveSplit {
        stable: state("1.0"),
        canary: Some(Arc::clone(&canary)),
        canary_buckets: 5_000,
        closed: None,
        mirror_only: false,
    };
    let meets = |bucket, forced| named(&split.assign(bucket, forced));
    assert_eq!(
        meets(0, false),
        ("stable", "1.0".to_owned()),
        "not checked yet"
    );
    assert_eq!(meets(0, true), ("stable", "1.0".to_owned()));
    canary.record_check(&Ok(()), &health);
    assert_eq!(meets(4_999, false), ("canary", "1.1".to_owned()));
    assert_eq!(meets(5_000, false), ("stable", "1.0".to_owned()));
    assert_eq!(meets(9_999, true), ("canary", "1.1".to_owned()));
    canary.record_check(&Err("down".to_owned()), &health);
    assert_eq!(meets(4_999, false), ("stand-in", "1.0".to_owned()));
    assert_eq!(meets(5_000, false), ("stable", "1.0".to_owned()));
}

#[test]
fn an_unhealthy_stable_arm_is_tried_when_it_is_all_there_is() {
    let health = HealthSettings {
        unhealthy_after: 1,
        ..Default::default()
    };
    let split = ActiveSplit {
        stable: state("1.0"),
        canary: None,
        canary_buckets: 0,
        closed: None,
        mirror_only: false,
    };
    split.stable.record_check(&Err("down".to_owned()), &health);
    assert_eq!(named(&split.assign(0, true)), ("stable", "1.0".to_owned()));
}

#[test]
fn hosts_name_services_by_their_first_label() {
    for (host, named) in [
        ("shop", true),
        ("SHOP:80", true),
        ("shop.example.org", true),
        ("shopping", false),
        ("sho", false),
        ("", false),
        ("www.shop", false),
        ("sh\u{f6}p", false),
    ] {
        assert_eq!(host_names(host, "shop"), named, "{host}");
    }
}
