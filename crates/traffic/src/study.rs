//! Many trials counted.

use libm::{exp, lgamma, log, log1p};
use portcullis_analysis::{Analysis, Verdict};

use crate::{Outcome, Simulator, Trial};

/// How far a bound on a share is searched: more than anybody reads.
const HALVINGS: u32 = 50;

/// What many trials came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Study {
    runs: u64,
    /// When each one was asked about that could not be decided.
    inconclusive_ms: Vec<u64>,
    /// When each failed one failed, in milliseconds, in ascending order.
    failed_ms: Vec<u64>,
    /// When each passed one passed.
    passed_ms: Vec<u64>,
}

impl Study {
    /// So many trials, with the seeds from `seed` on.
    pub fn of(analysis: &Analysis, simulator: &mut Simulator, runs: u64, seed: u64) -> Study {
        let outcomes = (0..runs).map(|at| Trial::run(analysis, simulator, seed + at));
        outcomes.collect()
    }

    /// How many trials there were.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// How many failed.
    pub fn failed(&self) -> u64 {
        self.failed_ms.len() as u64
    }

    /// How many passed.
    pub fn passed(&self) -> u64 {
        self.passed_ms.len() as u64
    }

    /// How many had passed at this time, in milliseconds since the first gate opened.
    pub fn passed_by(&self, at_ms: u64) -> u64 {
        self.passed_ms.partition_point(|passed| *passed <= at_ms) as u64
    }

    /// How many could not be decided.
    pub fn inconclusive(&self) -> u64 {
        self.inconclusive_ms.len() as u64
    }

    /// When this share (0..=1) of the failed ones had failed, in milliseconds; `None` when none did.
    pub fn failed_after_ms(&self, quantile: f64) -> Option<u64> {
        at_quantile(&self.failed_ms, quantile)
    }

    /// When this share (0..=1) of the passed ones had passed, in milliseconds; `None` when none did.
    pub fn passed_after_ms(&self, quantile: f64) -> Option<u64> {
        at_quantile(&self.passed_ms, quantile)
    }

    /// When this share (0..=1) of those that could not be decided had come to that, in milliseconds; `None`
    /// when there was none.
    pub fn inconclusive_after_ms(&self, quantile: f64) -> Option<u64> {
        at_quantile(&self.inconclusive_ms, quantile)
    }
}

fn at_quantile(ascending: &[u64], quantile: f64) -> Option<u64> {
    let rank = (quantile * ascending.len() as f64).ceil() as usize;
    ascending.get(rank.max(1) - 1).copied()
}

impl FromIterator<Outcome> for Study {
    fn from_iter<T: IntoIterator<Item = Outcome>>(outcomes: T) -> Self {
        let mut study = Study::default();
        for outcome in outcomes {
            study.runs += 1;
            match outcome.verdict {
                Verdict::Fail => study.failed_ms.push(outcome.at_ms),
                Verdict::Pass => study.passed_ms.push(outcome.at_ms),
                Verdict::Inconclusive | Verdict::Undecided => {
                    study.inconclusive_ms.push(outcome.at_ms);
                }
            }
        }
        study.failed_ms.sort_unstable();
        study.passed_ms.sort_unstable();
        study.inconclusive_ms.sort_unstable();
        study
    }
}

/// The exact interval for a share after `events` in `runs` independent runs, each end of which is wrong
/// with the chance `miss` (Clopper, Pearson 1934).
pub fn binomial_interval(events: u64, runs: u64, miss: f64) -> (f64, f64) {
    let events = events.min(runs);
    let search = |is_above: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            if is_above(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        (low, high)
    };
    let low = match events {
        0 => 0.0,
        _ => search(&|share| 1.0 - at_most(events - 1, runs, share) > miss).0,
    };
    let high = match events == runs {
        true => 1.0,
        false => search(&|share| at_most(events, runs, share) < miss).1,
    };
    (low, high)
}

/// The chance of at most so many events.
fn at_most(events: u64, runs: u64, share: f64) -> f64 {
    if share <= 0.0 {
        return 1.0;
    }
    if share >= 1.0 {
        return if events >= runs { 1.0 } else { 0.0 };
    }
    let n = runs as f64;
    let terms = (0..=events).map(|k| {
        let k = k as f64;
        let ways = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
        exp(ways + k * log(share) + (n - k) * log1p(-share))
    });
    terms.sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests;
