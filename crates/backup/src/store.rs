//! Data that a release may change.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::BackupError;
use crate::bounds::ATTEMPTS_MAX;
use crate::capture::{Unsettled, capture};
use crate::on_disk::{OnDisk, Shape};
use crate::scan::{ItemKind, Scan};
use crate::sqlite;

/// A named piece of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its name: 1 to 63 characters of `a-z`, `0-9` and `-`, unique within a service.
    pub name: String,
    /// What it is and where.
    pub location: Location,
}

/// What a store is and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// One regular file. It may be replaced by renaming while it is backed up.
    File {
        /// Where it is. The path itself must not be a symbolic link; the folders above it may be.
        path: PathBuf,
    },
    /// A folder with everything in it.
    Directory {
        /// Where it is, as for a file.
        path: PathBuf,
    },
    /// An SQLite database. It may be in use while it is backed up, and must not be while it is restored.
    Sqlite {
        /// Where the database file is, as for a file. `-wal`, `-shm` and `-journal` beside it belong to it.
        path: PathBuf,
    },
}

/// What a store is, as manifests and messages say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// One regular file.
    File,
    /// A folder with everything in it.
    Directory,
    /// An SQLite database.
    Sqlite,
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
            Self::Sqlite => "sqlite database",
        })
    }
}

impl Store {
    /// A store of one file.
    #[must_use]
    pub fn file(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::File { path },
        }
    }

    /// A store of a folder.
    #[must_use]
    pub fn directory(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Directory { path },
        }
    }

    /// A store that is an SQLite database.
    #[must_use]
    pub fn sqlite(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Sqlite { path },
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> StoreKind {
        match self.location {
            Location::File { .. } => StoreKind::File,
            Location::Directory { .. } => StoreKind::Directory,
            Location::Sqlite { .. } => StoreKind::Sqlite,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.location {
            Location::File { path } | Location::Directory { path } | Location::Sqlite { path } => {
                path
            }
        }
    }

    /// The same store at another path.
    #[must_use]
    pub fn moved_to(&self, path: PathBuf) -> Self {
        Self {
            name: self.name.clone(),
            location: match self.location {
                Location::File { .. } => Location::File { path },
                Location::Directory { .. } => Location::Directory { path },
                Location::Sqlite { .. } => Location::Sqlite { path },
            },
        }
    }

    /// How large it is now, without reading its files.
    ///
    /// # Errors
    /// [`BackupError::StoreRefused`] if it is missing, of another kind or holds something that
    /// cannot be backed up; [`BackupError::StoreUnreadable`] if it cannot be read.
    pub fn size(&self) -> Result<StoreSize, BackupError> {
        let scan = Scan::of(&self.on_disk())?;
        let mut size = StoreSize {
            entries: scan.items.len() as u64,
            bytes: 0,
        };
        for item in &scan.items {
            if item.kind == ItemKind::File {
                size.bytes = size.bytes.saturating_add(item.stamp.size);
            }
        }
        if let Location::Sqlite { path } = &self.location {
            let log = std::fs::metadata(sqlite::beside(path, "-wal")).map_or(0, |log| log.len());
            size.bytes = size.bytes.saturating_add(log);
        }
        Ok(size)
    }

    /// How large it is now, and whether a backup of it could begin: a database is opened and asked.
    ///
    /// # Errors
    /// Those of [`Store::size`], and of a database [`BackupError::DatabaseBusy`],
    /// [`BackupError::DatabaseFailed`] and [`BackupError::DatabaseDamaged`].
    pub fn examine(&self) -> Result<StoreSize, BackupError> {
        let size = self.size()?;
        if let Location::Sqlite { .. } = self.location {
            sqlite::examine(&self.on_disk())?;
        }
        Ok(size)
    }

    /// What a backup needs at most beside its entries, in bytes: a database is copied before it is packed.
    pub(crate) fn bytes_needed(&self, size: StoreSize) -> u64 {
        match self.location {
            Location::File { .. } | Location::Directory { .. } => size.bytes,
            Location::Sqlite { .. } => size.bytes.saturating_mul(2),
        }
    }

    /// The store as what it is on the disk.
    pub(crate) fn on_disk(&self) -> OnDisk {
        OnDisk {
            name: self.name.clone(),
            shape: match self.location {
                Location::File { .. } | Location::Sqlite { .. } => Shape::File,
                Location::Directory { .. } => Shape::Directory,
            },
            path: self.path().to_owned(),
        }
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
/// * An SQLite database: that of its content, see [`crate::SqliteContent`]. It is read in one transaction, so
///   it is that of one moment. How the content lies in pages does not count.
///
/// # Errors
/// [`BackupError::StoreChanged`] if it keeps changing while it is read,
/// [`BackupError::DatabaseBusy`] and [`BackupError::DatabaseFailed`] for a database, and the errors of
/// [`Store::size`].
pub fn store_digest(store: &Store) -> Result<String, BackupError> {
    if let Location::Sqlite { .. } = store.location {
        return sqlite::live_digest(&store.on_disk());
    }
    let on_disk = store.on_disk();
    let mut changed = None;
    for _ in 0..ATTEMPTS_MAX {
        match capture(&on_disk, None) {
            Ok(manifest) if manifest.steady => return Ok(manifest.digest),
            Ok(_) => changed = Some(on_disk.path.clone()),
            Err(Unsettled::Changed(path)) => changed = Some(path),
            Err(Unsettled::Failed(error)) => return Err(error),
        }
    }
    Err(BackupError::StoreChanged {
        store: store.name.clone(),
        path: changed.unwrap_or(on_disk.path),
        attempts: ATTEMPTS_MAX,
    })
}
