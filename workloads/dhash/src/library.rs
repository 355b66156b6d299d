//! The library file: hashes of the images of one folder.
//!
//! One JSON document, `library.json`, with these fields:
//!
//! | field | meaning |
//! |---|---|
//! | `schema` | 1 or 2; 2 adds `sha256` and `bytes` to every image |
//! | `algorithm` | the version of every hash in the file, see [`Algorithm::id`](crate::Algorithm::id) |
//! | `created_at`, `migrated_at` | UTC, RFC 3339; `migrated_at` is null until the first migration |
//! | `root` | where the images are: absolute, or relative to the folder of the library file |
//! | `images` | `id`, `path` (relative to `root`, `/` between parts), `hash` (16 hexadecimal digits), `width`, `height`, `confidence`, and in schema 2 `sha256` (hexadecimal) and `bytes` of the file; sorted by `id`, each `id` once |
//! | `queue` | what a person should look at: `id`, `path`, `status`, `reason`, `confidence`; sorted by `id`. `low_confidence` images are in `images` too, `failed` ones have no hash |
//! | `digest` | SHA-256 over the canonical form of everything else |
//!
//! An `id` is the first 16 hexadecimal digits of the SHA-256 of `path`. The canonical form is the
//! document without `digest`, as JSON in UTF-8 with the keys of every object in byte order and no
//! white space, numbers written as they are in the file. In Python:
//! `json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`.
//!
//! Fields that this version does not know are kept when the file is rewritten, and are covered by
//! the digest. The same images give the same bytes, timestamps aside. A file is only ever replaced
//! whole: written beside under a temporary name, synced, renamed, and the folder synced.

mod digest;
mod store;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use digest::digest_of;
pub(crate) use store::Lock;
use store::{read_text, replace};

use crate::hash::Hash;

/// The oldest schema that is read and written.
pub const SCHEMA_OLDEST: u32 = 1;
/// The newest schema that is read and written.
pub const SCHEMA_NEWEST: u32 = 2;

/// A library file in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Library {
    /// The version of this layout, [`SCHEMA_OLDEST`] to [`SCHEMA_NEWEST`].
    pub schema: u32,
    /// The version of every hash; a name that this program need not know.
    pub algorithm: String,
    /// When the library was built.
    pub created_at: Timestamp,
    /// When it was last migrated.
    #[serde(default)]
    pub migrated_at: Option<Timestamp>,
    /// Where the images are: absolute, or relative to the folder of the library file.
    pub root: String,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// The images, sorted by id.
    pub images: Vec<ImageEntry>,
    /// The low-confidence queue, sorted by id.
    #[serde(default)]
    pub queue: Vec<QueueEntry>,
    /// SHA-256 over the canonical form of the rest, hexadecimal.
    #[serde(default)]
    pub digest: String,
}

/// An image that has a hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageEntry {
    /// Derived from the path, see [`ImageEntry::id_of`].
    pub id: String,
    /// Relative to the root, with `/` between parts.
    pub path: String,
    /// The hash.
    pub hash: Hash,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// From 0.0 to 1.0.
    pub confidence: f64,
    /// SHA-256 of the file, hexadecimal; schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Size of the file in bytes; schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// The id of the image.
    pub id: String,
    /// The path of the image.
    pub path: String,
    /// Whether there is a hash at all.
    pub status: QueueStatus,
    /// Why it is here, for people.
    pub reason: String,
    /// The confidence of the hash; 0.0 without a hash.
    pub confidence: f64,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Why an entry is in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueStatus {
    /// The image has a hash that should not be trusted alone.
    LowConfidence,
    /// The image has no hash.
    Failed,
}

/// What is wrong with a library file.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The file could not be read, written or renamed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than a library may be.
    #[error("{} is too large for a library: at most {bytes_max} bytes are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// The file is not JSON of the documented layout.
    #[error("{} is not a library", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// The schema is not one that is read.
    #[error("schema {schema} is not supported: expected {SCHEMA_OLDEST} to {SCHEMA_NEWEST}")]
    UnknownSchema {
        /// The schema of the file.
        schema: u32,
    },
    /// The content does not fit its digest: it was changed by something else, or is damaged.
    #[error("the digest does not fit the content: the file says {stated}, the content is {actual}")]
    WrongDigest {
        /// The digest in the file.
        stated: String,
        /// The digest of the content.
        actual: String,
    },
    /// The entries are not sorted by id, or an id occurs twice.
    #[error("`{list}` is not sorted by unique ids: `{id}` does not belong after `{previous}`")]
    Unsorted {
        /// The list.
        list: &'static str,
        /// The entry before.
        previous: String,
        /// The entry that is out of order.
        id: String,
    },
    /// An entry lacks a field of the stated schema.
    #[error("image `{id}` lacks `{field}`, which schema {schema} demands")]
    MissingField {
        /// The entry.
        id: String,
        /// The field.
        field: &'static str,
        /// The schema of the file.
        schema: u32,
    },
    /// Another program is changing a library in this folder.
    #[error("another dhash is changing a library in {}: wait for it to finish", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
}

