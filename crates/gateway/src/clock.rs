//! The one place of this crate that reads a clock. Both clocks are read through the vDSO, about 20
//! ns.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since the process first asked: never goes backwards.
#[allow(clippy::disallowed_methods)] // the one place that may read the monotonic clock
pub(crate) fn monotonic_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    let start = START.get_or_init(|| now);
    now.saturating_duration_since(*start).as_micros() as u64
}

/// Milliseconds of [`monotonic_us`].
pub(crate) fn monotonic_ms() -> u64 {
    monotonic_us() / 1000
}

/// Microseconds since the Unix epoch.
#[allow(clippy::disallowed_methods)] // the one place that may read the wall clock
pub(crate) fn wall_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// Milliseconds of [`wall_us`].
pub(crate) fn wall_ms() -> u64 {
    wall_us() / 1000
}
