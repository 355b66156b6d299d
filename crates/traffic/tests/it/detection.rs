//! Releases that are worse are found in time.

use portcullis_analysis::{Analysis, Signal};
use portcullis_traffic::{Change, Curve, Scenario, Study};

use super::{SAME, gate, study, traffic, with_times};

fn worse(error_factor: f64, requests_per_second: f64) -> Scenario {
    let mut scenario = traffic(requests_per_second);
    scenario.change.error_factor = error_factor;
    scenario
}

/// All are found, half within `half_s` and nine of ten within `most_s`.
fn found(study: &Study, half_s: u64, most_s: u64) {
    assert_eq!(study.failed(), study.runs(), "{study:?}");
    assert!(
        study.failed_after_ms(0.5).unwrap() <= half_s * 1000,
        "{study:?}"
    );
    assert!(
        study.failed_after_ms(0.9).unwrap() <= most_s * 1000,
        "{study:?}"
    );
}

fn errors() -> Analysis {
    gate(SAME, Signal::ErrorRate)
}

/// The figures that are asked for are 20 and 30 s for tenfold errors and 60 s for fourfold ones.
#[test]
fn more_errors_are_found_within_the_seconds_that_are_asked_for() {
    found(&study(&errors(), worse(10.0, 100.0), 100), 20, 30);
    found(&study(&errors(), worse(4.0, 100.0), 100), 60, 130);
    found(&study(&errors(), worse(50.0, 10.0), 100), 20, 40);
    found(&study(&errors(), worse(50.0, 100.0), 50), 5, 10);
}

#[test]
fn errors_that_begin_late_are_found_as_fast_as_others() {
    let mut late = worse(10.0, 100.0);
    late.change.from_ms = 300_000;
    found(&study(&errors(), late, 50), 330, 350);
}

#[test]
fn a_slower_release_is_found_within_the_seconds_that_are_asked_for() {
    let times = gate(SAME, Signal::Latencies);
    let slower = |change| Scenario {
        change,
        ..with_times(Curve::constant(1.0), traffic(100.0))
    };
    let half_as_slow_again = Change {
        latency_factor: 1.5,
        ..Change::NONE
    };
    found(&study(&times, slower(half_as_slow_again), 20), 20, 30);
    let tail = Change {
        slow_share: 0.1,
        slow_factor: 5.0,
        ..Change::NONE
    };
    found(&study(&times, slower(tail), 20), 30, 50);
}

/// A tenth of a canary request a second shows little, and what it does not show does not pass.
#[test]
fn too_little_traffic_is_no_pass() {
    let study = study(&errors(), worse(10.0, 1.0), 40);
    assert_eq!(study.passed(), 0, "{study:?}");
}
