//! How large the difference is that a rule looks for.

use std::borrow::Cow;

use super::state::RuleState;
use super::sums::Sums;
use crate::effect::{Difference, Effect, Interval};
use crate::rule::Rule;
use crate::{
    ArmSample, Histogram, RateRatio, Signal, SignalKind, proportion_interval, quantile_interval,
};

/// Intervals for one arm are tightest after about so many requests: the first minutes of a canary.
const REQUESTS_OPT: f64 = 1000.0;

/// The intervals of a rule at `1 - alpha`; `None` for rules as they stand, and before anything was seen.
pub(super) fn effect(state: &RuleState, rule: &Rule, sums: &Sums, alpha: f64) -> Option<Effect> {
    let signal = &rule.signal;
    let (canary, stable) = match state {
        // One interval is about one kind of requests; only a ratio of rates adds up over both.
        RuleState::Shares { .. } | RuleState::Times { .. } => sums.most(signal),
        _ => (sums.canary_of(signal), Cow::Borrowed(sums.baseline())),
    };
    let (canary, stable) = (canary.as_ref(), stable.as_ref());
    let differences: Vec<Difference> = match state {
        RuleState::Fixed
        | RuleState::Trailing { .. }
        | RuleState::Beside { .. }
        | RuleState::Before { .. } => return None,
        RuleState::Share { .. } if signal.kind() == SignalKind::Time => {
            let quantiles = signal.compared_quantiles().into_iter();
            let of = |quantile| times(signal.times(canary), None, quantile, alpha);
            quantiles.map(of).collect()
        }
        RuleState::Share { .. } => vec![Difference {
            quantile: None,
            canary: share(signal, canary, alpha),
            stable: None,
            ratio: None,
        }],
        RuleState::Shares { ratio, .. } => vec![Difference {
            quantile: None,
            canary: share(signal, canary, alpha / 2.0),
            stable: share(signal, stable, alpha / 2.0),
            ratio: rates(ratio, alpha),
        }],
        RuleState::Times { .. } => {
            let quantiles = signal.compared_quantiles().into_iter();
            let arms = (signal.times(canary), signal.times(stable));
            let of = |quantile| times(arms.0, Some(arms.1), quantile, alpha);
            quantiles.map(of).collect()
        }
    };
    let known = |d: &Difference| d.canary.is_some() || d.stable.is_some() || d.ratio.is_some();
    differences.iter().any(known).then_some(Effect {
        level: 1.0 - alpha,
        differences,
    })
}

fn share(signal: &Signal, arm: &ArmSample, alpha: f64) -> Option<Interval> {
    let (requests, events) = signal.events(arm);
    let (low, high) = proportion_interval(events, requests, alpha, REQUESTS_OPT)?;
    Some(Interval {
        value: signal.value(arm),
        low,
        high: Some(high),
    })
}

fn rates(ratio: &RateRatio, alpha: f64) -> Option<Interval> {
    let found = ratio.interval(alpha)?;
    Some(Interval {
        value: found.likeliest,
        low: found.low,
        high: found.high,
    })
}

/// The times of one arm at a quantile, or of both and their ratio: with half of `alpha` for each arm both
/// intervals hold, and then so does the ratio's, from end to opposite end.
fn times(canary: &Histogram, stable: Option<&Histogram>, quantile: f64, alpha: f64) -> Difference {
    let alpha = if stable.is_some() { alpha / 2.0 } else { alpha };
    let interval = |times: &Histogram| {
        let (low, high) = quantile_interval(times, quantile, alpha, REQUESTS_OPT)?;
        let milliseconds = |us: u64| us as f64 / 1000.0;
        Some(Interval {
            value: times.quantile_us(quantile).map(milliseconds),
            low: milliseconds(low),
            high: high.map(milliseconds),
        })
    };
    let canary = interval(canary);
    let stable = stable.and_then(interval);
    let over = |a: f64, b: f64| (b > 0.0).then(|| a / b);
    let ratio = canary.zip(stable).map(|(canary, stable)| Interval {
        value: canary.value.zip(stable.value).and_then(|(a, b)| over(a, b)),
        low: stable
            .high
            .and_then(|high| over(canary.low, high))
            .unwrap_or(0.0),
        high: canary.high.and_then(|high| over(high, stable.low)),
    });
    Difference {
        quantile: Some(quantile),
        canary,
        stable,
        ratio,
    }
}
