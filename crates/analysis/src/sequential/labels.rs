//! Which arm do events happen to? The comparison of two arms.

use libm::log;
use serde::{Deserialize, Serialize};

use super::hypergeometric::Margins;
use super::mixture::{ALTERNATIVES, Mixture, factors};

/// From this share of requests with an event on, the exact distribution of the labels is used where it
/// applies; below it, it is the binomial one to within a few percent of its variance.
const COMMON: f64 = 0.02;
/// A ratio of rates is kept within this and its inverse.
const RATIO_LIMIT: f64 = 1e6;

/// What both arms did in one interval: requests, and those of them that met an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmEvents {
    /// Requests of the canary.
    pub canary: u64,
    /// Those of them with an event.
    pub canary_events: u64,
    /// Requests of the stable arm.
    pub stable: u64,
    /// Those of them with an event.
    pub stable_events: u64,
}

impl ArmEvents {
    /// The same with the arms exchanged.
    #[must_use]
    fn swapped(self) -> ArmEvents {
        ArmEvents {
            canary: self.stable,
            canary_events: self.stable_events,
            stable: self.canary,
            stable_events: self.canary_events,
        }
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &ArmEvents) {
        self.canary += other.canary;
        self.canary_events += other.canary_events;
        self.stable += other.stable;
        self.stable_events += other.stable_events;
    }
}

/// A bound on the canary's rate: `stable rate * ratio + margin`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RateBound {
    /// A factor over the stable arm's rate, above 0.
    pub ratio: f64,
    /// What is added to it, 0..1.
    pub margin: f64,
}

/// Evidence that the canary's rate is above a bound, or that it is below one.
///
/// For a block with `n` canary and `m` stable requests of which `c` and `b` had an event, the share of
/// the canary being `rho = n / (n + m)`, and for the alternative that the canary's rate is `r` times
/// the bound's ratio `r0`:
///
/// ```text
/// p(r) = rho r / (1 - rho + rho r)                   the chance that an event is the canary's
/// ln L = c ln(p(r r0) / p(r0)) + b ln((1 - p(r r0)) / (1 - p(r0))) - n margin (p(r r0) / p(r0) - 1)
/// ```
///
/// Why its mean is at most 1 while `p_c <= r0 p_b + margin`, whatever `p_b` is and does: with
/// `A = p(r r0) / p(r0)` and `B = (1 - p(r r0)) / (1 - p(r0))` the mean of `A^c B^b` is at most
/// `exp(n p_c (A - 1) + m p_b (B - 1))`, because `1 + x <= e^x`; and `n r0 (A - 1) = m (1 - B)`, so
/// that everything with `p_b` cancels and `exp(n margin (A - 1))` is left, which the last term takes
/// away. Only `rho`, which is measured, enters: weights may change, traffic may pause.
///
/// Without a margin and with `r0 = 1` the argument needs no independence of requests, only that arms
/// are assigned by chance: given the events, their labels are hypergeometric, and the mean of a convex
/// function is at most that under the binomial (Hoeffding 1963). For common events (half of all
/// answers are slower than the median) that is wasteful, so there the exact distribution is used, see
/// [`Margins`]; the alternatives are then ratios of odds.
///
/// The other direction, "below the bound", is the same with the arms exchanged:
/// `p_c >= r0 p_b + margin` says `p_b <= p_c / r0 - margin / r0`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    bound: RateBound,
    below: bool,
    mixture: Mixture,
}

impl Labels {
    /// Gathers evidence against "the canary's rate is at most `bound`": that the canary is worse.
    pub fn above(bound: RateBound) -> Labels {
        Labels::new(bound, false)
    }

    /// Gathers evidence against "the canary's rate is at least `bound`": that the canary is good enough.
    pub fn below(bound: RateBound) -> Labels {
        Labels::new(bound, true)
    }

    fn new(bound: RateBound, below: bool) -> Labels {
        let ratio = bound.ratio.clamp(1.0 / RATIO_LIMIT, RATIO_LIMIT);
        let margin = bound.margin.clamp(0.0, 1.0);
        Labels {
            bound: RateBound { ratio, margin },
            below,
            mixture: Mixture::default(),
        }
    }

    /// Takes in one interval. One with only one arm says nothing about a difference.
    pub fn observe(&mut self, arms: ArmEvents) {
        if arms.canary > 0 && arms.stable > 0 {
            self.mixture.observe(&self.log_ratios(arms));
        }
    }

