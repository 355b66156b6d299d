//! A change to the file with API keys: one writer at a time, from reading it to writing it.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ApiKeyError, ApiKeysFile};
use crate::protect::bounds::{API_KEY_LOCK_PAUSE_MS, API_KEY_LOCK_TRIES};

/// The file with API keys as one writer has it. Others wait until this is dropped; who only reads does
/// not. What is changed is in the file only after [`ApiKeysEdit::save`].
#[derive(Debug)]
pub struct ApiKeysEdit {
    /// The keys; to be changed.
    pub keys: ApiKeysFile,
    path: PathBuf,
    _lock: File,
}

impl ApiKeysEdit {
    /// Takes the right to change the file, and reads it; one that is not there yet has no keys. It blocks
    /// for up to three seconds while another writer is at it.
    ///
    /// # Errors
    /// When another writer does not end, or the file is there and cannot be understood: then it must not be
    /// overwritten.
    pub fn begin(path: &Path) -> Result<ApiKeysEdit, ApiKeyError> {
        // A link is to stay one: what it leads to is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let lock = lock(&path)?;
        let keys = ApiKeysFile::read(&path)?.unwrap_or_default();
        Ok(ApiKeysEdit {
            keys,
            path,
            _lock: lock,
        })
    }

    /// Replaces the file: whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written; then it is as it was.
    pub fn save(&self) -> Result<(), ApiKeyError> {
        self.keys.write(&self.path)
    }
}

/// Locks a file beside it, because the file itself is replaced. The system unlocks it when the process
/// ends.
fn lock(path: &Path) -> Result<File, ApiKeyError> {
    let failed = |source| ApiKeyError::Write {
        path: path.to_owned(),
        source,
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(PathBuf::from(name)).map_err(failed)?;
    for _ in 0..API_KEY_LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(API_KEY_LOCK_PAUSE_MS));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    Err(ApiKeyError::Busy {
        path: path.to_owned(),
    })
}
