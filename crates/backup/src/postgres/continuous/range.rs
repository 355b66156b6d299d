//! Moments that can be recovered to.

use std::fmt;

use jiff::Timestamp;

/// Moments that can be recovered to, each of them from a base backup and the write-ahead log that follows it. Times
/// are those of the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryRange {
    /// When the first base backup of it was complete.
    pub from: Timestamp,
    /// Up to when everything that was committed is there.
    pub to: Timestamp,
    /// Whether it goes on as more is received.
    pub open: bool,
}

impl RecoveryRange {
    /// Whether a moment lies in it.
    #[must_use]
    pub fn has(&self, moment: Timestamp) -> bool {
        self.from <= moment && moment <= self.to
    }
}

impl fmt::Display for RecoveryRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}
