//! Where a signal went over its limit: the latest stretch in which it was above it as a whole.

use serde::{Deserialize, Serialize};

use super::trailing::kept;
use crate::{ArmSample, Evidence, Signal};

/// The latest stretch in which a signal was above its limit as a whole.
///
/// A gate may be open for an hour, and what goes wrong after fifty minutes is little in the mean of all. With `x`
/// events among `n` requests in a measurement and the share `p` that is allowed, the excess is
/// `S = max(0, S + x - p n)` (Page 1954, cumulative sums), and the stretch is what came since `S` was last 0: its
/// share is above `p`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stretch {
    /// How many events more than allowed.
    excess: f64,
    /// What was counted in it. Only what the signal needs is kept.
    arm: ArmSample,
    /// The same of the stable arm, where it has traffic beside the candidate.
    #[serde(default)]
    stable: ArmSample,
    /// How long it is, in milliseconds.
    length_ms: u64,
}

impl Stretch {
    /// Takes in a measurement of so many milliseconds with `events` among `requests`, where the share `allowed` may
    /// be events.
    pub(super) fn observe(
        &mut self,
        signal: &Signal,
        (arm, stable, length_ms): (&ArmSample, Option<&ArmSample>, u64),
        (requests, events): (u64, u64),
        allowed: f64,
    ) {
        let excess = self.excess + events as f64 - allowed * requests as f64;
        if excess <= 0.0 {
            *self = Stretch::default();
            return;
        }
        self.excess = excess;
        self.arm.merge(&kept(signal, arm));
        if let Some(stable) = stable {
            self.stable.merge(&kept(signal, stable));
        }
        self.length_ms = self.length_ms.saturating_add(length_ms);
    }

    /// Whether the signal is above its limit in the latest stretch.
    pub(super) fn is_open(&self) -> bool {
        self.excess > 0.0
    }

    /// Tells the value of this stretch in the place of the value of all, where that one is within the limit: a proof
    /// is about the stretch, and the value of all would look like none.
    pub(super) fn tell(&self, evidence: &mut Evidence) {
        let within = |value: f64| evidence.limit.is_some_and(|limit| value <= limit);
        if !self.is_open() || !evidence.observed.is_some_and(within) {
            return;
        }
        let signal = &evidence.rule.signal;
        let value = signal.value(&self.arm);
        evidence.requests = signal.count(&self.arm);
        evidence.observed = value;
        // One that only warns is held against what was before.
        if !evidence.rule.test.only_warns() {
            evidence.baseline = signal.value(&self.stable);
        }
        evidence.latest_ms = Some(self.length_ms);
    }
}

#[cfg(test)]
mod tests;
