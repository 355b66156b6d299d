use std::collections::BTreeMap;

use super::*;

fn arm(requests: u64, errors: u64) -> ArmSample {
    let mut latency = Histogram::default();
    (0..requests).for_each(|_| latency.record(1000));
    ArmSample {
        requests,
        errors,
        latency,
        ..ArmSample::default()
    }
}

fn checks(passed: u32, failed: u32, run: u32, last: Option<&str>) -> HealthSample {
    HealthSample {
        passed,
        failed,
        consecutive_failures: run,
        last_failure: last.map(str::to_owned),
    }
}

#[test]
fn two_measurements_in_a_row_are_one_of_their_whole_length() {
    let figures = |pairs: &[(&str, f64)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        pairs.collect::<BTreeMap<_, _>>()
    };
    let missing = |names: &[&str]| {
        let names = names
            .iter()
            .map(|name| ((*name).to_owned(), "gone".to_owned()));
        names.collect::<BTreeMap<_, _>>()
    };
    let mut whole = Sample {
        from_ms: 1000,
        to_ms: 3000,
        canary: Some(arm(10, 1)),
        health: Some(checks(3, 1, 1, Some("503"))),
        metrics: figures(&[("memory", 5.0), ("lag", 1.0)]),
        missing: missing(&["queue"]),
        key_share: Some(0.5),
        ..Sample::default()
    };
    whole.extend(&Sample {
        from_ms: 3000,
        to_ms: 4500,
        canary: Some(arm(5, 2)),
        health: Some(checks(1, 2, 3, None)),
        metrics: figures(&[("memory", 7.0), ("queue", 9.0)]),
        missing: missing(&["lag"]),
        key_share: Some(0.5),
        ..Sample::default()
    });
    assert_eq!(whole.duration_ms(), 3500);
    assert_eq!(whole.canary, Some(arm(15, 3)));
    assert_eq!(whole.health, Some(checks(4, 3, 3, Some("503"))));
    assert_eq!(whole.metrics, figures(&[("memory", 7.0), ("queue", 9.0)]));
    assert_eq!(whole.missing, missing(&["lag"]));
    assert_eq!(whole.key_share, Some(0.5));
}

#[test]
fn a_part_without_counts_is_not_hidden_by_the_other() {
    let gap = (Sample::CANARY_COUNTS.to_owned(), "restarted".to_owned());
    let mut whole = Sample {
        to_ms: 1000,
        missing: BTreeMap::from([gap.clone()]),
        ..Sample::default()
    };
    let counted = Sample {
        from_ms: 1000,
        to_ms: 2000,
        canary: Some(arm(4, 0)),
        ..Sample::default()
    };
    whole.extend(&counted);
    assert_eq!(whole.canary, Some(arm(4, 0)));
    assert_eq!(whole.missing, BTreeMap::from([gap]));
    assert_eq!(whole.duration_ms(), 2000);
}