    /// Takes in one interval of pairs: as many requests in each arm, one of each put at the same moment, so that the two
    /// may depend on each other in any way. The formula above holds for them (with `x` and `y` telling whether
    /// the two of a pair have an event, `A^x B^y <= 1 + x (A - 1) + y (B - 1)` because `A >= 1 >= B`), and the exact
    /// distribution does not: of two requests that contend for one lock exactly one is slow, and which one varies more
    /// than it says.
    pub fn observe_pairs(&mut self, arms: ArmEvents) {
        if arms.canary > 0 && arms.stable > 0 {
            self.mixture.observe(&self.log_ratios_of_pairs(arms));
        }
    }

    /// Takes in one interval of which the arms' shares are known better than by counting: of routing keys, which are
    /// divided as a split says however few of them ask. `events` are those of keys, and `requests` is at least the number of
    /// keys that asked: a margin of them is taken away. Only for evidence that the canary is worse, where too
    /// many requests make it smaller.
    pub fn observe_keys(&mut self, requests: u64, events: (u64, u64), canary_share: f64) {
        debug_assert!(!self.below, "too many requests would be evidence there");
        if requests == 0 || !(canary_share > 0.0 && canary_share < 1.0) {
            return;
        }
        let all = requests.max(events.0 + events.1) as f64;
        let exposure = (all * canary_share, all * (1.0 - canary_share));
        let RateBound { ratio, margin } = self.bound;
        self.mixture
            .observe(&log_ratios(exposure, events, (ratio, margin)));
    }

    /// The evidence that intervals like this one bring at the best alternative, as a natural logarithm.
    pub fn gain(&self, arms: ArmEvents) -> f64 {
        if arms.canary == 0 || arms.stable == 0 {
            return 0.0;
        }
        let ratios = self.log_ratios(arms);
        ratios.into_iter().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The same of intervals of pairs.
    pub fn gain_of_pairs(&self, arms: ArmEvents) -> f64 {
        if arms.canary == 0 || arms.stable == 0 {
            return 0.0;
        }
        let ratios = self.log_ratios_of_pairs(arms);
        ratios.into_iter().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Forgets all evidence.
    pub fn restart(&mut self) {
        self.mixture = Mixture::default();
    }

    fn log_ratios(&self, arms: ArmEvents) -> [f64; ALTERNATIVES] {
        let RateBound { ratio, margin } = self.bound;
        match self.below {
            false if ratio == 1.0 && margin == 0.0 => exact_when_common(arms),
            true if ratio == 1.0 && margin == 0.0 => exact_when_common(arms.swapped()),
            _ => self.log_ratios_of_pairs(arms),
        }
    }

    fn log_ratios_of_pairs(&self, arms: ArmEvents) -> [f64; ALTERNATIVES] {
        let RateBound { ratio, margin } = self.bound;
        match self.below {
            false => of_requests(arms, (ratio, margin)),
            true => of_requests(arms.swapped(), (1.0 / ratio, -margin / ratio)),
        }
    }

    /// The evidence.
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }
}

/// The formula above, of requests that were counted.
fn of_requests(arms: ArmEvents, bound: (f64, f64)) -> [f64; ALTERNATIVES] {
    let exposure = (arms.canary as f64, arms.stable as f64);
    log_ratios(exposure, (arms.canary_events, arms.stable_events), bound)
}

/// The formula above; the canary comes first.
fn log_ratios(
    (canary, stable): (f64, f64),
    (canary_events, stable_events): (u64, u64),
    (ratio, margin): (f64, f64),
) -> [f64; ALTERNATIVES] {
    let share = |ratio: f64| canary * ratio / (stable + canary * ratio);
    let rest = |ratio: f64| stable / (stable + canary * ratio);
    factors().map(|factor| {
        let gain = share(ratio * factor) / share(ratio);
        let loss = rest(ratio * factor) / rest(ratio);
        canary_events as f64 * log(gain) + stable_events as f64 * log(loss)
            - canary * margin * (gain - 1.0)
    })
}

/// The exact distribution when events are common, else the formula above.
fn exact_when_common(arms: ArmEvents) -> [f64; ALTERNATIVES] {
    let margins = Margins {
        canary: arms.canary,
        stable: arms.stable,
        events: arms.canary_events + arms.stable_events,
    };
    let requests = arms.canary + arms.stable;
    if (margins.events as f64) < COMMON * requests as f64 {
        return of_requests(arms, (1.0, 0.0));
    }
    let none = margins.log_normaliser(1.0);
    factors()
        .map(|odds| arms.canary_events as f64 * log(odds) - (margins.log_normaliser(odds) - none))
}

#[cfg(test)]
mod tests;
