//! Finding every hash near another one.
//!
//! A straight pass over all hashes: at a radius of ten it beats every tree and is exact. The count
//! of matches in a block is computed first, without branches, so that the compiler can use the
//! machine's vector population count; only a block with a match is looked at one by one.

use crate::hash::Hash;

const BLOCK: usize = 512;

/// A hash within the radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The position in the hashes that were searched.
    pub index: usize,
    /// Bits that differ from the query.
    pub distance: u32,
}

/// Every hash that differs from `query` in at most `radius` bits, in the order of `hashes`.
#[must_use]
pub fn scan(hashes: &[Hash], query: Hash, radius: u32) -> Vec<Match> {
    let mut matches = Vec::new();
    scan_blocks(hashes, query, radius, &mut matches);
    matches
}

#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512bw+avx512vpopcntdq+popcnt",
    "x86_64+avx2+popcnt",
    "x86_64+popcnt",
    "aarch64+neon"
))]
fn scan_blocks(hashes: &[Hash], query: Hash, radius: u32, matches: &mut Vec<Match>) {
    for (number, block) in hashes.chunks(BLOCK).enumerate() {
        let radius = u64::from(radius);
        let near = block.iter().fold(0_u64, |near, hash| {
            near + u64::from(u64::from((hash.0 ^ query.0).count_ones()) <= radius)
        });
        if near == 0 {
            continue;
        }
        for (index, hash) in block.iter().enumerate() {
            let distance = hash.distance(query);
            if u64::from(distance) <= radius {
                matches.push(Match {
                    index: number * BLOCK + index,
                    distance,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
