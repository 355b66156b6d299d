//! What is missing until a sequential rule can tell, and what its evidence means so far, in words.

use super::{Evidence, Proof};
use crate::rule::{Bound, Enough, Rule, Test};
use crate::{ArmEvents, Labels, Proportion, RateBound, Signal, SignalKind, Verdict};

/// So many requests of each arm are imagined.
const IMAGINED: u64 = 1_000;
/// From this share of the evidence that fails a rule on, it is said how many more requests would bring the
/// rest: from less nobody can tell.
const TELLING: f64 = 0.1;

/// The least number of requests of the candidate that show that it is good enough: with all of them as they should be,
/// and as many of the stable release. `None` for a rule that is not shown by evidence.
///
/// It is about: how traffic is divided is not known and changes little, and a fixed share of the evidence goes to
/// alternatives that are not the right ones.
pub(super) fn requests_at_least(rule: &Rule, log_passes: f64) -> Option<u64> {
    let gain = match (&rule.test, rule.signal.kind()) {
        (Test::AtMost { matters, .. }, SignalKind::Share) => {
            Proportion::below(*matters).gain(IMAGINED, 0)
        }
        (Test::AtMost { .. }, SignalKind::Time) => {
            let slow = 1.0 - rule.signal.quantile()?;
            Proportion::below(slow).gain(IMAGINED, 0)
        }
        (Test::NotWorse { matters, .. }, SignalKind::Share) => {
            let Bound { ratio, margin } = *matters;
            all_well(RateBound { ratio, margin }, 0)
        }
        (Test::NotWorse { .. }, SignalKind::Time) => {
            let same = RateBound {
                ratio: 1.0,
                margin: 0.0,
            };
            let quantiles = rule.signal.shown_quantiles().into_iter();
            let slow = |quantile: f64| ((1.0 - quantile) * IMAGINED as f64).round() as u64;
            let gains = quantiles.map(|quantile| all_well(same, slow(quantile)));
            gains.fold(f64::INFINITY, f64::min)
        }
        _ => return None,
    };
    let needed = libm::ceil(log_passes / gain * IMAGINED as f64);
    (gain > 0.0 && needed < u64::MAX as f64).then_some(needed as u64)
}

/// The evidence of being good when only the stable release has events.
fn all_well(bound: RateBound, stable_events: u64) -> f64 {
    Labels::below(bound).gain(ArmEvents {
        canary: IMAGINED,
        canary_events: 0,
        stable: IMAGINED,
        stable_events,
    })
}

impl Evidence {
    /// About how many more requests of the candidate are needed, where evidence lets the rule pass and it is not there:
    /// as it goes on now, or, where so few say nothing of how it goes on, at least. `None` when no number would
    /// show it.
    pub(super) fn more_needed(&self) -> Option<Needed> {
        let proof = self.proof.as_ref()?;
        if self.rule.enough != Enough::Evidence || proof.passes() || proof.fails() {
            return None;
        }
        if let Some(needed) = proof.requests_needed {
            return Some(Needed::About(needed));
        }
        let least = requests_at_least(&self.rule, proof.log_passes)?;
        let missing = least.checked_sub(self.requests)?;
        (missing > 0).then_some(Needed::AtLeast(missing))
    }

    /// What is said where there is enough to look at and no evidence either way.
    pub(super) fn open_words(&self, proof: &Proof) -> String {
        let telling = proof.log_worse >= proof.log_fails * TELLING;
        if !(telling && self.is_over_limit()) {
            return "; neither shown to be worse nor to be good enough, and more of the same would \
                    not tell"
                .to_owned();
        }
        // Evidence grows evenly while it goes on as it does.
        let times = proof.log_fails / proof.log_worse - 1.0;
        let more = libm::ceil(times * self.requests as f64) as u64;
        format!(
            "; not shown to be good enough, and worse than tolerated so far: about {} like these \
             would prove that",
            self.rule.signal.more(more)
        )
    }

    /// That the rule is on its way to fail, and what follows from that.
    pub(super) fn approaching_words(&self, proof: &Proof) -> String {
        let percent = (100.0 * proof.log_worse / proof.log_fails).clamp(50.0, 99.0);
        let there = format!("{percent:.0} % of the evidence that rolls back is there");
        let many = self.rule.signal == Signal::Latencies && !self.is_over_limit();
        let why = match many {
            true => " (p50, p90, p95 and p99 count; the value shown is the p95)",
            false => "",
        };
        let then = match self.verdict {
            Verdict::Pass => ", and it counts on at the next gate",
            _ => "; it goes back if this goes on",
        };
        format!("; approaching failure: {there}{why}{then}")
    }

    /// How large a difference is that is proven. The proof asks whether the candidate is worse than tolerated; the
    /// interval asks how much, bounds that on both sides and is wider for it. Where it reaches down to what is tolerated
    /// both are said apart, or they would seem to contradict each other.
    pub(super) fn failed_words(&self, chance: &str) -> String {
        let Some(effect) = self.effect_words() else {
            return format!("; {chance}");
        };
        match self.effect_is_beyond_limit() {
            true => format!("; {effect}; {chance}"),
            false => {
                format!("; that it is worse is proven ({chance}), how much is not yet: {effect}")
            }
        }
    }

    /// Whether all that the shown interval holds is beyond what is tolerated.
    fn effect_is_beyond_limit(&self) -> bool {
        let quantile = self.rule.signal.quantile();
        let differences = self.effect.iter().flat_map(|effect| &effect.differences);
        let mut shown = differences.filter(|difference| difference.quantile == quantile);
        let Some((difference, limit)) = shown.next().zip(self.limit) else {
            return true;
        };
        let low = match (&difference.ratio, self.rule.test.needs_baseline()) {
            (Some(ratio), true) => self.baseline.map(|stable| ratio.low * stable),
            _ => difference.canary.as_ref().map(|own| own.low),
        };
        low.is_none_or(|low| low > limit)
    }

    /// Whether the value is over the limit as it stands.
    fn is_over_limit(&self) -> bool {
        let values = self.observed.zip(self.limit);
        values.is_some_and(|(value, limit)| value > limit)
    }

    /// That the stable release is over a fixed limit too: an incident of both is no fault of the candidate.
    pub(super) fn common_words(&self) -> &'static str {
        let both = self.baseline.zip(self.limit);
        let both = both.is_some_and(|(stable, limit)| stable > limit) && self.is_over_limit();
        match both && !self.rule.test.needs_baseline() && !self.rule.test.only_warns() {
            true => "; the stable release is over this limit too",
            false => "",
        }
    }
}

/// How many more requests a rule needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// So many if it goes on as it does.
    About(u64),
    /// So many if all goes well.
    AtLeast(u64),
}

impl Needed {
    pub(super) fn requests(self) -> u64 {
        match self {
            Needed::About(requests) | Needed::AtLeast(requests) => requests,
        }
    }

    pub(super) fn words(self, signal: &Signal) -> String {
        match self {
            Needed::About(requests) => format!("; needs about {}", signal.more(requests)),
            Needed::AtLeast(requests) => format!(
                "; too few to tell, needs at least about {}",
                signal.more(requests)
            ),
        }
    }
}

#[cfg(test)]
mod tests;
