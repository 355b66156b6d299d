//! When in a rollout a migration may run.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// When in a rollout a migration may run. The order is the order in which phases come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before traffic shifts. The version that runs now must go on running: only additions.
    Expand,
    /// While both versions run: data is moved in batches.
    Backfill,
    /// After the watch window, when no live version needs the old shape: removals.
    Contract,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 3] = [Phase::Expand, Phase::Backfill, Phase::Contract];

    /// The word of file names, comments and the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Phase::Expand => "expand",
            Phase::Backfill => "backfill",
            Phase::Contract => "contract",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Phase {
    type Err = ();

    fn from_str(text: &str) -> Result<Phase, ()> {
        let known = Phase::ALL.into_iter().find(|phase| phase.word() == text);
        known.ok_or(())
    }
}
