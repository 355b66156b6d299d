//! The data of a service, as a plan and the journal refer to it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ValueSource;

/// The file in the folder of a copied Redis database that has the URL of its server.
pub const REDIS_COPY_URL: &str = "url";

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
    /// A PostgreSQL database. Its URL may have a password, so what stands here is where the URL is.
    Postgres {
        /// A reference to the URL, see [`crate::ValueSource`], or a URL without a password.
        url: String,
        /// The folder at which relative paths in the reference start and in which its command runs.
        folder: PathBuf,
        /// A database of this name on the same server is meant, and not the one that the URL names: a copy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database: Option<String>,
        /// How many sessions dump and restore at a time.
        jobs: u32,
    },
    /// A database of a Redis or Valkey server. As for PostgreSQL, what stands here is where the URL is.
    Redis {
        /// A reference to the URL, or a URL without a password.
        url: String,
        /// The folder at which relative paths in the reference start and in which its command runs.
        folder: PathBuf,
        /// A copy in this folder is meant, which has a server of its own, and not what the URL names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copy: Option<PathBuf>,
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
    /// A PostgreSQL database.
    Postgres,
    /// A database of a Redis or Valkey server.
    Redis,
}

impl StoreRef {
    /// What it is.
    pub fn kind(&self) -> StoreKind {
        self.location.kind()
    }

    /// Where it is on the disk; `None` for a database on a server.
    pub fn path(&self) -> Option<&Path> {
        self.location.path()
    }

    /// What stands for it in a command or a variable: its path, or where the URL of its database is.
    pub fn place(&self) -> String {
        match &self.location {
            StoreLocation::File { path }
            | StoreLocation::Directory { path }
            | StoreLocation::Sqlite { path } => path.display().to_string(),
            StoreLocation::Postgres { url, database, .. } => match database {
                None => url.clone(),
                Some(name) => ValueSource::database(name, url),
            },
            StoreLocation::Redis { url, copy, .. } => match copy {
                None => url.clone(),
                // The server of a copy has its URL there.
                Some(folder) => format!("file:{}", folder.join(REDIS_COPY_URL).display()),
            },
        }
    }

    /// Where a copy of it goes: a path in `folder`, or a database of that name beside its own.
    #[must_use]
    pub fn copied_to(&self, folder: &Path, database: &str) -> StoreRef {
        let leaf = self.path().and_then(Path::file_name);
        let path = folder
            .join(&self.name)
            .join(leaf.unwrap_or("data".as_ref()));
        let location = match &self.location {
            StoreLocation::File { .. } => StoreLocation::File { path },
            StoreLocation::Directory { .. } => StoreLocation::Directory { path },
            StoreLocation::Sqlite { .. } => StoreLocation::Sqlite { path },
            StoreLocation::Postgres {
                url, folder, jobs, ..
            } => StoreLocation::Postgres {
                url: url.clone(),
                folder: folder.clone(),
                database: Some(database.to_owned()),
                jobs: *jobs,
            },
            StoreLocation::Redis {
                url, folder: base, ..
            } => StoreLocation::Redis {
                url: url.clone(),
                folder: base.clone(),
                copy: Some(folder.join(&self.name)),
            },
        };
        StoreRef {
            name: self.name.clone(),
            location,
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
            StoreLocation::Postgres { .. } => StoreKind::Postgres,
            StoreLocation::Redis { .. } => StoreKind::Redis,
        }
    }

    /// Where it is on the disk; `None` for a database on a server.
    pub fn path(&self) -> Option<&Path> {
        match self {
            StoreLocation::File { path }
            | StoreLocation::Directory { path }
            | StoreLocation::Sqlite { path } => Some(path),
            StoreLocation::Postgres { .. } | StoreLocation::Redis { .. } => None,
        }
    }
}

impl StoreKind {
    /// Every kind.
    pub const ALL: [StoreKind; 5] = [
        StoreKind::File,
        StoreKind::Directory,
        StoreKind::Sqlite,
        StoreKind::Postgres,
        StoreKind::Redis,
    ];

    /// The word, as the configuration writes it.
    pub fn word(self) -> &'static str {
        match self {
            StoreKind::File => "file",
            StoreKind::Directory => "directory",
            StoreKind::Sqlite => "sqlite",
            StoreKind::Postgres => "postgres",
            StoreKind::Redis => "redis",
        }
    }

    /// The kind of that word.
    pub fn of_word(word: &str) -> Option<StoreKind> {
        StoreKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests;
