//! What can happen to a rollout.

use std::fmt;

use portcullis_analysis::{Judgement, Sample};
use serde::{Deserialize, Serialize};

use crate::{OpKey, Presence, StepIndex};

/// One thing that happened: when, by whom, what. The time is stamped by the runner; nothing here reads
/// a clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// By whom.
    pub by: Actor,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Actor {
    /// The engine itself.
    Engine,
    /// A person or a script, by name.
    Person(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
// Measurements are what most events of a journal are, and events are kept behind a pointer each.
#[allow(clippy::large_enum_variant)]
pub enum EventKind {
    /// The rollout may begin.
    Start,
    /// An attempt took effect, and a probe confirmed it.
    Succeeded {
        /// Which attempt.
        key: OpKey,
        /// What there is to show for it.
        facts: Vec<Fact>,
    },
    /// An attempt did not take effect.
    Failed {
        /// Which attempt.
        key: OpKey,
        /// Why.
        failure: Failure,
    },
    /// An attempt passed its deadline; whether it took effect is not known.
    TimedOut {
        /// Which attempt.
        key: OpKey,
    },
    /// An attempt ended, and the probe could not tell whether it took effect.
    Unclear {
        /// Which attempt.
        key: OpKey,
        /// What the attempt reported, and what the probe saw.
        message: String,
    },
    /// An attempt stopped between two parts of its work, because a person asked to pause; the next one goes on there.
    Suspended {
        /// Which attempt.
        key: OpKey,
        /// What there is to show for it.
        facts: Vec<Fact>,
    },
    /// An attempt that is under way says how far it is.
    Progress {
        /// Which attempt.
        key: OpKey,
        /// How far, for example `0002_fill.sql: 500 rows changed`.
        message: String,
    },
    /// A probe answered.
    Probed {
        /// Which attempt was asked about.
        key: OpKey,
        /// The answer, about the step: an undone step is absent.
        presence: Presence,
        /// What the probe saw.
        facts: Vec<Fact>,
    },
    /// A waiting time is over.
    Woke {
        /// The attempt after which it was waited.
        key: OpKey,
    },
    /// A gate was measured.
    Measured {
        /// The gate's step.
        step: StepIndex,
        /// What was measured.
        sample: Box<Sample>,
        /// What the gate concluded when the sample came, if that moved it. What was decided stays
        /// decided: a later version of the formulas reads a journal as it was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decided: Option<Box<Judgement>>,
        /// The version of the formulas that looked at the sample; 0 where it was not recorded, and the
        /// sample is judged when it is read.
        #[serde(default, skip_serializing_if = "is_zero")]
        formula: u32,
    },
    /// The engine came back and does not know what became of what was under way.
    Recovered,
    /// A person stops the rollout; it goes back.
    Abort {
        /// Why.
        reason: String,
    },
    /// A person asks the rollout to wait: at once at a gate, between two
    /// batches in a backfill, else at the end of the step.
    Pause {
        /// Why.
        reason: String,
    },
    /// A person lets a paused rollout go on.
    Resume,
    /// A person answers a planned question with yes.
    Approve,
    /// A person asks a held rollout to look again and go on from what it finds.
    Retry,
    /// A person vouches that a held step is done (or undone) and lets the rollout go on.
    Skip,
}

/// One thing to show for an outcome, for example `sha256` = `9f86...`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value, with the unit.
    pub value: String,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// In one sentence, with what to do where that is known.
    pub message: String,
    /// Whether another attempt may help.
    pub retryable: bool,
    /// Evidence: last log lines, the failed check's body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
}

impl Fact {
    /// The name of the fact that says why something is not as it should be, or cannot be told.
    pub const REASON: &str = "reason";

    /// A fact.
    pub fn new(name: impl Into<String>, value: impl fmt::Display) -> Fact {
        Fact {
            name: name.into(),
            value: value.to_string(),
        }
    }
}

impl EventKind {
    /// A sample of the gate at `step`, as the meter reports it: nobody has judged it yet.
    pub fn measured(step: StepIndex, sample: Sample) -> EventKind {
        EventKind::Measured {
            step,
            sample: Box::new(sample),
            decided: None,
            formula: 0,
        }
    }

    /// The word for this kind of event in a refusal and in the journal's listing.
    pub fn word(&self) -> &'static str {
        match self {
            EventKind::Start => "start",
            EventKind::Succeeded { .. } => "succeeded",
            EventKind::Failed { .. } => "failed",
            EventKind::TimedOut { .. } => "timed out",
            EventKind::Unclear { .. } => "unclear",
            EventKind::Suspended { .. } => "suspended",
            EventKind::Progress { .. } => "progress",
            EventKind::Probed { .. } => "probed",
            EventKind::Woke { .. } => "woke",
            EventKind::Measured { .. } => "measured",
            EventKind::Recovered => "recovered",
            EventKind::Abort { .. } => "abort",
            EventKind::Pause { .. } => "pause",
            EventKind::Resume => "resume",
            EventKind::Approve => "approve",
            EventKind::Retry => "retry",
            EventKind::Skip => "skip",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Engine => f.write_str("engine"),
            Actor::Person(name) => f.write_str(name),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> String {
        actor.to_string()
    }
}

impl From<String> for Actor {
    fn from(name: String) -> Actor {
        if name == "engine" {
            Actor::Engine
        } else {
            Actor::Person(name)
        }
    }
}
fn is_zero(formula: &u32) -> bool {
    *formula == 0
}
