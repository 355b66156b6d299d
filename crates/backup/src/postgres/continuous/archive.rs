//! The folder of a continuous archive.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::base::{BASE_ARCHIVE, BASES};
use super::segment_file::{self, INCOMING, LOG};
use super::{BaseBackup, ContinuousProblem, TimelineHistory};
use crate::bounds::{BASE_NOTE_BYTES_MAX, DAMAGED_FILES_BYTES_MAX};
use crate::durable::{replace, sync_folder};
use crate::vault::{failed_to, read_bounded};
use crate::{BackupError, Vault};

const IDENTITY: &str = "archive.json";
const DAMAGED: &str = "damaged.json";
const SUFFIX: &str = ".continuous";
/// The version of what is written into the folder.
const FORMAT: &str = "portcullis.continuous/1";

/// The archive of one PostgreSQL store: base backups of its cluster, and all write-ahead log since.
#[derive(Clone, Debug)]
pub struct ContinuousArchive {
    root: PathBuf,
    pub(crate) store: String,
}

/// What an archive is of. It does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveIdentity {
    /// `portcullis.continuous/1`.
    pub format: String,
    /// The cluster.
    pub system_identifier: String,
    /// The first number of the server's version.
    pub major: u32,
    /// How large a segment of the write-ahead log is.
    pub segment_bytes: u64,
    /// The database of the store.
    pub database: String,
    /// The replication slot on the server.
    pub slot: String,
}

/// The right to receive into an archive, or to keep what is in it from being removed.
#[derive(Debug)]
pub struct ArchiveLock {
    _file: File,
}

impl Vault {
    /// The continuous archive of a store, which need not exist.
    #[must_use]
    pub fn continuous(&self, service: &str, environment: &str, store: &str) -> ContinuousArchive {
        let name = format!("{service}_{environment}_{store}{SUFFIX}");
        ContinuousArchive {
            root: self.root().join(name),
            store: store.to_owned(),
        }
    }
}

