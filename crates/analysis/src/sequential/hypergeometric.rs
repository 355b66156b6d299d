//! Fisher's noncentral hypergeometric distribution.
//!
//! Of `requests` requests, `canary` went to the canary, and `events` met an event. If arms are assigned
//! by chance and the odds of an event at the canary are `odds` times those at the stable arm, the
//! number of events at the canary has the weights `C(canary, x) C(stable, events - x) odds^x` (Fisher
//! 1935; Fog 2008, "Calculation methods for Fisher's noncentral hypergeometric distribution"). With
//! `odds` = 1 it is the hypergeometric distribution.

use libm::{lgamma, log};

/// Terms smaller than this share of the sum are left out.
const NEGLIGIBLE: f64 = 1e-17;

/// The margins of one interval's two-by-two table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Margins {
    /// Requests of the canary.
    pub(super) canary: u64,
    /// Requests of the stable arm.
    pub(super) stable: u64,
    /// Events of both.
    pub(super) events: u64,
}

impl Margins {
    /// `ln` of the sum over all possible `x` of `C(canary, x) C(stable, events - x) odds^x`.
    ///
    /// The terms rise to one mode and fall from it, so the sum starts there and goes both ways until
    /// nothing is added any more: some ten standard deviations, whatever the margins.
    pub(super) fn log_normaliser(&self, odds: f64) -> f64 {
        let mode = self.mode(odds);
        let (mut sum, mut term, mut x) = (1.0, 1.0, mode);
        while x < self.highest() {
            term *= self.step(x, odds);
            sum += term;
            x += 1;
            if term < sum * NEGLIGIBLE {
                break;
            }
        }
        (term, x) = (1.0, mode);
        while x > self.lowest() {
            x -= 1;
            term /= self.step(x, odds);
            sum += term;
            if term < sum * NEGLIGIBLE {
                break;
            }
        }
        self.log_ways(mode) + mode as f64 * log(odds) + log(sum)
    }

    /// The least number of events that can be the canary's.
    pub(super) fn lowest(&self) -> u64 {
        self.events.saturating_sub(self.stable)
    }

    /// The largest number of events that can be the canary's.
    pub(super) fn highest(&self) -> u64 {
        self.canary.min(self.events)
    }

    /// The weight of `x + 1` over the weight of `x`; falls as `x` grows.
    fn step(&self, x: u64, odds: f64) -> f64 {
        let (canary, stable) = (self.canary as f64, self.stable as f64);
        let (events, x) = (self.events as f64, x as f64);
        odds * (canary - x) / (x + 1.0) * (events - x) / (stable - events + x + 1.0)
    }

    /// The most likely number of events at the canary: the first from which the weights fall.
    fn mode(&self, odds: f64) -> u64 {
        let (mut low, mut high) = (self.lowest(), self.highest());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.step(middle, odds) > 1.0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// `ln(C(canary, x) C(stable, events - x))`.
    fn log_ways(&self, x: u64) -> f64 {
        log_choose(self.canary, x) + log_choose(self.stable, self.events - x)
    }
}

fn log_choose(n: u64, k: u64) -> f64 {
    let (n, k) = (n as f64, k as f64);
    lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0)
}

#[cfg(test)]
mod tests;
