//! Names and numbers with a meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is; whoever reads input has validated it.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id! {
    /// What is being guarded, for example `dhash`.
    ServiceName
}
text_id! {
    /// A release's version, for example `1.1`.
    ReleaseId
}
text_id! {
    /// One execution of a plan, for example `dhash-7`: the service and a running number.
    RolloutId
}

/// The position of a step in its plan, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepIndex(pub usize);

impl StepIndex {
    /// The step after this one.
    #[must_use]
    pub fn next(self) -> StepIndex {
        StepIndex(self.0 + 1)
    }

    /// The step before this one, if there is one.
    pub fn previous(self) -> Option<StepIndex> {
        self.0.checked_sub(1).map(StepIndex)
    }
}

impl fmt::Display for StepIndex {
    /// People count from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 + 1)
    }
}

/// The candidate's share of the traffic in percent, 0..=100.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub struct Weight(u8);

/// A weight above 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a weight is a percentage from 0 to 100, not {0}")]
pub struct WeightOutOfRange(pub u8);

impl Weight {
    /// No traffic.
    pub const NONE: Weight = Weight(0);
    /// All traffic.
    pub const ALL: Weight = Weight(100);

    /// A weight in percent.
    ///
    /// # Errors
    /// When it is above 100.
    pub fn new(percent: u8) -> Result<Weight, WeightOutOfRange> {
        if percent <= 100 {
            Ok(Weight(percent))
        } else {
            Err(WeightOutOfRange(percent))
        }
    }

    /// The weight in percent, 0..=100.
    pub fn percent(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Weight {
    type Error = WeightOutOfRange;
    fn try_from(percent: u8) -> Result<Self, Self::Error> {
        Weight::new(percent)
    }
}

impl From<Weight> for u8 {
    fn from(weight: Weight) -> u8 {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}
