use super::*;
use crate::{Step, Study};
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
