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
    assert_eq!(replay.comparison(), Comparison::Same, "{replay:#?}");
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
    assert_eq!(replay.comparison(), Comparison::Different);
}

/// A journal that an older program wrote: its formulas concluded something else from the same samples.
#[test]
fn what_older_formulas_concluded_is_kept_and_is_no_contradiction() {
    let plan = plan();
    let (gate, mut events) = events(&plan);
    let last = events.last_mut().unwrap();
    let EventKind::Measured {
        decided, formula, ..
    } = &mut last.kind
    else {
        panic!("{last:?}");
    };
    let judgement = decided.as_mut().unwrap();
    (*formula, judgement.formula) = (1, 1);
    let agreed = Replay::of(plan.clone(), &events, &gate).unwrap();
    assert_eq!(agreed.comparison(), Comparison::Same);

    let last = events.last_mut().unwrap();
    let EventKind::Measured { decided, .. } = &mut last.kind else {
        panic!("{last:?}");
    };
    let judgement = decided.as_mut().unwrap();
    judgement.verdict = Verdict::Fail;
    judgement.evidence[0].verdict = Verdict::Fail;
    let replay = Replay::of(plan.clone(), &events, &gate).unwrap();
    assert_eq!(replay.comparison(), Comparison::OtherFormulas);
    let last = replay.verdicts.last().unwrap();
    assert_eq!((last.formula, last.computed.formula), (1, FORMULA_VERSION));
    // The fold keeps to what was recorded: the release went back then, and it did now.
    let mut rollout = Rollout::new(plan);
    for event in &events {
        rollout = rollout.apply(event).unwrap().0;
    }
    assert!(
        matches!(rollout.state(), State::Unwinding { .. }),
        "{:?}",
        rollout.state()
    );
}

#[test]
fn an_open_gate_is_replayed_up_to_its_last_sample() {
    let plan = plan();
    let (gate, mut events) = events(&plan);
    events.pop();
    let replay = Replay::of(plan.clone(), &events, &gate).unwrap();
    if replay.samples > 0 {
        let last = replay.verdicts.last().unwrap();
        assert_eq!(
            (last.recorded.as_ref(), last.comparison()),
            (None, Comparison::Same)
        );
        assert_eq!(last.computed.verdict, Verdict::Undecided);
    }
    let error = Replay::of(plan, &events, "gate").unwrap_err();
    assert!(
        error.to_string().contains("the plan has no gate \"gate\""),
        "{error}"
    );
}
