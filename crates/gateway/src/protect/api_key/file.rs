//! The file with API keys: what is kept of them, and the changes that are made to it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::key;
use crate::protect::bounds::API_KEY_FILE_BYTES_MAX;
use crate::state_file::sync_folder_of;

/// The content of the file: a JSON object with the list `keys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeysFile {
    /// The keys, the oldest first.
    pub keys: Vec<ApiKeyRecord>,
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyRecord {
    /// Who or what it is for; different from all others. Limits count by it and the log names it.
    pub id: String,
    /// Its beginning, which is no secret: `pk_` and eight characters.
    pub prefix: String,
    /// The SHA-256 of the whole key, in hexadecimal.
    #[serde(with = "hex::serde")]
    pub sha256: [u8; 32],
    /// What it may be used for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is not valid any more; never if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The id of the key that it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// A key that was just made. This is the only time that its text is known.
#[derive(Debug)]
pub struct NewApiKey {
    /// The key, to be given to whoever it is for.
    pub key: SecretString,
    /// What is kept of it.
    pub record: ApiKeyRecord,
}

/// What is wrong with the file, or with a change to it.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// It cannot be read.
    #[error("cannot read the API keys in {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the API keys to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else is changing it.
    #[error("another process is changing the API keys in {path}")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// It is longer than is read.
    #[error("{path} is larger than 64 MiB, which cannot be a file with API keys")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not what was expected. The source names a line and column, and no key.
    #[error(
        "{path} is not a file with API keys; expected {{\"keys\": [...]}} as `portcullis gateway \
         key` writes it"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A record cannot be right.
    #[error("{path}: the key {id:?} {problem}")]
    Record {
        /// The file.
        path: PathBuf,
        /// The key's id.
        id: String,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
    /// There is no key of this id.
    #[error("there is no API key with the id {id:?}")]
    NoSuchKey {
        /// The id.
        id: String,
    },
    /// There is one of this id.
    #[error(
        "there is an API key with the id {id:?} already; choose another id, or rotate that one"
    )]
    IdTaken {
        /// The id.
        id: String,
    },
    /// The name of the header is none.
    #[error("{name:?} is not the name of a header")]
    Header {
        /// The name.
        name: String,
    },
    /// The system gave no random numbers.
    #[error("the system gave no random numbers, without which no API key can be made")]
    NoRandomness,
}

