//! What happens next and when, and what a person may do now, each with its command and consequence.

use portcullis_rollout::{
    Action, Direction, End, HeldWhy, PausedWhy, Plan, Run, State, StepIndex, Strategy,
};

use super::Scene;
use super::gates::{Watched, watched};
use super::line::seconds;
use super::standing::is_inconclusive;
use crate::render::{data, plan};

/// Something that a person may type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// The command as it is typed, without the program's name.
    pub(super) command: String,
    /// What follows from it.
    pub(super) consequence: String,
}

/// What happens next, and when.
pub(super) fn next(scene: &Scene<'_>) -> String {
    let detail = scene.detail;
    let plan = &detail.plan.plan;
    match &detail.state_detail {
        State::Planned => format!("begins with {}", step(plan, StepIndex(0))),
        State::Advancing { halt: Some(_), .. } => {
            "goes back as soon as this step has settled".to_owned()
        }
        State::Advancing { at, run, .. } => match run {
            Run::InFlight => step(plan, at.next()),
            Run::InDoubt => "looks whether the step took effect, and goes on from that".to_owned(),
            Run::Resting { until_ms } => format!("tries again {}", when(scene, *until_ms)),
        },
        State::Watching { at, .. } if plan.keeps_warm(*at) => {
            let left_ms = watched(scene).map_or(0, |gate| gate.window_left_ms());
            format!("in {}: {}", seconds(left_ms + 999), step(plan, at.next()))
        }
        State::Watching { at, .. } => {
            let when = watched(scene).map_or(String::new(), |gate| decides(&gate));
            format!("{when}if every rule holds: {}", step(plan, at.next()))
        }
        State::Paused { at, why, .. } if is_inconclusive(why) => {
            format!("waits for a person; then {}", step(plan, at.next()))
        }
        State::Paused {
            at,
            why: PausedWhy::Within { .. },
            ..
        } => format!("waits for a person; then goes on with {}", step(plan, *at)),
        State::Paused { at, .. } => format!("waits for a person; then {}", step(plan, at.next())),
        State::Unwinding { at, run, .. } => match run {
            Run::InFlight | Run::InDoubt => match to_undo(plan, *at) {
                Some(step) => format!("undoes {step}"),
                None => "it is over".to_owned(),
            },
            Run::Resting { until_ms } => format!("tries the undo again {}", when(scene, *until_ms)),
        },
        State::Held { .. } => "nothing until a person decides".to_owned(),
        State::Done { .. } => "nothing; the rollout is over".to_owned(),
    }
}

/// What a person may do now. The first is the one that most often is wanted.
pub(super) fn choices(scene: &Scene<'_>) -> Vec<Choice> {
    let detail = scene.detail;
    let plan = &detail.plan.plan;
    let id = &detail.summary.rollout;
    let choice = |verb: &str, consequence: String| Choice {
        command: format!("{verb} {id}"),
        consequence,
    };
    let abort = |at: StepIndex| {
        let words = format!("stops; {}", detail.plan.rollback_loss);
        (at < plan.pivot).then(|| choice("abort", words))
    };
    let pause = |at: StepIndex| choice("pause", when_paused(plan, at).to_owned());
    match &detail.state_detail {
        State::Planned => vec![choice("abort", "nothing was touched yet".to_owned())],
        State::Advancing { halt: Some(_), .. } | State::Unwinding { .. } => Vec::new(),
        State::Advancing { at, .. } => abort(*at).into_iter().chain([pause(*at)]).collect(),
        State::Watching { at, .. } => {
            let pause = choice("pause", "waits, and goes on measuring".to_owned());
            if let (true, Some(from)) = (plan.keeps_warm(*at), &detail.summary.from) {
                let words = format!("{from} is no longer kept warm and is stopped now");
                let end = choice("resume", words);
                return abort(*at).into_iter().chain([end, pause]).collect();
            }
            abort(*at).into_iter().chain([pause]).collect()
        }
        State::Paused { at, why, .. } => {
            let then = step(plan, at.next());
            let on = match why {
                PausedWhy::Approval { .. } => choice("approve", format!("goes on: {then}")),
                PausedWhy::Inconclusive { .. } => {
                    let words = format!("takes the gate as passed and goes on: {then}");
                    choice("resume", words)
                }
                PausedWhy::Within { .. } => {
                    choice("resume", "goes on with this step where it was".to_owned())
                }
                PausedWhy::Asked(_) => choice("resume", "goes on where it was".to_owned()),
            };
            [on].into_iter().chain(abort(*at)).collect()
        }
        State::Held {
            direction,
            at,
            halt,
            why,
            ..
        } => {
            let (mut retry, skip) = held(plan, *direction, *at, why);
            let lost = detail.loss.as_ref().map(data::loss_words);
            let lost = lost.map_or_else(String::new, |words| format!(" ({words})"));
            if *why == HeldWhy::WouldLoseWrites {
                retry.push_str(&lost);
            }
            let mut all = vec![choice("retry", retry), choice("skip", skip)];
            if let HeldWhy::GoingBackLoses { .. } = why {
                let words =
                    "closes the service and puts the backup back; writes taken since are lost";
                all.push(choice("abort", format!("{words}{lost}")));
            } else if let HeldWhy::ReverseFailed { .. } = why {
                let words = "puts the backup back instead; writes taken since are lost";
                all.push(choice("abort", format!("{words}{lost}")));
            } else if *direction == Direction::Do && halt.is_none() {
                all.extend(abort(*at));
            }
            all
        }
        State::Done { end, .. } => over(scene, *end),
    }
}