impl Library {
    /// Reads a library file and checks all that this module promises about one.
    ///
    /// # Errors
    /// [`LibraryError`] when the file cannot be read or breaks a promise.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        let text = read_text(path)?;
        Self::parse(&text, path)
    }

    /// Reads a library from text; `path` is for messages.
    ///
    /// # Errors
    /// [`LibraryError`] when the text breaks a promise.
    pub fn parse(text: &str, path: &Path) -> Result<Self, LibraryError> {
        let malformed = |source| LibraryError::Malformed {
            path: path.to_owned(),
            source,
        };
        let document: Value = serde_json::from_str(text).map_err(malformed)?;
        let actual = digest_of(&document);
        let library: Self = serde_json::from_value(document).map_err(malformed)?;
        if library.digest != actual {
            let stated = library
                .digest
                .chars()
                .filter(|c| !c.is_control())
                .take(64)
                .collect();
            return Err(LibraryError::WrongDigest { stated, actual });
        }
        library.check_structure()?;
        Ok(library)
    }

    /// Sorts the entries, computes the digest, and replaces the file atomically.
    ///
    /// # Errors
    /// [`LibraryError`] when the file cannot be written; the old one is then still in place.
    pub fn save(&mut self, path: &Path) -> Result<(), LibraryError> {
        let text = self.seal(path)?;
        replace(path, text.as_bytes())
    }

    /// Replaces the file without a new digest: a damaged library, for rehearsals.
    pub(crate) fn overwrite_unsealed(&self, path: &Path) -> Result<(), LibraryError> {
        let malformed = |source| LibraryError::Malformed {
            path: path.to_owned(),
            source,
        };
        replace(path, store::to_text(self).map_err(malformed)?.as_bytes())
    }

    /// Sorts the entries, computes the digest, and returns the text of the file.
    ///
    /// # Errors
    /// [`LibraryError::Malformed`] when the content has no JSON form.
    pub(crate) fn seal(&mut self, path: &Path) -> Result<String, LibraryError> {
        let malformed = |source| LibraryError::Malformed {
            path: path.to_owned(),
            source,
        };
        self.images.sort_by(|a, b| a.id.cmp(&b.id));
        self.queue.sort_by(|a, b| a.id.cmp(&b.id));
        self.digest = digest_of(&serde_json::to_value(&*self).map_err(malformed)?);
        store::to_text(self).map_err(malformed)
    }

    /// The folder of the images, for a library file at `path`.
    #[must_use]
    pub fn image_root(&self, path: &Path) -> PathBuf {
        // Joining an absolute path replaces the base.
        path.parent().unwrap_or(Path::new("")).join(&self.root)
    }

    fn check_structure(&self) -> Result<(), LibraryError> {
        let schema = self.schema;
        if !(SCHEMA_OLDEST..=SCHEMA_NEWEST).contains(&schema) {
            return Err(LibraryError::UnknownSchema { schema });
        }
        check_order("images", self.images.iter().map(|image| image.id.as_str()))?;
        check_order("queue", self.queue.iter().map(|entry| entry.id.as_str()))?;
        if schema >= 2 {
            for image in &self.images {
                let missing = [
                    ("sha256", image.sha256.is_none()),
                    ("bytes", image.bytes.is_none()),
                ];
                if let Some((field, _)) = missing.into_iter().find(|(_, missing)| *missing) {
                    return Err(LibraryError::MissingField {
                        id: image.id.clone(),
                        field,
                        schema,
                    });
                }
            }
        }
        Ok(())
    }
}

impl ImageEntry {
    /// The id of the image at a path: 16 hexadecimal digits of the path's SHA-256.
    #[must_use]
    pub fn id_of(path: &str) -> String {
        hex::encode(&Sha256::digest(path.as_bytes())[..8])
    }
}

fn check_order<'a>(
    list: &'static str,
    ids: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), LibraryError> {
    match ids
        .clone()
        .zip(ids.skip(1))
        .find(|(previous, id)| previous >= id)
    {
        None => Ok(()),
        Some((previous, id)) => Err(LibraryError::Unsorted {
            list,
            previous: previous.to_owned(),
            id: id.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
