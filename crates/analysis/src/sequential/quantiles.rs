//! Confidence sequences for the quantiles of an arm's times.

use super::boundary::counts_below;
use crate::{Histogram, bucket_upper_us};

/// The interval in which the quantile lies, in microseconds, at all times with probability `1 - alpha`:
/// tightest after about `requests_opt` times. The upper end is `None` while no number of the times so
/// far bounds it. `None` without times.
///
/// Howard, Ramdas 2022: with `k` and `K` the fewest and most times that may lie below the quantile, it is
/// between the `k`-th and the `K + 1`-th time in order. (Times that are equal do no harm: broken into an
/// order by chance, exactly the share `quantile` of them lies below.) Of each only the bucket is known,
/// so the lower end is the lower edge of its bucket and the upper end the upper edge: the interval is
/// wider than from the times themselves by at most a bucket at each end, and never narrower.
pub fn quantile_interval(
    times: &Histogram,
    quantile: f64,
    alpha: f64,
    requests_opt: f64,
) -> Option<(u64, Option<u64>)> {
    let count = times.count();
    if count == 0 || !(quantile > 0.0 && quantile < 1.0) {
        return None;
    }
    let (fewest, most) = counts_below(quantile, count, alpha, requests_opt);
    let low = times.bucket_of_rank(fewest);
    let low = low.map_or(0, |bucket| match bucket {
        0 => 0,
        bucket => bucket_upper_us(bucket - 1) + 1,
    });
    let high = times.bucket_of_rank(most + 1).map(bucket_upper_us);
    Some((low, high))
}

#[cfg(test)]
mod tests;
