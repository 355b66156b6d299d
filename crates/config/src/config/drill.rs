//! When backups are tried out, and what must come of it.

use super::Schedule;

/// When backups are tried out, and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillConfig {
    /// When `serve` tries one out; `None` never.
    pub schedule: Option<Schedule>,
    /// What is restored.
    pub from: DrilledFrom,
    /// Which one.
    pub backup: DrilledBackup,
    /// How long it may take until a release answers rightly on the restored data, in milliseconds; `None` is not
    /// compared.
    pub rto_ms: Option<u64>,
    /// How old the data of the last verified backup may be, in milliseconds; `None` is not compared.
    pub rpo_ms: Option<u64>,
}

/// What a drill restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrilledFrom {
    /// A backup.
    Backup,
    /// The continuous archives of the stores that have one, and a backup of the others.
    Archive,
}

impl DrilledFrom {
    /// The word of the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            DrilledFrom::Backup => "backup",
            DrilledFrom::Archive => "archive",
        }
    }
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
