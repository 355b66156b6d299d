//! What a rollout wants done. Plain data: the runner carries it out after the event is durable.

use serde::{Deserialize, Serialize};

use crate::{Op, OpKey, StepIndex};

/// One thing that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Carry out an attempt, then probe it, and report the outcome.
    Perform(Op),
    /// Ask whether an attempt took effect.
    Probe(Op),
    /// Try to stop an attempt that is under way. Best effort: its outcome still comes.
    Cancel(OpKey),
    /// Ask an attempt to stop between two parts of its work. Best effort: its outcome still comes.
    Suspend(OpKey),
    /// Measure a gate.
    Measure {
        /// The gate's step.
        step: StepIndex,
        /// How long after the previous measurement, in milliseconds.
        interval_ms: u64,
    },
    /// Come back at a time.
    Wake {
        /// The attempt after which it is waited.
        key: OpKey,
        /// When, milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// Tell people.
    Notify(Notice),
    /// The rollout is over: give the lease up.
    ReleaseLease,
}

/// Something that people should know. It never changes the outcome (invariant 14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What kind of notice.
    pub kind: NoticeKind,
    /// The verdict sentence.
    pub sentence: String,
}

/// Kinds of notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A person is needed: the rollout is held.
    Held,
    /// A person is asked: the rollout is paused.
    Paused,
    /// A gate warns: a rule is on its way to fail, or has no data any more. It is told once for each rule of a gate.
    Warning,
    /// The rollout goes back.
    GoingBack,
    /// The rollout is over.
    Done,
}
