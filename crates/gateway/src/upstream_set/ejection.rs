//! When a server is left out because of its answers: a pure state machine.
//!
//! Failures in a row eject a server for a while, and each further time for twice as long. When the time
//! is over, the server is on trial: the first failure ejects it again, the first good answer ends the
//! trial. Having stayed in for as long as it was out last, it starts from the shortest time again.

use portcullis_config::EjectConfig;

/// What one server's answers have led to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Ejection {
    failures: u32,
    /// When it may come back, or came back last; monotonic milliseconds.
    until_ms: u64,
    /// For how long it was out last; 0 if it never was or that is forgotten.
    last_ms: u64,
    on_trial: bool,
}

impl Ejection {
    /// Whether nothing is held against the server, so that a good answer changes nothing.
    pub(super) fn is_clean(&self) -> bool {
        self.failures == 0 && self.last_ms == 0 && !self.on_trial
    }

    /// Takes note of a failed answer; returns until when the server is out if it is from now on.
    pub(super) fn failed(&mut self, now_ms: u64, config: &EjectConfig) -> Option<u64> {
        // Answers to requests that were sent before it was ejected tell nothing new.
        if config.failures == 0 || now_ms < self.until_ms {
            return None;
        }
        self.forgive(now_ms);
        self.failures = self.failures.saturating_add(1);
        if !self.on_trial && self.failures < config.failures {
            return None;
        }
        let min_ms = config.min_ms.min(config.max_ms);
        self.last_ms = self.last_ms.saturating_mul(2).clamp(min_ms, config.max_ms);
        self.until_ms = now_ms.saturating_add(self.last_ms);
        self.failures = 0;
        self.on_trial = true;
        Some(self.until_ms)
    }

    /// Takes note of a good answer.
    pub(super) fn succeeded(&mut self, now_ms: u64) {
        if now_ms < self.until_ms {
            return;
        }
        self.failures = 0;
        self.on_trial = false;
        self.forgive(now_ms);
    }

    fn forgive(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.until_ms) >= self.last_ms && !self.on_trial {
            self.last_ms = 0;
        }
    }
}

#[cfg(test)]
mod tests;
