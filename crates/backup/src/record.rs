//! What is noted about a backup beside it: how long its archive is, and whether it was read back.
//!
//! The record is no part of the backup: without it the backup is as good as before and counts as not
//! verified. It names the `.sha256` file that it is about, so that the record of a removed backup is
//! never taken for that of a later one of the same name.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bounds::RECORD_BYTES_MAX;
use crate::durable::replace;
use crate::vault::{failed_to, read_bounded};
use crate::{BackupError, BackupName, Vault};

/// What is noted about a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The SHA-256 of the `.sha256` file of the backup that this is about.
    sums_sha256: String,
    /// How many bytes were written to the archive.
    pub(crate) archive_bytes: u64,
    /// Whether the last verification found it in order; false before the first.
    pub(crate) verified: bool,
    /// Whether the last verification found it damaged.
    #[serde(default)]
    pub(crate) damaged: bool,
    /// For whom it was encrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) recipients: Vec<String>,
    /// The SHA-256 of the reason, where the manifest is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_sha256: Option<String>,
}

impl Record {
    /// The record of a backup that was just made.
    pub(crate) fn new(archive_bytes: u64, sums: &[u8]) -> Self {
        Self {
            sums_sha256: hex::encode(Sha256::digest(sums)),
            archive_bytes,
            verified: false,
            damaged: false,
            recipients: Vec::new(),
            reason_sha256: None,
        }
    }

    /// The same of an encrypted one: what its maker must know again without being able to read it.
    pub(crate) fn sealed(self, recipients: Vec<String>, reason: &str) -> Self {
        Self {
            recipients,
            reason_sha256: Some(hex::encode(Sha256::digest(reason))),
            ..self
        }
    }

    /// Whether it was made for this reason, as far as is noted.
    pub(crate) fn is_of(&self, reason: &str) -> bool {
        self.reason_sha256.as_deref() == Some(&*hex::encode(Sha256::digest(reason)))
    }
}

impl Vault {
    /// The record of exactly this backup, if there is a readable one.
    pub(crate) fn record(&self, name: &BackupName) -> Option<Record> {
        let json = read_bounded(&self.record_path(name), RECORD_BYTES_MAX).ok()?;
        let sums = read_bounded(&self.sums_path(name), RECORD_BYTES_MAX).ok()?;
        let record: Record = serde_json::from_slice(&json).ok()?;
        (record.sums_sha256 == hex::encode(Sha256::digest(&sums))).then_some(record)
    }

    /// Replaces the record. The caller syncs the folder.
    pub(crate) fn save_record(
        &self,
        name: &BackupName,
        record: &Record,
    ) -> Result<(), BackupError> {
        let path = self.record_path(name);
        let failed = |source| failed_to("write", &path, source);
        let json = serde_json::to_vec(record).map_err(|error| failed(error.into()))?;
        replace(&path, &json).map_err(failed)
    }

    /// Notes the outcome of a verification. A vault that cannot be written to does not change the
    /// outcome, so nothing is reported.
    pub(crate) fn note_verified(&self, name: &BackupName, verified: bool) {
        // One that was made before there were records has none. Without a readable `.sha256` there is
        // nothing to note.
        let record = self.record(name).or_else(|| self.first_record(name));
        if let Some(record) = record {
            let damaged = !verified;
            // What was read back whole is as long as it was, whatever became of the record.
            let length = std::fs::metadata(self.archive_path(name)).map(|archive| archive.len());
            let archive_bytes = match (verified, length) {
                (true, Ok(length)) => length,
                _ => record.archive_bytes,
            };
            let noted = Record {
                verified,
                damaged,
                archive_bytes,
                ..record.clone()
            };
            if noted == record {
                return;
            }
            let _ = self.save_record(name, &noted);
            let _ = crate::durable::sync_folder(self.root());
        }
    }

    fn first_record(&self, name: &BackupName) -> Option<Record> {
        let sums = read_bounded(&self.sums_path(name), RECORD_BYTES_MAX).ok()?;
        let archive = std::fs::metadata(self.archive_path(name)).ok()?;
        Some(Record::new(archive.len(), &sums))
    }
}
