//! Going back before anybody was sent to the new release: the one that serves takes writes all the while.

use super::*;

/// A rollout beside a release that writes, at its migration.
fn migrating(change: impl FnOnce(&mut PlanRequest)) -> Rollout {
    let mut request = crate::plan::tests::request();
    request.policy.service_writes = true;
    change(&mut request);
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout.op().unwrap().action.word() != "migrate" {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout
}

/// What is wanted when the migration has failed for good.
fn after_failure(rollout: &Rollout) -> (Rollout, Vec<Effect>) {
    let EventKind::Failed { key, mut failure } = failed(rollout) else {
        unreachable!("that is what it makes");
    };
    failure.retryable = false;
    let kind = EventKind::Failed { key, failure };
    rollout.apply(&event(kind)).unwrap()
}

fn asks(rollout: &Rollout) -> bool {
    matches!(
        rollout.state(),
        State::Held {
            direction: Direction::Undo,
            why: HeldWhy::WouldLoseWrites,
            ..
        }
    )
}

#[test]
fn data_that_nobody_has_changed_since_the_backup_needs_no_answer() {
    let (back, effects) = after_failure(&migrating(|_| {}));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Probe(op) if op.action.word() == "restore")),
        "{effects:?}"
    );
    let done = apply(&back, probed(&back, Presence::Absent));
    let end = End::RolledBack;
    assert!(matches!(done.state(), State::Done { end: found, .. } if *found == end));
}

#[test]
fn writes_that_the_serving_release_took_since_the_backup_are_not_taken_away_unasked() {
    let (back, _) = after_failure(&migrating(|_| {}));
    let held = apply(&back, probed(&back, Presence::Applied));
    assert!(asks(&held), "{:?}", held.state());
    assert_eq!(held.data_of(), DataOf::Between);
    let kept = apply(&held, EventKind::Skip);
    assert!(kept.state().is_done(), "{:?}", kept.state());

    // The answer is remembered, also by a rollout that is recovered while the backup is put back.
    let agreed = apply(&held, EventKind::Retry);
    let (restoring, effects) = agreed
        .apply(&event(probed(&agreed, Presence::Applied)))
        .unwrap();
    assert!(matches!(&effects[0], Effect::Perform(op) if op.action.word() == "restore"));
    let recovered = apply(&restoring, EventKind::Recovered);
    assert!(!asks(&apply(
        &recovered,
        probed(&recovered, Presence::Applied)
    )));
    let done = apply(&restoring, ok(&restoring));
    assert!(done.state().is_done(), "{:?}", done.state());
}

#[test]
fn where_a_probe_cannot_tell_a_person_decides_once() {
    let (back, _) = after_failure(&migrating(|_| {}));
    let held = apply(&back, probed(&back, Presence::Unknown));
    assert!(asks(&held), "{:?}", held.state());
    let again = apply(&held, EventKind::Retry);
    let (_, effects) = again
        .apply(&event(probed(&again, Presence::Unknown)))
        .unwrap();
    assert!(matches!(&effects[0], Effect::Perform(op) if op.action.word() == "restore"));
}

/// Asked the same at once, nobody would hear what is wrong; and once it is mended there are more writes to lose than were agreed to.
#[test]
fn whoever_agreed_hears_why_it_did_not_work_and_is_asked_anew() {
    let (back, _) = after_failure(&migrating(|_| {}));
    let held = apply(&back, probed(&back, Presence::Unknown));
    let mut rollout = apply(&held, EventKind::Retry);
    let mut tries = 0;
    while !matches!(rollout.state(), State::Held { .. }) {
        rollout = match rollout.state() {
            State::Unwinding {
                run: Run::InDoubt, ..
            } => {
                let kind = probed(&rollout, Presence::Unknown);
                let EventKind::Probed { key, presence, .. } = kind else {
                    unreachable!("that is what it makes");
                };
                let facts = vec![Fact::new(Fact::REASON, "it cannot be read now")];
                let kind = EventKind::Probed {
                    key,
                    presence,
                    facts,
                };
                rollout.apply(&event(kind)).unwrap().0
            }
            _ => {
                tries += 1;
                let key = rollout.op().unwrap().key;
                apply(&rollout, EventKind::TimedOut { key })
            }
        };
        assert!(tries < 20, "{:?}", rollout.state());
    }
    assert!(tries > 0);
    assert!(!asks(&rollout), "{:?}", rollout.state());
    let State::Held { why, .. } = rollout.state() else {
        unreachable!("it is held");
    };
    assert!(why.words().contains("it cannot be read now"), "{why:?}");
    let again = apply(&rollout, EventKind::Retry);
    let asked = apply(&again, probed(&again, Presence::Applied));
    assert!(asks(&asked), "{:?}", asked.state());
    let agreed = apply(&asked, EventKind::Retry);
    let (_, effects) = agreed
        .apply(&event(probed(&agreed, Presence::Applied)))
        .unwrap();
    assert!(matches!(&effects[0], Effect::Perform(op) if op.action.word() == "restore"));
}

/// Its journal has what became of it then: the backup was put back.
#[test]
fn a_plan_of_before_goes_on_as_it_did() {
    let mut plan = Plan::clone(migrating(|_| {}).plan());
    for step in &mut plan.steps {
        if let Undo::Restore { others_write, .. } = &mut step.undo {
            *others_write = false;
        }
    }
    let mut rollout = apply(&Rollout::new(Arc::new(plan)), EventKind::Start);
    while rollout.op().unwrap().action.word() != "migrate" {
        rollout = apply(&rollout, ok(&rollout));
    }
    let (back, effects) = after_failure(&rollout);
    let performs =
        |effect: &Effect| matches!(effect, Effect::Perform(op) if op.action.word() == "restore");
    assert!(effects.iter().any(performs), "{effects:?}");
    assert!(apply(&back, ok(&back)).state().is_done());
}

#[test]
fn a_first_release_has_nobody_else_who_writes() {
    let (mut back, _) = after_failure(&migrating(|request| {
        request.previous = None;
        request.strategy = Strategy::AtOnce;
    }));
    while !back.state().is_done() {
        assert!(!asks(&back), "{:?}", back.state());
        back = apply(&back, ok(&back));
    }
}

#[test]
fn an_abort_before_anybody_was_sent_there_asks_too() {
    let rollout = migrating(|_| {});
    let started = apply(&rollout, ok(&rollout));
    let aborted = apply(&started, abort());
    let mut back = apply(&aborted, ok(&aborted));
    while !matches!(
        back.state(),
        State::Unwinding {
            run: Run::InDoubt,
            ..
        }
    ) {
        back = apply(&back, ok(&back));
    }
    assert!(asks(&apply(&back, probed(&back, Presence::Applied))));
}

#[test]
fn who_keeps_writers_out_or_has_agreed_beforehand_is_not_asked() {
    let read_only = |request: &mut PlanRequest| request.policy.read_only = true;
    let accepting = |request: &mut PlanRequest| request.policy.accept_loss = true;
    let only_migrations = |request: &mut PlanRequest| request.policy.service_writes = false;
    let changes: [fn(&mut PlanRequest); 3] = [read_only, accepting, only_migrations];
    for change in changes {
        let (mut back, _) = after_failure(&migrating(change));
        while !back.state().is_done() {
            assert!(
                matches!(
                    back.state(),
                    State::Unwinding {
                        run: Run::InFlight,
                        ..
                    }
                ),
                "{:?}",
                back.state()
            );
            back = apply(&back, ok(&back));
        }
    }
}
