//! One rule of a gate: which signal, and what it must stay under.

use serde::{Deserialize, Serialize};

use crate::counted;

/// A rule: a signal and the test it must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What is looked at.
    pub signal: Signal,
    /// What it must satisfy.
    pub test: Test,
    /// How many requests (or checks) there must be, in each arm that is compared, before the rule says
    /// anything. At least one.
    pub requests_min: u64,
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// The share of failed requests, 0..=1.
    ErrorRate,
    /// A latency quantile in milliseconds.
    Latency {
        /// Which quantile, above 0 and below 1, for example 0.95.
        quantile: f64,
    },
    /// Failed health and smoke checks in a row.
    HealthFailures,
    /// A figure that the service reports of itself.
    Metric {
        /// The name it has in the sample.
        name: String,
    },
}

impl Signal {
    /// The words for this signal in a sentence, for example `p95 latency`.
    pub fn words(&self) -> String {
        match self {
            Signal::ErrorRate => "error rate".to_owned(),
            Signal::Latency { quantile } => {
                let percent = format!("{:.3}", quantile * 100.0);
                format!(
                    "p{} latency",
                    percent.trim_end_matches('0').trim_end_matches('.')
                )
            }
            Signal::HealthFailures => "failed checks in a row".to_owned(),
            Signal::Metric { name } => name.clone(),
        }
    }

    /// A number of what this signal is made from, in words: `1 check`, `4,812 requests`.
    pub fn counted(&self, count: u64) -> String {
        let (one, many) = match self {
            Signal::HealthFailures => ("check", "checks"),
            Signal::Metric { .. } => ("reading", "readings"),
            Signal::ErrorRate | Signal::Latency { .. } => ("request", "requests"),
        };
        counted(count, one, many)
    }

    /// A value of this signal as people read it, with its unit.
    pub fn format(&self, value: f64) -> String {
        match self {
            Signal::ErrorRate => format!("{:.1} %", value * 100.0),
            Signal::Latency { .. } if value < 10.0 => format!("{value:.1} ms"),
            Signal::Latency { .. } => format!("{value:.0} ms"),
            Signal::HealthFailures => format!("{value:.0}"),
            Signal::Metric { .. } => {
                let text = format!("{value:.3}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }
}

/// What a signal must satisfy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Test {
    /// The signal stays at or under a fixed limit.
    Limit {
        /// The largest value allowed, in the signal's unit.
        max: f64,
    },
    /// The signal is not worse than the concurrent stable arm's by more than this. It fails when the
    /// candidate's value exceeds `baseline * ratio_max + margin` and, for rates, when the 99 % lower
    /// confidence bound of the difference is above zero, so that chance alone does not roll back.
    Baseline {
        /// Largest factor allowed; at least 1.
        ratio_max: f64,
        /// Largest excess allowed beyond the factor, in the signal's unit; not negative.
        margin: f64,
    },
}

impl Test {
    /// Whether this test needs a concurrent stable arm.
    pub fn needs_baseline(&self) -> bool {
        matches!(self, Test::Baseline { .. })
    }
}
