//! The fencing token.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a lease: each acquisition of a scope gets one more than the last.
///
/// Real epochs start at 1. Whoever receives work done under an epoch refuses it once a higher one
/// is known; that refusal is the fence.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
