//! Plain sums of what a gate has seen.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ArmSample, Histogram, Sample, Signal, SyntheticSample};

/// Sums over samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    canary: ArmSample,
    baseline: ArmSample,
    /// Synthetic requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    synthetic: Option<SyntheticSample>,
    /// Checks of the candidate; `None` before the first.
    checks: Option<Checks>,
    figures: BTreeMap<String, Figure>,
    /// What could not be had, by the names of [`Sample::missing`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    gaps: BTreeMap<String, Gap>,
    measured_ms: u64,
    samples: u32,
}

/// Checks of the candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checks {
    /// How many were made.
    pub(super) made: u64,
    /// The longest run of failures.
    pub(super) worst: u32,
    /// What the last failed one saw.
    pub(super) last_failure: Option<String>,
}

/// Readings of one figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figure {
    /// How many there were.
    pub(super) readings: u64,
    /// The last one.
    pub(super) last: Option<f64>,
}

/// What could not be had.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gap {
    /// In how many measurements.
    pub(super) missed: u32,
    /// In how many of the latest ones, without one in between.
    pub(super) run: u32,
    /// Why, the last time.
    pub(super) why: String,
}

impl Sums {
    pub(super) fn observe(&mut self, sample: &Sample) {
        if sample.unmeasured.is_none() {
            self.measured_ms = self.measured_ms.saturating_add(sample.duration_ms());
            self.samples = self.samples.saturating_add(1);
        }
        if let Some(arm) = &sample.canary {
            self.canary.merge(arm);
        }
        if let Some(arm) = &sample.baseline {
            self.baseline.merge(arm);
        }
        if let Some(synthetic) = &sample.synthetic {
            self.synthetic.get_or_insert_default().merge(synthetic);
        }
        if let Some(health) = &sample.health {
            let checks = self.checks.get_or_insert_default();
            checks.made += u64::from(health.passed) + u64::from(health.failed);
            checks.worst = checks.worst.max(health.consecutive_failures);
            if health.last_failure.is_some() {
                checks.last_failure.clone_from(&health.last_failure);
            }
        }
        for (name, reading) in sample.metrics.iter().filter(|(_, v)| v.is_finite()) {
            let figure = self.figures.entry(name.clone()).or_default();
            figure.readings += 1;
            figure.last = Some(*reading);
        }
        if sample.unmeasured.is_some() {
            return;
        }
        for (name, gap) in &mut self.gaps {
            if !sample.missing.contains_key(name) {
                gap.run = 0;
            }
        }
        for (name, why) in &sample.missing {
            let gap = self.gaps.entry(name.clone()).or_default();
            gap.missed = gap.missed.saturating_add(1);
            gap.run = gap.run.saturating_add(1);
            gap.why.clone_from(why);
        }
    }

    /// These sums and later ones.
    #[must_use]
    pub(super) fn and(mut self, later: &Sums) -> Sums {
        self.canary.merge(&later.canary);
        self.baseline.merge(&later.baseline);
        if let Some(synthetic) = &later.synthetic {
            self.synthetic.get_or_insert_default().merge(synthetic);
        }
        if let Some(more) = &later.checks {
            let checks = self.checks.get_or_insert_default();
            checks.made += more.made;
            checks.worst = checks.worst.max(more.worst);
            if more.last_failure.is_some() {
                checks.last_failure.clone_from(&more.last_failure);
            }
        }
        for (name, more) in &later.figures {
            let figure = self.figures.entry(name.clone()).or_default();
            figure.readings += more.readings;
            figure.last = more.last.or(figure.last);
        }
        for (name, gap) in &mut self.gaps {
            if later.samples > 0 && !later.gaps.contains_key(name) {
                gap.run = 0;
            }
        }
        for (name, more) in &later.gaps {
            let gap = self.gaps.entry(name.clone()).or_default();
            gap.missed = gap.missed.saturating_add(more.missed);
            let is_all = more.run == later.samples;
            gap.run = if is_all { gap.run + more.run } else { more.run };
            gap.why.clone_from(&more.why);
        }
        self.measured_ms = self.measured_ms.saturating_add(later.measured_ms);
        self.samples = self.samples.saturating_add(later.samples);
        self
    }

