use super::*;
use crate::{Change, Curve, Latency, Step, Study, Users, binomial_interval};
use portcullis_analysis::{Bound, Enough, Rule, Signal, Test};

fn gate(tolerated: Bound, signal: Signal) -> Analysis {
    let matters = Bound {
        ratio: tolerated.ratio * 2.0,
        margin: tolerated.margin * 2.0,
    };
    let rule = Rule {
        enough: Enough::Evidence,
        ..Rule::new(signal, Test::NotWorse { tolerated, matters })
    };
    Analysis::new(vec![rule], 600_000, 5000)
}

const SAME: Bound = Bound {
    ratio: 1.0,
    margin: 0.0,
};

/// Rolled back at most as often as alpha says, with the chance of a wrong alarm of this test itself below
/// one in a thousand.
fn keeps_alpha(analysis: &Analysis, scenario: Scenario, runs: u64) {
    let mut simulator = Simulator::new(scenario).unwrap();
    let study = Study::of(analysis, &mut simulator, runs, 1);
    let (least, _) = binomial_interval(study.failed(), runs, 0.001);
    assert!(
        least <= analysis.budget.alpha,
        "{} of {runs}",
        study.failed()
    );
}

#[test]
fn a_release_that_is_no_worse_is_not_rolled_back_more_often_than_alpha() {
    let errors = gate(SAME, Signal::ErrorRate);
    let usual = Scenario::new(100.0, 0.1, 600_000, 0.005);
    keeps_alpha(&errors, usual.clone(), 150);
    keeps_alpha(&errors, Scenario::new(1.0, 0.1, 600_000, 0.05), 150);
    let incident = Scenario {
        error_rate: Curve::incident(0.005, 60_000, 360_000, 0.5),
        ..usual.clone()
    };
    keeps_alpha(&errors, incident, 150);
    let shares = [0.05, 0.1, 0.25, 0.5];
    let steps = Scenario {
        steps: shares
            .map(|share| Step {
                share,
                window_ms: 180_000,
            })
            .to_vec(),
        error_rate: Curve::through([(0, 0.003), (720_000, 0.03)]),
        ..usual.clone()
    };
    keeps_alpha(&errors, steps, 150);
    let sticky = Scenario {
        users: Some(Users {
            count: 300,
            tail: 1.2,
            broken: 0.1,
        }),
        ..usual.clone()
    };
    keeps_alpha(&errors, sticky, 150);
    let tolerated = Bound {
        ratio: 1.5,
        margin: 0.0,
    };
    let mut at_the_bound = usual;
    at_the_bound.change.error_factor = 1.5;
    keeps_alpha(&gate(tolerated, Signal::ErrorRate), at_the_bound, 150);
}

#[test]
fn a_slowdown_of_both_arms_is_no_reason_and_one_of_the_canary_is_found() {
    let slow = |factor: Curve, latency_factor| Scenario {
        latency: Some(Latency {
            median_ms: 100.0,
            sigma: 0.6,
            factor,
        }),
        change: Change {
            latency_factor,
            ..Change::NONE
        },
        ..Scenario::new(100.0, 0.1, 60_000, 0.0)
    };
    let analysis = gate(SAME, Signal::Latencies);
    let drift = Curve::through([(0, 1.0), (60_000, 2.0)]);
    keeps_alpha(&analysis, slow(drift, 1.0), 20);
    let mut simulator = Simulator::new(slow(Curve::constant(1.0), 2.0)).unwrap();
    let study = Study::of(&analysis, &mut simulator, 10, 1);
    assert_eq!(study.failed(), 10);
    assert!(study.failed_after_ms(0.9).unwrap() <= 30_000, "{study:?}");
}

#[test]
fn ten_times_the_errors_are_found_and_a_good_release_passes() {
    let margin = Bound {
        ratio: 1.0,
        margin: 0.005,
    };
    let analysis = gate(margin, Signal::ErrorRate);
    let mut bad = Scenario::new(100.0, 0.1, 600_000, 0.005);
    bad.change.error_factor = 10.0;
    let mut simulator = Simulator::new(bad.clone()).unwrap();
    let study = Study::of(&analysis, &mut simulator, 50, 1);
    assert_eq!(study.failed(), 50);
    bad.change.error_factor = 1.0;
    let mut simulator = Simulator::new(bad).unwrap();
    let study = Study::of(&analysis, &mut simulator, 50, 1);
    assert!(study.passed() >= 45, "{study:?}");
}

#[test]
fn steps_are_gates_one_after_the_other() {
    let mut scenario = Scenario::new(100.0, 0.1, 10_000, 0.0);
    scenario.steps.push(Step {
        share: 0.5,
        window_ms: 17_000,
    });
    let analysis = gate(
        Bound {
            ratio: 1.0,
            margin: 0.01,
        },
        Signal::ErrorRate,
    );
    let mut simulator = Simulator::new(scenario.clone()).unwrap();
    let mut trial = Trial::new(&analysis, &scenario);
    let mut run = simulator.begin(1);
    let mut lengths = Vec::new();
    while trial.outcome().is_none() {
        let length_ms = trial.next_ms(&run);
        lengths.push(length_ms);
        let sample = simulator.measure(&mut run, length_ms);
        trial.observe(&sample);
    }
    assert_eq!(lengths, [5000, 5000, 5000, 5000, 5000, 2000]);
    assert_eq!(trial.outcome().unwrap().at_ms, 27_000);
}
