//! Carrying out effects: from an op to the event that tells its outcome.
//!
//! An exit code or an answer is not proof: every op is probed after it was applied, and counts as done
//! only when the probe says so (invariant 15). A probe is asked only once the attempt has settled
//! (invariant 5): the future of a timed-out attempt is dropped, which stops what it started, before
//! anything is asked.

use std::time::Duration;

use portcullis_driver::{Carried, Course, CourseHandle, Driver, Probed};
use portcullis_rollout::{
    Action, Direction, EventKind, Fact, Failure, Op, OpKey, Presence, ReverseOrder,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bounds::{
    DEADLINE_GRACE, PROBE_ATTEMPTS, PROBE_PAUSE, PROBE_TIMEOUT, PROGRESS_PAUSE_FIRST,
    PROGRESS_PAUSE_MAX, SEEN_CHARS_MAX,
};

/// Tells how an attempt goes on, seldom enough for a journal that keeps it: after a moment first, and each time after twice as
/// long. Ends with the attempt.
pub(crate) async fn follow(
    key: OpKey,
    mut course: CourseHandle,
    outcomes: mpsc::Sender<EventKind>,
) {
    let mut pause = PROGRESS_PAUSE_FIRST;
    while course.said().await.is_some() {
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(PROGRESS_PAUSE_MAX);
        let kind = EventKind::Progress {
            key: key.clone(),
            message: course.latest(),
        };
        if course.is_over() || outcomes.send(kind).await.is_err() {
            return;
        }
    }
}

/// Applies an op within its deadline, probes it, and says what happened.
pub async fn perform<D: Driver>(
    driver: &D,
    op: &Op,
    cancelled: &CancellationToken,
    course: &Course,
) -> EventKind {
    let key = op.key.clone();
    // A driver that watches the deadline itself ends the attempt and says what it saw; only one that does
    // not is dropped.
    let deadline = Duration::from_millis(op.deadline_ms).saturating_add(DEADLINE_GRACE);
    let applied = tokio::select! {
        applied = tokio::time::timeout(deadline, driver.carry_out(op, course)) => applied,
        () = cancelled.cancelled() => return EventKind::TimedOut { key },
    };
    let Ok(applied) = applied else {
        return EventKind::TimedOut { key };
    };
    let applied = match applied {
        Ok(Carried::Done(facts)) => Ok(facts),
        // It is not done, and says so itself: there is nothing to ask.
        Ok(Carried::Suspended(facts)) => return EventKind::Suspended { key, facts },
        Err(failure) => Err(failure),
    };
    let probed = ask(driver, op).await;
    outcome(op, applied, probed)
}

/// Asks whether an op took effect. For an inverse, the answer is turned round: it is about the step.
pub async fn probe<D: Driver>(driver: &D, op: &Op) -> EventKind {
    let mut probed = ask(driver, op).await;
    let presence = match op.key.direction {
        Direction::Do => probed.presence,
        // Nobody saw how it ended, so it is run again, to its end.
        Direction::Undo if proves_half(op) && probed.presence == Presence::Applied => {
            let why = "the proof does not show the migration any more, and whether the reverse came to its end is not known";
            probed = probed.with(Fact::REASON, why);
            Presence::Applied
        }
        Direction::Undo => probed.presence.inverted(),
    };
    EventKind::Probed {
        key: op.key.clone(),
        presence,
        facts: probed.facts,
    }
}

/// What an applied and probed op comes to. The probe decides; what apply said is evidence.
pub fn outcome(op: &Op, applied: Result<Vec<Fact>, Failure>, probed: Probed) -> EventKind {
    let key = op.key.clone();
    match (applied, probed.presence) {
        (Err(mut failure), _) if proves_half(op) => {
            merge(&mut failure.facts, probed.facts);
            EventKind::Failed { key, failure }
        }
        (Ok(mut facts), Presence::Applied) => {
            merge(&mut facts, probed.facts);
            EventKind::Succeeded { key, facts }
        }
        (Err(failure), Presence::Applied) => {
            let mut facts = failure.facts;
            facts.push(Fact::new("reported failure", failure.message));
            merge(&mut facts, probed.facts);
            EventKind::Succeeded { key, facts }
        }
        (Ok(mut facts), Presence::Absent) => {
            merge(&mut facts, probed.facts);
            let seen = told_of(&facts, " ");
            let message = format!(
                "{} reported success but did not take effect ({})",
                op.action.word(),
                if seen.is_empty() {
                    "nothing to show".to_owned()
                } else {
                    seen.join(", ")
                }
            );
            EventKind::Failed {
                key,
                failure: Failure {
                    message,
                    retryable: true,
                    facts,
                },
            }
        }
        (Err(mut failure), Presence::Absent) => {
            merge(&mut failure.facts, probed.facts);
            EventKind::Failed { key, failure }
        }
        (applied, Presence::Unknown) => EventKind::Unclear {
            key,
            message: unclear(applied, probed.facts),
        },
    }
}

/// Whether the proof tells less than how the command ended: that of a migration shows that all of it is there. When it shows
/// that no more, a reverse may have undone all of it, or have failed half way.
fn proves_half(op: &Op) -> bool {
    matches!(&op.action, Action::Reverse(order) if matches!(**order, ReverseOrder::Command { .. }))
}

/// What is known of an attempt of which it cannot be told whether it took effect.
fn unclear(applied: Result<Vec<Fact>, Failure>, seen: Vec<Fact>) -> String {
    let reported = match applied {
        Ok(_) => "it reported success".to_owned(),
        Err(failure) => failure.message,
    };
    let seen = told_of(&seen, ": ");
    let seen = match seen.is_empty() {
        true => String::new(),
        false => format!(" ({})", seen.join(", ")),
    };
    format!("{reported}; whether it took effect cannot be told{seen}")
}

/// What a sentence tells of evidence. Longer evidence is listed below it, but of a reason it has the beginning at least.
fn told_of(facts: &[Fact], between: &str) -> Vec<String> {
    let told = facts.iter().filter_map(|Fact { name, value }| {
        let value = value.trim_end();
        let line = value.lines().next().unwrap_or_default();
        let is_short = line.len() == value.len() && line.chars().count() <= SEEN_CHARS_MAX;
        match (is_short, name == Fact::REASON) {
            (true, _) => Some(format!("{name}{between}{value}")),
            (false, true) => {
                let beginning: String = line.chars().take(SEEN_CHARS_MAX).collect();
                Some(format!("{name}{between}{beginning} ..."))
            }
            (false, false) => None,
        }
    });
    told.collect()
}

/// Probes, with a few more tries while the answer is that it cannot be told: a server that is just
/// starting answers a moment later.
async fn ask<D: Driver>(driver: &D, op: &Op) -> Probed {
    let mut last = Probed::new(Presence::Unknown);
    for attempt in 0..PROBE_ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PROBE_PAUSE).await;
        }
        last = match tokio::time::timeout(PROBE_TIMEOUT, driver.probe(op)).await {
            Ok(probed) => probed,
            Err(_) => Probed::new(Presence::Unknown).with(
                "probe",
                format!("no answer within {} s", PROBE_TIMEOUT.as_secs()),
            ),
        };
        if last.presence != Presence::Unknown {
            break;
        }
    }
    last
}

