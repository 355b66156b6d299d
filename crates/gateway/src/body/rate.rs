//! How fast a client sends a body. What counts is the time in which it is waited for: an arm that takes nothing
//! keeps the gateway from asking the client for more, which is not the client's fault.

use crate::bounds::BODY_RATE_WINDOW_MS;

/// Measures one body. Times are those of the worker's coarse clock, so a single wait is known to
/// [`TICK_MS`](crate::bounds::TICK_MS); over a window this evens out.
#[derive(Debug, Default)]
pub(super) struct BodyRate {
    /// Since when the client is waited for; `None` while it is not.
    waits_since_ms: Option<u64>,
    /// How long it was waited for in this window.
    waited_ms: u64,
    /// What came in this window.
    bytes: u64,
}

impl BodyRate {
    /// The client has nothing to give now.
    pub(super) fn wait(&mut self, now_ms: u64) {
        self.waits_since_ms.get_or_insert(now_ms);
    }

    /// So many bytes came. Whether they were too few, once the client was waited for long enough to tell.
    pub(super) fn came(&mut self, now_ms: u64, bytes: usize, per_second_min: u64) -> bool {
        if let Some(since_ms) = self.waits_since_ms.take() {
            self.waited_ms += now_ms.saturating_sub(since_ms);
        }
        self.bytes += bytes as u64;
        if self.waited_ms < BODY_RATE_WINDOW_MS {
            return false;
        }
        let wanted = per_second_min.saturating_mul(self.waited_ms) / 1_000;
        let is_too_slow = self.bytes < wanted;
        *self = BodyRate::default();
        is_too_slow
    }
}

#[cfg(test)]
mod tests;
