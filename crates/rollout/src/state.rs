//! Where a rollout is. One enum; nothing about a rollout's progress is kept anywhere else.

use portcullis_analysis::{Judgement, Tally};
use serde::{Deserialize, Serialize};

use crate::{Direction, StepIndex};

/// Where a rollout is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The plan is recorded; nothing was touched.
    Planned,
    /// A step is being done.
    Advancing {
        /// Which step.
        at: StepIndex,
        /// Which attempt.
        attempt: Attempt,
        /// What the attempt is doing.
        run: Run,
        /// An accepted abort that waits for the attempt to settle.
        halt: Option<Halt>,
    },
    /// A gate is open and measuring.
    Watching {
        /// Which step.
        at: StepIndex,
        /// What was measured so far.
        tally: Box<Tally>,
    },
    /// The rollout waits for a person; a gate still measures and still fails.
    Paused {
        /// Which step.
        at: StepIndex,
        /// What was measured so far.
        tally: Box<Tally>,
        /// What it waits for.
        why: PausedWhy,
    },
    /// A step is being undone.
    Unwinding {
        /// Which step.
        at: StepIndex,
        /// Which attempt.
        attempt: Attempt,
        /// What the attempt is doing.
        run: Run,
        /// Why the rollout goes back.
        cause: Cause,
    },
    /// It is not known how things stand, or the rollout may not go on alone; a person decides.
    Held {
        /// Forward or back.
        direction: Direction,
        /// Which step.
        at: StepIndex,
        /// The last attempt made.
        attempt: Attempt,
        /// An accepted abort, kept.
        halt: Option<Halt>,
        /// Why the rollout was going back, where it was.
        cause: Option<Cause>,
        /// Why it is held.
        why: HeldWhy,
    },
    /// The rollout is over.
    Done {
        /// How.
        end: End,
        /// Why it went back, where it did.
        cause: Option<Cause>,
    },
}

/// Which attempt at a step, and how far the attempts may go before giving up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// The attempt under way, from 1.
    pub number: u32,
    /// The last attempt allowed; a person's retry raises it.
    pub last: u32,
}

/// What an attempt is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "run", rename_all = "snake_case")]
pub enum Run {
    /// It is under way.
    InFlight,
    /// Its outcome is not known; a probe was asked.
    InDoubt,
    /// It failed and the next one waits.
    Resting {
        /// Until when, milliseconds since the Unix epoch.
        until_ms: u64,
    },
}

/// An accepted request to stop: an abort, or a pause.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Halt {
    /// Who asked.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Why a rollout goes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Cause {
    /// A step failed.
    StepFailed {
        /// Which step.
        step: StepIndex,
        /// What it said.
        message: String,
    },
    /// A gate failed.
    GateFailed {
        /// Which step.
        step: StepIndex,
        /// What it saw.
        judgement: Judgement,
    },
    /// A person aborted.
    Aborted(Halt),
    /// A person aborted it, knowing that writes are lost.
    LossAccepted {
        /// What had happened before.
        message: String,
        /// Who, and why.
        halt: Halt,
    },
}

/// What a paused rollout waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum PausedWhy {
    /// A person's approval, as planned.
    Approval {
        /// What is asked.
        question: String,
    },
    /// A gate could not decide.
    Inconclusive {
        /// What it saw.
        judgement: Judgement,
    },
    /// A person asked for it.
    Asked(Halt),
    /// A person asked for it in the middle of a step, which goes on with another attempt.
    Within {
        /// Who asked and why.
        asked: Halt,
        /// The attempt that was suspended.
        attempt: Attempt,
    },
}

/// Why a rollout is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum HeldWhy {
    /// A probe could not tell whether an attempt took effect.
    Unknown {
        /// What it saw.
        message: String,
    },
    /// An undo kept failing.
    UndoFailed {
        /// What it said last.
        message: String,
    },
    /// The reverse of a migration kept failing. Putting the backup back instead would lose writes, and the service's data
    /// policy leaves that to a person.
    ReverseFailed {
        /// What it said last.
        message: String,
    },
    /// A step at or after the pivot failed: going back is no longer possible.
    PastPivot {
        /// What it said.
        message: String,
    },
    /// Going on back would lose writes, and the service's data policy leaves that to a person.
    WouldLoseWrites,
    /// Something failed, or a person aborted, after users wrote to the new release alone: going back would close the
    /// service and lose these writes. Nothing was undone.
    GoingBackLoses {
        /// What happened.
        message: String,
    },
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The new release serves.
    Promoted,
    /// Everything that was done was undone.
    RolledBack,
    /// It was stopped before anything was touched.
    Aborted,
}

impl Attempt {
    /// The first of at most `attempts_max` attempts.
    pub fn first(attempts_max: u32) -> Attempt {
        Attempt {
            number: 1,
            last: attempts_max.max(1),
        }
    }

    /// The attempt after this one, if one is left.
    pub fn next(self) -> Option<Attempt> {
        (self.number < self.last).then(|| Attempt {
            number: self.number + 1,
            last: self.last,
        })
    }

    /// This attempt with a fresh allowance: a person asked to try again.
    #[must_use]
    pub fn renewed(self, attempts_max: u32) -> Attempt {
        Attempt {
            number: self.number,
            last: self.number.saturating_add(attempts_max.max(1)),
        }
    }
}

impl State {
    /// The word for this state.
    pub fn word(&self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Advancing { .. } => "advancing",
            State::Watching { .. } => "watching",
            State::Paused { .. } => "paused",
            State::Unwinding { .. } => "unwinding",
            State::Held { .. } => "held",
            State::Done {
                end: End::Promoted, ..
            } => "promoted",
            State::Done {
                end: End::RolledBack,
                ..
            } => "rolled back",
            State::Done {
                end: End::Aborted, ..
            } => "aborted",
        }
    }

    /// The step it is at, unless it has not begun or is over.
    pub fn step(&self) -> Option<StepIndex> {
        match self {
            State::Planned | State::Done { .. } => None,
            State::Advancing { at, .. }
            | State::Watching { at, .. }
            | State::Paused { at, .. }
            | State::Unwinding { at, .. }
            | State::Held { at, .. } => Some(*at),
        }
    }

    /// Whether the rollout is over.
    pub fn is_done(&self) -> bool {
        matches!(self, State::Done { .. })
    }
}
