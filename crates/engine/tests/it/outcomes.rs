//! Invariant 15: the probe decides, never the word of whoever applied.

use portcullis_driver::Probed;
use portcullis_engine::outcome;
use portcullis_rollout::{
    Direction, EventKind, Fact, Failure, Op, OpKey, Presence, RolloutId, StepIndex,
};

use crate::world::plan;

fn op() -> Op {
    let key = OpKey {
        rollout: RolloutId::new("demo-1"),
        direction: Direction::Do,
        step: StepIndex(0),
        attempt: 1,
    };
    Op {
        key,
        action: plan().steps[0].action.clone(),
        deadline_ms: 100,
    }
}

fn failure() -> Failure {
    Failure {
        message: "exit code 1".to_owned(),
        retryable: false,
        facts: vec![Fact::new("last lines", "boom")],
    }
}

#[test]
fn success_without_effect_is_a_failure() {
    match outcome(&op(), Ok(Vec::new()), Probed::new(Presence::Absent)) {
        EventKind::Failed { failure, .. } => {
            assert!(
                failure
                    .message
                    .contains("reported success but did not take effect")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn failure_with_effect_is_a_success_that_tells_of_it() {
    match outcome(&op(), Err(failure()), Probed::new(Presence::Applied)) {
        EventKind::Succeeded { facts, .. } => {
            assert!(facts.iter().any(|fact| fact.value == "exit code 1"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failure_keeps_its_evidence() {
    match outcome(&op(), Err(failure()), Probed::new(Presence::Absent)) {
        EventKind::Failed { failure, .. } => assert_eq!(failure.facts[0].value, "boom"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_told_stays_in_doubt() {
    for applied in [Ok(Vec::new()), Err(failure())] {
        let kind = outcome(&op(), applied, Probed::new(Presence::Unknown));
        assert!(matches!(kind, EventKind::Unclear { .. }), "{kind:?}");
    }
}
