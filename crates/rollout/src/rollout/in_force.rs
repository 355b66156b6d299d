//! Which traffic split a rollout has brought about, as far as its events tell.

use super::Rollout;
use crate::{Action, Direction, Running, Split, SplitArm, State, Step, StepIndex, Weight};

impl Rollout {
    /// The split that is in force by the last shift or promotion that is done; while the rollout goes back,
    /// and after it has, that with the release before it alone. `None` where nothing serves yet. While a step
    /// moves traffic ([`Rollout::moves_traffic`]) it is what was before.
    pub fn split(&self) -> Option<Split> {
        match self.last_move() {
            Some(at) => self.plan().step(at).and_then(split_of).cloned(),
            None => self.plan().previous.as_ref().map(alone),
        }
    }

    /// The last step whose shift or promotion is in force; `None` before the first one, and when the rollout
    /// goes back or has gone back.
    pub fn last_move(&self) -> Option<StepIndex> {
        let done = match self.state() {
            State::Done { .. } if self.is_promoted() => self.plan().steps.len(),
            State::Planned
            | State::Done { .. }
            | State::Unwinding { .. }
            | State::Held {
                direction: Direction::Undo,
                ..
            } => 0,
            State::Advancing { at, .. }
            | State::Watching { at, .. }
            | State::Paused { at, .. }
            | State::Held { at, .. } => at.0,
        };
        let steps = self.plan().steps.iter().take(done);
        let mut moves = steps
            .enumerate()
            .filter(|(_, step)| split_of(step).is_some());
        moves.next_back().map(|(at, _)| StepIndex(at))
    }

    /// Whether a step that moves traffic is being done or undone, or it is not known what became of it: which
    /// split is in force shows at the gateway only.
    pub fn moves_traffic(&self) -> bool {
        let (direction, at) = match self.state() {
            State::Planned | State::Watching { .. } | State::Paused { .. } | State::Done { .. } => {
                return false;
            }
            State::Advancing { at, .. } => (Direction::Do, *at),
            State::Unwinding { at, .. } => (Direction::Undo, *at),
            State::Held { direction, at, .. } => (*direction, *at),
        };
        let steps = &self.plan().steps;
        match direction {
            Direction::Do => steps.get(at.0).and_then(split_of).is_some(),
            // Each one is undone in turn.
            Direction::Undo => steps
                .iter()
                .take(at.0 + 1)
                .any(|step| split_of(step).is_some()),
        }
    }
}

/// The split that sends everybody to a release.
pub fn alone(running: &Running) -> Split {
    Split {
        service: running.release.service.clone(),
        stable: SplitArm {
            release: running.release.id.clone(),
            address: running.target.address.clone(),
        },
        canary: None,
        weight: Weight::NONE,
        closed: None,
    }
}

fn split_of(step: &Step) -> Option<&Split> {
    match &step.action {
        Action::Shift(split) => Some(split),
        Action::Promote(promotion) => Some(&promotion.split),
        _ => None,
    }
}
