//! Commands of the operator's: where they are asked for, and the steps that they become.

use serde::{Deserialize, Serialize};

use crate::{Action, Command, HookTime, Purpose};

/// A command that is run before or after steps, or whenever people are told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name, different from those of all other hooks.
    pub name: String,
    /// When it is run.
    pub points: Vec<HookPoint>,
    /// What is run. Places are filled in when the plan is made.
    pub command: Command,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// Whether a failure fails the step that it belongs to; otherwise it is only noted.
    pub must_succeed: bool,
    /// The same where the rollout returns to an earlier release: what guards the way forward must not
    /// bar the way back.
    pub must_succeed_back: bool,
}

/// When a hook is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookPoint {
    /// Before or after each step of a kind.
    Step {
        /// Before or after.
        time: HookTime,
        /// The word of the steps' action, as [`Action::word`] gives it; `None` for every step.
        kind: Option<String>,
    },
    /// Whenever people are told something: paused, held, going back, done.
    Notice,
}

/// A command that is run whenever people are told something. It cannot change an outcome
/// (invariant 14), so it is not a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeHook {
    /// Its name in the configuration.
    pub name: String,
    /// What is run.
    pub command: Command,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Hook {
    /// Whether a failure fails the step in a rollout of this purpose.
    pub(super) fn must_succeed_in(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Deploy => self.must_succeed,
            Purpose::Rollback => self.must_succeed_back,
        }
    }

    /// Whether it is run at this point of steps with this action.
    pub(super) fn is_at(&self, wanted: HookTime, action: &Action) -> bool {
        self.points.iter().any(|point| match point {
            HookPoint::Step { time, kind } => {
                let named = kind.as_deref().is_none_or(|kind| kind == action.word());
                *time == wanted && named
            }
            HookPoint::Notice => false,
        })
    }

    /// Whether it is run with notices.
    pub(super) fn is_told(&self) -> bool {
        self.points.contains(&HookPoint::Notice)
    }
}
