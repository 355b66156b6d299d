//! How far a hash can be trusted.
//!
//! A bit of the hash says which of two neighbouring grey samples is brighter. Where the two differ
//! by no more than one grey level, the bit says nothing: another compression of the same picture may
//! flip it. The confidence is therefore the share of the 64 comparisons that are *not* that close,
//! times one factor for each [`Finding`] that makes the pixels themselves doubtful. A flat image has
//! confidence 0: every flat image has the same hash, so a match means nothing.

use crate::decode::Finding;
use crate::grid::Grid;
use crate::hash::Hash;

/// Below this confidence an image is listed in the low-confidence queue (still with its hash).
pub const LOW_CONFIDENCE: f64 = 0.5;

/// A comparison whose samples differ by at most this many grey levels is a near tie.
const NEAR_TIE_LEVELS: u8 = 1;

/// The confidence in the hash of a grid, from 0.0 to 1.0, rounded to three decimals so that it is
/// written the same everywhere.
#[must_use]
pub fn confidence(grid: &Grid, findings: &[Finding]) -> f64 {
    let near_ties = grid
        .neighbours()
        .filter(|(left, right)| left.abs_diff(*right) <= NEAR_TIE_LEVELS)
        .count();
    let clear = 1.0 - near_ties as f64 / f64::from(Hash::BITS);
    let doubt: f64 = findings.iter().map(Finding::factor).product();
    (clear * doubt * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
