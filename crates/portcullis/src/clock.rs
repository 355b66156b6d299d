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
