//! Waiting for what another process or thread does, for a bounded time.

use std::thread;
use std::time::{Duration, Instant};

/// Far above what is needed on a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

/// Waits until something is so; `what` says what was waited for when it never is.
#[allow(clippy::disallowed_methods)] // waiting is bounded
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + WITHIN;
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
