//! When the next run of a schedule is due: a pure function of the clock, the schedule and what was seen to before.
//!
//! Each time of a schedule is seen to once: a run begins, or it is given up. The newest time that was seen to is
//! all that is remembered, so no time can come twice, whatever the clock does: one that is set back is waited for,
//! one that is set forward skips times, of which the newest is made up for like after a stop.

use portcullis_config::Schedule;
use sha2::{Digest, Sha256};

use crate::bounds::{PUNCTUAL_MS, SEEN_AHEAD_MS_MAX};

/// What a schedule wants at a moment. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The run of a time is to begin now. It stands for earlier times too that were not seen to.
    Now {
        /// The time.
        time_ms: u64,
    },
    /// Nothing is due yet.
    Wait {
        /// The next time.
        time_ms: u64,
        /// When its run begins: the time itself, or later by the jitter.
        begins_ms: u64,
    },
    /// The run of a time did not begin while it could be made up for. It is given up.
    Missed {
        /// The time.
        time_ms: u64,
    },
    /// What was seen to last lies so far ahead that the clock must have been wrong then: from now on it is as if this
    /// moment had been seen to.
    Anew,
    /// There is no time any more.
    Never,
}

/// What is due now. `seen_ms` is the newest time that was seen to, or the moment from which on the schedule is in
/// force; `name` tells schedules apart whose jitter should differ.
#[must_use]
pub fn due(now_ms: u64, seen_ms: u64, schedule: &Schedule, name: &str) -> Due {
    // A clock that was far ahead and was put right must not keep everything waiting for as long.
    if seen_ms > now_ms.saturating_add(SEEN_AHEAD_MS_MAX) {
        return Due::Anew;
    }
    let newest = schedule.at_or_before(now_ms);
    let Some(time_ms) = newest.filter(|time_ms| *time_ms > seen_ms) else {
        return match schedule.after(now_ms.max(seen_ms)) {
            Some(time_ms) => Due::Wait {
                time_ms,
                begins_ms: time_ms.saturating_add(jitter_ms(time_ms, schedule, name)),
            },
            None => Due::Never,
        };
    };
    let begins_ms = time_ms.saturating_add(jitter_ms(time_ms, schedule, name));
    if now_ms < begins_ms {
        Due::Wait { time_ms, begins_ms }
    } else if now_ms - begins_ms <= schedule.catch_up_ms.max(PUNCTUAL_MS) {
        Due::Now { time_ms }
    } else {
        Due::Missed { time_ms }
    }
}

/// By how much the run of a time is put off: always the same for the same time, so that a restart changes nothing.
fn jitter_ms(time_ms: u64, schedule: &Schedule, name: &str) -> u64 {
    if schedule.jitter_ms == 0 {
        return 0;
    }
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update(time_ms.to_be_bytes())
        .finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first) % (schedule.jitter_ms + 1)
}

#[cfg(test)]
mod tests;
