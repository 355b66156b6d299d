//! What a backup says of the objects of a bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::relative_path::{escape, unescape};
use crate::{FileEntry, RelativePath};

/// What is in a store that is a bucket, beside the files that are its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketContent {
    /// Where it was: `s3://BUCKET/PREFIX`.
    pub place: String,
    /// The objects, in order of their keys.
    pub objects: Vec<ObjectEntry>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// Its key, without the prefix of the store.
    pub key: String,
    /// The file that has its content, if it is not the one of that name: a key that is no path of a file is kept as
    /// `.portcullis-keys/NUMBER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<RelativePath>,
    /// What the server called its content, with its quotes.
    pub etag: String,
    /// Its version, where the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was written, by the server's clock.
    pub modified: Timestamp,
    /// Whether that was so shortly before the backup that a later write may have the same time, which is no proof then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recent: bool,
    /// What else was kept of it.
    #[serde(default, skip_serializing_if = "ObjectAttributes::is_empty")]
    pub attributes: ObjectAttributes,
}

/// What is kept of an object beside its content. Values are escaped as paths are, so that any bytes can be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectAttributes {
    /// Its headers: `content-type` and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Its own metadata, by names without `x-amz-meta-`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// The headers of an answer that belong to the object and are given back with it.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
];
const METADATA: &str = "x-amz-meta-";

impl ObjectEntry {
    /// The file that has its content; None if its key is no path and it names none.
    #[must_use]
    pub fn path(&self) -> Option<RelativePath> {
        match &self.file {
            Some(file) => Some(file.clone()),
            None => RelativePath::new(self.key.as_str()).ok(),
        }
    }
}

impl BucketContent {
    /// The digest: SHA-256 over one line for each object, in order of the bytes of the keys,
    /// `object <size> <sha256> <sha256 of the attributes> <key>`, each ended by a line feed, with the key escaped as
    /// [`crate::RelativePath`] documents. The attributes are one line each, `<name>: <value>`, metadata with `x-amz-meta-`
    /// before the name, in order. ETags, versions and times do not count.
    pub(crate) fn digest(&self, files: &[FileEntry]) -> String {
        let files: BTreeMap<_, _> = files.iter().map(|file| (&file.path, file)).collect();
        let mut sha = Sha256::new();
        for object in &self.objects {
            let path = object.path();
            let Some(file) = path.as_ref().and_then(|path| files.get(path)) else {
                continue;
            };
            sha.update(format!(
                "object {} {} {} {}\n",
                file.size,
                file.sha256,
                object.attributes.digest(),
                escape(OsStr::new(&object.key))
            ));
        }
        hex::encode(sha.finalize())
    }

    /// Each object has a file of its own, each file is of an object, and the keys are in order.
    pub(crate) fn check(&self, files: &[FileEntry]) -> Result<(), String> {
        let paths: BTreeSet<_> = files.iter().map(|file| &file.path).collect();
        let mut named = BTreeSet::new();
        for object in &self.objects {
            let path = object.path().filter(|path| paths.contains(path));
            if !path.is_some_and(|path| named.insert(path)) {
                return Err(format!(
                    "the object {:?} has no file of its own",
                    object.key
                ));
            }
        }
        if named.len() != paths.len() {
            return Err("there are files that are no objects".to_owned());
        }
        match self.objects.is_sorted_by(|one, other| one.key < other.key) {
            true => Ok(()),
            false => Err("the keys of its objects are not in order, or not unique".to_owned()),
        }
    }
}

impl ObjectAttributes {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |bytes: &[u8]| escape(OsStr::from_bytes(bytes));
        let mut found = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            if HEADERS.contains(&name) {
                let value = text(value.as_bytes());
                found.headers.insert(name.to_owned(), value);
            } else if let Some(name) = name.strip_prefix(METADATA) {
                let value = text(value.as_bytes());
                found.metadata.insert(name.to_owned(), value);
            }
        }
        found
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.metadata.is_empty()
    }

    /// As the headers of a request.
    pub(super) fn to_headers(&self) -> Vec<(String, Vec<u8>)> {
        let bytes = |value: &str| unescape(value).map_or_else(Vec::new, OsString::into_vec);
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), bytes(value)));
        let metadata = self.metadata.iter();
        let metadata = metadata.map(|(name, value)| (format!("{METADATA}{name}"), bytes(value)));
        headers.chain(metadata).collect()
    }

    fn digest(&self) -> String {
        let mut sha = Sha256::new();
        for (name, value) in &self.headers {
            sha.update(format!("{name}: {value}\n"));
        }
        for (name, value) in &self.metadata {
            sha.update(format!("{METADATA}{name}: {value}\n"));
        }
        hex::encode(sha.finalize())
    }
}
