//! The port through which the engine acts on the world.

use std::future::Future;

use portcullis_rollout::{Fact, Failure, Op, Presence};

use crate::course::{Carried, Course};

/// Something that carries out attempts and can tell whether they took effect.
///
/// A driver decides nothing: no retry, no ordering, no fallback. Every implementation passes the one
/// conformance suite in [`crate::conformance`]: apply then probe answers `Applied`; applying twice is
/// applying once; an inverse of nothing probes as already in effect; an apply that was killed half way
/// probes truthfully. A driver that cannot tell answers [`Presence::Unknown`].
pub trait Driver: Send + Sync {
    /// Whether the attempt's action is in effect. For the inverse of a step this is asked about the
    /// inverse action; the engine turns the answer round.
    fn probe(&self, op: &Op) -> impl Future<Output = Probed> + Send;

    /// Carries the action out. Dropping the future stops what it started; where that is not possible,
    /// as with a change of the gateway's split that was sent, probes wait until it has settled.
    fn apply(&self, op: &Op) -> impl Future<Output = Result<Vec<Fact>, Failure>> + Send;

    /// The same for whoever wants to hear how it goes, and may ask it to stop between two parts. What has no parts is carried
    /// out as a whole.
    fn carry_out(
        &self,
        op: &Op,
        course: &Course,
    ) -> impl Future<Output = Result<Carried, Failure>> + Send {
        let _ = course;
        async move { self.apply(op).await.map(Carried::Done) }
    }
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Whether the action is in effect.
    pub presence: Presence,
    /// What shows it.
    pub facts: Vec<Fact>,
}

impl Probed {
    /// An answer with nothing more to show.
    pub fn new(presence: Presence) -> Probed {
        Probed {
            presence,
            facts: Vec::new(),
        }
    }

    /// This answer with one more fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Probed {
        self.facts.push(Fact::new(name, value));
        self
    }
}

/// The answer of a driver that was given an action that is not its own.
pub(crate) fn not_mine(op: &Op, driver: &str) -> Failure {
    Failure {
        message: format!("the {driver} cannot carry out `{}`", op.action.word()),
        retryable: false,
        facts: Vec::new(),
    }
}
