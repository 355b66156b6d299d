//! What can go wrong with copies elsewhere.

use crate::cloud::said;
use crate::{BackupError, BackupName};

/// Something about a copy that did not work.
#[derive(Debug, thiserror::Error)]
#[error("the copy {copy:?} at {place}: {problem}")]
pub struct CopyError {
    /// How the copy is called in the configuration.
    pub copy: String,
    /// Its address.
    pub place: String,
    /// What is in the way.
    #[source]
    pub problem: Box<CopyProblem>,
}

/// What is in the way of a copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyProblem {
    /// The address, or what is shown there, cannot be used.
    #[error("{0}")]
    Address(String),
    /// Another process copies to the same place.
    #[error("another process copies to it or prunes it just now; try again when it is done")]
    Busy,
    /// It was asked to stop. What was sent stays, and the next attempt goes on from there.
    #[error("copying was interrupted; it goes on from where it was")]
    Stopped,
    /// The bucket is not there.
    #[error(
        "there is no bucket or container {bucket} ({why}); make it, or correct backup.copy.*.url"
    )]
    NoBucket {
        /// Its name.
        bucket: String,
        /// What the server said.
        why: String,
    },
    /// The server does not let us.
    #[error(
        "cannot {doing}: access was refused ({why}); look at the key, its rights and this machine's clock"
    )]
    Refused {
        /// What was attempted.
        doing: String,
        /// What the server said.
        why: String,
    },
    /// What was copied cannot be locked.
    #[error(
        "cannot {doing}: {why}; the bucket must have been made with Object Lock, and the key needs \
         s3:PutObjectRetention and s3:GetObjectRetention"
    )]
    NotLocked {
        /// What was attempted.
        doing: String,
        /// What the server said.
        why: String,
    },
    /// It failed, and was tried again in vain.
    #[error("cannot {doing}: {why}")]
    Failed {
        /// What was attempted.
        doing: String,
        /// What was found.
        why: String,
    },
    /// The place has another backup of that name.
    #[error(
        "it has another backup of the name {name}, with other checksums; copy to a prefix of your own, nothing was \
         overwritten"
    )]
    OtherBackup {
        /// The name.
        name: BackupName,
    },
    /// The place has no such backup.
    #[error("it has no complete backup {name}; `portcullis backup list --copy` lists what it has")]
    Missing {
        /// The name.
        name: BackupName,
    },
    /// What is there is not what was written.
    #[error("{file} is not what was written: expected {expected}, found {found}")]
    Differs {
        /// The file.
        file: String,
        /// What its `.sha256` says.
        expected: String,
        /// What was read.
        found: String,
    },
    /// There is no room for it here.
    #[error("it needs {needed} bytes in the vault, and {free} are free; make room")]
    NoRoom {
        /// What it needs.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// The local vault cannot be read or written.
    #[error("{0}")]
    Vault(#[source] BackupError),
}

impl CopyProblem {
    /// Whether it may work later without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy | Self::Stopped | Self::Failed { .. })
    }
}

impl From<BackupError> for CopyProblem {
    fn from(error: BackupError) -> Self {
        Self::Vault(error)
    }
}

/// What a server's answer means.
pub(super) fn problem(doing: String, bucket: &str, error: &object_store::Error) -> CopyProblem {
    use object_store::Error;
    let why = said(error);
    let text = error.to_string();
    let bucket_missing = ["NoSuchBucket", "ContainerNotFound", "bucket does not exist"];
    if bucket_missing.iter().any(|word| text.contains(word)) {
        let bucket = bucket.to_owned();
        return CopyProblem::NoBucket { bucket, why };
    }
    // Listing wraps its errors, so that only their text has the status.
    let refused = ["status code: 401", "status code: 403"];
    let refused = refused.iter().any(|words| text.contains(words));
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            CopyProblem::Refused { doing, why }
        }
        _ if refused => CopyProblem::Refused { doing, why },
        _ => CopyProblem::Failed { doing, why },
    }
}
