//! Latencies as events: answers slower than the stable arm usually is.

use libm::{exp, log};
use serde::{Deserialize, Serialize};

use super::labels::{ArmEvents, Labels, RateBound};
use super::reference::Reference;
use crate::Histogram;

/// A bound on the canary's latency: `stable latency * ratio + margin`, at the same quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyBound {
    /// A factor over the stable arm's latency, at least 1.
    pub ratio: f64,
    /// What is added to it, in microseconds.
    pub margin_us: u64,
}

/// Evidence that the canary is slower than a bound, or that it is not.
///
/// For each quantile `q` the threshold `tau` is the stable arm's running quantile *before* the block
/// ([`Reference`]), so that it is known before the answers that are held against it. An event is an answer of the
/// stable arm slower than `tau`, or one of the canary slower than `tau * ratio + margin`; events go to
/// [`Labels`] with the null hypothesis that they are not likelier at the canary. A slowdown of both
/// arms makes events of both and proves nothing.
///
/// Evidence that it is slower is the mean over the quantiles (a mean of e-processes is one, however
/// they depend on each other): a shift shows at the median, a tail at p99. Evidence that it is *not*
/// slower is the least of them: each must be fine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exceedances {
    bound: LatencyBound,
    below: bool,
    parts: Vec<Part>,
    log_highest: f64,
}

/// One quantile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Part {
    quantile: f64,
    labels: Labels,
}

impl Exceedances {
    /// Gathers evidence that the canary is slower than `bound` at any of `quantiles` (each in 0..1).
    pub fn above(quantiles: &[f64], bound: LatencyBound) -> Exceedances {
        Exceedances::new(quantiles, bound, false)
    }

    /// Gathers evidence that the canary is faster than `bound` at all of `quantiles`.
    pub fn below(quantiles: &[f64], bound: LatencyBound) -> Exceedances {
        Exceedances::new(quantiles, bound, true)
    }

    fn new(quantiles: &[f64], bound: LatencyBound, below: bool) -> Exceedances {
        let same = RateBound {
            ratio: 1.0,
            margin: 0.0,
        };
        let parts = quantiles.iter().map(|quantile| Part {
            quantile: *quantile,
            labels: if below {
                Labels::below(same)
            } else {
                Labels::above(same)
            },
        });
        Exceedances {
            bound,
            below,
            parts: parts.collect(),
            log_highest: 0.0,
        }
    }

    /// Takes in one interval's answers of both arms. `reference` is what was known of the stable arm before
    /// it.
    pub fn observe(&mut self, reference: &Reference, canary: &Histogram, stable: &Histogram) {
        self.take(Labels::observe, reference, (canary, stable));
    }

    /// Takes in one interval's answers to pairs of requests; see [`Labels::observe_pairs`]. `reference` is what was
    /// known of the stable arm's answers to such before it.
    pub fn observe_pairs(&mut self, reference: &Reference, canary: &Histogram, stable: &Histogram) {
        self.take(Labels::observe_pairs, reference, (canary, stable));
    }

    fn take(
        &mut self,
        observe: impl Fn(&mut Labels, ArmEvents),
        reference: &Reference,
        answers: (&Histogram, &Histogram),
    ) {
        let bound = self.bound;
        for part in &mut self.parts {
            if let Some(events) = events(reference, part.quantile, bound, answers) {
                observe(&mut part.labels, events);
            }
        }
        self.log_highest = self.log_highest.max(self.log_e());
    }

    /// The evidence that answers like these bring, as a natural logarithm: at the quantile that gains
    /// most, or, for "below", least.
    pub fn gain(&self, reference: &Reference, canary: &Histogram, stable: &Histogram) -> f64 {
        self.gain_by(Labels::gain, reference, (canary, stable))
    }

    /// The same of answers to pairs of requests.
    pub fn gain_of_pairs(
        &self,
        reference: &Reference,
        canary: &Histogram,
        stable: &Histogram,
    ) -> f64 {
        self.gain_by(Labels::gain_of_pairs, reference, (canary, stable))
    }

    fn gain_by(
        &self,
        gain: impl Fn(&Labels, ArmEvents) -> f64,
        reference: &Reference,
        answers: (&Histogram, &Histogram),
    ) -> f64 {
        let gains = self.parts.iter().map(|part| {
            let events = events(reference, part.quantile, self.bound, answers);
            events.map_or(0.0, |events| gain(&part.labels, events))
        });
        if self.below {
            gains.fold(f64::INFINITY, f64::min).min(f64::MAX)
        } else {
            gains.fold(0.0, f64::max)
        }
    }

    /// Forgets all evidence.
    pub fn restart(&mut self) {
        self.parts.iter_mut().for_each(|part| part.labels.restart());
        self.log_highest = 0.0;
    }

    /// The evidence now, as a natural logarithm.
    pub fn log_e(&self) -> f64 {
        let logs = || self.parts.iter().map(|part| part.labels.mixture().log_e());
        if self.below {
            return logs().fold(f64::INFINITY, f64::min).min(f64::MAX);
        }
        let highest = logs().fold(f64::NEG_INFINITY, f64::max);
        if highest == f64::NEG_INFINITY {
            return 0.0;
        }
        let sum: f64 = logs().map(|x| exp(x - highest)).sum();
        highest + log(sum / self.parts.len() as f64)
    }

    /// The highest evidence so far, as a natural logarithm.
    pub fn log_highest(&self) -> f64 {
        self.log_highest
    }
}

/// The events at one quantile; `None` while the reference does not know it.
fn events(
    reference: &Reference,
    quantile: f64,
    bound: LatencyBound,
    (canary, stable): (&Histogram, &Histogram),
) -> Option<ArmEvents> {
    let tau_us = reference.quantile_us(quantile)?;
    Some(ArmEvents {
        canary: canary.count(),
        canary_events: canary.slower_than(bounded_us(tau_us, bound)),
        stable: stable.count(),
        stable_events: stable.slower_than(tau_us),
    })
}

/// The bound on the canary at a threshold of the stable arm, in microseconds.
fn bounded_us(tau_us: u64, bound: LatencyBound) -> u64 {
    ((tau_us as f64 * bound.ratio) as u64).saturating_add(bound.margin_us)
}

#[cfg(test)]
mod tests;
