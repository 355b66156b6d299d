//! What makes a rule useless: numbers out of range, tests that do not fit the signal.

use super::{Bound, Enough, Reading, Rule, Test};
use crate::{Signal, SignalKind};

impl Rule {
    /// Why this rule cannot be used, in words that say what is expected; `None` when it can.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.requests_min == 0 {
            return Some("the minimum of requests must be at least 1".to_owned());
        }
        if let Some(quantile) = self.signal.quantile()
            && !is_inside(quantile)
        {
            return Some("a latency quantile lies between 0 and 1, for example 0.95".to_owned());
        }
        if self.enough == Enough::Evidence && !self.test.is_sequential() {
            return Some("only a sequential rule can pass by evidence".to_owned());
        }
        if self.alone && self.test.needs_baseline() {
            return Some("a comparison with the stable arm is nothing without one".to_owned());
        }
        self.unfit().or_else(|| self.out_of_range())
    }

    /// A test that this signal cannot have.
    fn unfit(&self) -> Option<String> {
        let of_traffic = self.signal.is_of_traffic();
        let text = match &self.test {
            Test::Baseline { .. } | Test::NotWorse { .. } | Test::NotWorseThanBefore { .. }
                if !of_traffic =>
            {
                "only what the gateway counts (errors, latencies, tokens) can be compared with the \
                 stable arm"
            }
            Test::AtMost { .. } if !of_traffic => {
                "only what the gateway counts (errors, latencies, tokens) is judged by evidence; a \
                 figure or a check has a plain limit or a window"
            }
            Test::Baseline { .. } | Test::Limit { .. } if self.signal == Signal::Latencies => {
                "all quantiles together can only be judged sequentially; name one quantile"
            }
            Test::Beside { .. } if self.signal.kind() != SignalKind::Figure => {
                "only figures are compared as they stand; what the gateway counts is compared by evidence"
            }
            Test::Window { .. } if self.signal.kind() == SignalKind::Checks => {
                "checks have no window: they count failures in a row"
            }
            Test::Window { reading, .. } if of_traffic && *reading == Reading::Latest => {
                "traffic has no latest value; take the mean of a rate or a quantile of a time"
            }
            Test::Window {
                reading: Reading::Mean,
                ..
            } if self.signal.kind() == SignalKind::Time => {
                "times are counted by quantile; take a quantile"
            }
            Test::Window {
                reading: Reading::Quantile(_),
                ..
            } if self.signal.kind() == SignalKind::Share => "a rate has a mean and no quantile",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn out_of_range(&self) -> Option<String> {
        let share = self.signal.kind() == SignalKind::Share;
        match &self.test {
            Test::Limit { max } | Test::Window { max, .. } if !(max.is_finite() && *max >= 0.0) => {
                Some("a limit is a number of at least 0".to_owned())
            }
            Test::Window { over_ms: 0, .. } | Test::Beside { over_ms: 0, .. } => {
                Some("a window has a length".to_owned())
            }
            Test::Window {
                reading: Reading::Quantile(quantile),
                ..
            }
            | Test::Beside {
                reading: Reading::Quantile(quantile),
                ..
            } if !is_inside(*quantile) => {
                Some("a quantile lies between 0 and 1, for example 0.95".to_owned())
            }
            Test::Baseline { ratio_max, margin } => Bound {
                ratio: *ratio_max,
                margin: *margin,
            }
            .problem(),
            Test::AtMost { max, matters } => {
                if !(max.is_finite() && *max >= 0.0) {
                    return Some("a limit is a number of at least 0".to_owned());
                }
                if !(matters.is_finite() && matters > max) {
                    return Some("what matters must be above the limit".to_owned());
                }
                (share && *matters > 1.0).then(|| "a rate is at most 1, which is 100 %".to_owned())
            }
            Test::NotWorse { tolerated, matters } => {
                let bounds = tolerated.problem().or_else(|| matters.problem());
                bounds.or_else(|| {
                    let beyond = matters.ratio >= tolerated.ratio
                        && matters.margin >= tolerated.margin
                        && matters != tolerated;
                    (!beyond).then(|| "what matters must be beyond what is tolerated".to_owned())
                })
            }
            Test::NotWorseThanBefore { tolerated } => tolerated.problem(),
            Test::Beside { tolerated, .. } => tolerated.problem(),
            Test::Limit { .. } | Test::Window { .. } => None,
        }
    }
}

impl Bound {
    fn problem(&self) -> Option<String> {
        let good = self.ratio.is_finite()
            && self.ratio >= 1.0
            && self.margin.is_finite()
            && self.margin >= 0.0;
        (!good).then(|| {
            "a comparison allows a factor of at least 1 and a margin of at least 0".to_owned()
        })
    }
}

fn is_inside(quantile: f64) -> bool {
    quantile > 0.0 && quantile < 1.0
}
