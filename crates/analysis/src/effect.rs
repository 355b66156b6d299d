//! How large a difference is: intervals that hold at every look.

use serde::{Deserialize, Serialize};

use crate::{Signal, SignalKind};

/// A number that lies between two others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The number that was measured; `None` where it is beyond all that can be told.
    pub value: Option<f64>,
    /// What it is at least.
    pub low: f64,
    /// What it is at most; `None` while nothing bounds it.
    pub high: Option<f64>,
}

/// How large the difference is that a rule looks for, as confidence sequences: with the chance `level`
/// an interval holds the truth at every look of the gate, and not only at this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The chance that an interval holds the truth, 0..1.
    pub level: f64,
    /// The difference; of times at each quantile that is compared.
    pub differences: Vec<Difference>,
}

/// One difference, in the signal's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Which quantile, for times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile: Option<f64>,
    /// The candidate's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Interval>,
    /// The stable arm's value, where the rule compares with it. The two intervals hold together with the
    /// chance `level`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Interval>,
    /// The candidate's value over the stable arm's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Interval>,
}

impl Effect {
    /// The difference of the value that the signal shows, in words: `5.1 times as many errors (3.2 to
    /// 8.9, at 99 %)`; without a second arm the value: `between 1.2 % and 3.4 %, at 99 %`. `None` when
    /// neither end is known.
    pub fn words(&self, signal: &Signal) -> Option<String> {
        let shown = |d: &&Difference| d.quantile == signal.quantile();
        let difference = self.differences.iter().find(shown)?;
        let level = level_words(self.level);
        if let Some(ratio) = &difference.ratio {
            return ratio_words(ratio, what(signal), &level);
        }
        let own = difference.canary.as_ref()?;
        Some(match own.high {
            Some(high) => format!(
                "between {} and {}, at {level}",
                signal.format(own.low),
                signal.format(high)
            ),
            None if own.low > 0.0 => format!("at least {}, at {level}", signal.format(own.low)),
            None => return None,
        })
    }
}

fn ratio_words(ratio: &Interval, what: &str, level: &str) -> Option<String> {
    match (ratio.value, ratio.low, ratio.high) {
        (Some(value), low, Some(high)) => Some(format!(
            "{} times {what} ({} to {}, at {level})",
            times(value),
            times(low),
            times(high)
        )),
        (_, low, None) if low > 0.0 => {
            Some(format!("at least {} times {what}, at {level}", times(low)))
        }
        (None, _, Some(high)) => Some(format!("at most {} times {what}, at {level}", times(high))),
        _ => None,
    }
}

/// What there is more of.
fn what(signal: &Signal) -> &'static str {
    match signal {
        Signal::ErrorRate => "as many errors",
        Signal::Refusals => "as many refusals",
        _ if signal.kind() == SignalKind::Time => "as long",
        _ => "as much",
    }
}

/// A factor with two digits that say something.
fn times(factor: f64) -> String {
    match factor {
        factor if factor >= 9.95 => format!("{factor:.0}"),
        factor if factor >= 0.995 => format!("{factor:.1}"),
        factor => format!("{factor:.2}"),
    }
}

/// `99 %`, `99.5 %`.
fn level_words(level: f64) -> String {
    let percent = format!("{:.3}", level * 100.0);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
