//! What the stable release showed in the gates before, as a limit for the time after the promotion.

use serde::{Deserialize, Serialize};

use super::stretch::Stretch;
use crate::rule::Bound;
use crate::{
    ArmSample, Budget, Evidence, Proof, Proportion, Sample, Signal, SignalKind, Verdict,
    proportion_interval, quantile_interval,
};

/// The interval of what the stable release showed is tightest after about so many requests.
const REQUESTS_OPT: f64 = 1000.0;
/// What is said where nothing can be compared.
const TOO_LITTLE: &str = "the release before had too little traffic in the gates to compare with";

/// A comparison with what the stable release showed while it still had traffic.
///
/// Its value then is known only as an interval; the limit is what is tolerated at the interval's upper end, and
/// [`Proportion`] gathers evidence against it. Each of the two may err with half of the budget's `alpha`, so as long
/// as the world stays as it was, a release that is no worse than tolerated is warned of with a chance of `alpha` at
/// most. The world need not stay as it was, which is why nothing but a warning comes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    /// What the stable release showed, in the signal's unit.
    shown: f64,
    /// The limit, in the signal's unit.
    limit: f64,
    /// The share of requests that may be events at the limit.
    allowed: f64,
    worse: Proportion,
    stretch: Stretch,
}

impl Before {
    /// The comparison with what `stable` answered; `None` where that was too little to say anything.
    pub(super) fn new(
        signal: &Signal,
        tolerated: &Bound,
        stable: &ArmSample,
        budget: &Budget,
    ) -> Option<Before> {
        let shown = signal.value(stable)?;
        let alpha = budget.alpha / 2.0;
        let (limit, allowed) = match signal.kind() {
            SignalKind::Share => {
                let (requests, events) = signal.events(stable);
                let (_, high) = proportion_interval(events, requests, alpha, REQUESTS_OPT)?;
                let limit = tolerated.at(high);
                (limit, limit)
            }
            SignalKind::Time => {
                let quantile = signal.quantile()?;
                let times = signal.times(stable);
                let (_, high) = quantile_interval(times, quantile, alpha, REQUESTS_OPT)?;
                (tolerated.at(high? as f64 / 1000.0), 1.0 - quantile)
            }
            SignalKind::Checks | SignalKind::Figure => return None,
        };
        (allowed < 1.0).then(|| Before {
            shown,
            limit,
            allowed,
            worse: Proportion::above(allowed),
            stretch: Stretch::default(),
        })
    }

    /// Takes in what the release answers that now serves.
    pub(super) fn observe(&mut self, signal: &Signal, sample: &Sample) {
        let Some(arm) = &sample.canary else {
            return;
        };
        let (requests, events) = match signal.kind() {
            SignalKind::Time => {
                let times = signal.times(arm);
                (
                    times.count(),
                    times.slower_than((self.limit * 1000.0) as u64),
                )
            }
            _ => signal.events(arm),
        };
        self.worse.observe(requests, events);
        let arm = (arm, None, sample.duration_ms());
        self.stretch
            .observe(signal, arm, (requests, events), self.allowed);
    }

    /// Fills the evidence. It never fails.
    pub(super) fn tell(known: Option<&Before>, evidence: &mut Evidence, budget: &Budget) {
        evidence.verdict = Verdict::Pass;
        let Some(before) = known else {
            evidence.detail = Some(TOO_LITTLE.to_owned());
            return;
        };
        evidence.baseline = Some(before.shown);
        evidence.limit = Some(before.limit);
        let proof = Proof {
            log_worse: before.worse.mixture().log_highest(),
            log_fails: libm::log(2.0 / budget.alpha),
            log_good: 0.0,
            log_passes: budget.log_passes(),
            requests_needed: None,
        };
        // What was worse for a while and is well again is no reason to go back.
        evidence.approaching = proof.fails() && before.stretch.is_open();
        if evidence.approaching {
            before.stretch.tell(evidence);
        }
        evidence.proof = Some(proof);
    }
}

#[cfg(test)]
mod tests;