    /// Synthetic requests, where this signal counts them.
    pub(super) fn synthetic(&self, signal: &Signal) -> Option<&SyntheticSample> {
        self.synthetic
            .as_ref()
            .filter(|_| signal.counts_synthetic())
    }

    /// What a signal is judged by in the candidate: its users' requests, and synthetic ones where they count.
    pub(super) fn canary_of(&self, signal: &Signal) -> Cow<'_, ArmSample> {
        let Some(synthetic) = self.synthetic(signal) else {
            return Cow::Borrowed(&self.canary);
        };
        let mut sum = self.canary.clone();
        sum.merge(&synthetic.canary);
        Cow::Owned(sum)
    }

    /// The stable arm's value that the candidate's may be held against: as if its requests were divided into those of users
    /// and synthetic ones as the candidate's are. The two kinds ask different things, and a canary at 10 % has mostly
    /// synthetic ones where the stable release has mostly users.
    pub(super) fn baseline_value(&self, signal: &Signal) -> Option<f64> {
        let users = (signal.count(&self.canary), &self.baseline);
        let Some(both) = self.synthetic(signal) else {
            return signal.value(users.1);
        };
        let synthetic = both.baseline.as_ref();
        let synthetic = synthetic.map(|arm| (signal.count(&both.canary), arm));
        let kinds = std::iter::once(users).chain(synthetic);
        let kinds: Vec<_> = kinds
            .filter(|(weight, arm)| *weight > 0 && signal.count(arm) > 0)
            .map(|(weight, arm)| (weight as f64, arm))
            .collect();
        match signal.quantile() {
            Some(quantile) => {
                let times = kinds
                    .iter()
                    .map(|(weight, arm)| (*weight, signal.times(arm)));
                let us = Histogram::mixed_quantile_us(times, quantile)?;
                Some(us as f64 / 1000.0)
            }
            None => {
                let all: f64 = kinds.iter().map(|(weight, _)| weight).sum();
                let values = kinds
                    .iter()
                    .map(|(weight, arm)| Some(weight * signal.value(arm)?));
                (all > 0.0).then(|| Some(values.sum::<Option<f64>>()? / all))?
            }
        }
    }

    /// Both arms' requests of the kind that the candidate got more of, for what can only be told of one kind.
    pub(super) fn most(&self, signal: &Signal) -> (Cow<'_, ArmSample>, Cow<'_, ArmSample>) {
        let more = |both: &&SyntheticSample| both.canary.requests > self.canary.requests;
        match self.synthetic(signal).filter(more) {
            None => (Cow::Borrowed(&self.canary), Cow::Borrowed(&self.baseline)),
            Some(both) => {
                let stable = both.baseline.as_ref();
                let stable = stable.map_or_else(|| Cow::Owned(ArmSample::default()), Cow::Borrowed);
                (Cow::Borrowed(&both.canary), stable)
            }
        }
    }

    /// What users sent to the candidate.
    pub(super) fn canary(&self) -> &ArmSample {
        &self.canary
    }

    /// What users sent to the stable arm.
    pub(super) fn baseline(&self) -> &ArmSample {
        &self.baseline
    }

    pub(super) fn checks(&self) -> Option<&Checks> {
        self.checks.as_ref()
    }

    pub(super) fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.get(name)
    }

    /// What could not be had of the thing with this name, if anything.
    pub(super) fn gap(&self, name: &str) -> Option<&Gap> {
        self.gaps.get(name)
    }

    pub(super) fn measured_ms(&self) -> u64 {
        self.measured_ms
    }

    pub(super) fn samples(&self) -> u32 {
        self.samples
    }
}
