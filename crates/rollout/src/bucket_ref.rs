//! Where the objects of a store are, as plans and the journal hold it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The objects of a bucket below a prefix. What is shown there stands here by reference only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRef {
    /// `s3://BUCKET/PREFIX`.
    pub url: String,
    /// Another server than Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region of the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A PEM file with the authorities that are trusted instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The ID of the access key, or where it is; with it goes `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// Where the secret access key is, see [`crate::ValueSource`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The folder at which relative paths in references start and in which their commands run.
    pub folder: PathBuf,
    /// The copy of this name beside the store is meant, and not the store itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
}

/// What follows the address of a store in those of its copies. The backup crate writes to the same places; a test
/// where both are known compares them.
const COPY: &str = ".portcullis-copy-";

impl BucketRef {
    /// Where the objects are: `s3://BUCKET/PREFIX`, of a copy its own prefix. It has no secret in it.
    pub fn place(&self) -> String {
        let url = self.url.trim_end_matches('/');
        let Some(copy) = &self.copy else {
            return url.to_owned();
        };
        let has_prefix = url
            .split_once("://")
            .is_some_and(|(_, rest)| rest.contains('/'));
        let slash = if has_prefix { "" } else { "/" };
        format!("{url}{slash}{COPY}{copy}")
    }
}
