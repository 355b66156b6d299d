//! Going back by a reverse, and by a backup where that fails.

use super::*;

fn at_gate(writes: bool, accepts: bool) -> Rollout {
    let mut request = crate::plan::tests::request();
    request.policy.reverse = true;
    request.policy.service_writes = writes;
    request.policy.accept_loss = accepts;
    if let Some(Migration::Command(migration)) = &mut request.release.migration {
        migration.reverse = Some(migration.command.clone());
    }
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout.judgement().is_none() {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout
}

/// Goes back as far as the reverse.
fn reversing(rollout: &Rollout) -> Rollout {
    let mut rollout = apply(rollout, measured(rollout, 100, 50));
    while rollout.op().is_some_and(|op| op.action.word() != "reverse") {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout
}

#[test]
fn a_reverse_asks_nobody_for_it_loses_nothing() {
    let mut rollout = reversing(&at_gate(true, false));
    assert!(matches!(rollout.state(), State::Unwinding { .. }));
    while !rollout.state().is_done() {
        rollout = apply(&rollout, ok(&rollout));
    }
    assert!(
        !rollout.sentence().contains("put back"),
        "{}",
        rollout.sentence()
    );
}

#[test]
fn a_reverse_that_fails_asks_and_an_abort_puts_the_backup_back() {
    let rollout = reversing(&at_gate(true, false));
    let first = rollout.op().unwrap().key;
    let held = apply(&rollout, failed(&rollout));
    assert!(
        matches!(
            held.state(),
            State::Held {
                why: HeldWhy::ReverseFailed { .. },
                ..
            }
        ),
        "{:?}",
        held.state()
    );
    assert!(held.words_taken().contains(&"abort"));
    let (restoring, effects) = held.apply(&event(abort())).unwrap();
    let performed = effects.iter().find_map(|effect| match effect {
        Effect::Perform(op) => Some(op.clone()),
        _ => None,
    });
    let op = performed.unwrap();
    assert_eq!(
        (op.action.word(), Some(&op)),
        ("restore", restoring.op().as_ref())
    );
    assert_ne!(op.key, first, "no key comes twice");
    // A crash in the middle asks about the restore, not about the reverse.
    let (_, effects) = restoring.apply(&event(EventKind::Recovered)).unwrap();
    assert!(
        matches!(effects.as_slice(), [Effect::Probe(op)] if op.action.word() == "restore"),
        "{effects:?}"
    );
    let mut done = restoring;
    while !done.state().is_done() {
        done = apply(&done, ok(&done));
    }
    let sentence = done.sentence();
    assert!(
        sentence.contains("reversing the migration failed, so"),
        "{sentence}"
    );
    // The reverse may work after all, or a person says so.
    let skipped = apply(&held, EventKind::Skip);
    assert!(skipped.given_up().is_none());
}

#[test]
fn where_nothing_is_lost_or_the_loss_is_accepted_the_backup_takes_its_place_at_once() {
    for (writes, accepts) in [(false, false), (true, true)] {
        let rollout = reversing(&at_gate(writes, accepts));
        let (restoring, effects) = rollout.apply(&event(failed(&rollout))).unwrap();
        assert_eq!(restoring.op().unwrap().action.word(), "restore");
        let told = |effect: &Effect| matches!(effect, Effect::Notify(notice) if notice.sentence.contains("put back"));
        assert!(effects.iter().any(told), "it is said: {effects:?}");
        // If that fails too, a person is needed, and there is no third way.
        let held = apply(&restoring, failed(&restoring));
        assert!(
            matches!(
                held.state(),
                State::Held {
                    why: HeldWhy::UndoFailed { .. },
                    ..
                }
            ),
            "{:?}",
            held.state()
        );
        assert!(held.apply(&event(abort())).is_err());
    }
}

#[test]
fn a_plan_that_cannot_be_reversed_is_refused_and_says_what_is_missing() {
    let mut request = crate::plan::tests::request();
    request.policy.reverse = true;
    let problems = Plan::build(&request).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("its command has no `reverse`"), "{told:?}");
}
