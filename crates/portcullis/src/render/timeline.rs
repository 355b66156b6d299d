//! The moments of a rollout as lines.

use portcullis_rollout::{Direction, Moment, MomentKind};

use super::{facts, name_of};
use crate::clock::local;

/// A moment in one line.
pub(crate) fn moment(moment: &Moment) -> String {
    let time = local(moment.at_ms).strftime("%H:%M:%S").to_string();
    let name = name_of(moment);
    match &moment.kind {
        MomentKind::Began { title } => format!("{time}  {title}"),
        MomentKind::Settled {
            direction,
            took_ms,
            facts: shown,
        } => {
            let word = match direction {
                Direction::Do => "done",
                Direction::Undo => "undone",
            };
            let took = duration(*took_ms);
            let shown = facts(shown);
            format!("{time}  {name:<10} {word:<7} {took:>7}  {shown}")
        }
        MomentKind::Failed { message, .. } => {
            format!("{time}  {name:<10} failed           {message}")
        }
        MomentKind::Doubt { message } => format!("{time}  {name:<10} in doubt         {message}"),
        MomentKind::Decided { judgement } => {
            let (word, phrase) = (judgement.verdict.word(), judgement.phrase());
            let took = duration(judgement.measured_ms);
            format!("{time}  {name:<10} {word:<7} {took:>7}  {phrase}")
        }
        MomentKind::Intervened { event, message } if message.is_empty() => {
            format!("{time}  {name:<10} {event} by {}", moment.by)
        }
        MomentKind::Intervened { event, message } => {
            format!("{time}  {name:<10} {event} by {}: {message}", moment.by)
        }
        MomentKind::Turned {
            sentence,
            until_ms: None,
        } => format!("{time}  => {sentence}"),
        MomentKind::Turned {
            sentence,
            until_ms: Some(until_ms),
        } => {
            let until = local(*until_ms).strftime("%H:%M").to_string();
            format!(
                "{time}  => {sentence}, until {until} (`portcullis rollback` goes back at once; \
                 `portcullis resume` ends it)"
            )
        }
    }
}

/// A moment as it is told while it happens: in one line, but a failure with its evidence below it, for
/// what is cleaned up next cannot be looked at any more.
pub(crate) fn moment_as_told(told: &Moment) -> String {
    match &told.kind {
        MomentKind::Failed { .. } => moment_in_full(told),
        _ => moment(told),
    }
}

/// A moment with all its evidence: every rule of a gate, every fact of a failure.
pub(crate) fn moment_in_full(moment_told: &Moment) -> String {
    let mut lines = vec![moment(moment_told)];
    let indent = " ".repeat(31);
    match &moment_told.kind {
        MomentKind::Decided { judgement } if judgement.evidence.len() > 1 => {
            for evidence in &judgement.evidence {
                lines.push(format!(
                    "{indent}{:<12} {}",
                    evidence.verdict.word(),
                    evidence.phrase()
                ));
                lines.extend(
                    evidence
                        .detail
                        .iter()
                        .map(|detail| format!("{indent}{detail}")),
                );
            }
        }
        MomentKind::Failed { facts, .. } => {
            for fact in facts {
                for line in fact.value.lines() {
                    lines.push(format!("{indent}{}: {line}", fact.name));
                }
            }
        }
        // What is taken back is shown once more: the last lines of a release that failed.
        MomentKind::Settled {
            direction: Direction::Undo,
            facts,
            ..
        } => {
            for fact in facts.iter().filter(|fact| fact.value.contains('\n')) {
                lines.push(format!("{indent}{}:", fact.name));
                lines.extend(fact.value.lines().map(|line| format!("{indent}  {line}")));
            }
        }
        _ => {}
    }
    lines.join("\n")
}

/// A length of time that somebody chose, as they would write it: `10 min`, `2.5 s`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{} s", ms as f64 / 1000.0),
        _ => duration(ms),
    }
}

/// A length of time as people read it.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ if ms.is_multiple_of(3_600_000) => format!("{} h", ms / 3_600_000),
        _ if ms % 60_000 < 1000 => format!("{} min", ms / 60_000),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}
