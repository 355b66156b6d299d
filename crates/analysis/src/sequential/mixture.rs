//! A mixture of likelihood ratios over alternatives and starting moments.

use libm::{exp, log};
use serde::{Deserialize, Serialize};

/// How many alternatives a mixture has.
pub const ALTERNATIVES: usize = 24;
/// The smallest alternative, as a factor over what is tolerated.
const FACTOR_MIN: f64 = 1.15;
/// The largest alternative, as a factor over what is tolerated. Larger ones are found through this
/// one at once.
const FACTOR_MAX: f64 = 40.0;
/// The share of the mixture that stands for regressions which begin later than the measuring.
const LATE_SHARE: f64 = 0.25;
/// Logarithms are kept within this, so that no sum of them becomes infinite. e^700 is near the largest
/// number there is, and evidence of e^-700 never matters again.
const LOG_LIMIT: f64 = 700.0;
/// Logarithms are kept to a ten-millionth.
const DIGITS: f64 = 1e7;

/// The alternatives as factors over what is tolerated, spaced evenly in their logarithm.
pub(super) fn factors() -> [f64; ALTERNATIVES] {
    let step = (log(FACTOR_MAX) - log(FACTOR_MIN)) / (ALTERNATIVES - 1) as f64;
    std::array::from_fn(|at| exp(log(FACTOR_MIN) + step * at as f64))
}

/// The state of an e-process: one likelihood ratio per alternative since the beginning, and one per
/// alternative summed over later beginnings.
///
/// With `L_i(r)` the likelihood ratio of block `i` under alternative `r`:
///
/// - since the beginning: `E(r) = L_1(r) * ... * L_t(r)`;
/// - later beginnings: `A_t(r) = (A_{t-1}(r) + w_t) * L_t(r)` is the sum over `k <= t` of
///   `w_k * L_k(r) * ... * L_t(r)`, and the weights of beginnings that are still to come stay as they
///   are. The weights sum to one: `w_k = r_{k-1} - r_k` with `r_k = 1 / (1 + ln(1 + k))`, which falls
///   slowly enough that a regression after an hour is still found (restart mixture; the same idea as
///   e-detectors of Shin, Ramdas, Rinaldo 2023, with weights that sum to one, so that the bound over
///   all time stays `alpha`).
///
/// The value is the mean over the alternatives of three quarters of the first and a quarter of the
/// second: a mean of e-processes is an e-process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// Natural logarithm of the evidence since the beginning, per alternative.
    log_whole: Vec<f64>,
    /// Natural logarithm of the evidence of later beginnings, per alternative.
    log_late: Vec<f64>,
    /// How many blocks with events were seen.
    blocks: u64,
    /// The highest value so far, as a natural logarithm: evidence that was there once stays proof.
    log_highest: f64,
}

impl Default for Mixture {
    fn default() -> Self {
        Mixture {
            log_whole: vec![0.0; ALTERNATIVES],
            log_late: vec![-LOG_LIMIT; ALTERNATIVES],
            blocks: 0,
            log_highest: 0.0,
        }
    }
}

impl Mixture {
    /// Takes in the logarithms of one block's likelihood ratios, one per alternative.
    pub(super) fn observe(&mut self, log_ratios: &[f64; ALTERNATIVES]) {
        if log_ratios.iter().all(|ratio| *ratio == 0.0) {
            return;
        }
        let before = remaining(self.blocks);
        self.blocks += 1;
        let log_weight = log(before - remaining(self.blocks));
        let states = self.log_whole.iter_mut().zip(&mut self.log_late);
        for ((whole, late), ratio) in states.zip(log_ratios) {
            *whole = bounded(*whole + ratio);
            *late = bounded(log_add(*late, log_weight) + ratio);
        }
        self.log_highest = self.log_highest.max(self.log_e());
    }

    /// The evidence now, as a natural logarithm; 0 before anything was seen.
    pub fn log_e(&self) -> f64 {
        let count = log(ALTERNATIVES as f64);
        let whole = log_sum(&self.log_whole) - count;
        let begun = log_sum(&self.log_late) - count;
        let late = log_add(begun, log(remaining(self.blocks)));
        log_add(log(1.0 - LATE_SHARE) + whole, log(LATE_SHARE) + late)
    }

    /// The highest evidence so far, as a natural logarithm. The null hypothesis is rejected at `alpha`
    /// once this reaches `ln(1 / alpha)`.
    pub fn log_highest(&self) -> f64 {
        self.log_highest
    }

    /// How many blocks with events were seen.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }
}

/// The weight of all beginnings after block `k`.
fn remaining(k: u64) -> f64 {
    1.0 / (1.0 + log(1.0 + k as f64))
}

/// Within the limit, and rounded down to [`DIGITS`]: what is written is half as long, and less evidence
/// than there is keeps every bound.
fn bounded(value: f64) -> f64 {
    libm::floor(value.clamp(-LOG_LIMIT, LOG_LIMIT) * DIGITS) / DIGITS
}

/// `ln(e^a + e^b)`.
pub(super) fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    high + libm::log1p(exp(low - high))
}

/// `ln` of the sum of `e^x` over all `x`.
pub(super) fn log_sum(logs: &[f64]) -> f64 {
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if highest == f64::NEG_INFINITY {
        return highest;
    }
    highest + log(logs.iter().map(|x| exp(x - highest)).sum())
}

#[cfg(test)]
mod tests;