/// When a step that is under way waits.
fn when_paused(plan: &Plan, at: StepIndex) -> &'static str {
    match plan.step(at).map(|step| &step.action) {
        Some(Action::Migrate(order)) if order.has_batches() => {
            "waits behind the batch that is under way"
        }
        _ => "waits at the end of this step",
    }
}

fn held(plan: &Plan, direction: Direction, at: StepIndex, why: &HeldWhy) -> (String, String) {
    if *why == HeldWhy::WouldLoseWrites {
        return (
            "puts the backup back; writes taken since are lost".to_owned(),
            "keeps the data as it is and goes on back".to_owned(),
        );
    }
    let gate = matches!(
        plan.step(at).map(|step| &step.action),
        Some(Action::Gate(_))
    );
    if let (HeldWhy::GoingBackLoses { .. }, true) = (why, gate) {
        return (
            "opens the gate again and measures anew".to_owned(),
            "goes on as if the gate had passed".to_owned(),
        );
    }
    let name = plan.step(at).map_or("the step", |step| step.name.as_str());
    let done = match direction {
        Direction::Do => "done",
        Direction::Undo => "undone",
    };
    (
        "looks again and goes on from what it finds".to_owned(),
        format!("you vouch that {name} is {done}; goes on"),
    )
}

fn over(scene: &Scene<'_>, end: End) -> Vec<Choice> {
    let summary = &scene.detail.summary;
    let evidence = Choice {
        command: format!("show {}", summary.rollout),
        consequence: "the timeline and the evidence".to_owned(),
    };
    let plan = &scene.detail.plan.plan;
    // A cut-over goes back by the data as it was before.
    let puts_back = matches!(plan.strategy, Strategy::CutOver { .. });
    let is_gone = !puts_back && !plan.takes_away().is_empty();
    match (end, &summary.from) {
        (End::Promoted, Some(_)) if is_gone => vec![evidence],
        (End::Promoted, Some(from)) => vec![
            Choice {
                command: "rollback".to_owned(),
                consequence: match &plan.strategy {
                    Strategy::CutOver { .. } => {
                        format!(
                            "closes the service, puts back the data that {from} left, and starts it; asks first"
                        )
                    }
                    _ => format!(
                        "starts {from} again and moves traffic to it; the data stays as it is"
                    ),
                },
            },
            evidence,
        ],
        _ => vec![evidence],
    }
}

/// When an open gate can decide.
fn decides(gate: &Watched<'_>) -> String {
    let left = gate.window_left_ms();
    let missing = gate.requests_missing();
    match gate.requests_missing_ms() {
        _ if missing == 0 => format!("in {}, ", seconds(left + 999)),
        Some(needed) => format!(
            "needs {missing} more requests (about {}) and {} of window; ",
            seconds(needed + 999),
            seconds(left + 999)
        ),
        None => format!(
            "needs {missing} more requests and {} of window; ",
            seconds(left + 999)
        ),
    }
}

fn when(scene: &Scene<'_>, at_ms: u64) -> String {
    match at_ms.saturating_sub(scene.now_ms) {
        0 => "now".to_owned(),
        left => format!("in {}", seconds(left + 999)),
    }
}

/// A step by its name and what it does.
fn step(plan: &Plan, at: StepIndex) -> String {
    plan.step(at).map_or("it is over".to_owned(), |step| {
        format!("{}, {}", step.name, plan::what(plan, step))
    })
}

/// The step that is undone after the one at `at`.
fn to_undo(plan: &Plan, at: StepIndex) -> Option<&str> {
    let before = plan.steps.get(..at.0)?;
    let step = before
        .iter()
        .rev()
        .find(|step| step.undo.action().is_some());
    step.map(|step| step.name.as_str())
}
