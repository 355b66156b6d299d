//! The one place where benchmarks read the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment, on the monotonic clock.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock, milliseconds since the Unix epoch: what journal entries are stamped with.
#[allow(clippy::disallowed_methods)]
pub fn wall_ms() -> f64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.unwrap_or(Duration::ZERO).as_secs_f64() * 1000.0
}

/// Milliseconds since a moment.
pub fn ms_since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
