//! How long answers take, drawn as buckets of the histogram.

use portcullis_analysis::{BUCKETS, Histogram, bucket_upper_us};
use rand::RngExt;
use rand_distr::Distribution;
use rand_distr::weighted::WeightedAliasIndex;

/// Buckets rarer than this are left out.
const NEGLIGIBLE: f64 = 1e-9;

/// A distribution of times.
#[derive(Debug, Clone)]
pub(super) struct Times {
    /// The buckets that happen.
    buckets: Vec<usize>,
    /// Which of them; `None` when all times fall into one.
    weights: Option<WeightedAliasIndex<f64>>,
}

impl Times {
    /// Log-normal times, of which the share `slow.0` take `slow.1` times as long.
    pub(super) fn new(median_ms: f64, sigma: f64, slow: (f64, f64)) -> Times {
        let below = |us: f64| {
            let at = |median_ms: f64| {
                let deviations = (us / (median_ms * 1000.0)).ln() / sigma;
                0.5 * libm::erfc(-deviations / std::f64::consts::SQRT_2)
            };
            (1.0 - slow.0) * at(median_ms) + slow.0 * at(median_ms * slow.1)
        };
        let (mut buckets, mut chances) = (Vec::new(), Vec::new());
        let mut before = 0.0;
        for bucket in 0..BUCKETS {
            let until = below(bucket_upper_us(bucket) as f64 + 1.0);
            if until - before > NEGLIGIBLE {
                buckets.push(bucket);
                chances.push(until - before);
            }
            before = until;
        }
        Times {
            buckets,
            weights: WeightedAliasIndex::new(chances).ok(),
        }
    }

    /// So many times.
    pub(super) fn draw(&self, count: u64, random: &mut impl RngExt) -> Histogram {
        let mut counts = [0; BUCKETS];
        for _ in 0..count {
            let at = self.weights.as_ref();
            let at = at.map_or(0, |weights| weights.sample(random));
            if let Some(bucket) = self.buckets.get(at) {
                counts[*bucket] += 1;
            }
        }
        Histogram::from_counts(counts)
    }
}
