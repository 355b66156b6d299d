//! How many times as often do events happen to the canary?

use libm::{exp, log};
use serde::{Deserialize, Serialize};

use super::labels::ArmEvents;
use super::mixture::log_sum;

/// How many ratios are held against the data.
const RATIOS: usize = 97;
/// The smallest and the largest of them; what lies beyond is told as "below" and "above".
const RATIO_MIN: f64 = 1.0 / 64.0;
const RATIO_MAX: f64 = 256.0;

/// A confidence sequence for the ratio of the canary's rate of events to the stable arm's.
///
/// For each ratio `r` of a grid the conditional log-likelihood of the labels is summed,
/// `l(r) = sum of c ln p(r) + b ln(1 - p(r))` with `p(r) = rho r / (1 - rho + rho r)`. Against the true
/// ratio `R` the mixture `E(R) = mean over the grid of exp(l(r) - l(R))` is an e-process, by the argument
/// of [`super::Labels`] with a margin of 0 (it holds for alternatives on both sides): for one and the
/// same reason a tolerated ratio is rejected there and left out here. The sequence is all `R` with
/// `E(R) < 1 / alpha` (Ville 1939; a confidence sequence by inverting tests, Howard et al. 2021).
///
/// It is the sharper choice over two intervals for the arms' rates that share `alpha`: those must hold
/// each rate although only the ratio is asked for, and are void when the base rate drifts; here the base
/// rate cancels, with all of `alpha` spent on the ratio. One number per ratio is its whole state.
///
/// In `ln r` the log-likelihood is concave, so the sequence is an interval; its ends lie between a ratio
/// that is in and the next that is out, and there the line through the two last ratios inside, which a
/// concave function stays under, keeps the end on the safe side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateRatio {
    log_likelihoods: Vec<f64>,
    canary_events: u64,
    stable_events: u64,
}

impl Default for RateRatio {
    fn default() -> Self {
        RateRatio {
            log_likelihoods: vec![0.0; RATIOS],
            canary_events: 0,
            stable_events: 0,
        }
    }
}

/// What is known of a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioInterval {
    /// The likeliest ratio; `None` when it is below or above all that is looked at, as it is while only
    /// one arm had events.
    pub likeliest: Option<f64>,
    /// The smallest ratio that is not refuted; 0 when none is too small.
    pub low: f64,
    /// The largest ratio that is not refuted; `None` when none is too large.
    pub high: Option<f64>,
}

impl RateRatio {
    /// Takes in one interval. One with only one arm, or without events, says nothing about a ratio.
    pub fn observe(&mut self, arms: ArmEvents) {
        let exposure = (arms.canary as f64, arms.stable as f64);
        self.observe_exposed(exposure, (arms.canary_events, arms.stable_events));
    }

    /// Takes in the events of one interval with the shares of both arms, in any unit; the canary comes first.
    pub fn observe_exposed(
        &mut self,
        (canary, stable): (f64, f64),
        (canary_events, stable_events): (u64, u64),
    ) {
        if canary <= 0.0 || stable <= 0.0 || canary_events + stable_events == 0 {
            return;
        }
        self.canary_events += canary_events;
        self.stable_events += stable_events;
        for (at, likelihood) in self.log_likelihoods.iter_mut().enumerate() {
            let weight = canary * ratio(at as f64);
            let all = weight + stable;
            *likelihood +=
                canary_events as f64 * log(weight / all) + stable_events as f64 * log(stable / all);
        }
    }

    /// The ratios that are not refuted, at all times with probability `1 - alpha`; `None` before any
    /// event.
    pub fn interval(&self, alpha: f64) -> Option<RatioInterval> {
        if self.canary_events + self.stable_events == 0 {
            return None;
        }
        let known = &self.log_likelihoods;
        let least = log_sum(known) - log(RATIOS as f64) - log(1.0 / alpha);
        let inside = |at: &usize| known[*at] > least;
        let first = (0..RATIOS).find(inside)?;
        let last = (0..RATIOS).rev().find(inside)?;
        Some(RatioInterval {
            likeliest: self.likeliest(),
            low: match first {
                0 => 0.0,
                at => ratio(at as f64 - self.reach(at, at + 1, least)),
            },
            high: (last + 1 < RATIOS)
                .then(|| ratio(last as f64 + self.reach(last, last.saturating_sub(1), least))),
        })
    }

    /// How far, in steps of the grid, the log-likelihood can stay above `least` beyond the ratio `at`,
    /// seen from its neighbour inside: at most one step.
    fn reach(&self, at: usize, inner: usize, least: f64) -> f64 {
        let own = self.log_likelihoods[at];
        let falls = self.log_likelihoods.get(inner).map(|inner| inner - own);
        match falls {
            Some(falls) if falls > 0.0 => ((own - least) / falls).min(1.0),
            _ => 1.0,
        }
    }

    /// The top of the parabola through the highest ratio and its neighbours.
    fn likeliest(&self) -> Option<f64> {
        let known = &self.log_likelihoods;
        let top = (0..RATIOS).max_by(|a, b| known[*a].total_cmp(&known[*b]))?;
        if top == 0 || top + 1 == RATIOS {
            return None;
        }
        let (before, own, after) = (known[top - 1], known[top], known[top + 1]);
        let bend = before - 2.0 * own + after;
        let shift = if bend < 0.0 {
            0.5 * (before - after) / bend
        } else {
            0.0
        };
        Some(ratio(top as f64 + shift))
    }
}

/// The ratio at a place of the grid, or between two places.
fn ratio(at: f64) -> f64 {
    let step = log(RATIO_MAX / RATIO_MIN) / (RATIOS - 1) as f64;
    exp(log(RATIO_MIN) + step * at)
}

#[cfg(test)]
mod tests;
