//! The gate without a configuration: good releases pass by themselves, bad ones never.

use portcullis_analysis::Analysis;
use portcullis_traffic::{Change, Curve, Scenario, Study, binomial_interval, is_simulated};

use super::{BASE, study, with_times};

/// What becomes of a release with so much traffic, a share of it the canary's.
fn at(requests_per_second: f64, share: f64, change: Change, runs: u64) -> Study {
    judged(BASE, requests_per_second, share, change, runs)
}

fn judged(base: f64, requests_per_second: f64, share: f64, change: Change, runs: u64) -> Study {
    let mut gate = match share {
        1.0 => Analysis::usual().without_baseline(),
        _ => Analysis::usual().beside_baseline(),
    };
    gate.rules.retain(is_simulated);
    let plain = Scenario::new(requests_per_second, share, gate.window_ms, base);
    let scenario = Scenario {
        change,
        ..with_times(Curve::constant(1.0), plain)
    };
    study(&gate, scenario, runs)
}

fn errors(error_factor: f64) -> Change {
    Change {
        error_factor,
        ..Change::NONE
    }
}

const SLOWER: Change = Change {
    latency_factor: 1.5,
    ..Change::NONE
};

/// No more often than beta says, with the chance of a wrong alarm of this test itself below one in a thousand.
fn keeps_beta(study: &Study) {
    let (least, _) = binomial_interval(study.passed(), study.runs(), 0.001);
    assert!(least <= Analysis::usual().budget.beta, "{study:?}");
}

#[test]
fn with_usual_traffic_a_good_release_passes_when_the_window_is_over() {
    let study = at(100.0, 0.1, Change::NONE, 60);
    assert_eq!(study.passed(), study.runs(), "{study:?}");
    assert!(
        study.passed_by(Analysis::usual().window_ms) >= 54,
        "{study:?}"
    );
    let study = at(100.0, 1.0, Change::NONE, 20);
    assert_eq!(
        study.passed_by(Analysis::usual().window_ms),
        20,
        "{study:?}"
    );
}

#[test]
fn with_a_tenth_of_it_a_good_release_passes_by_itself() {
    let study = at(10.0, 0.1, Change::NONE, 40);
    assert!(study.passed() >= 39, "{study:?}");
    assert!(
        study.passed_after_ms(0.5).unwrap() <= 15 * 60_000,
        "{study:?}"
    );
}

#[test]
fn with_hardly_any_traffic_a_person_is_asked_and_nothing_passes_unseen() {
    let gate = Analysis::usual();
    let study = at(0.2, 0.1, Change::NONE, 20);
    assert_eq!(study.inconclusive(), study.runs(), "{study:?}");
    assert_eq!(
        study.inconclusive_after_ms(0.0),
        Some(gate.window_ms + gate.extend_ms)
    );
    let alone = at(1.0, 1.0, Change::NONE, 20);
    assert_eq!(alone.passed(), alone.runs(), "{alone:?}");
}

#[test]
fn bad_releases_are_found_and_pass_no_more_often_than_beta() {
    let tenfold = at(100.0, 0.1, errors(10.0), 60);
    assert_eq!(tenfold.failed(), tenfold.runs(), "{tenfold:?}");
    assert!(
        tenfold.failed_after_ms(0.5).unwrap() <= 20_000,
        "{tenfold:?}"
    );
    let fourfold = at(100.0, 0.1, errors(4.0), 60);
    keeps_beta(&fourfold);
    assert!(fourfold.failed() >= 57, "{fourfold:?}");
    let slower = at(100.0, 0.1, SLOWER, 30);
    keeps_beta(&slower);
    assert!(slower.failed() >= 28, "{slower:?}");
    assert!(slower.failed_after_ms(0.5).unwrap() <= 60_000, "{slower:?}");
    for requests_per_second in [10.0, 1.0] {
        keeps_beta(&at(requests_per_second, 0.1, errors(10.0), 20));
        keeps_beta(&at(requests_per_second, 0.1, SLOWER, 20));
    }
}

/// Half of all requests fail, whichever release answers: that is no fault of the new one.
#[test]
fn an_incident_of_both_releases_rolls_nothing_back() {
    let study = judged(0.5, 50.0, 0.1, Change::NONE, 20);
    assert_eq!(study.failed(), 0, "{study:?}");
}
