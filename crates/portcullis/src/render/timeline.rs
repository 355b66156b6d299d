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
        MomentKind::Intervened { event, message } => {
            format!("{time}  {name:<10} {event} by {}: {message}", moment.by)
        }
        MomentKind::Turned { sentence } => format!("{time}  => {sentence}"),
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

/// A time as people read it.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}
