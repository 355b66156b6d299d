//! The one place where the binary reads the time.

use portcullis_engine::{Clock, WallClock};

/// Now, milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    WallClock.now_ms()
}

/// A time as people in this time zone read it.
pub(crate) fn local(at_ms: u64) -> jiff::Zoned {
    let at = jiff::Timestamp::from_millisecond(at_ms as i64).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::system())
}

/// Microseconds of a clock that never goes backwards, from the first time that it was asked.
#[allow(clippy::disallowed_methods)] // the one place that may read the monotonic clock
pub(crate) fn monotonic_us() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let now = std::time::Instant::now();
    let start = START.get_or_init(|| now);
    u64::try_from(now.saturating_duration_since(*start).as_micros()).unwrap_or(u64::MAX)
}

/// A moment of the clock that never goes backwards, to see later how long ago it was.
#[allow(clippy::disallowed_methods)] // the same clock
pub(crate) fn moment() -> std::time::Instant {
    std::time::Instant::now()
}