impl ApiKeysFile {
    /// Reads the content of the file. `path` is for the errors alone.
    ///
    /// # Errors
    ///
    /// The content is not what was expected, or a record in it cannot be right.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<ApiKeysFile, ApiKeyError> {
        let file: ApiKeysFile =
            serde_json::from_slice(bytes).map_err(|source| ApiKeyError::Format {
                path: path.to_owned(),
                source,
            })?;
        let (mut ids, mut prefixes) = (HashSet::new(), HashSet::new());
        for record in &file.keys {
            let problem = if record.id.is_empty() {
                "has an empty id; give it one"
            } else if !ids.insert(record.id.as_str()) {
                "is there twice; give each key an id of its own"
            } else if !key::is_prefix(&record.prefix) {
                "has a prefix that is not pk_ and eight characters; make the key anew"
            } else if !prefixes.insert(record.prefix.as_str()) {
                "has the prefix of another key; make it anew"
            } else {
                continue;
            };
            return Err(ApiKeyError::Record {
                path: path.to_owned(),
                id: record.id.clone(),
                problem,
            });
        }
        Ok(file)
    }

    /// Reads the file; `None` when there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not what was expected.
    pub fn read(path: &Path) -> Result<Option<ApiKeysFile>, ApiKeyError> {
        let opened = File::open(path);
        if opened
            .as_ref()
            .is_err_and(|e| e.kind() == ErrorKind::NotFound)
        {
            return Ok(None);
        }
        let bytes = opened.map_err(|source| ApiKeyError::Read {
            path: path.to_owned(),
            source,
        });
        let bytes = read_bounded(path, bytes?)?;
        ApiKeysFile::parse(path, &bytes).map(Some)
    }

    /// Makes a key and adds it.
    ///
    /// # Errors
    ///
    /// The id is taken, or there are no random numbers.
    pub fn create(
        &mut self,
        id: &str,
        scopes: Vec<String>,
        now: Timestamp,
        expires: Option<Timestamp>,
    ) -> Result<NewApiKey, ApiKeyError> {
        if self.keys.iter().any(|key| key.id == id) {
            return Err(ApiKeyError::IdTaken { id: id.to_owned() });
        }
        let (prefix, key, sha256) = loop {
            let made = key::generate()?;
            if self.keys.iter().all(|known| known.prefix != made.0) {
                break made;
            }
        };
        let record = ApiKeyRecord {
            id: id.to_owned(),
            prefix,
            sha256,
            scopes,
            created: now,
            expires,
            replaces: None,
        };
        self.keys.push(record.clone());
        Ok(NewApiKey { key, record })
    }

    /// Makes a key that takes the place of `old`, with its scopes, good until `expires`. `old` stays valid
    /// for `overlap`, or until it would have expired anyway.
    ///
    /// # Errors
    ///
    /// There is no key `old`, the id `new` is taken, or there are no random numbers.
    pub fn rotate(
        &mut self,
        old: &str,
        new: &str,
        now: Timestamp,
        overlap: SignedDuration,
        expires: Option<Timestamp>,
    ) -> Result<NewApiKey, ApiKeyError> {
        let position = self.keys.iter().position(|key| key.id == old);
        let position = position.ok_or_else(|| ApiKeyError::NoSuchKey { id: old.to_owned() })?;
        let scopes = self.keys[position].scopes.clone();
        let mut made = self.create(new, scopes, now, expires)?;
        made.record.replaces = Some(old.to_owned());
        if let Some(last) = self.keys.last_mut() {
            last.replaces.clone_from(&made.record.replaces);
        }
        let until = now.saturating_add(overlap).unwrap_or(Timestamp::MAX);
        let expires = &mut self.keys[position].expires;
        *expires = Some(expires.map_or(until, |expires| expires.min(until)));
        Ok(made)
    }

    /// Takes a key out, at once.
    ///
    /// # Errors
    ///
    /// There is no key `id`.
    pub fn revoke(&mut self, id: &str) -> Result<ApiKeyRecord, ApiKeyError> {
        let position = self.keys.iter().position(|key| key.id == id);
        let position = position.ok_or_else(|| ApiKeyError::NoSuchKey { id: id.to_owned() })?;
        Ok(self.keys.remove(position))
    }

    /// Writes the file: whole or not at all, readable by its owner only.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ApiKeyError> {
        let failed = |source| ApiKeyError::Write {
            path: path.to_owned(),
            source,
        };
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| failed(e.into()))?;
        json.push(b'\n');
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = PathBuf::from(name);
        let written = (|| {
            // What a killed process of this number left behind may be readable by others.
            let _ = std::fs::remove_file(&beside);
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            let mut file = options.open(&beside)?;
            file.write_all(&json)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)?;
            sync_folder_of(path)
        })();
        written.map_err(|source| {
            let _ = std::fs::remove_file(&beside);
            failed(source)
        })
    }
}

/// The content of an open file, unless it is too long to be one with API keys.
pub(super) fn read_bounded(path: &Path, file: File) -> Result<Vec<u8>, ApiKeyError> {
    let mut bytes = Vec::new();
    let mut limited = file.take(API_KEY_FILE_BYTES_MAX + 1);
    let read = limited.read_to_end(&mut bytes);
    read.map_err(|source| ApiKeyError::Read {
        path: path.to_owned(),
        source,
    })?;
    match bytes.len() as u64 > API_KEY_FILE_BYTES_MAX {
        true => Err(ApiKeyError::TooLarge {
            path: path.to_owned(),
        }),
        false => Ok(bytes),
    }
}
