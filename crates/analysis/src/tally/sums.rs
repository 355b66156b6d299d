//! Plain sums of what a gate has seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ArmSample, Sample};

/// Sums over samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    canary: ArmSample,
    baseline: ArmSample,
    /// Checks of the candidate; `None` before the first.
    checks: Option<Checks>,
    figures: BTreeMap<String, Figure>,
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
    /// Why the last attempt gave none.
    pub(super) missing: Option<String>,
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
            figure.missing = None;
        }
        for (name, why) in &sample.missing {
            let figure = self.figures.entry(name.clone()).or_default();
            figure.missing = Some(why.clone());
        }
    }

    /// These sums and later ones.
    #[must_use]
    pub(super) fn and(mut self, later: &Sums) -> Sums {
        self.canary.merge(&later.canary);
        self.baseline.merge(&later.baseline);
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
            figure.missing.clone_from(&more.missing);
        }
        self.measured_ms = self.measured_ms.saturating_add(later.measured_ms);
        self.samples = self.samples.saturating_add(later.samples);
        self
    }

    pub(super) fn canary(&self) -> &ArmSample {
        &self.canary
    }

    pub(super) fn baseline(&self) -> &ArmSample {
        &self.baseline
    }

    pub(super) fn checks(&self) -> Option<&Checks> {
        self.checks.as_ref()
    }

    pub(super) fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.get(name)
    }

    pub(super) fn measured_ms(&self) -> u64 {
        self.measured_ms
    }

    pub(super) fn samples(&self) -> u32 {
        self.samples
    }
}
