//! Removing a backup.

use std::fs;
use std::io;
use std::path::Path;

use super::{Vault, failed_to};
use crate::{BackupError, BackupName, BackupSummary, Protection};

/// A backup that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// How many bytes its files had.
    pub bytes: u64,
}

impl Vault {
    /// How many bytes all files of a backup have: what removing it frees.
    #[must_use]
    pub fn bytes_of(&self, name: &BackupName) -> u64 {
        let files = [
            self.sums_path(name),
            self.record_path(name),
            self.manifest_path(name),
            self.archive_path(name),
        ];
        files.iter().map(|path| length_of(path)).sum()
    }

    /// Removes a backup, or what is left of one, as it was when it was listed. Whether it may go is
    /// the caller's decision, see [`crate::retention`]; if the backup changed since (what looked like
    /// rubble was completed), that decision no longer holds and nothing is removed.
    ///
    /// The `.sha256` goes first and durably: after a crash in the middle the rest is listed as broken,
    /// cannot be restored, and is removed by the next call.
    ///
    /// # Errors
    /// [`BackupError::InUse`] while it is made, verified or restored, and when it has changed;
    /// [`BackupError::Protected`] while a person protects it; [`BackupError::UnknownBackup`] when it is gone;
    /// [`BackupError::Vault`] if a file cannot be removed.
    pub fn remove(&self, listed: &BackupSummary) -> Result<Removed, BackupError> {
        let name = &listed.name;
        if let Err(error @ BackupError::UnknownBackup { .. }) = self.check_complete(name) {
            return Err(error);
        }
        let _alone = self.alone(name)?;
        let now = self.summary(name.clone());
        if let Some(Protection { by, reason, .. }) = now.protection {
            let name = name.clone();
            return Err(BackupError::Protected { name, by, reason });
        }
        if now != *listed {
            return Err(BackupError::InUse { name: name.clone() });
        }
        let mut bytes = 0;
        let first = self.sums_path(name);
        let rest = [
            self.put_back_path(name),
            self.record_path(name),
            self.manifest_path(name),
            // Last: as long as it is there, it can be locked.
            self.archive_path(name),
        ];
        for path in std::iter::once(&first).chain(&rest) {
            let length = length_of(path);
            match fs::remove_file(path) {
                Ok(()) => bytes += length,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(failed_to("remove", path, source)),
            }
            if *path == first {
                self.sync()?;
            }
        }
        self.sync()?;
        Ok(Removed { bytes })
    }
}

/// The length of a file; 0 if there is none.
fn length_of(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}
