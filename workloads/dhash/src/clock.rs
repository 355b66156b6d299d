//! The one place that reads the clocks.

use std::time::Instant;

use jiff::{Timestamp, Unit};

/// The monotonic clock, for durations.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the monotonic clock"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The wall clock in UTC, whole seconds, for records.
pub(crate) fn timestamp() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Second).unwrap_or(now)
}
