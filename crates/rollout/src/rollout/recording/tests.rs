use std::sync::Arc;

use portcullis_analysis::{ArmSample, HealthSample, Rule, Sample, Signal, Test};

use crate::*;

const MINUTE: u64 = 60_000;

/// A rollout whose release is promoted, with the old one kept warm for ten minutes, after its first entry.
fn warm() -> Rollout {
    let promoted = promoted();
    let at = promoted.state().step().unwrap();
    assert!(promoted.records(at, &good(1000)));
    apply(&promoted, EventKind::measured(at, good(1000)))
}

fn promoted() -> Rollout {
    let mut request = crate::plan::tests::request();
    request.keep_warm = KeepWarm::lasting(10 * MINUTE);
    let checks = Rule::new(Signal::HealthFailures, Test::Limit { max: 2.0 });
    request.analysis.rules.push(checks);
    let mut rollout = Rollout::new(Arc::new(Plan::build(&request).unwrap()));
    rollout = apply(&rollout, EventKind::Start);
    while !rollout.keeps_warm() {
        let at = rollout.state().step().unwrap();
        let kind = match rollout.state() {
            State::Watching { .. } => EventKind::measured(at, good(1000)),
            _ => EventKind::Succeeded {
                key: rollout.op().unwrap().key,
                facts: Vec::new(),
            },
        };
        rollout = apply(&rollout, kind);
    }
    rollout
}

fn apply(rollout: &Rollout, kind: EventKind) -> Rollout {
    let event = Event {
        at_ms: 0,
        by: Actor::Engine,
        kind: rollout.witnessed(kind),
    };
    rollout.apply(&event).unwrap().0
}

fn good(length_ms: u64) -> Sample {
    let mut arm = ArmSample {
        requests: 100,
        ..ArmSample::default()
    };
    (0..100).for_each(|_| arm.latency.record(1000));
    Sample {
        to_ms: length_ms,
        baseline: Some(arm.clone()),
        canary: Some(arm),
        health: Some(HealthSample {
            passed: 2,
            ..HealthSample::default()
        }),
        ..Sample::default()
    }
}

fn failing(times: u32) -> Sample {
    Sample {
        health: Some(HealthSample {
            failed: times,
            consecutive_failures: times,
            ..HealthSample::default()
        }),
        ..good(1000)
    }
}

#[test]
fn what_changes_nothing_waits_until_an_entry_is_due() {
    let rollout = warm();
    let at = rollout.state().step().unwrap();
    assert!(!rollout.records(at, &good(1000)));
    assert!(!rollout.records(at, &good(9_999)));
    assert!(rollout.records(at, &good(10_000)));
    assert!(rollout.measures_every_ms().unwrap() < 10_000);
}

#[test]
fn a_verdict_and_a_first_warning_are_recorded_at_once() {
    let rollout = warm();
    let at = rollout.state().step().unwrap();
    assert!(!rollout.records(at, &failing(1)));
    assert!(rollout.records(at, &failing(3)));
    let silent = Sample {
        canary: None,
        baseline: None,
        missing: [(Sample::CANARY_COUNTS.to_owned(), "gone".to_owned())].into(),
        ..good(1000)
    };
    assert!(rollout.records(at, &silent));
    let warned = apply(&rollout, EventKind::measured(at, silent.clone()));
    assert!(!warned.records(at, &silent), "it was told");
    // What is of another gate is for the transition to refuse.
    assert!(rollout.records(StepIndex(0), &good(1000)));
}

#[test]
fn nothing_goes_back_to_a_release_that_does_not_answer_until_it_does() {
    let mut rollout = warm();
    let at = rollout.state().step().unwrap();
    let fault = Some("GET /health answered 503, expected 200".to_owned());
    let lone = Sample {
        kept_fault: fault.clone(),
        ..failing(3)
    };
    assert!(rollout.records(at, &lone));
    rollout = apply(&rollout, EventKind::measured(at, lone.clone()));
    assert!(rollout.keeps_warm());
    let told = rollout.sentence();
    assert!(
        told.contains("failed checks in a row 3")
            && told.contains("nothing goes back to it by itself: GET"),
        "{told}"
    );
    assert!(!rollout.records(at, &lone), "it was told");
    let window = Sample {
        kept_fault: fault,
        ..good(20 * MINUTE)
    };
    rollout = apply(&rollout, EventKind::measured(at, window));
    assert!(
        rollout.keeps_warm(),
        "the failure is not forgotten when the time is over"
    );
    let well = good(1000);
    assert!(rollout.records(at, &well));
    rollout = apply(&rollout, EventKind::measured(at, well));
    assert!(matches!(rollout.state(), State::Unwinding { .. }));
}

#[test]
fn the_end_of_the_time_is_recorded_and_needs_no_traffic() {
    let rollout = warm();
    let at = rollout.state().step().unwrap();
    let night = Sample {
        to_ms: 10 * MINUTE,
        canary: Some(ArmSample::default()),
        ..Sample::default()
    };
    assert!(rollout.records(at, &night));
    let ended = apply(&rollout, EventKind::measured(at, night));
    assert!(!ended.keeps_warm());
    assert!(matches!(ended.state(), State::Advancing { .. }));
}
