//! What a rule looks at.

use serde::{Deserialize, Serialize};

use crate::{ArmSample, Histogram, counted};

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// The share of failed requests, 0..=1.
    ErrorRate,
    /// The share of requests whose answers masking refused or broke off, 0..=1.
    Refusals,
    /// A latency quantile in milliseconds: from the request's head to the answer's head.
    Latency {
        /// Which quantile, above 0 and below 1, for example 0.95.
        quantile: f64,
    },
    /// The same compared at p50, p90, p95 and p99 at once: a shift and a tail are both found. Its value
    /// is the p95.
    Latencies,
    /// A quantile of the time from the request's head to the first token of a streamed answer, in
    /// milliseconds.
    FirstToken {
        /// Which quantile, above 0 and below 1.
        quantile: f64,
    },
    /// A quantile of the pauses between two tokens of streamed answers, in milliseconds.
    TokenGap {
        /// Which quantile, above 0 and below 1.
        quantile: f64,
    },
    /// A quantile, over streamed answers, of the mean time per token in milliseconds; 1000 divided by
    /// it is tokens a second.
    TokenTime {
        /// Which quantile, above 0 and below 1.
        quantile: f64,
    },
    /// Failed health and smoke checks in a row.
    HealthFailures,
    /// A figure that the service reports of itself, or that a source of figures was asked for.
    Metric {
        /// The name it has in the sample.
        name: String,
    },
}

/// What a signal is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// Requests, each of which met an event or did not.
    Share,
    /// Times.
    Time,
    /// Checks of the candidate.
    Checks,
    /// Readings of a figure.
    Figure,
}

/// The quantiles that [`Signal::Latencies`] compares.
const ALL_QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];
/// The quantile whose value [`Signal::Latencies`] shows.
const SHOWN_QUANTILE: f64 = 0.95;

impl Signal {
    /// What it is made from.
    pub fn kind(&self) -> SignalKind {
        match self {
            Signal::ErrorRate | Signal::Refusals => SignalKind::Share,
            Signal::Latency { .. }
            | Signal::Latencies
            | Signal::FirstToken { .. }
            | Signal::TokenGap { .. }
            | Signal::TokenTime { .. } => SignalKind::Time,
            Signal::HealthFailures => SignalKind::Checks,
            Signal::Metric { .. } => SignalKind::Figure,
        }
    }

    /// Whether the gateway counts it per arm, so that two arms can be compared.
    pub fn is_of_traffic(&self) -> bool {
        matches!(self.kind(), SignalKind::Share | SignalKind::Time)
    }

    /// Whether synthetic requests count like those of users: errors and latencies do. What masking refuses and how long
    /// tokens take are not known of requests that do not come through the gateway.
    pub fn counts_synthetic(&self) -> bool {
        matches!(
            self,
            Signal::ErrorRate | Signal::Latency { .. } | Signal::Latencies
        )
    }

    /// The quantile whose value is shown; `None` for what has none.
    pub fn quantile(&self) -> Option<f64> {
        match self {
            Signal::Latency { quantile }
            | Signal::FirstToken { quantile }
            | Signal::TokenGap { quantile }
            | Signal::TokenTime { quantile } => Some(*quantile),
            Signal::Latencies => Some(SHOWN_QUANTILE),
            _ => None,
        }
    }

    /// The quantiles at which two arms are compared.
    pub(crate) fn compared_quantiles(&self) -> Vec<f64> {
        match self {
            Signal::Latencies => ALL_QUANTILES.to_vec(),
            other => other.quantile().into_iter().collect(),
        }
    }

    /// The quantiles at which the canary must be shown to be fine: of [`Signal::Latencies`] the shift and
    /// the tail. The p99 would need ten times the requests.
    pub(crate) fn shown_quantiles(&self) -> Vec<f64> {
        match self {
            Signal::Latencies => vec![0.5, SHOWN_QUANTILE],
            other => other.compared_quantiles(),
        }
    }

    /// The times of this signal in one arm.
    pub(crate) fn times<'a>(&self, arm: &'a ArmSample) -> &'a Histogram {
        match self {
            Signal::FirstToken { .. } => &arm.first_token,
            Signal::TokenGap { .. } => &arm.token_gap,
            Signal::TokenTime { .. } => &arm.token_time,
            _ => &arm.latency,
        }
    }

    /// The requests and the events of this signal in one arm.
    pub(crate) fn events(&self, arm: &ArmSample) -> (u64, u64) {
        match self {
            Signal::Refusals => (arm.requests, arm.refused.min(arm.requests)),
            _ => (arm.requests, arm.errors),
        }
    }

    /// How many requests (times, for the signals of streams) stand behind this signal in one arm.
    pub(crate) fn count(&self, arm: &ArmSample) -> u64 {
        match self.kind() {
            SignalKind::Time if !matches!(self, Signal::Latency { .. } | Signal::Latencies) => {
                self.times(arm).count()
            }
            _ => self.events(arm).0,
        }
    }

    /// The value of this signal in one arm, in its unit; `None` without data.
    pub(crate) fn value(&self, arm: &ArmSample) -> Option<f64> {
        match self.kind() {
            SignalKind::Share => {
                let (requests, events) = self.events(arm);
                (requests > 0).then(|| events as f64 / requests as f64)
            }
            SignalKind::Time => {
                let us = self.times(arm).quantile_us(self.quantile()?)?;
                Some(us as f64 / 1000.0)
            }
            SignalKind::Checks | SignalKind::Figure => None,
        }
    }

    /// The words for this signal in a sentence, for example `p95 latency`.
    pub fn words(&self) -> String {
        match self {
            Signal::ErrorRate => "error rate".to_owned(),
            Signal::Refusals => "answers refused by masking".to_owned(),
            Signal::Latency { quantile } => format!("{} latency", quantile_word(*quantile)),
            Signal::Latencies => "latency".to_owned(),
            Signal::FirstToken { quantile } => {
                format!("{} time to first token", quantile_word(*quantile))
            }
            Signal::TokenGap { quantile } => {
                format!("{} pause between tokens", quantile_word(*quantile))
            }
            Signal::TokenTime { quantile } => {
                format!("{} time per token", quantile_word(*quantile))
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
            Signal::TokenGap { .. } => ("token", "tokens"),
            Signal::FirstToken { .. } | Signal::TokenTime { .. } => ("stream", "streams"),
            _ => ("request", "requests"),
        };
        counted(count, one, many)
    }

    /// So many more of what this signal is made from, in words: `1 more check`, `1,200 more requests`.
    pub(crate) fn more(&self, count: u64) -> String {
        let counted = self.counted(count);
        match counted.split_once(' ') {
            Some((number, what)) => format!("{number} more {what}"),
            None => counted,
        }
    }

    /// A value of this signal as people read it, with its unit.
    pub fn format(&self, value: f64) -> String {
        match self.kind() {
            SignalKind::Share if value > 0.0 && value < 0.000_95 => {
                format!("{:.2} %", value * 100.0)
            }
            SignalKind::Share => format!("{:.1} %", value * 100.0),
            SignalKind::Time if value < 10.0 => format!("{value:.1} ms"),
            SignalKind::Time => format!("{value:.0} ms"),
            SignalKind::Checks => format!("{value:.0}"),
            SignalKind::Figure => {
                let text = format!("{value:.3}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }
}

/// `p95`, `p99.9`, `p99.99`.
fn quantile_word(quantile: f64) -> String {
    // Enough digits that what is below 1 never reads p100.
    let percent = format!("{:.6}", quantile * 100.0);
    format!("p{}", percent.trim_end_matches('0').trim_end_matches('.'))
}
