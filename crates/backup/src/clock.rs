//! The one place that reads a clock: how long an operation took, and for how long a lock of somebody else was
//! waited for. Nothing else is decided by it;
//! requests to S3 are signed with the time, since S3 takes none that are older than some minutes.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Measures a duration.
pub(crate) struct Stopwatch(Instant);

#[allow(clippy::disallowed_methods)] // durations: for the report, and to bound waiting
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Whether more than so many milliseconds have passed: only waiting for others is bounded by it.
    pub(crate) fn is_over(&self, limit_ms: u64) -> bool {
        self.0.elapsed() > Duration::from_millis(limit_ms)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// When a request is signed.
pub(crate) fn signed_at() -> Timestamp {
    Timestamp::now()
}
