//! Which file is open, to notice when another one, or none, lies at its path.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::JournalError;

/// A file by its path and by what the system knows it by. An open file that was removed takes writes as
/// before, and loses them when it is closed.
#[derive(Clone, Debug)]
pub(super) struct FileIdentity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// The file that lies at `path` now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: found.dev(),
            inode: found.ino(),
        })
    }

    /// Refuses unless the same file still lies there.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        let gone = |found: String| JournalError::Replaced {
            path: self.path.display().to_string(),
            found,
        };
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => Ok(()),
            Ok(_) => Err(gone("another file".to_owned())),
            Err(error) => Err(gone(error.to_string())),
        }
    }
}
