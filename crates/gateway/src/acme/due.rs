//! When a certificate is to be renewed, and how long to wait after a failure. Times are milliseconds
//! since the Unix epoch.

use crate::bounds::{ACME_BACKOFF_MAX_MS, ACME_BACKOFF_MIN_MS};

/// When a certificate is to be renewed: when less than a third of its life is left.
///
/// However wrong the clock is, a certificate is kept for a third of its life from `ordered_at_ms`, when
/// it came: otherwise a clock that is ahead would make every new certificate look old. A time that is
/// yet to come cannot have been it, and is not counted.
pub(super) fn renewal_at_ms(from_ms: u64, until_ms: u64, ordered_at_ms: u64, now_ms: u64) -> u64 {
    let third_ms = until_ms.saturating_sub(from_ms) / 3;
    let due_ms = until_ms.saturating_sub(third_ms);
    match ordered_at_ms <= now_ms {
        true => due_ms.max(ordered_at_ms + third_ms),
        false => due_ms,
    }
}

/// How long to wait after so many failures in a row; at least one.
pub(super) fn backoff_ms(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    (ACME_BACKOFF_MIN_MS << doublings).min(ACME_BACKOFF_MAX_MS)
}

#[cfg(test)]
mod tests;
