//! Keeping a backup from being removed while it is made or read.
//!
//! A hold is a shared lock of the system on the archive; a removal needs the lock alone. The system
//! lets go of it when the process ends, however it ends.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Vault, failed_to};
use crate::{BackupError, BackupName};

/// As long as this lives, the backup is not removed.
#[derive(Debug)]
pub struct Hold {
    _archive: File,
}

/// The right to remove a backup: nobody holds it.
#[derive(Debug)]
pub(super) struct Alone {
    _archive: Option<File>,
}

impl Hold {
    /// A hold on an archive that only its maker knows yet.
    pub(super) fn of_new(archive: File) -> Hold {
        // On a file system without locks a hold is none, and a removal is refused.
        let _ = flock(&archive, FlockOperation::LockShared);
        Hold { _archive: archive }
    }
}

impl Vault {
    /// Keeps the backup from being removed, for those who read it more than once.
    ///
    /// # Errors
    /// [`BackupError::UnknownBackup`] or [`BackupError::Incomplete`] if it is not there (any more);
    /// [`BackupError::Vault`] if its archive cannot be opened.
    pub fn hold(&self, name: &BackupName) -> Result<Hold, BackupError> {
        self.check_complete(name)?;
        let path = self.archive_path(name);
        let archive = File::open(&path).map_err(|source| failed_to("read", &path, source))?;
        let hold = Hold::of_new(archive);
        // A removal may have been faster.
        self.check_complete(name)?;
        Ok(hold)
    }

    /// Whether somebody makes, reads or restores the backup just now.
    #[must_use]
    pub fn is_in_use(&self, name: &BackupName) -> bool {
        matches!(self.alone(name), Err(BackupError::InUse { .. }))
    }

    pub(super) fn alone(&self, name: &BackupName) -> Result<Alone, BackupError> {
        let path = self.archive_path(name);
        let archive = match File::open(&path) {
            Ok(archive) => archive,
            // Whoever makes or reads a backup holds its archive. Without one there is only rubble.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Alone { _archive: None });
            }
            Err(source) => return Err(failed_to("read", &path, source)),
        };
        match flock(&archive, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Alone {
                _archive: Some(archive),
            }),
            Err(Errno::WOULDBLOCK) => Err(BackupError::InUse { name: name.clone() }),
            Err(error) => Err(failed_to("lock", &path, error.into())),
        }
    }
}
