//! The one place that reads a clock: how long an operation took, which decides nothing.

use std::time::{Duration, Instant};

/// Measures a duration.
pub(crate) struct Stopwatch(Instant);

#[allow(clippy::disallowed_methods)] // a duration for the report, never an input to a decision
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
