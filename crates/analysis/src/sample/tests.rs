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

#[test]
fn synthetic_requests_and_compared_figures_of_two_measurements_add_up_too() {
    let part = |errors, figure: Option<f64>| {
        let name = || "queue".to_owned();
        let mut sample = Sample {
            synthetic: Some(SyntheticSample {
                canary: arm(10, errors),
                baseline: Some(arm(10, 0)),
                last_failure: (errors > 0).then(|| "GET / answered 500".to_owned()),
            }),
            stable_metrics: figure.iter().map(|value| (name(), *value)).collect(),
            ..Sample::default()
        };
        if figure.is_none() {
            sample
                .missing
                .insert(Sample::stable_figure("queue"), "gone".to_owned());
        }
        sample
    };
    let mut whole = part(2, Some(4.0));
    whole.extend(&part(0, None));
    let synthetic = whole.synthetic.as_ref().unwrap();
    assert_eq!(
        (synthetic.canary.requests, synthetic.canary.errors),
        (20, 2)
    );
    assert_eq!(synthetic.baseline.as_ref().unwrap().requests, 20);
    assert_eq!(
        synthetic.last_failure.as_deref(),
        Some("GET / answered 500")
    );
    assert!(
        whole.stable_metrics.is_empty(),
        "the latest one was missing"
    );
    assert_eq!(whole.missing.len(), 1);
    whole.extend(&part(0, Some(5.0)));
    assert_eq!(whole.stable_metrics["queue"], 5.0);
    assert!(whole.missing.is_empty());
    let mut users = Sample {
        canary: Some(arm(5, 0)),
        ..Sample::default()
    };
    users.extend(&part(1, Some(4.0)));
    assert_eq!(users.synthetic.unwrap().canary.requests, 10);
}
