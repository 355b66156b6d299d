//! Whether a library is sound and is what somebody expects it to be: the proof of a migration.

use std::path::Path;

use serde::Serialize;

use crate::library::{Library, LibraryError};

/// What a library must be, besides sound.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// The algorithm version, by name.
    pub algorithm: Option<String>,
    /// The schema.
    pub schema: Option<u32>,
}

/// What a sound library is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The schema.
    pub schema: u32,
    /// The algorithm version.
    pub algorithm: String,
    /// Images with a hash.
    pub images: usize,
    /// Entries of the low-confidence queue.
    pub queue: usize,
    /// The digest, which fits the content.
    pub digest: String,
}

/// Why a library did not pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The library is not sound.
    #[error(transparent)]
    Unsound(#[from] LibraryError),
    /// The library is sound but another algorithm's.
    #[error("the library's algorithm is `{actual}`, expected `{expected}`")]
    Algorithm {
        /// What it is.
        actual: String,
        /// What it should be.
        expected: String,
    },
    /// The library is sound but of another schema.
    #[error("the library's schema is {actual}, expected {expected}")]
    Schema {
        /// What it is.
        actual: u32,
        /// What it should be.
        expected: u32,
    },
}

/// Checks the library file at `path`; reads nothing else and changes nothing.
///
/// # Errors
/// [`CheckError`] with the first thing that is wrong.
pub fn check(path: &Path, expected: &Expectations) -> Result<CheckReport, CheckError> {
    let library = Library::open(path)?;
    if let Some(expected) = &expected.algorithm
        && *expected != library.algorithm
    {
        return Err(CheckError::Algorithm {
            actual: library.algorithm,
            expected: expected.clone(),
        });
    }
    if let Some(expected) = expected.schema
        && expected != library.schema
    {
        return Err(CheckError::Schema {
            actual: library.schema,
            expected,
        });
    }
    Ok(CheckReport {
        schema: library.schema,
        algorithm: library.algorithm,
        images: library.images.len(),
        queue: library.queue.len(),
        digest: library.digest,
    })
}
