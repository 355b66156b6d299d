//! When backups are tried out, and what must come of it.

use super::Schedule;

/// When backups are tried out, and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillConfig {
    /// When `serve` tries one out; `None` never.
    pub schedule: Option<Schedule>,
    /// Which one.
    pub backup: DrilledBackup,
    /// How long it may take until a release answers rightly on the restored data, in milliseconds; `None` is not
    /// compared.
    pub rto_ms: Option<u64>,
    /// How old the data of the last verified backup may be, in milliseconds; `None` is not compared.
    pub rpo_ms: Option<u64>,
}

/// Which backup a drill of the schedule tries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrilledBackup {
    /// The newest.
    Latest,
    /// Any of those that the vault has.
    Random,
}

impl DrilledBackup {
    /// The word of the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            DrilledBackup::Latest => "latest",
            DrilledBackup::Random => "random",
        }
    }
}
