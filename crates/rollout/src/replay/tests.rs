use portcullis_analysis::{ArmSample, Sample};

use super::*;
use crate::{Actor, State};

fn plan() -> Arc<Plan> {
    Arc::new(Plan::build(&crate::plan::tests::request()).unwrap())
}

/// The first gate of a plan and the events of a rollout that passes it, as an engine records them.
fn events(plan: &Arc<Plan>) -> (String, Vec<Event>) {
    let (mut rollout, mut events) = (Rollout::new(plan.clone()), Vec::new());
    let mut push = |rollout: &Rollout, kind| {
        let event = Event {
            at_ms: events.len() as u64,
            by: Actor::Engine,
            kind: rollout.witnessed(kind),
        };
        events.push(event.clone());
        rollout.apply(&event).unwrap().0
    };
    rollout = push(&rollout, EventKind::Start);
    let gate = loop {
        if let State::Watching { at, .. } = rollout.state() {
            break *at;
        }
        let key = rollout.op().unwrap().key;
        let facts = Vec::new();
        rollout = push(&rollout, EventKind::Succeeded { key, facts });
    };
    while matches!(rollout.state(), State::Watching { at, .. } if *at == gate) {
        let mut arm = ArmSample {
            requests: 500,
            ..ArmSample::default()
        };
        (0..500).for_each(|_| arm.latency.record(1_000));
        let sample = Sample {
            to_ms: 1_000,
            canary: Some(arm.clone()),
            baseline: Some(arm),
            ..Sample::default()
        };
        rollout = push(&rollout, EventKind::measured(gate, sample));
    }
    (plan.steps[gate.0].name.clone(), events)
}

#[test]
fn a_recorded_verdict_follows_from_its_samples_to_the_last_bit() {
    let plan = plan();
    let (gate, events) = events(&plan);
    // As it comes out of the journal.
    let text = serde_json::to_string(&events).unwrap();
    let events: Vec<Event> = serde_json::from_str(&text).unwrap();
    let replay = Replay::of(plan, &events, &gate).unwrap();
    assert!(replay.is_same(), "{replay:#?}");
    let last = replay.verdicts.last().unwrap();
    assert_eq!(last.sample, replay.samples);
    assert_eq!(last.formula, FORMULA_VERSION);
    let recorded = last.recorded.as_ref().unwrap();
    assert_eq!(recorded.verdict, Verdict::Pass);
    assert_eq!(*recorded, last.computed);
}

#[test]
fn a_verdict_that_was_changed_does_not_follow_from_its_samples() {
    let plan = plan();
    let (gate, mut events) = events(&plan);
    let last = events.last_mut().unwrap();
    let EventKind::Measured { decided, .. } = &mut last.kind else {
        panic!("{last:?}");
    };
    decided.as_mut().unwrap().evidence[0].requests += 1;
    let replay = Replay::of(plan, &events, &gate).unwrap();
    assert!(!replay.is_same());
}

#[test]
fn an_open_gate_is_replayed_up_to_its_last_sample() {
    let plan = plan();
    let (gate, mut events) = events(&plan);
    events.pop();
    let replay = Replay::of(plan.clone(), &events, &gate).unwrap();
    if replay.samples > 0 {
        let last = replay.verdicts.last().unwrap();
        assert_eq!((last.recorded.as_ref(), last.is_same()), (None, true));
        assert_eq!(last.computed.verdict, Verdict::Undecided);
    }
    let error = Replay::of(plan, &events, "gate").unwrap_err();
    assert!(
        error.to_string().contains("the plan has no gate \"gate\""),
        "{error}"
    );
}
