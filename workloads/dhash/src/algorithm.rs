//! The hash algorithm's versions.
//!
//! Pillow 13.0.0 changed the order of its two resize passes for tall images
//! (python-pillow/Pillow#9549). The values between the passes are rounded to eight bits, so the
//! order shows in the result: about one image in twenty gets a different hash, by a few bits. Hashes
//! of different versions must not be compared as equals, which is why every library names its own.

use std::fmt;
use std::str::FromStr;

use crate::grid::Grid;

/// A version of the 64-bit difference hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// `imagehash.dhash` of imagehash 4 on Pillow 12 or older: rows are always resized first.
    Pillow12,
    /// `imagehash.dhash` of imagehash 4 on Pillow 13: columns are resized first in tall images.
    #[default]
    Pillow13,
}

/// Which of the two resize passes runs first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassOrder {
    /// Every row is reduced to nine samples, then every column to eight.
    HorizontalFirst,
    /// Every column is reduced to eight samples, then every row to nine.
    VerticalFirst,
}

/// The text does not name a known algorithm version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm `{name}`: expected one of {}", Algorithm::names())]
pub struct UnknownAlgorithm {
    /// The text that was given.
    pub name: String,
}

impl Algorithm {
    /// Every version, oldest first.
    pub const ALL: [Self; 2] = [Self::Pillow12, Self::Pillow13];

    /// The name under which a library stores this version.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Pillow12 => "imagehash4/pillow<=12",
            Self::Pillow13 => "imagehash4/pillow13",
        }
    }

    /// The order of the resize passes for an image of this size in pixels.
    ///
    /// The rule for Pillow 13 was measured on Pillow 13.0.0 itself by bisection over image sizes.
    #[must_use]
    pub const fn pass_order(self, width: u32, height: u32) -> PassOrder {
        let tall = height as i64 - (Grid::ROWS as i64) > 2 * (width as i64 - Grid::COLUMNS as i64);
        match self {
            Self::Pillow13 if tall => PassOrder::VerticalFirst,
            Self::Pillow12 | Self::Pillow13 => PassOrder::HorizontalFirst,
        }
    }

    fn names() -> String {
        Self::ALL
            .map(|algorithm| format!("`{algorithm}`"))
            .join(", ")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.id() == name)
            .ok_or_else(|| UnknownAlgorithm {
                name: name.to_owned(),
            })
    }
}
