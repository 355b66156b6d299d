//! Mixture supermartingales and what follows from them: confidence sequences.
//!
//! Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence
//! sequences" (Annals of Statistics 49(2)), propositions 5 and 7; the same functions as those of the
//! Python package `confseq`, with which the tests compare them.

use libm::{lgamma, log, sqrt};

/// Twice this many halvings end every search for a bound: more than the digits of a number.
const HALVINGS: u32 = 60;
/// The least `r` of a beta-binomial mixture, as a share of `g h`.
const LEAST: f64 = 1e-3;

/// The mixture parameter that makes the boundary tightest at the intrinsic time `v`.
fn best_rho(v: f64, alpha: f64) -> f64 {
    let twice = 2.0 * log(1.0 / alpha);
    v / (twice + log(1.0 + twice))
}

/// The two-sided normal mixture, for sums of sub-Gaussian terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalMixture {
    rho: f64,
}

impl NormalMixture {
    /// The one whose boundary for `alpha` is tightest at the intrinsic time (variance) `v_opt`, above 0.
    pub fn new(v_opt: f64, alpha: f64) -> NormalMixture {
        NormalMixture {
            rho: best_rho(v_opt, alpha),
        }
    }

    /// The evidence of a sum `s` with variance `v` against a mean of 0, as a natural logarithm.
    pub fn log_e(&self, s: f64, v: f64) -> f64 {
        let all = v + self.rho;
        0.5 * log(self.rho / all) + s * s / (2.0 * all)
    }

    /// How far from 0 the sum is at most at variance `v`, at all times with probability `1 - alpha`.
    pub fn bound(&self, v: f64, alpha: f64) -> f64 {
        let all = v + self.rho;
        sqrt(all * (log(1.0 + v / self.rho) + 2.0 * log(1.0 / alpha)))
    }
}

/// The two-sided beta-binomial mixture, for counts: each term is `-g` or `h`, for example `-p` and
/// `1 - p` for an event of probability `p` whose mean was taken away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaBinomialMixture {
    r: f64,
    g: f64,
    h: f64,
    normaliser: f64,
}

impl BetaBinomialMixture {
    /// The one whose boundary for `alpha` is tightest at the intrinsic time `v_opt`; all above 0.
    pub fn new(v_opt: f64, alpha: f64, g: f64, h: f64) -> BetaBinomialMixture {
        let r = (best_rho(v_opt, alpha) - g * h).max(LEAST * g * h);
        BetaBinomialMixture {
            r,
            g,
            h,
            normaliser: log_beta(r / (g * (g + h)), r / (h * (g + h))),
        }
    }

    /// The one for an event of probability `p` that is tightest after `requests_opt` requests.
    pub fn of_event(p: f64, requests_opt: f64, alpha: f64) -> BetaBinomialMixture {
        BetaBinomialMixture::new(p * (1.0 - p) * requests_opt, alpha, p, 1.0 - p)
    }

    /// The evidence of a sum `s` with intrinsic time `v` against a mean of 0, as a natural logarithm.
    pub fn log_e(&self, s: f64, v: f64) -> f64 {
        let (r, g, h) = (self.r, self.g, self.h);
        let (low, high) = (v - g * s, v + h * s);
        v / (g * h) * log(g + h) - high / (h * (g + h)) * log(g) - low / (g * (g + h)) * log(h)
            + log_beta((r + low) / (g * (g + h)), (r + high) / (h * (g + h)))
            - self.normaliser
    }

    /// How far above 0 the sum is at most at intrinsic time `v`, at all times with probability
    /// `1 - alpha`.
    pub fn bound(&self, v: f64, alpha: f64) -> f64 {
        let highest = v / self.g;
        let inside = |s| self.log_e(s, v) < log(1.0 / alpha);
        if inside(highest) {
            return highest;
        }
        last_inside(0.0, highest, inside)
    }
}

/// The interval in which the probability of an event lies, at all times with probability `1 - alpha`,
/// after `events` among `requests`; tightest after about `requests_opt` requests. `None` without
/// requests.
///
/// It holds the probabilities against which the beta-binomial mixture has no evidence of `1 / alpha`.
pub fn proportion_interval(
    events: u64,
    requests: u64,
    alpha: f64,
    requests_opt: f64,
) -> Option<(f64, f64)> {
    if requests == 0 {
        return None;
    }
    let n = requests as f64;
    let seen = events.min(requests) as f64;
    let inside = |p: f64| {
        p > 0.0 && p < 1.0 && {
            let mixture = BetaBinomialMixture::of_event(p, requests_opt, alpha);
            mixture.log_e(seen - p * n, p * (1.0 - p) * n) < log(1.0 / alpha)
        }
    };
    let middle = seen / n;
    let low = if events == 0 {
        0.0
    } else {
        last_inside(middle, 0.0, inside)
    };
    let high = if events >= requests {
        1.0
    } else {
        last_inside(middle, 1.0, inside)
    };
    Some((low, high))
}

/// How many of `requests` may lie below the `quantile` of their distribution, at all times with
/// probability `1 - alpha`: between the two counts (Howard, Ramdas 2022, "Sequential estimation of
/// quantiles", theorem 1 with the beta-binomial mixture, solved for the counts).
pub(super) fn counts_below(
    quantile: f64,
    requests: u64,
    alpha: f64,
    requests_opt: f64,
) -> (u64, u64) {
    let mixture = BetaBinomialMixture::of_event(quantile, requests_opt, alpha);
    let expected = quantile * requests as f64;
    let v = quantile * (1.0 - quantile) * requests as f64;
    let outside = |count: u64| mixture.log_e(count as f64 - expected, v) >= log(1.0 / alpha);
    // The evidence falls to the expected count and rises from it.
    let (mut low, mut high) = (0, libm::floor(expected) as u64);
    while low < high {
        let middle = low + (high - low) / 2;
        if outside(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let fewest = low;
    (low, high) = ((libm::ceil(expected) as u64).min(requests), requests);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if outside(middle) {
            high = middle - 1;
        } else {
            low = middle;
        }
    }
    (fewest, low)
}

/// The last number on the way from `from` to `to` that is inside, to the last bit.
fn last_inside(from: f64, to: f64, inside: impl Fn(f64) -> bool) -> f64 {
    let (mut good, mut bad) = (from, to);
    for _ in 0..2 * HALVINGS {
        let middle = good + (bad - good) / 2.0;
        if middle == good || middle == bad {
            break;
        }
        if inside(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

fn log_beta(a: f64, b: f64) -> f64 {
    lgamma(a) + lgamma(b) - lgamma(a + b)
}

#[cfg(test)]
mod tests;
