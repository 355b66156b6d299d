//! One step of a plan and its inverse.

use serde::{Deserialize, Serialize};

use crate::{Action, RestoreOrder, ReverseOrder};

/// One step: what is done, how it is undone, and how long and how often it is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The step's name, unique in its plan, for example `shift-10`.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// How it is undone.
    pub undo: Undo,
    /// How long one attempt may take, in milliseconds.
    pub deadline_ms: u64,
    /// How often it is tried, at least 1.
    pub attempts_max: u32,
}

/// A step's inverse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo {
    /// The step left nothing that must be undone.
    Nothing,
    /// An action undoes it.
    Run {
        /// The action.
        action: Box<Action>,
    },
    /// A backup is put back.
    Restore {
        /// Which one, and where.
        order: RestoreOrder,
        /// Whether writes that the service took since the backup are lost by it.
        loses_writes: bool,
        /// Whether the service's data policy allows that loss without asking a person.
        automatic: bool,
        /// Whether users of the release that serves write from the backup on, so that something may be lost though the new
        /// one was given no traffic yet. Plans of before lack it, and their journals hold what became of them then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        others_write: bool,
    },
    /// The reverse of a migration is carried out, which loses no write. Where that fails, a backup is put back.
    Reverse {
        /// What is reversed.
        order: Box<ReverseOrder>,
        /// What is put back where that fails.
        otherwise: RestoreOrder,
        /// Whether writes that the service took since that backup are lost by putting it back.
        loses_writes: bool,
        /// Whether the service's data policy allows that loss without asking a person.
        automatic: bool,
    },
    /// It cannot be undone.
    Impossible,
}

impl Undo {
    /// The action that undoes the step, if there is one.
    pub fn action(&self) -> Option<Action> {
        match self {
            Undo::Nothing | Undo::Impossible => None,
            Undo::Run { action } => Some((**action).clone()),
            Undo::Restore { order, .. } => Some(Action::Restore(order.clone())),
            Undo::Reverse { order, .. } => Some(Action::Reverse(order.clone())),
        }
    }

    /// What is done where that has failed, if there is another way, and whether a person is asked before.
    pub fn otherwise(&self) -> Option<(Action, bool)> {
        match self {
            Undo::Reverse {
                otherwise,
                loses_writes,
                automatic,
                ..
            } => {
                let asks = *loses_writes && !automatic;
                Some((Action::Restore(otherwise.clone()), asks))
            }
            Undo::Nothing | Undo::Impossible | Undo::Run { .. } | Undo::Restore { .. } => None,
        }
    }

    /// Whether something may be lost though the new release was given no traffic yet.
    pub(crate) fn loses_others_writes(&self) -> bool {
        matches!(
            self,
            Undo::Restore {
                others_write: true,
                ..
            }
        )
    }

    /// Whether running it loses writes and nobody has agreed to that in advance.
    pub fn needs_consent(&self) -> bool {
        matches!(
            self,
            Undo::Restore {
                loses_writes: true,
                automatic: false,
                ..
            }
        )
    }
}

impl Step {
    /// Whether this step watches a gate instead of performing an action.
    pub fn is_gate(&self) -> bool {
        matches!(self.action, Action::Gate(_))
    }
}
