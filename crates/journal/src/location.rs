//! Where a journal is.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{PostgresUrl, UrlRefused};

/// Where a journal is: an SQLite file or a PostgreSQL database. `Display` never shows a password.
#[derive(Clone, Debug)]
pub enum JournalLocation {
    /// The path of an SQLite file.
    File(PathBuf),
    /// The address of a database.
    Postgres(PostgresUrl),
}

impl JournalLocation {
    /// Reads a setting: the address of a database if it begins with `postgres://` or
    /// `postgresql://`, otherwise the path of a file.
    ///
    /// # Errors
    /// [`UrlRefused`] if it is meant as an address and is not usable.
    pub fn new(text: &str) -> Result<Self, UrlRefused> {
        if PostgresUrl::is_meant_by(text) {
            Ok(Self::Postgres(PostgresUrl::new(text)?))
        } else {
            Ok(Self::File(PathBuf::from(text)))
        }
    }

    /// The path, if it is a file.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Whether engines on several machines may use it. If so, each needs a holder's name of its own.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl fmt::Display for JournalLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}
