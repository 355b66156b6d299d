//! Where the objects of a store are: those below a prefix, or those of a copy beside it.

use std::fmt;

use crate::CloudAddress;

/// Where a store is that is a bucket, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketAddress {
    /// The server, the bucket, the prefix and what is shown there. `s3://BUCKET/PREFIX` are the objects whose keys
    /// begin with `PREFIX/`.
    pub cloud: CloudAddress,
    /// The name of the copy that is meant, and not the store itself.
    pub copy: Option<String>,
}

/// The keys of a store, and those beside it that are Portcullis's own.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// What the keys of the store begin with: empty, or with a `/` at the end.
    pub(super) store: String,
    /// What the keys of all copies begin with, before their names.
    pub(super) copies: String,
    /// What the keys of replaced objects begin with, before the time.
    pub(super) replaced: String,
    /// The mark of the copy, if it is one.
    pub(super) mark: Option<String>,
}

/// What follows the prefix of a store in the keys of its copies, and in those of what was replaced in it.
const COPY: &str = ".portcullis-copy-";
const REPLACED: &str = ".portcullis-replaced-";
/// The end of the key of a mark, and of a note.
pub(super) const JSON: &str = ".json";

impl BucketAddress {
    /// Looks whether the address can be one, without asking anybody.
    ///
    /// # Errors
    /// What is wrong with it and what was expected, without a secret.
    pub fn check(&self) -> Result<(), String> {
        self.cloud.check()?;
        match self.cloud.url.starts_with("s3://") {
            true => Ok(()),
            false => Err(format!(
                "a store is a bucket of S3, or of something that speaks its language: expected s3://BUCKET/PREFIX, found \
                 {}",
                self.cloud.url
            )),
        }
    }

    /// The address with the name of a copy.
    #[must_use]
    pub fn copied(&self, name: &str) -> Self {
        Self {
            cloud: self.cloud.clone(),
            copy: Some(name.to_owned()),
        }
    }

    /// The keys, for a prefix without a `/` at its end.
    pub(super) fn keys(&self, prefix: &str) -> Keys {
        let copies = format!("{prefix}{COPY}");
        let folder = match (&self.copy, prefix.is_empty()) {
            (Some(name), _) => format!("{copies}{name}/"),
            (None, true) => String::new(),
            (None, false) => format!("{prefix}/"),
        };
        Keys {
            store: folder,
            mark: self
                .copy
                .as_ref()
                .map(|name| format!("{copies}{name}{JSON}")),
            replaced: format!("{prefix}{REPLACED}"),
            copies,
        }
    }
}

impl fmt::Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = bucket_url(&self.cloud.url, self.copy.as_deref());
        f.write_str(&url)
    }
}

/// The address of a copy of that name of the store at this address; of the store itself without a name.
#[must_use]
pub fn bucket_url(url: &str, copy: Option<&str>) -> String {
    let url = url.trim_end_matches('/');
    let Some(copy) = copy else {
        return url.to_owned();
    };
    let within_bucket = url
        .split_once("://")
        .is_some_and(|(_, rest)| rest.contains('/'));
    let slash = if within_bucket { "" } else { "/" };
    format!("{url}{slash}{COPY}{copy}")
}

impl Keys {
    /// The part of a key that is the object's own; None for one that is not of the store.
    pub(super) fn own<'k>(&self, key: &'k str) -> Option<&'k str> {
        let own = key.strip_prefix(&self.store)?;
        // Of a whole bucket the copies and what was replaced are within it.
        let beside = [&self.copies, &self.replaced];
        let beside = beside.iter().any(|prefix| key.starts_with(*prefix));
        (!self.store.is_empty() || !beside).then_some(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_what_was_replaced_lie_outside_of_the_store() {
        let cloud = CloudAddress {
            name: "uploads".to_owned(),
            url: "s3://box/a/b/".to_owned(),
            endpoint: None,
            region: None,
            ca: None,
            credentials: crate::CloudCredentials::Environment,
            patience: std::time::Duration::from_secs(1),
        };
        let live = BucketAddress { cloud, copy: None };
        let copy = live.copied("one");
        assert_eq!(live.to_string(), "s3://box/a/b");
        assert_eq!(copy.to_string(), "s3://box/a/b.portcullis-copy-one");
        assert_eq!(
            bucket_url("s3://box", Some("x")),
            "s3://box/.portcullis-copy-x"
        );
        let keys = live.keys("a/b");
        assert_eq!(keys.own("a/b/c/d"), Some("c/d"));
        assert_eq!(keys.own("a/b.portcullis-copy-one/c"), None);
        assert_eq!(copy.keys("a/b").own("a/b.portcullis-copy-one/c"), Some("c"));
        assert_eq!(
            copy.keys("a/b").mark.unwrap(),
            "a/b.portcullis-copy-one.json"
        );
        let whole = live.keys("");
        assert_eq!(whole.own("a/b"), Some("a/b"));
        assert_eq!(whole.own(".portcullis-copy-one/a"), None);
        assert_eq!(whole.own(".portcullis-replaced-2026/a"), None);
        let copy = copy.keys("");
        assert_eq!(copy.own(".portcullis-copy-one/a"), Some("a"));
    }
}
