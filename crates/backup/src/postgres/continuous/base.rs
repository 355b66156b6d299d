//! Copies of a whole cluster, from which a recovery begins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Lsn, Segment};
use crate::BackupError;
use crate::bounds::{BASE_NOTE_BYTES_MAX, SUMS_BYTES_MAX};
use crate::vault::{failed_to, read_bounded};

/// The folder of base backups, in the archive.
pub(crate) const BASES: &str = "base";
/// The copy, in the folder of a base backup.
pub(crate) const BASE_ARCHIVE: &str = "base.tar.zst";
/// What is known of it, beside it.
pub(crate) const BASE_NOTE: &str = "base.json";
pub(crate) const BASE_SUMS: &str = "SHA256SUMS";
/// Beside it, once it was found damaged: why.
pub(crate) const BASE_DAMAGED: &str = "damaged.txt";

/// How folders of base backups are named: after the moment at which they were begun.
const ID_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// A copy of a whole cluster that `pg_basebackup` made, read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseBackup {
    /// Its name: when it was begun, by the clock of the machine that made it.
    pub id: String,
    /// The cluster.
    pub system_identifier: String,
    /// The server's version.
    pub server: String,
    /// The first number of it.
    pub major: u32,
    /// How large a segment of the write-ahead log is.
    pub segment_bytes: u64,
    /// The timeline on which it was made.
    pub timeline: u32,
    /// From where on the log is needed.
    pub start_lsn: Lsn,
    /// From where on the recovered cluster is consistent.
    pub stop_lsn: Lsn,
    /// When it was begun, by the server's clock.
    pub started_at: Timestamp,
    /// When it was complete, by the server's clock: the first moment that can be recovered to from it.
    pub stopped_at: Timestamp,
    /// The role that may do everything in the cluster.
    pub superuser: String,
    /// `max_prepared_transactions` of the server: a recovery needs as many.
    pub prepared_max: u32,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have.
    pub data_bytes: u64,
    /// How many bytes the compressed copy has.
    pub bytes: u64,
    /// SHA-256 of the compressed copy.
    pub sha256: String,
    /// Why it cannot be used, if it was found damaged. It is kept in a file of its own.
    #[serde(skip)]
    pub damaged: Option<String>,
}

impl BaseBackup {
    /// The name for one that is begun now.
    pub(crate) fn id_at(now: Timestamp) -> String {
        now.strftime(ID_FORMAT).to_string()
    }

    /// The segment with which the log begins that it needs.
    pub(crate) fn first_segment(&self) -> Segment {
        Segment::at(self.start_lsn, self.timeline, self.segment_bytes)
    }

    /// The number of the segment with the last that it needs to be consistent.
    pub(crate) fn last_segment_number(&self) -> u64 {
        self.stop_lsn.0.saturating_sub(1) / self.segment_bytes
    }

    /// Where the folder of one is, in an archive.
    pub(crate) fn folder(archive: &Path, id: &str) -> PathBuf {
        archive.join(BASES).join(id)
    }

    /// Every base backup in an archive, oldest first. Unfinished ones have other names.
    pub(crate) fn list(archive: &Path) -> Result<Vec<Self>, BackupError> {
        let folder = archive.join(BASES);
        let listing = match fs::read_dir(&folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed_to("list", &folder, error)),
        };
        let mut found = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| failed_to("list", &folder, error))?;
            let name = entry.file_name();
            let id = name.to_str().unwrap_or_default();
            if Self::is_id(id)
                && let Some(base) = Self::read(archive, id)?
            {
                found.push(base);
            }
        }
        found.sort_by(|a, b| (a.start_lsn, &a.id).cmp(&(b.start_lsn, &b.id)));
        Ok(found)
    }

    fn is_id(name: &str) -> bool {
        name.len() == "20261122T041500Z".len()
            && name.ends_with('Z')
            && name.starts_with(|first: char| first.is_ascii_digit())
    }

    /// What is noted of one; `None` if that is gone or cannot be understood. Then it counts as none.
    fn read(archive: &Path, id: &str) -> Result<Option<Self>, BackupError> {
        let folder = Self::folder(archive, id);
        let note = match read_bounded(&folder.join(BASE_NOTE), BASE_NOTE_BYTES_MAX) {
            Ok(note) => note,
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Ok(mut base) = serde_json::from_slice::<Self>(&note) else {
            return Ok(None);
        };
        base.damaged = fs::read_to_string(folder.join(BASE_DAMAGED)).ok();
        if base.id != id {
            return Ok(None);
        }
        if base.damaged.is_none() {
            // Looked at anew each time: a file that cannot be read for now says nothing against the copy.
            base.damaged = base.doubt_of(&note, &folder).unwrap_or_default();
        }
        Ok(Some(base))
    }

    /// The checksums of a base backup and of what is noted of it.
    pub(crate) fn sums(&self, note: &[u8]) -> String {
        let of_note = hex::encode(Sha256::digest(note));
        format!("{}  {BASE_ARCHIVE}\n{of_note}  {BASE_NOTE}\n", self.sha256)
    }

    /// Why what is noted of it cannot be relied on, if it cannot: a moment or a place that was changed would have log left out
    /// that is needed.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the files beside it cannot be read.
    pub(crate) fn doubt(&self, archive: &Path) -> Result<Option<String>, BackupError> {
        let folder = Self::folder(archive, &self.id);
        let note = read_bounded(&folder.join(BASE_NOTE), BASE_NOTE_BYTES_MAX)?;
        self.doubt_of(&note, &folder)
    }

    fn doubt_of(&self, note: &[u8], folder: &Path) -> Result<Option<String>, BackupError> {
        let below = format!("{BASES}/{}", self.id);
        let sums = match read_bounded(&folder.join(BASE_SUMS), SUMS_BYTES_MAX) {
            Ok(sums) => sums,
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let why =
                    format!("{below}/{BASE_SUMS} is missing: nothing says what {BASE_NOTE} was");
                return Ok(Some(why));
            }
            Err(error) => return Err(error),
        };
        let as_written = sums == self.sums(note).as_bytes();
        let why = || format!("{below}/{BASE_NOTE}: it is not what {BASE_SUMS} beside it says");
        Ok((!as_written).then(why))
    }
}
