//! The hash value: 64 bits, written as 16 lower-case hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grid::Grid;

/// A 64-bit difference hash.
///
/// Bit for bit `imagehash.dhash(image)`: row by row over a grid of nine by eight grey samples, a bit
/// is 1 where a sample is brighter than its left neighbour; the first comparison is the highest bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub u64);

/// Why a text is not a hash, or a confidence not a confidence.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HashError {
    /// The text is empty, too long, or has other characters than `0-9a-f`.
    #[error("`{text}` is not a hash: expected 16 lower-case hexadecimal digits")]
    NotAHash {
        /// The text that was given, cut to a printable length.
        text: String,
    },
    /// A confidence outside its range was given.
    #[error("confidence {confidence} is out of range: expected a number from 0.0 to 1.0")]
    ConfidenceOutOfRange {
        /// The number that was given.
        confidence: f64,
    },
}

impl Hash {
    /// Bits in a hash.
    pub const BITS: u32 = 64;
    /// Characters in a written hash.
    pub const DIGITS: usize = 16;

    /// The number of bits in which two hashes differ, from 0 to 64.
    #[must_use]
    pub const fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// How alike two hashes are: `1 - distance / 64`, from 0.0 to 1.0.
    #[must_use]
    pub fn likeness(distance: u32) -> f64 {
        1.0 - f64::from(distance) / f64::from(Self::BITS)
    }

    /// Compares the neighbours in a grid.
    #[must_use]
    pub fn of_grid(grid: &Grid) -> Self {
        Self(
            grid.neighbours()
                .fold(0, |bits, (left, right)| bits << 1 | u64::from(right > left)),
        )
    }
}

/// The largest distance at which two hashes still match with at least this confidence:
/// `floor((1 - confidence) * 64)`.
///
/// # Errors
/// [`HashError::ConfidenceOutOfRange`] when the confidence is not from 0.0 to 1.0.
pub fn max_hamming(confidence: f64) -> Result<u32, HashError> {
    if !(0.0..=1.0).contains(&confidence) {
        return Err(HashError::ConfidenceOutOfRange { confidence });
    }
    // Counted up from below because `(1.0 - 0.9) * 64.0` may land just under a whole number.
    let matching = |distance: &u32| Hash::likeness(*distance) >= confidence - f64::EPSILON;
    Ok((0..=Hash::BITS).take_while(matching).last().unwrap_or(0))
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |text: &str| text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == Self::DIGITS
            && digits(text)
            && let Ok(bits) = u64::from_str_radix(text, 16)
        {
            return Ok(Self(bits));
        }
        let text = text
            .chars()
            .filter(|c| !c.is_control())
            .take(2 * Self::DIGITS)
            .collect();
        Err(HashError::NotAHash { text })
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
