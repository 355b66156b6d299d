//! What happens to a service's data outside of rollouts, in the journal: drills, and backups of the schedule.
//!
//! It is a chain of its own in the same journal, with a lease of its own: a drill can be recorded by whoever held it,
//! while the engine acts and while none does. The lease is held for one record only.

use std::collections::BTreeMap;

use portcullis_backup::RecordedSums;
use portcullis_journal::{Entry, Journal, JournalError, Record, Scope};
use serde::{Deserialize, Serialize};

use crate::bounds::{DATA_LEASE_ATTEMPTS, DATA_LEASE_MS, DATA_LEASE_PAUSE, PAGE_ENTRIES};
use crate::clock::{Clock, WallClock};
use crate::drill::DrillReport;

/// What is done by a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// A backup is made.
    Backup,
    /// A backup is tried out.
    Drill,
}

/// One record of what happened to the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum DataRecord {
    /// A drill was held.
    Drilled(Box<DrillReport>),
    /// A backup of the schedule was made and read back.
    BackedUp {
        /// The time of the schedule, milliseconds since the Unix epoch.
        time_ms: u64,
        /// Its name.
        backup: String,
        /// The size of its archive, in bytes.
        bytes: u64,
        /// The SHA-256 of its archive.
        archive_sha256: String,
        /// The SHA-256 of its manifest.
        manifest_sha256: String,
        /// How long making and reading it back took, in milliseconds.
        took_ms: u64,
        /// How many older backups were removed after it.
        removed: u64,
        /// For how long writes were kept waiting for it, in milliseconds; missing if they were not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paused_ms: Option<u64>,
        /// Stores that have nothing in it, each with the newest backup in which it had something.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        emptied: BTreeMap<String, String>,
    },
    /// A backup was made by a release or a command, and read back.
    Made {
        /// Its name.
        backup: String,
        /// Why it was made.
        reason: String,
        /// The size of its archive, in bytes.
        bytes: u64,
        /// The SHA-256 of its archive.
        archive_sha256: String,
        /// The SHA-256 of its manifest, as it lies beside the archive.
        manifest_sha256: String,
        /// For how long writes were kept waiting for it, in milliseconds; missing if they were not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paused_ms: Option<u64>,
    },
    /// A backup was copied elsewhere and read back there.
    Copied {
        /// Its name.
        backup: String,
        /// How the place is called.
        copy: String,
        /// Its address.
        place: String,
        /// The size of the copy, in bytes.
        bytes: u64,
        /// The SHA-256 of its archive, as it was read back.
        archive_sha256: String,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// The cluster of a store was copied into its continuous archive, and the copy read back.
    BaseTaken {
        /// The store.
        store: String,
        /// The name of the copy.
        base: String,
        /// Its size, in bytes.
        bytes: u64,
        /// The SHA-256 of `base.tar.zst`.
        sha256: String,
        /// How many older copies were removed after it.
        removed: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A continuous archive was read back as a whole.
    ArchiveVerified {
        /// The store.
        store: String,
        /// Whether it was in order: it counts beside backups only then.
        sound: bool,
        /// How many copies of the cluster were read.
        bases: u64,
        /// How many segments of write-ahead log were.
        segments: u64,
        /// The first moment that can be recovered to from its newest copies on, milliseconds since the Unix epoch.
        from_ms: Option<u64>,
        /// The last one.
        to_ms: Option<u64>,
        /// What was wrong, the first of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        wrong: Vec<String>,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// The run of a time did not end as it should.
    NotDone {
        /// What was to be done.
        job: Job,
        /// The time of the schedule, milliseconds since the Unix epoch.
        time_ms: u64,
        /// Whether it was tried.
        tried: bool,
        /// Why it was not done.
        why: String,
    },
    /// From here on a schedule is in force.
    Scheduled {
        /// What is done by it.
        job: Job,
        /// The cron expression.
        schedule: String,
        /// Its time zone.
        time_zone: String,
    },
    /// A record of a later version.
    #[serde(other)]
    Unknown,
}

/// A record in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct DataEntry {
    /// The number of the entry in its chain.
    pub seq: u64,
    /// When it was recorded, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// By whom.
    pub by: String,
    /// The hash of the entry, which covers all before it.
    pub hash: String,
    /// The record.
    pub record: DataRecord,
}

/// Why something cannot be recorded or read.
#[derive(Debug, thiserror::Error)]
pub enum DataLogError {
    /// The journal cannot be used.
    #[error("the journal cannot be used")]
    Journal(#[from] JournalError),
    /// An entry is no record.
    #[error("entry {seq} of {scope} is not a record that this version of Portcullis understands")]
    Unreadable {
        /// The entry's number.
        seq: u64,
        /// Its chain.
        scope: Scope,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A record could not be put into words.
    #[error("a record could not be written as JSON")]
    Encode(#[from] serde_json::Error),
}

/// The records of what happened to a service's data.
#[derive(Debug, Clone)]
pub struct DataLog<J> {
    journal: J,
    scope: Scope,
}

impl Job {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Job::Backup => "backup",
            Job::Drill => "drill",
        }
    }
}

impl<J: Journal> DataLog<J> {
    /// The records of the service of `scope`.
    pub fn new(journal: J, scope: &Scope) -> DataLog<J> {
        DataLog {
            journal,
            scope: scope.of_data(),
        }
    }

    /// Writes a record. While somebody else writes one it waits.
    ///
    /// # Errors
    /// When the journal cannot be written, or somebody else holds its lease for long.
    pub async fn append(&self, record: &DataRecord, by: &str) -> Result<DataEntry, DataLogError> {
        let body = serde_json::to_string(record)?;
        let holder = format!("process {} of {by}", std::process::id());
        let mut attempts = 0;
        let lease = loop {
            attempts += 1;
            let acquired =
                self.journal
                    .acquire(&self.scope, &holder, WallClock.now_ms(), DATA_LEASE_MS);
            match acquired.await {
                Err(JournalError::LeaseHeld { .. }) if attempts < DATA_LEASE_ATTEMPTS => {
                    tokio::time::sleep(DATA_LEASE_PAUSE).await;
                }
                other => break other?,
            }
        };
        let written = Record {
            at_ms: WallClock.now_ms(),
            by: by.to_owned(),
            body,
        };
        let entry = self.journal.append(&self.scope, lease.epoch, written).await;
        // Others need not wait for its end; a lease that stays ends by itself.
        if let Err(error) = self.journal.release(&lease).await {
            tracing::debug!(%error, "a lease could not be given up");
        }
        self.read_entry(&entry?)
    }

    /// Records that a backup was made, unless that is recorded: whoever was cut off after making it comes again.
    ///
    /// # Errors
    /// As [`DataLog::append`] and [`DataLog::read`].
    pub async fn append_made(&self, record: &DataRecord, by: &str) -> Result<(), DataLogError> {
        let DataRecord::Made { backup, .. } = record else {
            return self.append(record, by).await.map(drop);
        };
        if recorded_sums(&self.read().await?, backup).is_none() {
            self.append(record, by).await?;
        }
        Ok(())
    }

    /// All records, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read, or an entry is no record.
    pub async fn read(&self) -> Result<Vec<DataEntry>, DataLogError> {
        let mut entries = Vec::new();
        let mut next_seq = 1;
        loop {
            let page = self
                .journal
                .read_page(&self.scope, next_seq, PAGE_ENTRIES)
                .await?;
            let Some(last) = page.last() else {
                return Ok(entries);
            };
            next_seq = last.seq + 1;
            for entry in &page {
                entries.push(self.read_entry(entry)?);
            }
        }
    }

    /// Recomputes every hash of the chain; returns how many entries it has.
    ///
    /// # Errors
    /// When it is not whole, or cannot be read.
    pub async fn verify(&self) -> Result<u64, DataLogError> {
        Ok(self.journal.verify(&self.scope).await?.entries)
    }

    fn read_entry(&self, entry: &Entry) -> Result<DataEntry, DataLogError> {
        let record = serde_json::from_str(&entry.body);
        Ok(DataEntry {
            seq: entry.seq,
            at_ms: entry.at_ms,
            by: entry.by.clone(),
            hash: entry.hash.to_string(),
            record: record.map_err(|source| DataLogError::Unreadable {
                seq: entry.seq,
                scope: self.scope.clone(),
                source,
            })?,
        })
    }
}

impl DataEntry {
    /// The drill, if it is the record of one.
    #[must_use]
    pub fn drill(&self) -> Option<&DrillReport> {
        match &self.record {
            DataRecord::Drilled(report) => Some(report),
            _ => None,
        }
    }

    /// The name of a drill: its entry's number.
    #[must_use]
    pub fn drill_id(&self) -> String {
        format!("drill-{}", self.seq)
    }
}

/// The SHA-256 of a backup's archive and of its manifest, as they were recorded when it was made.
#[must_use]
pub fn recorded_sums(entries: &[DataEntry], name: &str) -> Option<RecordedSums> {
    entries.iter().rev().find_map(|entry| match &entry.record {
        DataRecord::BackedUp {
            backup,
            archive_sha256,
            manifest_sha256,
            ..
        }
        | DataRecord::Made {
            backup,
            archive_sha256,
            manifest_sha256,
            ..
        } if backup == name => Some(RecordedSums {
            archive: archive_sha256.clone(),
            manifest: manifest_sha256.clone(),
        }),
        _ => None,
    })
}

/// How far a schedule was seen to, by the records: the newest time that was run or given up since it came in force.
/// `None` when it is not in force yet.
#[must_use]
pub fn seen_ms(entries: &[DataEntry], wanted: Job, schedule: (&str, &str)) -> Option<u64> {
    let mut seen: Option<u64> = None;
    for entry in entries {
        let time_ms = match &entry.record {
            DataRecord::Scheduled {
                job,
                schedule: text,
                time_zone,
            } if *job == wanted => {
                let same = (text.as_str(), time_zone.as_str()) == schedule;
                // Times of another schedule say nothing about this one.
                seen = same.then_some(entry.at_ms);
                continue;
            }
            DataRecord::BackedUp { time_ms, .. } if wanted == Job::Backup => Some(*time_ms),
            DataRecord::NotDone { job, time_ms, .. } if *job == wanted => Some(*time_ms),
            DataRecord::Drilled(report) if wanted == Job::Drill => report.time_ms,
            _ => None,
        };
        if let (Some(before), Some(time_ms)) = (seen, time_ms) {
            seen = Some(before.max(time_ms));
        }
    }
    seen
}
