//! When backups are made, and how old the last one may be.

use super::{CopyConfig, EncryptionConfig, Schedule};

/// When backups are made, and how old the last one may be.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupConfig {
    /// When `serve` makes one; `None` never.
    pub schedule: Option<Schedule>,
    /// Whether the rules of retention are applied after each backup of the schedule.
    pub prune: bool,
    /// How old the last verified backup may be when a rollout starts, in milliseconds; `None` is any age.
    pub age_max_ms: Option<u64>,
    /// What pre-flight does about one that is older.
    pub too_old: TooOld,
    /// Whether writes wait at the gateway while a backup of the schedule or of the command is made.
    pub pause: bool,
    /// How long they may wait for it, in milliseconds; then the backup is given up.
    pub pause_max_ms: u64,
    /// For whom backups are encrypted, and what opens them.
    pub encryption: EncryptionConfig,
    /// Where copies are kept.
    pub copies: Vec<CopyConfig>,
}

/// What pre-flight does about a last verified backup that is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooOld {
    /// It refuses the rollout.
    Refuse,
    /// It notes it.
    Warn,
}

impl TooOld {
    /// The word of the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TooOld::Refuse => "refuse",
            TooOld::Warn => "warn",
        }
    }
}
