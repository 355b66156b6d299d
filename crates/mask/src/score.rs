//! How sure a recognizer is.

use serde::{Deserialize, Serialize};

/// How sure a recognizer is of a span, in hundredths: 0 means not at all, 100 means certain.
///
/// A whole number, so that scores compare exactly and a threshold means the same everywhere. Outside it is written as a
/// fraction, as the field does: `0.85`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(u8);

impl Score {
    /// The lowest score.
    pub const NONE: Score = Score(0);
    /// Certain.
    pub const CERTAIN: Score = Score(100);
    /// What a span must reach unless the rules say otherwise.
    pub const THRESHOLD: Score = Score(50);

    /// A score of so many hundredths; more than 100 counts as 100.
    #[must_use]
    pub const fn of(hundredths: u8) -> Score {
        Score(if hundredths > 100 { 100 } else { hundredths })
    }

    /// The score in hundredths, 0 to 100.
    #[must_use]
    pub const fn hundredths(self) -> u8 {
        self.0
    }

    /// The score as a fraction, 0.0 to 1.0.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// This score with so many hundredths more, at most 100.
    #[must_use]
    pub const fn raised(self, hundredths: u8) -> Score {
        Score::of(self.0.saturating_add(hundredths))
    }

    /// This score with so many hundredths less, at least 0.
    #[must_use]
    pub const fn lowered(self, hundredths: u8) -> Score {
        Score(self.0.saturating_sub(hundredths))
    }
}
