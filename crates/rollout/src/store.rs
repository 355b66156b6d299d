//! The data of a service, as a plan and the journal refer to it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A store as a plan refers to it. In JSON the name and the location stand side by side, so that what was
/// recorded before there were other kinds than files and folders is read as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRef {
    /// Its name in the configuration.
    pub name: String,
    /// What it is and where.
    #[serde(flatten)]
    pub location: StoreLocation,
}

/// What a store is and where it is, each kind with what is needed to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StoreLocation {
    /// One file.
    File {
        /// Where it is.
        path: PathBuf,
    },
    /// A folder with all that is in it.
    Directory {
        /// Where it is.
        path: PathBuf,
    },
    /// An SQLite database, with what belongs to it beside it (`-wal`, `-shm`, `-journal`).
    Sqlite {
        /// Where the database file is.
        path: PathBuf,
    },
}

/// What a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// One file.
    File,
    /// A folder with all that is in it.
    Directory,
    /// An SQLite database.
    Sqlite,
}

impl StoreRef {
    /// What it is.
    pub fn kind(&self) -> StoreKind {
        self.location.kind()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.location.path()
    }

    /// The same store at another path.
    #[must_use]
    pub fn moved_to(&self, path: PathBuf) -> StoreRef {
        StoreRef {
            name: self.name.clone(),
            location: self.kind().at(path),
        }
    }
}

impl StoreLocation {
    /// What it is.
    pub fn kind(&self) -> StoreKind {
        match self {
            StoreLocation::File { .. } => StoreKind::File,
            StoreLocation::Directory { .. } => StoreKind::Directory,
            StoreLocation::Sqlite { .. } => StoreKind::Sqlite,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            StoreLocation::File { path }
            | StoreLocation::Directory { path }
            | StoreLocation::Sqlite { path } => path,
        }
    }
}

impl StoreKind {
    /// The word, as the configuration writes it.
    pub fn word(self) -> &'static str {
        match self {
            StoreKind::File => "file",
            StoreKind::Directory => "directory",
            StoreKind::Sqlite => "sqlite",
        }
    }

    /// The kind of that word.
    pub fn of_word(word: &str) -> Option<StoreKind> {
        let all = [StoreKind::File, StoreKind::Directory, StoreKind::Sqlite];
        all.into_iter().find(|kind| kind.word() == word)
    }

    /// A store of this kind at a path.
    pub fn at(self, path: PathBuf) -> StoreLocation {
        match self {
            StoreKind::File => StoreLocation::File { path },
            StoreKind::Directory => StoreLocation::Directory { path },
            StoreKind::Sqlite => StoreLocation::Sqlite { path },
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests;
