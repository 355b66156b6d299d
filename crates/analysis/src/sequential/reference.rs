//! What is known of the stable arm's times.

use serde::{Deserialize, Serialize};

use crate::Histogram;

/// Once the reference holds this many answers its counts are halved, so that it follows a load that
/// changes over the day.
const ANSWERS_MAX: u64 = 20_000;
/// The fewest answers from which any quantile is read.
const ANSWERS_MIN: u64 = 20;
/// A quantile is known once this many answers beyond it were seen.
const BEYOND_MIN: f64 = 5.0;

/// The stable arm's times so far, as the thresholds of [`super::Exceedances`] are read from them.
///
/// All rules about one kind of times share one: it depends on nothing but the stable arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    answers: Histogram,
}

impl Reference {
    /// Takes in one interval's answers of the stable arm. A rule must have looked at the interval before:
    /// a threshold is known before the answers that are held against it.
    pub fn observe(&mut self, stable: &Histogram) {
        self.answers.merge(stable);
        while self.answers.count() > ANSWERS_MAX {
            self.answers.halve();
        }
    }

    /// The time in microseconds that this share (0..1) of the stable arm's answers does not exceed; `None`
    /// while too few are known to say.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let known = self.answers.count();
        if known < ANSWERS_MIN || (known as f64) * (1.0 - quantile) < BEYOND_MIN {
            return None;
        }
        self.answers.quantile_us(quantile)
    }
}

#[cfg(test)]
mod tests;