impl ContinuousArchive {
    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether one was begun.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.root.join(IDENTITY).is_file()
    }

    /// What it is of.
    ///
    /// # Errors
    /// [`ContinuousProblem::NoArchive`] if none was begun; [`ContinuousProblem::Damaged`] if that cannot be read.
    pub fn identity(&self) -> Result<ArchiveIdentity, BackupError> {
        let path = self.root.join(IDENTITY);
        let json = match read_bounded(&path, BASE_NOTE_BYTES_MAX) {
            Ok(json) => json,
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let folder = self.root.display().to_string();
                return Err(self.failed(ContinuousProblem::NoArchive { folder }));
            }
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&json).map_err(|error| {
            self.failed(ContinuousProblem::Damaged {
                file: IDENTITY.to_owned(),
                why: error.to_string(),
            })
        })
    }

    /// Its base backups, oldest first.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the folder cannot be read.
    pub fn bases(&self) -> Result<Vec<BaseBackup>, BackupError> {
        BaseBackup::list(&self.root)
    }

    /// Those that were not found damaged, and are there as long as they were.
    ///
    /// # Errors
    /// Those of [`ContinuousArchive::bases`].
    pub fn usable_bases(&self) -> Result<Vec<BaseBackup>, BackupError> {
        let mut bases = self.bases()?;
        bases.retain(|base| {
            let path = BaseBackup::folder(&self.root, &base.id).join(BASE_ARCHIVE);
            let length = fs::metadata(path).map(|metadata| metadata.len());
            base.damaged.is_none() && length.is_ok_and(|length| length == base.bytes)
        });
        Ok(bases)
    }

    /// Files of the log that were found damaged, and why. Their names have their checksums in them, so a name stands for what
    /// it should hold.
    pub(crate) fn damaged_files(&self) -> Result<BTreeMap<String, String>, BackupError> {
        let path = self.root.join(DAMAGED);
        let json = match read_bounded(&path, DAMAGED_FILES_BYTES_MAX) {
            Ok(json) => json,
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(BTreeMap::new());
            }
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&json).map_err(|error| {
            self.failed(ContinuousProblem::Damaged {
                file: DAMAGED.to_owned(),
                why: format!("{error}; remove it, and read the archive back"),
            })
        })
    }

    /// Notes which files of the log are damaged, so that nobody counts on them.
    pub(crate) fn note_damaged_files(
        &self,
        files: &BTreeMap<String, String>,
    ) -> Result<(), BackupError> {
        match *files == self.damaged_files().unwrap_or_default() {
            true => Ok(()),
            false => self.write(DAMAGED, files),
        }
    }

    /// Reads a timeline history file.
    pub(crate) fn history(
        &self,
        timeline: u32,
        path: &Path,
    ) -> Result<TimelineHistory, BackupError> {
        let mut text = Vec::new();
        segment_file::read(path, &mut text)
            .map_err(|failed| failed.told(&self.store, path, path))?;
        TimelineHistory::parse(timeline, &String::from_utf8_lossy(&text)).map_err(|why| {
            let file = segment_file::file_name(path);
            self.failed(ContinuousProblem::Damaged { file, why })
        })
    }

    /// Makes the folder, or sees that it is the archive of this cluster.
    pub(crate) fn begin(&self, wanted: &ArchiveIdentity) -> Result<(), BackupError> {
        for folder in [
            self.root.clone(),
            self.root.join(LOG),
            self.root.join(INCOMING),
            self.root.join(BASES),
        ] {
            match DirBuilder::new().mode(0o700).create(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed_to("create", &folder, error));
                }
                _ => {}
            }
        }
        match self.identity() {
            Ok(known) if known.system_identifier != wanted.system_identifier => {
                Err(self.failed(ContinuousProblem::OtherCluster {
                    folder: self.root.display().to_string(),
                    expected: known.system_identifier,
                    found: wanted.system_identifier.clone(),
                }))
            }
            Ok(known) if known == *wanted => Ok(()),
            // A slot of another name, or none yet.
            Ok(_) => self.write(IDENTITY, wanted),
            Err(BackupError::Continuous { problem, .. })
                if matches!(*problem, ContinuousProblem::NoArchive { .. }) =>
            {
                self.write(IDENTITY, wanted)?;
                let parent = crate::durable::folder_of(&self.root);
                sync_folder(parent).map_err(|error| failed_to("sync", parent, error))
            }
            Err(error) => Err(error),
        }
    }

    /// What an archive of a server is, before it is begun.
    pub(crate) fn identity_of(
        (system_identifier, segment_bytes): (String, u64),
        major: u32,
        (database, slot): (&str, &str),
    ) -> ArchiveIdentity {
        ArchiveIdentity {
            format: FORMAT.to_owned(),
            system_identifier,
            major,
            segment_bytes,
            database: database.to_owned(),
            slot: slot.to_owned(),
        }
    }

    pub(crate) fn write(&self, name: &str, value: &impl Serialize) -> Result<(), BackupError> {
        let path = self.root.join(name);
        let failed = |source| failed_to("write", &path, source);
        let mut json = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
        json.push(b'\n');
        replace(&path, &json).map_err(failed)
    }

    /// The right to receive into it: one process at a time has it.
    pub(crate) fn lock_receiving(&self) -> Result<ArchiveLock, BackupError> {
        self.lock("receiver.lock", FlockOperation::NonBlockingLockExclusive)
    }

    /// The right to copy the cluster into it: one process at a time has it.
    pub(crate) fn lock_copying(&self) -> Result<ArchiveLock, BackupError> {
        self.lock("copier.lock", FlockOperation::NonBlockingLockExclusive)
    }

    /// Keeps what is in it from being removed while somebody reads.
    ///
    /// # Errors
    /// [`ContinuousProblem::Busy`] while something is being removed; [`BackupError::Vault`].
    pub fn lock_reading(&self) -> Result<ArchiveLock, BackupError> {
        self.lock("reader.lock", FlockOperation::LockShared)
    }

    /// The right to remove: nobody reads.
    pub(crate) fn lock_removing(&self) -> Result<ArchiveLock, BackupError> {
        self.lock("reader.lock", FlockOperation::NonBlockingLockExclusive)
    }

    fn lock(&self, name: &str, how: FlockOperation) -> Result<ArchiveLock, BackupError> {
        let path = self.root.join(name);
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| failed_to("open", &path, error))?;
        flock(&file, how).map_err(|_| {
            self.failed(ContinuousProblem::Busy {
                folder: self.root.display().to_string(),
            })
        })?;
        Ok(ArchiveLock { _file: file })
    }

    pub(crate) fn failed(&self, problem: ContinuousProblem) -> BackupError {
        BackupError::Continuous {
            store: self.store.clone(),
            problem: Box::new(problem),
        }
    }
}
