//! What was measured in one interval of a gate.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Histogram, Signal};

/// One measurement: what both arms answered between two moments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Start of the interval, milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// End of the interval: its start and the length that a monotonic clock measured, so that the length
    /// is right even when the wall clock was set meanwhile.
    pub to_ms: u64,
    /// What the candidate answered; `None` when its counters could not be read.
    pub canary: Option<ArmSample>,
    /// What the concurrent stable arm answered; `None` when there was none.
    pub baseline: Option<ArmSample>,
    /// The candidate's health and smoke checks; `None` when none was made.
    pub health: Option<HealthSample>,
    /// Figures that the candidate reports of itself, or that other sources were asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// The figures of the stable release that rules compare with, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stable_metrics: BTreeMap<String, f64>,
    /// Figures that could not be had, by name, each with the reason in words that follow `no data: `.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
    /// The share of routing keys that belong to the candidate in this interval, above 0 and below 1,
    /// where requests stay with an arm by a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_share: Option<f64>,
    /// Synthetic requests that were sent to the arms in this interval besides what users sent; `None` when there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticSample>,
    /// Why the candidate could get no traffic in this interval, in words that follow `not measuring: `.
    /// Such a sample has no length and no arms, so it proves nothing and brings no gate nearer to
    /// passing; checks that failed count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmeasured: Option<String>,
    /// What the release that is kept warm, without traffic, did not answer as it should at the end of this
    /// interval; `None` where it did, or none is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_fault: Option<String>,
}

impl Sample {
    /// The name in [`Sample::missing`] of what the gateway counts of the candidate. No figure has such a name: it
    /// has spaces.
    pub const CANARY_COUNTS: &str = "counts of the canary";
    /// The same of the concurrent stable arm.
    pub const STABLE_COUNTS: &str = "counts of the stable arm";

    /// The name in [`Sample::missing`] of a figure of the stable release.
    pub fn stable_figure(name: &str) -> String {
        format!("{name} of the stable release")
    }

    /// The synthetic requests, where this signal counts them.
    pub(crate) fn synthetic_of(&self, signal: &Signal) -> Option<&SyntheticSample> {
        let counts = signal.counts_synthetic();
        self.synthetic.as_ref().filter(|_| counts)
    }

    /// What the candidate answered as this signal counts it: to users, and to synthetic requests where they count. For
    /// rules that look at the candidate alone; a comparison takes the two apart.
    pub(crate) fn canary_of(&self, signal: &Signal) -> Option<Cow<'_, ArmSample>> {
        let synthetic = self.synthetic_of(signal).map(|both| &both.canary);
        match (&self.canary, synthetic) {
            (Some(users), None) => Some(Cow::Borrowed(users)),
            (None, synthetic) => synthetic.map(Cow::Borrowed),
            (Some(users), Some(synthetic)) => {
                let mut sum = users.clone();
                sum.merge(synthetic);
                Some(Cow::Owned(sum))
            }
        }
    }

    /// The length of the interval in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.to_ms.saturating_sub(self.from_ms)
    }

    /// Takes in the measurement that followed this one, so that both are one. What is counted adds up, a
    /// run of failed checks is the longest, and of a figure the latest reading counts. Counts that could
    /// not be had for a part are missing for the whole, with what was counted in the other part.
    ///
    /// Both must have been measured, or neither: see [`Sample::unmeasured`].
    pub fn extend(&mut self, later: &Sample) {
        self.to_ms = self.to_ms.saturating_add(later.duration_ms());
        let arms = [
            (&mut self.canary, &later.canary),
            (&mut self.baseline, &later.baseline),
        ];
        for (arm, later) in arms {
            match (arm.as_mut(), later) {
                (Some(arm), Some(later)) => arm.merge(later),
                (None, Some(later)) => *arm = Some(later.clone()),
                (_, None) => {}
            }
        }
        match (&mut self.health, &later.health) {
            (Some(health), Some(later)) => health.extend(later),
            (health @ None, Some(later)) => *health = Some(later.clone()),
            (_, None) => {}
        }
        for (name, value) in &later.metrics {
            self.missing.remove(name);
            self.metrics.insert(name.clone(), *value);
        }
        for (name, value) in &later.stable_metrics {
            self.missing.remove(&Sample::stable_figure(name));
            self.stable_metrics.insert(name.clone(), *value);
        }
        for (name, why) in &later.missing {
            self.metrics.remove(name);
            self.stable_metrics
                .retain(|stable, _| Sample::stable_figure(stable) != *name);
            self.missing.insert(name.clone(), why.clone());
        }
        if let Some(more) = &later.synthetic {
            self.synthetic.get_or_insert_default().merge(more);
        }
        if self.key_share != later.key_share {
            self.key_share = None;
        }
        self.unmeasured.clone_from(&later.unmeasured);
        self.kept_fault.clone_from(&later.kept_fault);
    }
}

