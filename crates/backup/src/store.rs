//! Data that a release may change.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::BackupError;
use crate::bounds::ATTEMPTS_MAX;
use crate::capture::{Unsettled, capture};
use crate::scan::{ItemKind, Scan};

/// A named piece of data on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Its name: 1 to 63 characters of `a-z`, `0-9` and `-`, unique within a service.
    pub name: String,
    /// A file or a directory.
    pub kind: StoreKind,
    /// Where it is. The path itself must not be a symbolic link; the folders above it may be.
    pub path: PathBuf,
}

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// One regular file. It may be replaced by renaming while it is backed up.
    File,
    /// A folder with everything in it.
    Directory,
}

/// How large a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSize {
    /// How many files, directories and links it has.
    pub entries: u64,
    /// How many bytes its files have.
    pub bytes: u64,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Directory => "directory",
        })
    }
}

impl Store {
    /// How large it is now, without reading its files.
    ///
    /// # Errors
    /// [`BackupError::StoreRefused`] if it is missing, of another kind or holds something that
    /// cannot be backed up; [`BackupError::StoreUnreadable`] if it cannot be read.
    pub fn size(&self) -> Result<StoreSize, BackupError> {
        let scan = Scan::of(self)?;
        let mut size = StoreSize {
            entries: scan.items.len() as u64,
            bytes: 0,
        };
        for item in &scan.items {
            if item.kind == ItemKind::File {
                size.bytes = size.bytes.saturating_add(item.stamp.size);
            }
        }
        Ok(size)
    }
}

/// The digest of what a store holds now, to compare with that of a backup.
///
/// * A file store: the SHA-256 of the file, as `sha256sum` prints it.
/// * A directory store: the SHA-256 over one line for each entry below its root, sorted by the
///   bytes of the path:
///   `file <size> <sha256> <path>`, `directory 0 - <path>`, or
///   `symlink <length of target> <sha256 of target> <path>`, each ended by a line feed, with the
///   path escaped as [`crate::RelativePath`] documents. Modes, owners and times do not count.
///
/// # Errors
/// [`BackupError::StoreChanged`] if it keeps changing while it is read, and the errors of
/// [`Store::size`].
pub fn store_digest(store: &Store) -> Result<String, BackupError> {
    let mut changed = None;
    for _ in 0..ATTEMPTS_MAX {
        match capture(store, None) {
            Ok(manifest) if manifest.steady => return Ok(manifest.digest),
            Ok(_) => changed = Some(store.path.clone()),
            Err(Unsettled::Changed(path)) => changed = Some(path),
            Err(Unsettled::Failed(error)) => return Err(error),
        }
    }
    Err(BackupError::StoreChanged {
        store: store.name.clone(),
        path: changed.unwrap_or_else(|| store.path.clone()),
        attempts: ATTEMPTS_MAX,
    })
}
