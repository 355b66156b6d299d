//! The time after the promotion in which the old release runs on, and how the new one is watched in it.

use portcullis_analysis::{
    Analysis, Bound, Cadence, Enough, Reading, Rule, Signal, SignalKind, Test, WhenInconclusive,
};

use crate::Strategy;

/// About how many entries the journal gets of such a time, if nothing happens in it.
const RECORDS: u64 = 60;
/// The longest time between two of them, in milliseconds: as much is not remembered if Portcullis is killed.
const RECORD_MAX_MS: u64 = 60_000;
/// The quantile that stands for all of them where a latency is compared with what it was before.
const QUANTILE: f64 = 0.95;

/// For how long the old release is kept running after the new one was promoted, and how often the new one
/// is measured meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeepWarm {
    /// How long, in milliseconds; 0 stops the old release at once.
    pub window_ms: u64,
    /// How far apart measurements are, in ascending order of time; empty for the gates' own distance.
    pub cadence: Vec<Cadence>,
}

impl KeepWarm {
    /// The old release is kept for so many milliseconds.
    pub fn lasting(window_ms: u64) -> KeepWarm {
        KeepWarm {
            window_ms,
            cadence: Vec::new(),
        }
    }

    /// What is looked at in this time, from the rules of the gates.
    ///
    /// - Rules that need no second release go on, with the evidence that they have.
    /// - A comparison has nothing left to compare with at the same time. It becomes a comparison with what
    ///   the old release showed in the gates, and only warns: [`Test::NotWorseThanBefore`].
    /// - Figures of both releases are not compared any more: one that has no traffic shows other ones.
    /// - A limit on traffic that is looked at as it stands looks back over the window of a gate, as it did in
    ///   the gates: over all of this time it would hardly notice what begins late.
    /// - The time ends when it is over: it is not extended for lack of evidence, and not cut short by it.
    pub fn analysis(&self, gates: &Analysis) -> Analysis {
        let mut watch = gates.clone();
        watch.window_ms = self.window_ms;
        watch.samples_min = 1;
        watch.extend_ms = 0;
        watch.early = false;
        watch.inconclusive = WhenInconclusive::Ask;
        let fitting = |ms: u64| ms.min(self.window_ms.max(1));
        if let Some(first) = self.cadence.first() {
            let (at_once, later) = match first.after_ms {
                0 => (Some(first.interval_ms), &self.cadence[1..]),
                _ => (None, self.cadence.as_slice()),
            };
            watch.interval_ms = at_once.unwrap_or(gates.interval_ms);
            watch.cadence = later.to_vec();
        }
        watch.interval_ms = fitting(watch.interval_ms);
        watch
            .cadence
            .retain(|later| later.after_ms < self.window_ms);
        for later in &mut watch.cadence {
            later.interval_ms = fitting(later.interval_ms);
        }
        let intervals = watch.cadence.iter().map(|later| later.interval_ms);
        let longest_ms = intervals.fold(watch.interval_ms, u64::max);
        let over_ms = gates.window_ms.max(longest_ms);
        watch.rules = gates
            .rules
            .iter()
            .filter_map(|rule| watching(rule, over_ms))
            .collect();
        watch
    }

    /// The same for a strategy: one without gates has nothing of before to compare with.
    pub fn analysis_after(&self, gates: &Analysis, strategy: &Strategy) -> Analysis {
        let mut watch = self.analysis(gates);
        if *strategy == Strategy::AtOnce {
            watch.rules.retain(|rule| !rule.test.only_warns());
        }
        watch
    }

    /// How far apart the journal's entries of this time are, in milliseconds, if nothing happens in it; 0 where it
    /// gets one of each measurement: where they are far apart already, or somebody has said how far.
    pub fn record_ms(&self, watch: &Analysis) -> u64 {
        let apart_ms = (self.window_ms / RECORDS).min(RECORD_MAX_MS);
        match watch.cadence.is_empty() && self.cadence.is_empty() && apart_ms > watch.interval_ms {
            true => apart_ms,
            false => 0,
        }
    }
}

/// A rule of a gate in the time in which the stable release has no traffic; `over_ms` is how far back limits look
/// that are taken as they stand. `None` where nothing can be said in this time.
fn watching(rule: &Rule, over_ms: u64) -> Option<Rule> {
    let compared = |tolerated: Bound| Rule {
        signal: match &rule.signal {
            Signal::Latencies => Signal::Latency { quantile: QUANTILE },
            other => other.clone(),
        },
        test: Test::NotWorseThanBefore { tolerated },
        requests_min: 1,
        enough: Enough::Requests,
        breaker: false,
        alone: false,
    };
    let watched = match &rule.test {
        Test::Beside { .. } => return None,
        Test::NotWorse { tolerated, .. } => compared(*tolerated),
        Test::Baseline { ratio_max, margin } => compared(Bound {
            ratio: *ratio_max,
            margin: *margin,
        }),
        Test::Limit { max } => {
            let reading = match rule.signal.kind() {
                SignalKind::Share => Some(Reading::Mean),
                SignalKind::Time => rule.signal.quantile().map(Reading::Quantile),
                SignalKind::Checks | SignalKind::Figure => None,
            };
            let test = reading.map(|reading| Test::Window {
                reading,
                over_ms,
                max: *max,
            });
            Rule {
                test: test.unwrap_or_else(|| rule.test.clone()),
                ..rule.clone()
            }
        }
        Test::Window { .. } | Test::AtMost { .. } | Test::NotWorseThanBefore { .. } => rule.clone(),
    };
    Some(watched)
}

#[cfg(test)]
mod tests;
