//! The usual ways of deciding, over the same samples.
//!
//! - A threshold, as flagger has it: each minute the canary's success rate must be at least 99 %, or its
//!   p95 at most 500 ms; the release goes back after one failed minute, or after five.
//! - A z-test of two shares at 5 %, one-sided, looked at every ten seconds over all that was seen; for
//!   times the shares are of answers above the stable arm's p95 so far.
//! - Mann-Whitney at 98 % over points of ten seconds (error rates, or p95s), looked at each minute: a
//!   simplified Kayenta.

use portcullis_analysis::{ArmSample, Histogram, Sample, Verdict};
use portcullis_traffic::Outcome;

const POINT_MS: u64 = 10_000;
const MINUTE_MS: u64 = 60_000;
const SUCCESS_MIN: f64 = 0.99;
const P95_MAX_MS: f64 = 500.0;
/// The one-sided 5 % normal quantile.
const Z_95: f64 = 1.644_853_6;
/// The normal quantile at each end of an interval of 98 %.
const Z_98: f64 = 2.326_347_9;

/// All peers of one run.
pub(crate) struct Peers {
    by_time: bool,
    point: (ArmSample, ArmSample),
    minute: ArmSample,
    points: Vec<(f64, f64)>,
    sums: [u64; 4],
    reference: Histogram,
    bad_minutes: u32,
    fired_ms: [Option<u64>; Peers::COUNT],
}

impl Peers {
    pub(crate) const COUNT: usize = 4;

    pub(crate) fn new(by_time: bool) -> Peers {
        Peers {
            by_time,
            point: Default::default(),
            minute: ArmSample::default(),
            points: Vec::new(),
            sums: [0; 4],
            reference: Histogram::default(),
            bad_minutes: 0,
            fired_ms: [None; Peers::COUNT],
        }
    }

    pub(crate) fn all_fired(&self) -> bool {
        self.fired_ms.iter().all(Option::is_some)
    }

    pub(crate) fn outcomes(&self, end_ms: u64) -> [Outcome; Peers::COUNT] {
        self.fired_ms.map(|fired| Outcome {
            verdict: if fired.is_some() {
                Verdict::Fail
            } else {
                Verdict::Pass
            },
            at_ms: fired.unwrap_or(end_ms),
        })
    }

    pub(crate) fn observe(&mut self, sample: &Sample) {
        let (Some(canary), Some(stable)) = (&sample.canary, &sample.baseline) else {
            return;
        };
        self.point.0.merge(canary);
        self.point.1.merge(stable);
        self.minute.merge(canary);
        if sample.to_ms.is_multiple_of(POINT_MS) {
            self.point(sample.to_ms);
        }
        if sample.to_ms.is_multiple_of(MINUTE_MS) {
            self.minute(sample.to_ms);
        }
    }

    fn fire(&mut self, peer: usize, at_ms: u64) {
        self.fired_ms[peer].get_or_insert(at_ms);
    }

    fn point(&mut self, at_ms: u64) {
        let (canary, stable) = std::mem::take(&mut self.point);
        if self.by_time {
            if let Some(tau_us) = self.reference.quantile_us(0.95) {
                self.sums[0] += canary.latency.count();
                self.sums[1] += canary.latency.slower_than(tau_us);
                self.sums[2] += stable.latency.count();
                self.sums[3] += stable.latency.slower_than(tau_us);
            }
            self.reference.merge(&stable.latency);
            let p95 = |arm: &ArmSample| arm.latency.quantile_us(0.95).map(|us| us as f64);
            self.points.extend(p95(&canary).zip(p95(&stable)));
        } else {
            self.sums[0] += canary.requests;
            self.sums[1] += canary.errors;
            self.sums[2] += stable.requests;
            self.sums[3] += stable.errors;
            let rates = canary.error_rate().zip(stable.error_rate());
            self.points.extend(rates);
        }
        if z(self.sums) > Z_95 {
            self.fire(2, at_ms);
        }
    }

    fn minute(&mut self, at_ms: u64) {
        let canary = std::mem::take(&mut self.minute);
        let bad = if self.by_time {
            let p95 = canary.latency.quantile_us(0.95);
            p95.is_some_and(|us| us as f64 / 1000.0 > P95_MAX_MS)
        } else {
            canary
                .error_rate()
                .is_some_and(|rate| 1.0 - rate < SUCCESS_MIN)
        };
        self.bad_minutes += u32::from(bad);
        if self.bad_minutes >= 1 {
            self.fire(0, at_ms);
        }
        if self.bad_minutes >= 5 {
            self.fire(1, at_ms);
        }
        if self.fired_ms[3].is_none() && mann_whitney(&self.points) > Z_98 {
            self.fire(3, at_ms);
        }
    }
}

/// The z value of the difference of two shares, pooled.
fn z([n, x, m, y]: [u64; 4]) -> f64 {
    let [n, x, m, y] = [n, x, m, y].map(|count| count as f64);
    let pooled = (x + y) / (n + m);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if deviation > 0.0 {
        (x / n - y / m) / deviation
    } else {
        0.0
    }
}

/// The normal value of the Mann-Whitney statistic, with the correction for ties: above 0 when the canary's
/// points are higher.
fn mann_whitney(points: &[(f64, f64)]) -> f64 {
    let mut all: Vec<(f64, bool)> = Vec::with_capacity(points.len() * 2);
    for (canary, stable) in points {
        all.push((*canary, true));
        all.push((*stable, false));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let same = all[at..]
            .iter()
            .take_while(|point| point.0 == all[at].0)
            .count();
        let own = all[at..at + same].iter().filter(|point| point.1).count();
        ranks += own as f64 * (at as f64 + (same + 1) as f64 / 2.0);
        ties += (same * same * same - same) as f64;
        at += same;
    }
    let (n, all) = (points.len() as f64, all.len() as f64);
    let u = ranks - n * (n + 1.0) / 2.0;
    let variance = n * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance > 0.0 {
        (u - n * n / 2.0) / variance.sqrt()
    } else {
        0.0
    }
}
