//! One rule of a gate: which signal, and what it must stay under.

use serde::{Deserialize, Serialize};

use crate::Signal;

mod problem;

/// A rule: a signal and the test it must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What is looked at.
    pub signal: Signal,
    /// What it must satisfy.
    pub test: Test,
    /// How many requests (or checks) there must be, in each arm that is compared, before the rule says
    /// anything but [`crate::Verdict::Fail`] of a sequential test, which is right at any time. At
    /// least one.
    pub requests_min: u64,
    /// What lets the rule pass when the window is over.
    #[serde(default, skip_serializing_if = "Enough::is_requests")]
    pub enough: Enough,
    /// Whether the rule is a circuit breaker: an absolute limit that trips by itself, whatever the
    /// comparison says. It spends nothing of the error budget and is told apart in every verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub breaker: bool,
    /// Whether the rule is only for gates without a concurrent stable arm. Beside one, what both arms meet
    /// alike is no fault of the candidate, and a comparison tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}

impl Rule {
    /// A rule that says something from the first request on and is no circuit breaker.
    pub fn new(signal: Signal, test: Test) -> Rule {
        Rule {
            signal,
            test,
            requests_min: 1,
            enough: Enough::Requests,
            breaker: false,
            alone: false,
        }
    }

    /// Whether this rule spends a part of the rollout's error budget.
    pub fn is_sequential(&self) -> bool {
        !self.breaker && self.test.is_sequential()
    }
}

/// What lets a rule pass when the window is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enough {
    /// The minimum of requests.
    #[default]
    Requests,
    /// Evidence that the signal is better than what matters: see [`Test::AtMost`] and
    /// [`Test::NotWorse`]. It can pass before the window is over where the gate allows it.
    Evidence,
}

impl Enough {
    fn is_requests(&self) -> bool {
        *self == Enough::Requests
    }
}

/// A bound relative to the stable arm: `stable value * ratio + margin`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// A factor over the stable arm's value; at least 1.
    pub ratio: f64,
    /// What is added to it, in the signal's unit; not negative.
    pub margin: f64,
}

impl Bound {
    /// The bound at a value of the stable arm.
    pub fn at(&self, stable: f64) -> f64 {
        stable * self.ratio + self.margin
    }
}

/// What a signal must satisfy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Test {
    /// The signal stays at or under a fixed limit at every look, as it stands: a look that is over it by
    /// chance fails too. Right for checks and figures, which are no samples of anything.
    Limit {
        /// The largest value allowed, in the signal's unit.
        max: f64,
    },
    /// The signal is not worse than the concurrent stable arm's by more than this, at a fixed look. It
    /// fails when the candidate's value exceeds `baseline * ratio_max + margin` and, for rates, when the
    /// 99 % lower confidence bound of the difference is above zero. Gates that were planned before
    /// sequential tests have it; new ones get [`Test::NotWorse`].
    Baseline {
        /// Largest factor allowed; at least 1.
        ratio_max: f64,
        /// Largest excess allowed beyond the factor, in the signal's unit; not negative.
        margin: f64,
    },
    /// A trailing window of the signal stays at or under a fixed limit, as it stands.
    Window {
        /// What is read from the window.
        reading: Reading,
        /// How far the window reaches back, in milliseconds.
        over_ms: u64,
        /// The largest value allowed, in the signal's unit.
        max: f64,
    },
    /// A figure of the canary is not above the same figure of the stable release by more than this, as it stands: both
    /// are asked at each measurement, and what is read from their latest stretches is compared. What meets both alike
    /// cancels, but how likely chance makes the difference is not known.
    Beside {
        /// What is read from each release's readings.
        reading: Reading,
        /// How far the readings reach back, in milliseconds.
        over_ms: u64,
        /// How much above the stable release's value the canary's may be.
        tolerated: Bound,
    },
    /// Sequential: fails when there is evidence that the signal is above `max`, and is good when there
    /// is evidence that it is below `matters`.
    AtMost {
        /// The largest value tolerated, in the signal's unit.
        max: f64,
        /// The smallest value that must not be let through; above `max`.
        matters: f64,
    },
    /// Sequential: fails when there is evidence that the canary is worse than `tolerated`, and is good
    /// when there is evidence that it is better than `matters`.
    NotWorse {
        /// How much worse than the stable arm the canary may be.
        tolerated: Bound,
        /// How much worse it must not be let through; beyond `tolerated`.
        matters: Bound,
    },
    /// The signal is not worse than what the stable release showed while it had traffic in the gates
    /// before. For a time in which the stable release has none. Whatever happens to all releases in that
    /// time looks like a worse release, so such a rule warns and never fails.
    NotWorseThanBefore {
        /// How much worse than the stable release was the canary may be.
        tolerated: Bound,
    },
}

/// What is read from a trailing window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The last value.
    Latest,
    /// The mean of all values; of a rate, the rate over the window.
    Mean,
    /// The value that this share of all values, above 0 and below 1, does not exceed (nearest rank).
    Quantile(f64),
}

impl Reading {
    /// The word for it, for example `p95`.
    pub fn words(&self) -> String {
        match self {
            Reading::Latest => "latest".to_owned(),
            Reading::Mean => "mean".to_owned(),
            Reading::Quantile(quantile) => format!("p{}", quantile * 100.0),
        }
    }
}

impl Test {
    /// Whether this test needs a concurrent stable arm.
    pub fn needs_baseline(&self) -> bool {
        matches!(
            self,
            Test::Baseline { .. } | Test::NotWorse { .. } | Test::Beside { .. }
        )
    }

    /// Whether this test never fails: all it does is warn.
    pub fn only_warns(&self) -> bool {
        matches!(self, Test::NotWorseThanBefore { .. })
    }

    /// Whether this test keeps its error rate however often it is looked at.
    pub fn is_sequential(&self) -> bool {
        matches!(self, Test::AtMost { .. } | Test::NotWorse { .. })
    }
}
