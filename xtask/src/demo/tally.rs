//! Every answer, counted.

use std::collections::BTreeMap;

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// When it was sent, milliseconds since the Unix epoch.
    pub sent_ms: u64,
    /// How long the answer took, in microseconds.
    pub took_us: u64,
    /// The release that answered, as the gateway named it.
    pub release: Option<String>,
    /// What came.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The right answer.
    Served,
    /// An answer that says that it failed, or a wrong one.
    Failed,
    /// No answer at all.
    Dropped,
}

/// All requests.
#[derive(Debug, Default)]
pub struct Tally {
    pub answers: Vec<Answered>,
}

impl Tally {
    pub fn count(&self, outcome: Outcome) -> usize {
        self.answers
            .iter()
            .filter(|answer| answer.outcome == outcome)
            .count()
    }

    /// Served, failed and dropped requests of each release.
    pub fn by_release(&self) -> BTreeMap<String, [usize; 3]> {
        let mut table = BTreeMap::new();
        for answer in &self.answers {
            let release = answer
                .release
                .clone()
                .unwrap_or_else(|| "(none)".to_owned());
            let row: &mut [usize; 3] = table.entry(release).or_default();
            row[answer.outcome as usize] += 1;
        }
        table
    }

    /// The first failed answer of a release.
    pub fn first_failure(&self, release: &str) -> Option<u64> {
        let of = |answer: &&Answered| answer.release.as_deref() == Some(release);
        let failures = self
            .answers
            .iter()
            .filter(of)
            .filter(|a| a.outcome != Outcome::Served);
        failures.map(|answer| answer.sent_ms).min()
    }

    /// The median and the 95th percentile of the right answers' times, in milliseconds.
    pub fn latency_ms(&self) -> Option<(f64, f64)> {
        let served = self
            .answers
            .iter()
            .filter(|answer| answer.outcome == Outcome::Served);
        let mut times: Vec<u64> = served.map(|answer| answer.took_us).collect();
        times.sort_unstable();
        let at = |quantile: f64| {
            let rank = ((quantile * times.len() as f64).ceil() as usize).max(1);
            times.get(rank - 1).map(|us| *us as f64 / 1000.0)
        };
        Some((at(0.5)?, at(0.95)?))
    }
}
