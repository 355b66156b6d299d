//! API keys: kept as hashes in a file, compared in constant time, replaced with an overlap.
//!
//! A key has 256 random bits, so there is nothing to guess and SHA-256 is enough: a slow hash protects
//! what people choose themselves, and would cost every request what it costs an attacker. A key is
//! never logged; its prefix, which is no secret, tells people which one is meant.

mod edit;
mod file;
mod key;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use portcullis_config::ApiKeysConfig;
use subtle::ConstantTimeEq;

use super::Denial;
use super::file_stamp::FileStamp;
pub use edit::ApiKeysEdit;
use file::read_bounded;
pub use file::{ApiKeyError, ApiKeyRecord, ApiKeysFile, NewApiKey};
use key::KeyText;

/// The API keys of one file, as they are at the moment.
#[derive(Debug)]
pub struct ApiKeys {
    config: ApiKeysConfig,
    header: HeaderName,
    by_prefix: ArcSwap<HashMap<String, Known>>,
    stamp: Mutex<Option<FileStamp>>,
}

/// The key that let a request in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id in the file.
    pub id: String,
    /// Its beginning, for people.
    pub prefix: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
}

/// Why an API key does not let a request in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDenied {
    /// There is none.
    Missing,
    /// It cannot be a key: mistyped, cut off, or several of them.
    Malformed,
    /// No such key, or not any more.
    Unknown,
    /// Its time is over.
    Expired,
    /// It is good, but not for this route.
    Scope,
}

/// What came of looking at the file.
#[derive(Debug)]
pub enum KeyRefresh {
    /// It is as it was.
    Unchanged,
    /// It was read.
    Loaded {
        /// Keys in it.
        keys: usize,
    },
    /// It cannot be used; the keys from before stay in force. Without any from before nobody is let in.
    Kept(ApiKeyError),
}

#[derive(Debug)]
struct Known {
    sha256: [u8; 32],
    expires_ms: Option<i64>,
    key: ApiKey,
}

impl ApiKeys {
    /// The keys of a policy. None is known until [`ApiKeys::refresh`] has read the file.
    ///
    /// # Errors
    ///
    /// The name of the header is none.
    pub fn new(config: &ApiKeysConfig) -> Result<ApiKeys, ApiKeyError> {
        let name = HeaderName::from_bytes(config.header.as_bytes());
        let header = name.map_err(|_| ApiKeyError::Header {
            name: config.header.clone(),
        })?;
        Ok(ApiKeys {
            config: config.clone(),
            header,
            by_prefix: ArcSwap::default(),
            stamp: Mutex::new(None),
        })
    }

    /// Takes over what `before` read of the same file.
    pub(super) fn take_over(&self, before: &ApiKeys) {
        if self.config.file == before.config.file {
            let read = before.stamp.lock().unwrap_or_else(PoisonError::into_inner);
            let mut stamp = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
            *stamp = *read;
            self.by_prefix.store(before.by_prefix.load_full());
        }
    }

    /// Reads the file if it changed. It blocks while it reads: not for a worker's thread.
    pub fn refresh(&self) -> KeyRefresh {
        let mut stamp = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        match self.load(*stamp) {
            Ok(None) => KeyRefresh::Unchanged,
            Ok(Some((seen, known))) => {
                *stamp = Some(seen);
                let keys = known.len();
                self.by_prefix.store(known.into());
                KeyRefresh::Loaded { keys }
            }
            // The stamp stays, so that the file is tried again and said to be bad until it is good.
            Err(error) => KeyRefresh::Kept(error),
        }
    }

