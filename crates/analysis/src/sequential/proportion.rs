//! One arm against a fixed rate.

use libm::log;
use serde::{Deserialize, Serialize};

use super::mixture::{ALTERNATIVES, Mixture, factors};

/// A rate is kept this far from 0 and 1: below a limit of 0, one event is proof all the same.
const RATE_EDGE: f64 = 1e-6;

/// Evidence that a rate is above a limit, or that it is below one.
///
/// The alternatives have the odds of the limit, times (or, for "below", divided by) each factor:
/// `ln L = c ln(p1 / p0) + (n - c) ln((1 - p1) / (1 - p0))` for `c` events in `n`. The ratio of
/// likelihoods is monotone in the rate, so its mean is at most 1 on the whole side of the null
/// hypothesis, and at every moment: the rate may change while it stays on its side.
///
/// There is no second arm in it: an incident that has nothing to do with the new version counts too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proportion {
    limit: f64,
    below: bool,
    mixture: Mixture,
}

impl Proportion {
    /// Gathers evidence against "the rate is at most `limit`".
    pub fn above(limit: f64) -> Proportion {
        Proportion::new(limit, false)
    }

    /// Gathers evidence against "the rate is at least `limit`".
    pub fn below(limit: f64) -> Proportion {
        Proportion::new(limit, true)
    }

    fn new(limit: f64, below: bool) -> Proportion {
        Proportion {
            limit: limit.clamp(RATE_EDGE, 1.0 - RATE_EDGE),
            below,
            mixture: Mixture::default(),
        }
    }

    /// Takes in `events` among `requests`.
    pub fn observe(&mut self, requests: u64, events: u64) {
        self.mixture.observe(&self.log_ratios(requests, events));
    }

    /// The evidence that this many requests and events bring at the best alternative, as a natural
    /// logarithm.
    pub fn gain(&self, requests: u64, events: u64) -> f64 {
        let ratios = self.log_ratios(requests, events);
        ratios.into_iter().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Forgets all evidence.
    pub fn restart(&mut self) {
        self.mixture = Mixture::default();
    }

    fn log_ratios(&self, requests: u64, events: u64) -> [f64; ALTERNATIVES] {
        let (events, others) = (events as f64, requests.saturating_sub(events) as f64);
        let odds = self.limit / (1.0 - self.limit);
        factors().map(|factor| {
            let factor = if self.below { 1.0 / factor } else { factor };
            // p1 / p0 and (1 - p1) / (1 - p0) for p1 with the odds `odds * factor`.
            let none = (1.0 + odds) / (1.0 + odds * factor);
            events * log(factor * none) + others * log(none)
        })
    }

    /// The evidence.
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }
}

#[cfg(test)]
mod tests;
