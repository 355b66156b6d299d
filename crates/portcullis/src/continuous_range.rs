//! Moments that can be recovered to, as they are told.

use jiff::Timestamp;
use portcullis_api::data::RecoverableRange;
use portcullis_backup::RecoveryRange;

/// Milliseconds since the Unix epoch.
pub(crate) fn ms(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_millisecond()).unwrap_or(0)
}

/// A range on the wire. Its end is cut to the millisecond, so that what is told can be recovered to.
pub(crate) fn range_ms(range: &RecoveryRange) -> RecoverableRange {
    RecoverableRange {
        // The first whole millisecond in it.
        from_ms: ms(range.from) + 1,
        to_ms: ms(range.to),
    }
}