    /// Whether the request has a good key with all of `scopes`. `wall_ms` is the time since the Unix
    /// epoch.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn check(
        &self,
        headers: &HeaderMap,
        scopes: &[String],
        wall_ms: u64,
    ) -> Result<ApiKey, KeyDenied> {
        let text = self.text(headers)?;
        let key = KeyText::parse(text).ok_or(KeyDenied::Malformed)?;
        let known = self.by_prefix.load();
        // What is looked up by is public, so the time that this takes tells nothing. An unknown prefix
        // is compared too, with what no hash is.
        let found = known.get(key.prefix());
        let none = [0; 32];
        let expected = found.map_or(&none, |known| &known.sha256);
        let same = bool::from(expected.ct_eq(&key.sha256()));
        let known = found.filter(|_| same).ok_or(KeyDenied::Unknown)?;
        let now_ms = i64::try_from(wall_ms).unwrap_or(i64::MAX);
        if known
            .expires_ms
            .is_some_and(|expires_ms| expires_ms <= now_ms)
        {
            return Err(KeyDenied::Expired);
        }
        if !scopes.iter().all(|scope| known.key.scopes.contains(scope)) {
            return Err(KeyDenied::Scope);
        }
        Ok(known.key.clone())
    }

    /// Takes the key out of a request that is sent on, if the settings say so.
    pub fn hide(&self, headers: &mut HeaderMap) {
        if self.config.hide {
            headers.remove(&self.header);
        }
    }

    /// Whether keys come in `Authorization`, where tokens are too.
    #[must_use]
    pub fn is_in_authorization(&self) -> bool {
        self.header == AUTHORIZATION
    }

    /// What to answer.
    #[must_use]
    pub fn denial(&self, denied: KeyDenied) -> Denial {
        let (status, kind, title, detail, cause, error) = match denied {
            KeyDenied::Missing => (
                StatusCode::UNAUTHORIZED,
                "urn:portcullis:problem:key-missing",
                "An API key is needed",
                "this route asks for an API key; send one",
                "key-missing",
                "",
            ),
            KeyDenied::Malformed => (
                StatusCode::UNAUTHORIZED,
                "urn:portcullis:problem:key-malformed",
                "The API key is mistyped",
                "what was sent cannot be an API key of this gateway: it is cut off or mistyped",
                "key-malformed",
                ", error=\"invalid_token\"",
            ),
            KeyDenied::Unknown | KeyDenied::Expired => (
                StatusCode::UNAUTHORIZED,
                "urn:portcullis:problem:key-not-valid",
                "The API key is not valid",
                "the API key is not known or not valid any more; use a newer one",
                match denied {
                    KeyDenied::Expired => "key-expired",
                    _ => "key-unknown",
                },
                ", error=\"invalid_token\"",
            ),
            KeyDenied::Scope => (
                StatusCode::FORBIDDEN,
                "urn:portcullis:problem:scope-missing",
                "The API key does not reach this route",
                "the API key is valid, but not for this route",
                "key-scope",
                ", error=\"insufficient_scope\"",
            ),
        };
        let scheme = match self.header == AUTHORIZATION {
            true => "Bearer",
            false => "ApiKey",
        };
        let challenge = format!("{scheme} realm=\"api\"{error}");
        let challenge = HeaderValue::try_from(challenge).ok();
        let headers = challenge.map(|challenge| (WWW_AUTHENTICATE, challenge));
        Denial {
            status,
            kind,
            title,
            detail,
            cause,
            headers: headers.into_iter().collect(),
        }
    }

    /// The one key in the request. Several are refused, because another reader may take another.
    fn text<'a>(&self, headers: &'a HeaderMap) -> Result<&'a [u8], KeyDenied> {
        let mut values = headers.get_all(&self.header).iter();
        let value = values.next().ok_or(KeyDenied::Missing)?.as_bytes();
        if values.next().is_some() {
            return Err(KeyDenied::Malformed);
        }
        match self.header == AUTHORIZATION {
            true => bearer(value).ok_or(KeyDenied::Missing),
            false => Ok(value.trim_ascii()),
        }
    }

    /// The file's content, unless it is as `before`.
    #[allow(clippy::type_complexity)] // a pair that is taken apart at once
    fn load(
        &self,
        before: Option<FileStamp>,
    ) -> Result<Option<(FileStamp, HashMap<String, Known>)>, ApiKeyError> {
        let path = &self.config.file;
        let failed = |source| ApiKeyError::Read {
            path: path.clone(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        // Of the open file, so that stamp and content belong together.
        let stamp = FileStamp::new(&file.metadata().map_err(failed)?);
        if before == Some(stamp) {
            return Ok(None);
        }
        let bytes = read_bounded(path, file)?;
        let file = ApiKeysFile::parse(path, &bytes)?;
        let known = file.keys.into_iter().map(|record| {
            let known = Known {
                sha256: record.sha256,
                expires_ms: record.expires.map(|expires| expires.as_millisecond()),
                key: ApiKey {
                    id: record.id,
                    prefix: record.prefix.clone(),
                    scopes: record.scopes,
                },
            };
            (record.prefix, known)
        });
        Ok(Some((stamp, known.collect())))
    }
}

/// What follows `Bearer` (RFC 6750, 2.1).
pub(super) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    let credentials = rest.trim_ascii();
    let valid = scheme.eq_ignore_ascii_case(b"bearer ") && !credentials.is_empty();
    valid.then_some(credentials)
}

#[cfg(test)]
mod tests;
