//! One attempt at a step, in one direction.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Action, RolloutId, StepIndex};

/// Forward, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Doing the step.
    Do,
    /// Undoing it.
    Undo,
}

/// The idempotency key of one attempt. It never repeats within a rollout, so an answer that comes late is
/// recognised and refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpKey {
    /// The rollout.
    pub rollout: RolloutId,
    /// Forward or back.
    pub direction: Direction,
    /// The step.
    pub step: StepIndex,
    /// Which attempt, from 1; it goes on counting after a person asked for a retry.
    pub attempt: u32,
}

impl fmt::Display for OpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Do => "do",
            Direction::Undo => "undo",
        };
        write!(
            f,
            "{}/{}/{}/{}",
            self.rollout, self.step, direction, self.attempt
        )
    }
}

/// One attempt: what is to be done, under which key, within which time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Op {
    /// The key.
    pub key: OpKey,
    /// What is to be done. For an undo this is the inverse action.
    pub action: Action,
    /// How long the attempt may take, in milliseconds.
    pub deadline_ms: u64,
}

/// Whether a step's effect is in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is.
    Applied,
    /// It is not.
    Absent,
    /// It cannot be told, or the attempt may still be under way.
    Unknown,
}

impl Presence {
    /// What the presence of an inverse action says about the step itself: undone means absent.
    #[must_use]
    pub fn inverted(self) -> Presence {
        match self {
            Presence::Applied => Presence::Absent,
            Presence::Absent => Presence::Applied,
            Presence::Unknown => Presence::Unknown,
        }
    }
}
