//! How each step stands, from where the rollout is and what happened to it.

use portcullis_analysis::Verdict;
use portcullis_api::engine::Detail;
use portcullis_rollout::{
    Cause, Direction, End, Moment, MomentKind, PausedWhy, Run, State, StepIndex,
};

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is done.
    Done,
    /// It is being done.
    Running,
    /// A gate is open.
    Measuring,
    /// It failed and will be tried again.
    Retries,
    /// Its outcome is not known; it is being looked at.
    InDoubt,
    /// A person is asked, as planned.
    Waits,
    /// A person is needed.
    Held,
    /// It failed.
    Failed,
    /// It is being undone.
    Undoing,
    /// It is undone.
    Undone,
    /// Its turn has not come.
    ToCome,
    /// Its turn will not come.
    NotReached,
}

/// A step with what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standings {
    pub(super) standing: Standing,
    /// How long it took to do, in milliseconds.
    pub(super) took_ms: Option<u64>,
    /// How long it took to undo, in milliseconds.
    pub(super) undo_took_ms: Option<u64>,
}

impl Standing {
    /// The word beside the icon.
    pub(super) fn word(self) -> &'static str {
        match self {
            Standing::Done => "done",
            Standing::Running => "running",
            Standing::Measuring => "measuring",
            Standing::Retries => "retries",
            Standing::InDoubt => "in doubt",
            Standing::Waits => "waits",
            Standing::Held => "held",
            Standing::Failed => "failed",
            Standing::Undoing => "undoing",
            Standing::Undone => "undone",
            Standing::ToCome => "to come",
            Standing::NotReached => "not run",
        }
    }

    /// Whether nothing more will happen to the step, as far as is known.
    pub(super) fn is_settled(self) -> bool {
        matches!(
            self,
            Standing::Done | Standing::Undone | Standing::NotReached
        )
    }

    /// Whether the step is the one that everything waits for.
    pub(super) fn is_current(self) -> bool {
        !self.is_settled() && !matches!(self, Standing::ToCome | Standing::Failed)
    }
}

/// How every step stands.
pub(super) fn standings(detail: &Detail) -> Vec<Standings> {
    (0..detail.plan.plan.steps.len())
        .map(|index| {
            let at = StepIndex(index);
            Standings {
                standing: standing(detail, at),
                took_ms: took(detail, at, Direction::Do),
                undo_took_ms: took(detail, at, Direction::Undo),
            }
        })
        .collect()
}

/// When what is going on now began, milliseconds since the Unix epoch.
pub(super) fn current_since_ms(detail: &Detail) -> u64 {
    let began = detail.moments.last().map(|moment| moment.at_ms);
    began.unwrap_or(detail.summary.planned_at_ms)
}

/// Why the rollout goes or went back, where it did.
pub(super) fn cause(state: &State) -> Option<&Cause> {
    match state {
        State::Unwinding { cause, .. } => Some(cause),
        State::Held { cause, .. } | State::Done { cause, .. } => cause.as_ref(),
        State::Planned
        | State::Advancing { .. }
        | State::Watching { .. }
        | State::Paused { .. } => None,
    }
}

fn standing(detail: &Detail, at: StepIndex) -> Standing {
    let state = &detail.state_detail;
    if state.step() == Some(at) {
        return current(state);
    }
    match state {
        State::Planned => Standing::ToCome,
        State::Done {
            end: End::Promoted, ..
        } => Standing::Done,
        State::Advancing { at: now, .. }
        | State::Watching { at: now, .. }
        | State::Paused { at: now, .. }
        | State::Held {
            direction: Direction::Do,
            at: now,
            ..
        } => {
            if at < *now {
                Standing::Done
            } else {
                Standing::ToCome
            }
        }
        State::Unwinding { .. }
        | State::Held {
            direction: Direction::Undo,
            ..
        }
        | State::Done { .. } => on_the_way_back(detail, at),
    }
}

fn current(state: &State) -> Standing {
    match state {
        State::Planned | State::Done { .. } => Standing::ToCome,
        State::Advancing { run, .. } => match run {
            Run::InFlight => Standing::Running,
            Run::InDoubt => Standing::InDoubt,
            Run::Resting { .. } => Standing::Retries,
        },
        State::Watching { .. } => Standing::Measuring,
        State::Paused { .. } => Standing::Waits,
        State::Unwinding { run, .. } => match run {
            Run::InFlight => Standing::Undoing,
            Run::InDoubt => Standing::InDoubt,
            Run::Resting { .. } => Standing::Retries,
        },
        State::Held { .. } => Standing::Held,
    }
}

fn on_the_way_back(detail: &Detail, at: StepIndex) -> Standing {
    let failed = match cause(&detail.state_detail) {
        Some(Cause::StepFailed { step, .. } | Cause::GateFailed { step, .. }) => Some(*step),
        Some(Cause::Aborted(_) | Cause::LossAccepted { .. }) | None => None,
    };
    if failed == Some(at) {
        return Standing::Failed;
    }
    if took(detail, at, Direction::Undo).is_some() {
        return Standing::Undone;
    }
    let vouched = |moment: &Moment| match &moment.kind {
        MomentKind::Intervened { event, .. } => event == "skip" || event == "resume",
        MomentKind::Decided { judgement } => judgement.verdict == Verdict::Pass,
        _ => false,
    };
    let mut moments = detail.moments.iter().filter(|m| m.step == Some(at));
    if took(detail, at, Direction::Do).is_some() || moments.any(vouched) {
        Standing::Done
    } else {
        Standing::NotReached
    }
}

fn took(detail: &Detail, at: StepIndex, wanted: Direction) -> Option<u64> {
    let of_step = detail.moments.iter().rev().filter(|m| m.step == Some(at));
    of_step
        .filter_map(|moment| match &moment.kind {
            MomentKind::Settled {
                direction, took_ms, ..
            } if *direction == wanted => Some(*took_ms),
            MomentKind::Decided { judgement } if wanted == Direction::Do => {
                Some(judgement.measured_ms)
            }
            _ => None,
        })
        .next()
}

/// Whether a paused rollout is one whose gate could not decide.
pub(super) fn is_inconclusive(why: &PausedWhy) -> bool {
    matches!(why, PausedWhy::Inconclusive { .. })
}
