//! A step in batches can be left between two of them, and gone on with.

use super::*;

/// A rollout whose backfill is under way.
pub(super) fn filling() -> Rollout {
    let store = StoreRef {
        name: "library".to_owned(),
        location: StoreLocation::Sqlite {
            path: "/srv/library.db".into(),
        },
    };
    let file = |name: &str, phase| SqlFile {
        name: name.to_owned(),
        sha256: "00".to_owned(),
        phase,
        reverse: None,
    };
    let mut request = crate::plan::tests::request();
    request.release.migration = Some(Migration::Sql(SqlMigration {
        folder: "/srv/migrations".into(),
        through: None,
        store: store.clone(),
        files: vec![
            file("0001_a.sql", MigrationPhase::Expand),
            file("0002_b.backfill.sql", MigrationPhase::Backfill),
        ],
        lock_timeout_ms: 1_000,
        statement_timeout_ms: 1_000,
        pause_ms: 0,
        server_version: None,
    }));
    request.stores = vec![store];
    advance(Arc::new(Plan::build(&request).unwrap()), "backfill")
}

pub(super) fn suspended(rollout: &Rollout) -> EventKind {
    EventKind::Suspended {
        key: rollout.op().unwrap().key,
        facts: Vec::new(),
    }
}

fn progress(rollout: &Rollout, message: &str) -> EventKind {
    EventKind::Progress {
        key: rollout.op().unwrap().key,
        message: message.to_owned(),
    }
}

fn effects(rollout: &Rollout, kind: EventKind) -> Vec<&'static str> {
    let (_, effects) = rollout.apply(&event(kind)).unwrap();
    effects.iter().map(effect_word).collect()
}

#[test]
fn a_pause_ends_a_batch_and_resume_goes_on_with_an_attempt_of_its_own() {
    let filling = filling();
    let first = filling.op().unwrap().key;
    assert_eq!(effects(&filling, pause()), ["suspend"]);
    let asked = apply(&filling, pause());
    assert!(
        asked.sentence().ends_with("pausing behind this batch"),
        "{}",
        asked.sentence()
    );
    let paused = apply(&asked, suspended(&asked));
    assert!(
        paused
            .sentence()
            .starts_with("Paused by engine (let me look) in step"),
        "{}",
        paused.sentence()
    );
    assert_eq!(paused.state().step(), Some(first.step));
    assert_eq!(paused.words_taken(), ["resume", "abort"]);
    let again = apply(&paused, EventKind::Resume);
    let second = again.op().unwrap().key;
    assert_eq!(
        (second.step, second.attempt),
        (first.step, first.attempt + 1)
    );
    // The same can be asked for again, and an answer of the first attempt is no answer any more.
    assert!(matches!(
        again.apply(&event(EventKind::Succeeded {
            key: first,
            facts: Vec::new()
        })),
        Err(Refused::StaleKey(_))
    ));
    let asked = apply(&again, pause());
    let paused = apply(&asked, suspended(&asked));
    let third = apply(&paused, EventKind::Resume);
    assert_eq!(third.op().unwrap().key.attempt, second.attempt + 1);
    let done = apply(&third, ok(&third));
    assert_eq!(
        done.plan().steps[done.state().step().unwrap().0].name,
        "promote"
    );
}

#[test]
fn a_pause_is_kept_through_a_crash_and_a_failure() {
    let asked = apply(&filling(), pause());
    // Nobody knows what became of it; it was not done.
    let in_doubt = apply(&asked, EventKind::Recovered);
    let paused = apply(&in_doubt, probed(&in_doubt, Presence::Absent));
    assert!(matches!(
        paused.state(),
        State::Paused {
            why: PausedWhy::Within { .. },
            ..
        }
    ));
    // It was: then the pause is behind the step.
    let paused = apply(&in_doubt, probed(&in_doubt, Presence::Applied));
    assert!(matches!(
        paused.state(),
        State::Paused {
            why: PausedWhy::Asked(_),
            ..
        }
    ));
    // It failed and would be tried again.
    let resting = apply(&asked, failed(&asked));
    let key = resting.op().unwrap().key;
    let paused = apply(&resting, EventKind::Woke { key });
    assert!(matches!(
        paused.state(),
        State::Paused {
            why: PausedWhy::Within { .. },
            ..
        }
    ));
    // A step in one piece is tried again, and waited for.
    let start = apply(&advance_to("start"), pause());
    let in_doubt = apply(&start, EventKind::Recovered);
    let again = apply(&in_doubt, probed(&in_doubt, Presence::Absent));
    assert!(matches!(again.state(), State::Advancing { .. }));
    assert!(effects(&advance_to("start"), pause()).is_empty());
}

#[test]
fn an_abort_wins_over_a_suspension_and_undoes_what_was_done() {
    let asked = apply(&filling(), pause());
    let aborted = apply(&asked, abort());
    let back = apply(&aborted, suspended(&aborted));
    assert!(matches!(
        back.state(),
        State::Unwinding {
            cause: Cause::Aborted(_),
            ..
        }
    ));
    let paused = apply(&asked, suspended(&asked));
    let back = apply(&paused, abort());
    assert!(matches!(
        back.state(),
        State::Unwinding {
            cause: Cause::Aborted(_),
            ..
        }
    ));
    // Nobody asked for a pause.
    let filling = filling();
    assert!(filling.apply(&event(suspended(&filling))).is_err());
}

#[test]
fn progress_is_told_until_the_attempt_is_over() {
    let filling = filling();
    let half = apply(
        &filling,
        progress(&filling, "0002_b.backfill.sql: 500 rows changed"),
    );
    assert!(
        half.sentence()
            .ends_with(", 0002_b.backfill.sql: 500 rows changed"),
        "{}",
        half.sentence()
    );
    let asked = apply(&half, pause());
    let in_doubt = apply(&asked, EventKind::Recovered);
    assert_eq!(in_doubt.progress(), None);
    let done = apply(&half, ok(&half));
    assert_eq!(done.progress(), None);
    assert!(done.apply(&event(progress(&half, "late"))).is_err());
}

/// Found by the simulated world: the abort was accepted, held, and then lost to a retry.
#[test]
fn an_abort_behind_the_pivot_is_refused_while_paused_too() {
    let retire = advance_to("retire");
    let pivot = retire.plan().pivot;
    assert_eq!(retire.state().step(), Some(pivot));
    let mut plan = Plan::clone(retire.plan());
    // One more step, so that there is something to pause before.
    plan.steps.push(plan.steps[0].clone());
    let retire = advance(Arc::new(plan), "retire");
    let asked = apply(&retire, pause());
    let paused = apply(&asked, ok(&asked));
    assert!(matches!(paused.state(), State::Paused { .. }));
    assert_eq!(
        paused.apply(&event(abort())),
        Err(Refused::PastPivot(pivot))
    );
    assert_eq!(paused.words_taken(), ["resume"]);
}
