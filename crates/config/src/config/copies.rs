//! For whom backups are encrypted, and where copies of them are kept.

use std::path::PathBuf;

use super::{RetentionConfig, SecretText};

/// `[backup.encryption]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EncryptionConfig {
    /// For whom new backups are encrypted; empty if they are not.
    pub recipients: Vec<String>,
    /// What opens those that are there, each by reference; one that is not needed here may be left out.
    pub identities: Vec<SecretText>,
}

/// A `[[backup.copy]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyConfig {
    /// How it is called.
    pub name: String,
    /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub url: String,
    /// Another server than the provider's own.
    pub endpoint: Option<String>,
    /// The region, for S3.
    pub region: Option<String>,
    /// A PEM file with the authorities that are trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// The ID of the access key, for S3; may be a reference.
    pub access_key: Option<SecretText>,
    /// The storage account, for Azure.
    pub account: Option<String>,
    /// The secret that goes with it, by reference.
    pub secret: Option<SecretText>,
    /// Whether a release waits for it before it changes data.
    pub required: bool,
    /// For how long what is copied cannot be removed, for S3.
    pub lock: Option<LockConfig>,
    /// How long copies are kept there.
    pub retention: RetentionConfig,
}

/// The keys `lock` and `lock_mode` of a `[[backup.copy]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockConfig {
    /// For how long, in milliseconds, from the moment of the backup.
    pub for_ms: u64,
    /// Whether nobody at all may bypass it.
    pub compliance: bool,
}
