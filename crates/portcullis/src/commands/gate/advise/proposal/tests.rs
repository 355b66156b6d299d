use portcullis_analysis::{Rule, Signal, Test};

use super::*;

fn arm(requests: u64, errors: u64, latency_ms: u64) -> ArmSample {
    let mut arm = ArmSample {
        requests,
        errors,
        ..ArmSample::default()
    };
    (0..requests).for_each(|_| arm.latency.record(latency_ms * 1000));
    arm
}

fn seen(canary: ArmSample, stable: ArmSample) -> Seen {
    Seen {
        release: "1.1".to_owned(),
        alone: canary.clone(),
        beside: Some((canary, stable)),
        beside_ms: 60_000,
    }
}

fn gate() -> Analysis {
    let rule = Rule::new(
        Signal::ErrorRate,
        Test::AtMost {
            max: 0.05,
            matters: 0.1,
        },
    );
    Analysis::new(vec![rule], 60_000, 5000)
}

#[test]
fn limits_leave_room_above_what_good_releases_did() {
    let past = [
        seen(arm(1000, 2, 100), arm(9000, 18, 100)),
        seen(arm(1000, 6, 120), arm(9000, 9, 100)),
    ];
    let proposals = propose(&gate(), &past);
    let keys: Vec<&str> = proposals.iter().map(|p| p.keys[1].as_str()).collect();
    // The second release is 0.5 percentage points worse, and its p95 is a fifth longer.
    assert_eq!(keys[1], "worse_than_stable_by = \"0.8%\"");
    assert!(
        keys[2] == "ratio_max = 1.30" || keys[2] == "ratio_max = 1.35",
        "{keys:?}"
    );
    assert!(keys[0].starts_with("max = \"2"), "{keys:?}");
    assert!(
        proposals[0]
            .now
            .as_ref()
            .unwrap()
            .contains("error rate at most 5.0 %")
    );
    assert_eq!(proposals[1].now, None);
}

#[test]
fn little_traffic_proposes_nothing() {
    assert_eq!(
        propose(&gate(), &[seen(arm(20, 0, 10), arm(180, 0, 10))]),
        []
    );
    assert_eq!(propose(&gate(), &[]), []);
}
