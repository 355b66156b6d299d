//! How a service's data is looked after: backups and drills.

use serde::{Deserialize, Serialize};

/// How a service's data is looked after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataStanding {
    /// The newest backup that was read back and found in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<VerifiedBackup>,
    /// Up to when the data could be put back if it were lost now: by the newest verified backup, or by continuous archives,
    /// whichever is younger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point: Option<RecoveryPointStanding>,
    /// Continuous archives that do not count as backups, and why, in a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_counted: Vec<String>,
    /// For how long writes were kept waiting for the last backup for which they were, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pause_ms: Option<u64>,
    /// When the next backup of the schedule begins, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_backup_ms: Option<u64>,
    /// The last drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<LastDrill>,
    /// When the next drill of the schedule begins, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_drill_ms: Option<u64>,
    /// What is under way or waited for now, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// What a schedule wanted and was not done, in a sentence; until it is done the next time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
    /// The archives from which any moment can be recovered to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continuous: Vec<ContinuousStanding>,
}

/// How the archive of a store stands from which any moment can be recovered to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinuousStanding {
    /// The store.
    pub store: String,
    /// Whether the write-ahead log of the server is being received.
    pub receiving: bool,
    /// Everything that was committed until then is in the archive, milliseconds since the Unix epoch by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_until_ms: Option<u64>,
    /// The moments that can be recovered to, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recoverable: Vec<RecoverableRange>,
    /// When the newest copy of the cluster was complete, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_ms: Option<u64>,
    /// How many bytes of write-ahead log the server keeps for the replication slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_kept_bytes: Option<u64>,
    /// What is wrong with it, in a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

/// Moments that can be recovered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverableRange {
    /// The first one, milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// The last one.
    pub to_ms: u64,
}

/// Up to when the data could be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPointStanding {
    /// The moment, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// `backup` or `archive`.
    pub from: String,
    /// What it would be put back from, in words.
    pub by: String,
}

/// A backup that was read back and found in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedBackup {
    /// Its name.
    pub name: String,
    /// The moment whose data it has, milliseconds since the Unix epoch.
    pub created_ms: u64,
}

/// The last drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDrill {
    /// Its name, for example `drill-3`.
    pub id: String,
    /// `passed`, `failed` or `could_not_run`.
    pub verdict: String,
    /// `backup` or `archive`.
    #[serde(default)]
    pub from: String,
    /// The verdict in one sentence.
    pub sentence: String,
    /// When it began, milliseconds since the Unix epoch.
    pub began_ms: u64,
    /// The time to recover that was measured, in milliseconds.
    pub rto_ms: Option<u64>,
    /// The age of the data that a loss would have cost, in milliseconds.
    pub rpo_ms: Option<u64>,
}

/// What going back would lose, counted while a person is asked whether to go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The rollout that asks.
    pub rollout: String,
    /// The backup that would be put back.
    pub backup: String,
    /// When it was counted, milliseconds since the Unix epoch.
    pub counted_ms: u64,
    /// After how many milliseconds it is counted again.
    pub rest_ms: u64,
    /// The stores that the backup would replace.
    pub stores: Vec<StoreLoss>,
}

/// What a restore would take from one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreLoss {
    /// The store.
    pub store: String,
    /// How many rows or files it has beyond those of the backup; `None` if they could not be counted.
    pub added: Option<u64>,
    /// The same in words.
    pub words: String,
}
