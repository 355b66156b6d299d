//! A JSON Web Key Set (RFC 7517), of which the keys that can check a signature here are kept.

use std::path::PathBuf;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use portcullis_config::JwtAlgorithm;
use serde::Deserialize;

use crate::protect::bounds::{JWKS_BYTES_MAX, JWKS_KEYS_MAX};

/// Bytes of the modulus of an RSA key, at least: 2048 bits (RFC 7518, 3.3). It is written with six bits a
/// character.
const RSA_BYTES_MIN: usize = 256;

/// Keys by their id.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: JwtAlgorithm,
    key: DecodingKey,
}

/// Why there are no new keys.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file cannot be read.
    #[error("cannot read the key set in {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is longer than is read.
    #[error("the key set is longer than 1 MiB")]
    TooLarge,
    /// It is none.
    #[error("it is no JSON Web Key Set (RFC 7517); expected {{\"keys\": [...]}}")]
    Format(#[source] serde_json::Error),
    /// It has no key that can be used.
    #[error(
        "the key set has no key for a signature with RS256 (2048 bits or more), ES256 or EdDSA (Ed25519)"
    )]
    NoKeys,
    /// It has more keys than are kept.
    #[error("the key set has more than 256 keys")]
    TooMany,
    /// The URL is none.
    #[error("{url:?} is not a URL; expected https://HOST[:PORT]/PATH")]
    Url {
        /// The URL.
        url: String,
    },
    /// The certificates to believe cannot be read.
    #[error("the system has no certificates to check {host} with")]
    NoRoots {
        /// The host.
        host: String,
    },
    /// No connection, or a broken one.
    #[error("cannot fetch the key set from {host}: {step}")]
    Connection {
        /// The host.
        host: String,
        /// What was being done.
        step: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another answer than 200. Redirects are not followed.
    #[error("{host} answered {status} instead of 200 with the key set")]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// It took too long.
    #[error("{host} did not answer with the key set in time")]
    Timeout {
        /// The host.
        host: String,
    },
}

/// The set as it is written. Keys are read one by one: one that is not understood does not spoil the
/// others (RFC 7517, 5).
#[derive(Deserialize)]
struct Written {
    keys: Vec<serde_json::Value>,
}

/// Reads a key set as [`super::TokenCheck`] does: how many of its keys can check a signature of these algorithms.
///
/// # Errors
/// It is no key set, is too large, or has no key that can be used at all.
pub fn examine_jwks(bytes: &[u8], algorithms: &[JwtAlgorithm]) -> Result<usize, JwksError> {
    let keys = KeySet::parse(bytes)?.keys;
    let is_used = |key: &&Key| algorithms.contains(&key.algorithm);
    Ok(keys.iter().filter(is_used).count())
}

impl KeySet {
    /// Reads a key set.
    pub(super) fn parse(bytes: &[u8]) -> Result<KeySet, JwksError> {
        if bytes.len() > JWKS_BYTES_MAX {
            return Err(JwksError::TooLarge);
        }
        let written: Written = serde_json::from_slice(bytes).map_err(JwksError::Format)?;
        if written.keys.len() > JWKS_KEYS_MAX {
            return Err(JwksError::TooMany);
        }
        let keys: Vec<_> = written.keys.into_iter().filter_map(Key::read).collect();
        match keys.is_empty() {
            true => Err(JwksError::NoKeys),
            false => Ok(KeySet { keys }),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key of this id for this algorithm. A token that names no key is checked with the only key of
    /// the algorithm, if there is only one: trying several would let a token choose.
    pub(super) fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Option<&DecodingKey> {
        let mut keys = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => keys.find(|key| key.id.as_deref() == Some(id)),
            None => keys.next().filter(|_| keys.next().is_none()),
        }
        .map(|key| &key.key)
    }
}

impl Key {
    /// `None` when the key is for something else.
    fn read(value: serde_json::Value) -> Option<Key> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let (algorithm, named) = match &jwk.algorithm {
            // A shorter one is refused with every signature.
            AlgorithmParameters::RSA(key) if key.n.len() * 6 / 8 < RSA_BYTES_MIN => return None,
            AlgorithmParameters::RSA(_) => (JwtAlgorithm::Rs256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (JwtAlgorithm::Es256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (JwtAlgorithm::EdDsa, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let common = &jwk.common;
        let for_it = common.key_algorithm.as_ref().is_none_or(|a| *a == named);
        let usage = &common.public_key_use;
        let to_sign = usage
            .as_ref()
            .is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let operations = &common.key_operations;
        let to_verify = operations
            .as_ref()
            .is_none_or(|o| o.contains(&KeyOperations::Verify));
        if !(for_it && to_sign && to_verify) {
            return None;
        }
        Some(Key {
            id: common.key_id.clone(),
            algorithm,
            key: DecodingKey::from_jwk(&jwk).ok()?,
        })
    }
}
