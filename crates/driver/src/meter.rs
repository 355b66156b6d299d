//! The port through which gates are measured.

use std::future::Future;

use portcullis_analysis::Sample;
use portcullis_rollout::{GateOrder, RolloutId, StepIndex};

/// Measures a gate.
pub trait Meter: Send + Sync {
    /// What happened since the previous sample of the same gate, or within one interval from now if
    /// there was none. Takes about one interval. What could not be measured is missing from the
    /// sample; it is never filled in.
    fn sample(&self, query: &Query) -> impl Future<Output = Sample> + Send;
}

/// Which gate is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The rollout.
    pub rollout: RolloutId,
    /// The gate's step.
    pub step: StepIndex,
    /// What to measure.
    pub gate: GateOrder,
}