/// What the arms answered to synthetic requests: the same questions, put to both at the same moments.
///
/// They are no part of what the gateway counts and divides, so they are a stratum of their own with as many requests in
/// each arm: see `docs/adr/0016-signals-without-traffic.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticSample {
    /// What the candidate answered. An answer other than the expected one is an error.
    pub canary: ArmSample,
    /// What the stable arm answered; `None` when there was none.
    pub baseline: Option<ArmSample>,
    /// What the candidate did with the last request that it did not answer as expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}

impl SyntheticSample {
    /// Adds what was answered later.
    pub fn merge(&mut self, later: &SyntheticSample) {
        self.canary.merge(&later.canary);
        if let Some(arm) = &later.baseline {
            self.baseline.get_or_insert_default().merge(arm);
        }
        if later.last_failure.is_some() {
            self.last_failure.clone_from(&later.last_failure);
        }
    }
}

/// Requests of one arm in one interval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmSample {
    /// Requests that were answered or failed.
    pub requests: u64,
    /// Of those, the ones that failed: a 5xx answer, or no answer.
    pub errors: u64,
    /// Time from the request's head to the answer's head.
    pub latency: Histogram,
    /// Of the requests, those whose answers masking refused or broke off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// Where requests stay with an arm by a routing key: how many keys had their first error of the whole
    /// rollout in this interval and here. `None` where each request is routed by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_errors: Option<u64>,
    /// Time from the request's head to the first token of streamed answers.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub first_token: Histogram,
    /// Pauses between two tokens of streamed answers.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub token_gap: Histogram,
    /// Mean time per token of each streamed answer that ended.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub token_time: Histogram,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ArmSample {
    /// The share of failed requests, 0..=1; `None` without requests.
    pub fn error_rate(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.errors as f64 / self.requests as f64)
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &ArmSample) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.refused = self.refused.saturating_add(other.refused);
        self.first_errors = match (self.first_errors, other.first_errors) {
            (None, None) => None,
            (own, others) => Some(own.unwrap_or(0).saturating_add(others.unwrap_or(0))),
        };
        self.latency.merge(&other.latency);
        self.first_token.merge(&other.first_token);
        self.token_gap.merge(&other.token_gap);
        self.token_time.merge(&other.token_time);
    }
}

/// Checks of the candidate in one interval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSample {
    /// Checks that passed in the interval.
    pub passed: u32,
    /// Checks that failed in the interval.
    pub failed: u32,
    /// The longest run of failures in a row that ended in, or reached into, the interval.
    pub consecutive_failures: u32,
    /// What the last failed check saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}

impl HealthSample {
    /// Takes in the checks that followed.
    fn extend(&mut self, later: &HealthSample) {
        self.passed = self.passed.saturating_add(later.passed);
        self.failed = self.failed.saturating_add(later.failed);
        self.consecutive_failures = self.consecutive_failures.max(later.consecutive_failures);
        if later.last_failure.is_some() {
            self.last_failure.clone_from(&later.last_failure);
        }
    }
}

#[cfg(test)]
mod tests;
