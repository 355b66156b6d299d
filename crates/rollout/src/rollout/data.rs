//! Whose data the live stores have, and whether the release that served before is stopped, as far as a rollout's events tell.

use super::Rollout;
use crate::{Action, Direction, HeldWhy, PausedWhy, State, StepIndex, Strategy, Undo};

/// Whose data the live stores have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataOf {
    /// That of the release that the rollout comes from; nothing was changed yet, or it was put back.
    Before,
    /// That of the release that the rollout brings out: it was migrated, or restored for it.
    After,
    /// A step that changes it is under way, or it is not known what became of one.
    Between,
}

impl Rollout {
    /// Whose data the live stores have. Where both releases work on migrated data it is that of the new one from the
    /// migration on, until the rollout has gone back.
    pub fn data_of(&self) -> DataOf {
        if self.is_promoted() {
            return DataOf::After;
        }
        let Some((first, last)) = self.changes_data() else {
            return DataOf::Before;
        };
        let forward = |at: StepIndex| match at {
            at if at < first => DataOf::Before,
            at if at > last => DataOf::After,
            _ => DataOf::Between,
        };
        match self.state() {
            State::Planned | State::Done { .. } => DataOf::Before,
            // A step behind which a person let it wait is done.
            State::Paused {
                at,
                why: PausedWhy::Asked(_),
                ..
            } => forward(at.next()),
            State::Advancing { at, .. }
            | State::Watching { at, .. }
            | State::Paused { at, .. }
            | State::Held {
                direction: Direction::Do,
                at,
                ..
            } => forward(*at),
            State::Held {
                direction: Direction::Undo,
                why: HeldWhy::WouldLoseWrites,
                ..
            } => match self.exposed {
                true => DataOf::After,
                // The migration itself may have failed half way.
                false => DataOf::Between,
            },
            State::Unwinding { at, .. }
            | State::Held {
                direction: Direction::Undo,
                at,
                ..
            } => match self.put_back(last) {
                Some(put_back) if *at < put_back => DataOf::Before,
                Some(_) if *at > last => DataOf::After,
                Some(_) => DataOf::Between,
                None => forward(*at),
            },
        }
    }

    /// Whether the release that served before is stopped though the new one is not promoted: in a cut-over, from the
    /// moment when users are kept out on. Whoever the new release is not open to gets no answer but 503.
    pub fn stopped_previous(&self) -> bool {
        let plan = self.plan();
        let Some(previous) = &plan.previous else {
            return false;
        };
        let stops = |action: &Action| matches!(action, Action::Retire(order) if order.target == previous.target);
        let stop = plan.steps.iter().position(|step| stops(&step.action));
        let Some(stop) = stop.filter(|_| !self.is_promoted()) else {
            return false;
        };
        match self.state() {
            State::Planned | State::Done { .. } => false,
            State::Paused {
                at,
                why: PausedWhy::Asked(_),
                ..
            } => at.0 >= stop,
            State::Advancing { at, .. }
            | State::Watching { at, .. }
            | State::Paused { at, .. }
            | State::Held {
                direction: Direction::Do,
                at,
                ..
            } => at.0 > stop,
            State::Unwinding { at, .. }
            | State::Held {
                direction: Direction::Undo,
                at,
                ..
            } => at.0 >= stop,
        }
    }

    /// The steps that make the data that of the new release, the first and the last of them; none if it is left as it is. A
    /// release that has the data to itself may change it as it starts.
    fn changes_data(&self) -> Option<(StepIndex, StepIndex)> {
        let plan = self.plan();
        let cuts_over = matches!(plan.strategy, Strategy::CutOver { .. });
        let start = plan
            .steps
            .iter()
            .position(|step| matches!(step.action, Action::Start(_)))?;
        let before_start = plan.steps.iter().enumerate().take(start);
        let mut changes = before_start
            .filter(|(_, step)| matches!(step.action, Action::Migrate(_) | Action::Restore(_)))
            .map(|(at, _)| StepIndex(at));
        match changes.next() {
            Some(first) => Some((first, changes.next_back().unwrap_or(first))),
            None => cuts_over.then_some((StepIndex(start), StepIndex(start))),
        }
    }

    /// The step whose undo puts the data back as it was before `last`.
    fn put_back(&self, last: StepIndex) -> Option<StepIndex> {
        let steps = self.plan().steps.iter().take(last.0 + 1);
        let mut restores = steps
            .enumerate()
            .filter(|(_, step)| matches!(step.undo, Undo::Restore { .. }));
        restores.next_back().map(|(at, _)| StepIndex(at))
    }
}