fn merge(facts: &mut Vec<Fact>, more: Vec<Fact>) {
    for fact in more {
        if !facts.iter().any(|known| known.name == fact.name) {
            facts.push(fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use portcullis_rollout::{Command, Proof, RolloutId, StepIndex};

    use super::*;

    /// Answers every question with this.
    struct Answers(Presence);

    impl Driver for Answers {
        async fn probe(&self, _: &Op) -> Probed {
            Probed::new(self.0)
        }

        async fn apply(&self, _: &Op) -> Result<Vec<Fact>, Failure> {
            Ok(Vec::new())
        }
    }

    fn reverse() -> Op {
        let command = Command {
            argv: vec!["reverse".to_owned()],
            env: BTreeMap::new(),
            folder: PathBuf::new(),
        };
        let proof = Proof::Command(command.clone());
        Op {
            key: OpKey {
                rollout: RolloutId::new("dhash-2"),
                direction: Direction::Undo,
                step: StepIndex(3),
                attempt: 1,
            },
            action: Action::Reverse(Box::new(ReverseOrder::Command { command, proof })),
            deadline_ms: 1000,
        }
    }

    #[test]
    fn a_reverse_that_failed_is_not_done_whatever_the_proof_says() {
        for presence in [Presence::Applied, Presence::Absent, Presence::Unknown] {
            let failure = Failure {
                message: "the reverse exited with code 1".to_owned(),
                retryable: true,
                facts: Vec::new(),
            };
            let came = outcome(&reverse(), Err(failure), Probed::new(presence));
            assert!(matches!(came, EventKind::Failed { .. }), "{came:?}");
        }
        let came = outcome(&reverse(), Ok(Vec::new()), Probed::new(Presence::Applied));
        assert!(matches!(came, EventKind::Succeeded { .. }), "{came:?}");
    }

    #[tokio::test]
    async fn a_reverse_of_which_nobody_saw_the_end_is_run_again() {
        for (shown, wanted) in [
            (Presence::Applied, Presence::Applied),
            (Presence::Absent, Presence::Applied),
            (Presence::Unknown, Presence::Unknown),
        ] {
            let came = probe(&Answers(shown), &reverse()).await;
            let EventKind::Probed { presence, .. } = came else {
                panic!("{came:?}");
            };
            assert_eq!(presence, wanted, "{shown:?}");
        }
    }

    #[test]
    fn a_sentence_has_short_evidence_and_the_beginning_of_a_reason() {
        let long = "x".repeat(SEEN_CHARS_MAX + 1);
        let facts = [
            Fact::new("files", 3),
            Fact::new("output", &long),
            Fact::new("output", "one\ntwo"),
            Fact::new(Fact::REASON, "the check refused it\nand said much more"),
            Fact::new(Fact::REASON, &long),
        ];
        assert_eq!(
            told_of(&facts, ": "),
            [
                "files: 3".to_owned(),
                "reason: the check refused it ...".to_owned(),
                format!("reason: {} ...", &long[1..]),
            ]
        );
    }
}
