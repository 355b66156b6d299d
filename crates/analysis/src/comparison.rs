//! Intervals for rates.
//!
//! Wilson 1927 for one rate; Newcombe 1998 (method 10, "hybrid score") for the difference of two.
//! Both keep their coverage with few events, where the textbook normal interval does not.

/// The Wilson score interval of `events` in `n` at the normal quantile `z`; `None` when `n` is 0.
pub fn wilson_interval(events: u64, n: u64, z: f64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (n, p) = (n as f64, events as f64 / n as f64);
    let z2 = z * z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Some(((centre - half).max(0.0), (centre + half).min(1.0)))
}

/// The lower bound of Newcombe's interval for `a - b`, the difference of two rates given as
/// (events, n); `None` when either has no data.
pub fn rate_difference_lower_bound(a: (u64, u64), b: (u64, u64), z: f64) -> Option<f64> {
    let (a_low, _) = wilson_interval(a.0, a.1, z)?;
    let (_, b_high) = wilson_interval(b.0, b.1, z)?;
    let (pa, pb) = (a.0 as f64 / a.1 as f64, b.0 as f64 / b.1 as f64);
    Some(pa - pb - ((pa - a_low).powi(2) + (b_high - pb).powi(2)).sqrt())
}

#[cfg(test)]
mod tests;
