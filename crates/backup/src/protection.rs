//! What a person wants kept, whatever the rules say.
//!
//! `<name>.protection.json` beside the archive. It is no part of the backup: a copy of the three files of a
//! backup is whole without it.

use std::fs;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::RECORD_BYTES_MAX;
use crate::durable::replace;
use crate::vault::{failed_to, read_bounded};
use crate::{BackupError, BackupName, Vault};

/// Why a backup is not to be removed, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Why, for people who wonder later.
    pub reason: String,
    /// Who asked for it.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

impl Vault {
    /// Protects a backup: from now on [`Vault::remove`] refuses it and [`crate::retention`] keeps it.
    /// One that is protected already gets the new reason.
    ///
    /// # Errors
    /// [`BackupError::UnknownBackup`] or [`BackupError::Incomplete`] for one that is not there or of no
    /// use; [`BackupError::Vault`] if the note cannot be written.
    pub fn protect(&self, name: &BackupName, protection: &Protection) -> Result<(), BackupError> {
        // Whoever removes it looks for a protection while nobody else may use it.
        let _hold = self.hold(name)?;
        let path = self.protection_path(name);
        let failed = |source| failed_to("write", &path, source);
        let json = serde_json::to_vec(protection).map_err(|error| failed(error.into()))?;
        replace(&path, &json).map_err(failed)?;
        self.sync()
    }

    /// Takes the protection away, and says which there was.
    ///
    /// # Errors
    /// [`BackupError::UnknownBackup`] if there is no such backup; [`BackupError::Vault`] if the note
    /// cannot be read or removed.
    pub fn unprotect(&self, name: &BackupName) -> Result<Option<Protection>, BackupError> {
        if let Err(error @ BackupError::UnknownBackup { .. }) = self.check_complete(name) {
            return Err(error);
        }
        let protection = self.protection(name)?;
        if protection.is_some() {
            let path = self.protection_path(name);
            fs::remove_file(&path).map_err(|source| failed_to("remove", &path, source))?;
            self.sync()?;
        }
        Ok(protection)
    }

    /// The protection of a backup, if it has one.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if there is a note that cannot be read: what it protects must not go
    /// because of that.
    pub fn protection(&self, name: &BackupName) -> Result<Option<Protection>, BackupError> {
        let path = self.protection_path(name);
        let json = match read_bounded(&path, RECORD_BYTES_MAX) {
            Ok(json) => json,
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&json)
            .map(Some)
            .map_err(|error| failed_to("understand", &path, error.into()))
    }
}
