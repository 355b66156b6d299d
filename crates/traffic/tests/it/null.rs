//! Releases that are no worse than is tolerated, in every scenario of the benchmark, are rolled back no more often than
//! alpha says.

use portcullis_analysis::{Analysis, Bound, Signal, Test};
use portcullis_traffic::{Curve, Scenario, Step, Users, binomial_interval};

use super::{BASE, SAME, WINDOW_MS, evident, gate, study, traffic, with_times};

/// Rolled back at most as often as alpha says, with the chance of a wrong alarm of this test itself below
/// one in a thousand.
fn keeps_alpha(name: &str, analysis: &Analysis, scenario: Scenario, runs: u64) {
    let study = study(analysis, scenario, runs);
    let (least, _) = binomial_interval(study.failed(), runs, 0.001);
    let failed = study.failed();
    assert!(least <= analysis.budget.alpha, "{name}: {failed} of {runs}");
}

fn with_base(error_rate: Curve) -> Scenario {
    Scenario {
        error_rate,
        ..traffic(100.0)
    }
}

fn with_users(count: u32) -> Scenario {
    let users = Users {
        count,
        tail: 1.2,
        broken: 0.2,
    };
    Scenario {
        users: Some(users),
        ..traffic(100.0)
    }
}

#[test]
fn any_base_rate_and_any_traffic_keep_alpha() {
    let errors = gate(SAME, Signal::ErrorRate);
    for requests_per_second in [100.0, 10.0, 1.0] {
        let name = format!("{requests_per_second} requests a second");
        keeps_alpha(&name, &errors, traffic(requests_per_second), 200);
    }
    for rate in [0.009, 0.05, 0.3] {
        let scenario = with_base(Curve::constant(rate));
        keeps_alpha(&format!("{rate} errors"), &errors, scenario, 200);
    }
}

#[test]
fn incidents_of_both_arms_keep_alpha() {
    let errors = gate(SAME, Signal::ErrorRate);
    for (minutes, rate) in [(1, 0.03), (6, 0.03), (6, 0.5)] {
        let incident = Curve::incident(BASE, 120_000, minutes * 60_000, rate);
        let name = format!("{rate} for {minutes} min");
        keeps_alpha(&name, &errors, with_base(incident), 200);
    }
}

#[test]
fn weights_that_move_while_the_base_rate_drifts_keep_alpha() {
    let steps = [0.05, 0.1, 0.25, 0.5].map(|share| Step {
        share,
        window_ms: 180_000,
    });
    let scenario = Scenario {
        steps: steps.to_vec(),
        ..with_base(Curve::through([(0, 0.003), (720_000, 0.03)]))
    };
    keeps_alpha("steps", &gate(SAME, Signal::ErrorRate), scenario, 200);
}

#[test]
fn users_who_stay_with_an_arm_keep_alpha() {
    let errors = gate(SAME, Signal::ErrorRate);
    keeps_alpha("300 users", &errors, with_users(300), 200);
    keeps_alpha("5,000 users", &errors, with_users(5000), 100);
}

#[test]
fn a_release_that_is_exactly_as_bad_as_tolerated_keeps_alpha() {
    let tolerated = Bound {
        ratio: 1.5,
        margin: 0.0,
    };
    for base in [BASE, 0.05] {
        let mut scenario = with_base(Curve::constant(base));
        scenario.change.error_factor = 1.5;
        let gate = gate(tolerated, Signal::ErrorRate);
        keeps_alpha(&format!("1.5 times {base}"), &gate, scenario, 200);
    }
}

#[test]
fn latencies_that_drift_at_both_arms_keep_alpha() {
    let times = gate(SAME, Signal::Latencies);
    let drift = Curve::through([(0, 1.0), (WINDOW_MS / 2, 2.0)]);
    for (factor, per_second) in [(Curve::constant(1.0), 10.0), (drift, 20.0)] {
        let scenario = with_times(factor, traffic(per_second));
        keeps_alpha(&format!("{per_second} times"), &times, scenario, 30);
    }
}

/// One release against a limit that it is exactly at.
#[test]
fn a_rate_at_its_limit_keeps_alpha() {
    for max in [BASE, 0.05] {
        let matters = max * 2.0;
        let test = Test::AtMost { max, matters };
        let gate = Analysis::new(vec![evident(Signal::ErrorRate, test)], WINDOW_MS, 5000);
        let scenario = with_base(Curve::constant(max));
        keeps_alpha(&format!("at {max}"), &gate, scenario, 200);
    }
}

/// A release that is exactly as bad as what matters, beside a gate that tolerates nearly as much and so hardly ever fails
/// it: what is left to be wrong about is to let it pass.
#[test]
fn what_matters_passes_no_more_often_than_beta() {
    let bound = |ratio, margin| Bound { ratio, margin };
    let errors = Test::NotWorse {
        tolerated: bound(1.5, 0.0149),
        matters: bound(1.5, 0.015),
    };
    let times = Test::NotWorse {
        tolerated: bound(1.39, 0.0),
        matters: bound(1.4, 0.0),
    };
    let limit = Test::AtMost {
        max: 0.0224,
        matters: 0.0225,
    };
    let mut bad = traffic(100.0);
    bad.change.error_factor = 4.5;
    let mut slow = with_times(Curve::constant(1.0), traffic(20.0));
    slow.change.latency_factor = 1.4;
    let cases = [
        (Signal::ErrorRate, errors, bad.clone(), 200),
        (Signal::Latencies, times, slow, 30),
        (Signal::ErrorRate, limit, bad, 200),
    ];
    for (signal, test, scenario, runs) in cases {
        let gate = Analysis::new(vec![evident(signal, test)], WINDOW_MS, 5000);
        let study = study(&gate, scenario, runs);
        let (least, _) = binomial_interval(study.passed(), runs, 0.001);
        assert!(least <= gate.budget.beta, "{:?}: {study:?}", gate.rules);
    }
}
