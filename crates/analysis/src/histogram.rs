//! A latency histogram whose windows can be added and subtracted.
//!
//! Buckets are log-linear, as in HdrHistogram: values below 32 µs have a bucket each, and every
//! power of two above is cut into 32 equal parts, so a bucket is at most 1/32 (3.2 %) wide relative
//! to its value. The layout is fixed, so a data plane can keep the same buckets as plain counters and
//! two snapshots can be subtracted to give a window. Quantiles report a bucket's upper edge: they
//! never understate a latency.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Linear parts per power of two, and the number of exact one-microsecond buckets at the bottom.
const PARTS: u64 = 32;
/// log2 of [`PARTS`].
const PARTS_LOG2: u32 = 5;
/// Values of this many microseconds (about 19 hours) and more fall into the last bucket.
const VALUE_MAX_LOG2: u32 = 36;

/// How many buckets the fixed layout has.
pub const BUCKETS: usize = (PARTS as usize) * (VALUE_MAX_LOG2 as usize - PARTS_LOG2 as usize + 1);

/// The bucket that a latency in microseconds falls into; always below [`BUCKETS`].
pub fn bucket_of(value_us: u64) -> usize {
    if value_us < PARTS {
        return value_us as usize;
    }
    let value_us = value_us.min((1 << VALUE_MAX_LOG2) - 1);
    let exponent = value_us.ilog2();
    let part = (value_us >> (exponent - PARTS_LOG2)) - PARTS;
    (u64::from(exponent - PARTS_LOG2 + 1) * PARTS + part) as usize
}

/// The largest latency in microseconds that falls into `bucket`.
pub fn bucket_upper_us(bucket: usize) -> u64 {
    let bucket = bucket.min(BUCKETS - 1) as u64;
    if bucket < PARTS {
        return bucket;
    }
    let shift = bucket / PARTS - 1;
    ((PARTS + bucket % PARTS + 1) << shift) - 1
}

/// Counts of latencies by bucket; a window of one arm's answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<(u32, u64)>", into = "Vec<(u32, u64)>")]
pub struct Histogram {
    /// Non-empty buckets only, in ascending order of bucket.
    counts: Vec<(u32, u64)>,
}

impl Histogram {
    /// A histogram from one counter per bucket, in bucket order; missing ones count as zero.
    pub fn from_counts(counts: impl IntoIterator<Item = u64>) -> Histogram {
        let counts = counts.into_iter().take(BUCKETS).enumerate();
        Histogram {
            counts: counts
                .filter(|(_, n)| *n > 0)
                .map(|(bucket, n)| (bucket as u32, n))
                .collect(),
        }
    }

    /// Counts one latency in microseconds.
    pub fn record(&mut self, value_us: u64) {
        let bucket = bucket_of(value_us) as u32;
        match self.counts.binary_search_by_key(&bucket, |(b, _)| *b) {
            Ok(at) => self.counts[at].1 += 1,
            Err(at) => self.counts.insert(at, (bucket, 1)),
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, n)| n).sum()
    }

    /// The latency in microseconds that at least the share `quantile` (0..=1) of the answers did not
    /// exceed, as the upper edge of its bucket; `None` without data.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = ((quantile.clamp(0.0, 1.0) * total as f64).ceil() as u64).max(1);
        self.bucket_of_rank(rank).map(bucket_upper_us)
    }

    /// The same of a mixture of several, each with a weight above 0; those without data are left out.
    pub(crate) fn mixed_quantile_us<'a>(
        parts: impl Iterator<Item = (f64, &'a Histogram)>,
        quantile: f64,
    ) -> Option<u64> {
        let mut shares: BTreeMap<u32, f64> = BTreeMap::new();
        let mut all = 0.0;
        for (weight, times) in parts.filter(|(_, times)| !times.is_empty()) {
            let each = weight / times.count() as f64;
            for (bucket, n) in &times.counts {
                *shares.entry(*bucket).or_default() += each * *n as f64;
            }
            all += weight;
        }
        // Sums of shares end a little beside the whole.
        let wanted = quantile.clamp(0.0, 1.0) * all * (1.0 - 1e-12);
        let mut seen = 0.0;
        let mut buckets = shares.into_iter();
        let found = buckets.find(|(_, share)| {
            seen += share;
            seen >= wanted
        });
        found.map(|(bucket, _)| bucket_upper_us(bucket as usize))
    }

    /// The bucket of the latency with this place in ascending order, counted from 1; `None` when there is
    /// none.
    pub(crate) fn bucket_of_rank(&self, rank: u64) -> Option<usize> {
        let mut seen = 0;
        for (bucket, n) in &self.counts {
            seen += n;
            if seen >= rank.max(1) {
                return (rank > 0).then_some(*bucket as usize);
            }
        }
        None
    }

    /// How many latencies are surely longer than `limit_us`: those in buckets that begin above it. For a
    /// limit that [`Histogram::quantile_us`] gave, this is exact.
    pub fn slower_than(&self, limit_us: u64) -> u64 {
        let within = |bucket: u32| bucket == 0 || bucket_upper_us(bucket as usize - 1) < limit_us;
        let above = self.counts.iter().filter(|(bucket, _)| !within(*bucket));
        above.map(|(_, n)| n).sum()
    }

    /// Halves every count, rounding down: what was counted long ago weighs less and less.
    pub fn halve(&mut self) {
        self.counts.iter_mut().for_each(|(_, n)| *n /= 2);
        self.counts.retain(|(_, n)| *n > 0);
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Histogram) {
        self.counts = combine(&self.counts, &other.counts, |a, b| a.saturating_add(b));
    }

    /// What was counted since `earlier`, an older snapshot of the same counters. A counter that went
    /// backwards (the source restarted) contributes nothing rather than a wrapped number.
    #[must_use]
    pub fn since(&self, earlier: &Histogram) -> Histogram {
        Histogram {
            counts: combine(&self.counts, &earlier.counts, |a, b| a.saturating_sub(b)),
        }
    }
}

impl From<Vec<(u32, u64)>> for Histogram {
    /// In any order, and with a bucket several times; what was written by a histogram is in order already
    /// and is taken as it is.
    fn from(mut pairs: Vec<(u32, u64)>) -> Self {
        for (bucket, _) in &mut pairs {
            *bucket = (*bucket).min(BUCKETS as u32 - 1);
        }
        pairs.sort_by_key(|(bucket, _)| *bucket);
        pairs.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(later.1);
            }
            same
        });
        pairs.retain(|(_, n)| *n > 0);
        Histogram { counts: pairs }
    }
}

impl From<Histogram> for Vec<(u32, u64)> {
    fn from(histogram: Histogram) -> Self {
        histogram.counts
    }
}

/// Merges two sorted sparse lists, dropping buckets that come out empty.
fn combine(a: &[(u32, u64)], b: &[(u32, u64)], f: impl Fn(u64, u64) -> u64) -> Vec<(u32, u64)> {
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::with_capacity(a.len() + b.len());
    while i < a.len() || j < b.len() {
        let bucket = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.0.min(y.0),
            (Some(x), None) => x.0,
            (None, Some(y)) => y.0,
            (None, None) => break,
        };
        let take = |list: &[(u32, u64)], at: &mut usize| match list.get(*at) {
            Some((found, n)) if *found == bucket => {
                *at += 1;
                *n
            }
            _ => 0,
        };
        let n = f(take(a, &mut i), take(b, &mut j));
        if n > 0 {
            out.push((bucket, n));
        }
    }
    // Most buckets are in both, and what is kept stays for long.
    out.shrink_to_fit();
    out
}

#[cfg(test)]
mod tests;
