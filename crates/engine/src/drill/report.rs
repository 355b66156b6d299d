//! What came of a drill: the record in the journal, and what every report of it shows.

use portcullis_rollout::Fact;
use serde::{Deserialize, Serialize};

use super::verdict;

/// What came of a drill.
///
/// It has no data of the service: names, numbers and sums, and of what failed the sentence that says so. What a
/// release answered or wrote is shown to whoever holds the drill, and not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillReport {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// Whether it passed.
    pub verdict: DrillVerdict,
    /// The verdict in one sentence with its numbers.
    pub sentence: String,
    /// When it began, milliseconds since the Unix epoch: the moment that is taken for that of the loss.
    pub began_ms: u64,
    /// How long all of it took, in milliseconds, with what does not count as time to recover in.
    pub took_ms: u64,
    /// The time of the schedule that it stands for; missing when somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// What was restored.
    #[serde(default)]
    pub from: DrillFrom,
    /// Which backup or moment was asked for, in words.
    pub wanted: String,
    /// The backup that was tried out; missing when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<DrilledCopy>,
    /// The continuous archives that were recovered from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<DrilledArchive>,
    /// The release that was started on the copies, if it is known which served then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Its parts, in order, down to the last that was begun.
    pub parts: Vec<DrillPart>,
    /// The time that it took to recover.
    pub rto: Rto,
    /// The data that a loss would have cost.
    pub rpo: Rpo,
    /// What else is worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The version of Portcullis that held it.
    pub portcullis_version: String,
}

/// Whether a drill passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillVerdict {
    /// Every part passed, and every target was met.
    Passed,
    /// A part failed, or a target was missed.
    Failed,
    /// A part could not be held, so nothing is shown. This is never a pass.
    CouldNotRun,
}

/// What a drill restores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillFrom {
    /// A backup.
    #[default]
    Backup,
    /// The continuous archives of the stores that have one, and a backup of the others.
    Archive,
}

/// The continuous archive of a store from which a drill recovered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrilledArchive {
    /// The store.
    pub store: String,
    /// The copy of the cluster with which the recovery began.
    pub base: String,
    /// The SHA-256 of that copy.
    pub base_sha256: String,
    /// How many segments of write-ahead log were unpacked after it.
    pub segments: u64,
    /// The moment that was asked for, milliseconds since the Unix epoch; missing for everything that was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment_ms: Option<u64>,
    /// When the last transaction in it was committed, by the server's clock; missing if there was none since the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_commit_ms: Option<u64>,
    /// Everything that was committed until then is in it. It is the moment that was asked for if the log goes on after
    /// it; else up to where the archive said that it has everything, if the log was replayed that far; else the last
    /// commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_until_ms: Option<u64>,
    /// Up to when the archive said that it has everything, before anything of it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_until_ms: Option<u64>,
    /// How far the log was replayed, as PostgreSQL writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_to: Option<String>,
    /// The log that is missing or damaged, so that not everything that was announced as received can be recovered; then the
    /// drill fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// The backup that a drill tried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrilledCopy {
    /// Its name.
    pub name: String,
    /// The moment whose data it has, milliseconds since the Unix epoch: when it was begun.
    pub created_ms: u64,
    /// The release that served then, if that is known.
    pub release: Option<String>,
    /// The size of its archive, in bytes.
    pub bytes: u64,
    /// The SHA-256 of its archive; missing when it was not read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
    /// The SHA-256 of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_sha256: Option<String>,
    /// The names of its stores.
    pub stores: Vec<String>,
}

/// A part of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillPart {
    /// Which.
    pub name: PartName,
    /// How it ended.
    pub outcome: PartOutcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Fact>,
}

/// The parts of a drill, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartName {
    /// A backup is chosen and kept from being removed, and there is room for it. Does not count as time to recover.
    Prepare,
    /// What is restored is read from the vault and compared with its sums; of a continuous archive, unpacked too.
    Fetch,
    /// The stores are unpacked to scratch folders; of a continuous archive, the log is replayed up to the moment.
    Restore,
    /// The stores' own checks.
    Integrity,
    /// The release that served then is started on the copies, until it is ready.
    Boot,
    /// It is asked its smoke checks.
    Smoke,
}

/// How a part of a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOutcome {
    /// As it should.
    Passed,
    /// It shows that the backup or the release does not do.
    Failed,
    /// It shows nothing.
    CouldNotRun,
}

/// The time to recover in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rto {
    /// Fetch, restore, integrity, boot and smoke together, in milliseconds; missing unless all of them passed.
    pub measured_ms: Option<u64>,
    /// The target; missing when there is none.
    pub target_ms: Option<u64>,
    /// Whether the target was met; missing without a measurement or a target.
    pub met: Option<bool>,
}

/// The data that a loss costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rpo {
    /// How old the data was, when the drill began, that could have been put back, in milliseconds: what a loss at that
    /// moment would have cost. Missing when there is none.
    pub measured_ms: Option<u64>,
    /// What it would have been put back from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How old the data was that was tried out; of several stores the oldest.
    pub drilled_ms: Option<u64>,
    /// What a loss costs at worst by the schedule of backups: the longest pause between two, the jitter, and the
    /// time that a backup takes as far as that is known. Missing without a schedule: then there is no bound.
    pub worst_ms: Option<u64>,
    /// The target, with which what was measured is compared; missing when there is none.
    pub target_ms: Option<u64>,
    /// Whether the target was met; missing without a measurement or a target.
    pub met: Option<bool>,
}

impl DrillFrom {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            DrillFrom::Backup => "backup",
            DrillFrom::Archive => "archive",
        }
    }
}

impl DrillVerdict {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            DrillVerdict::Passed => "passed",
            DrillVerdict::Failed => "failed",
            DrillVerdict::CouldNotRun => "could not run",
        }
    }
}

impl PartName {
    /// All parts, in order.
    pub const ALL: [PartName; 6] = [
        PartName::Prepare,
        PartName::Fetch,
        PartName::Restore,
        PartName::Integrity,
        PartName::Boot,
        PartName::Smoke,
    ];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            PartName::Prepare => "prepare",
            PartName::Fetch => "fetch",
            PartName::Restore => "restore",
            PartName::Integrity => "integrity",
            PartName::Boot => "boot",
            PartName::Smoke => "smoke",
        }
    }

    /// Whether it counts as time to recover in.
    #[must_use]
    pub fn counts(self) -> bool {
        self != PartName::Prepare
    }
}

impl PartOutcome {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            PartOutcome::Passed => "passed",
            PartOutcome::Failed => "failed",
            PartOutcome::CouldNotRun => "could not run",
        }
    }
}

impl DrillReport {
    /// Concludes from what was measured: verdict, time to recover, and the sentence.
    pub(super) fn conclude(&mut self) {
        let counted = self.parts.iter().filter(|part| part.name.counts());
        let complete = verdict::is_complete(&self.parts);
        self.rto.measured_ms = complete.then(|| counted.map(|part| part.took_ms).sum());
        self.rto.met = verdict::met(self.rto.measured_ms, self.rto.target_ms);
        self.rpo.met = verdict::met(self.rpo.measured_ms, self.rpo.target_ms);
        self.verdict = verdict::verdict(&self.parts, &self.rto, &self.rpo);
        self.sentence = verdict::sentence(self);
    }

    /// The part that did not pass, if one did not.
    #[must_use]
    pub fn ended_at(&self) -> Option<&DrillPart> {
        let mut parts = self.parts.iter();
        parts.find(|part| part.outcome != PartOutcome::Passed)
    }
}
