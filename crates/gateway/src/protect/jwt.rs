//! JSON Web Tokens (RFC 7519) in `Authorization: Bearer`.
//!
//! Which algorithm checks a signature is decided by the settings and by the key, never by the token
//! alone (RFC 8725, 3.1): a token's `alg` must be in the settings and be that of the key that it names.
//! `none` and symmetric algorithms are not known at all. A token with `crit` is refused, because no
//! extension is understood (RFC 7515, 4.1.11), and so is one that is encrypted or compressed. Keys that a
//! token brings along (`jwk`, `jku`, `x5u`, `x5c`) are not looked at.

mod claims;
mod fetch;
mod key_set;
mod ring_provider;

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use jsonwebtoken::{Algorithm, Validation};
use portcullis_config::{JwksSource, JwtAlgorithm, JwtConfig};

use super::Denial;
use super::api_key::bearer;
use super::bounds::{JWKS_BYTES_MAX, JWKS_FRESH_MS, JWKS_REFRESH_PAUSE_MS, TOKEN_BYTES_MAX};
use super::file_stamp::FileStamp;
use claims::Claims;
pub use fetch::fetch_jwks;
use key_set::KeySet;
pub use key_set::{JwksError, examine_jwks};

/// The check of tokens for one policy.
#[derive(Debug)]
pub struct TokenCheck {
    config: JwtConfig,
    keys: ArcSwap<KeySet>,
    /// A token named a key that is not in the set.
    unknown_key_seen: AtomicBool,
    fetched: Mutex<Fetched>,
}

/// The token that let a request in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Who issued it, claim `iss`; empty without one.
    pub issuer: String,
    /// For whom it was issued, claim `sub`.
    pub subject: Option<String>,
    /// What it may be used for, claims `scope` and `scp`.
    pub scopes: Vec<String>,
}

/// Why a token does not let a request in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenDenied {
    /// There is none.
    Missing,
    /// It is not a token that is understood here.
    Malformed,
    /// Its signature is of an algorithm that is not taken.
    Algorithm,
    /// No key that it names is known. A fetch of the keys may help, see [`TokenCheck::wants_fetch`].
    UnknownKey,
    /// Its signature is wrong.
    Signature,
    /// It is for somebody else, or from somebody else.
    Audience,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYet,
    /// It is good, but not for this route.
    Scope,
}

/// What came of looking for new keys.
#[derive(Debug)]
pub enum JwksRefresh {
    /// They are as they were.
    Unchanged,
    /// They were read.
    Loaded {
        /// Keys that can be used.
        keys: usize,
    },
    /// They cannot be used; those from before stay in force. Without any from before nobody is let in.
    Kept(JwksError),
}

#[derive(Debug, Default)]
struct Fetched {
    stamp: Option<FileStamp>,
    /// When the last fetch began.
    began_ms: Option<u64>,
    /// Whether it brought keys.
    good: bool,
}

impl TokenCheck {
    /// The check for a policy. No key is known until a set was read or fetched.
    #[must_use]
    pub fn new(config: &JwtConfig) -> TokenCheck {
        ring_provider::install();
        TokenCheck {
            config: config.clone(),
            keys: ArcSwap::default(),
            unknown_key_seen: AtomicBool::new(false),
            fetched: Mutex::default(),
        }
    }

    /// Whether the request has a good token with all of `scopes`. `wall_ms` is the time since the Unix
    /// epoch.
    ///
    /// # Errors
    ///
    /// Why it has none.
    pub fn check(
        &self,
        headers: &HeaderMap,
        scopes: &[String],
        wall_ms: u64,
    ) -> Result<Token, TokenDenied> {
        let token = text(headers)?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenDenied::Malformed)?;
        let extended = header.crit.is_some() || header.extras.inner().contains_key("b64");
        if extended || header.enc.is_some() || header.zip.is_some() {
            return Err(TokenDenied::Malformed);
        }
        let algorithm = known(header.alg).filter(|a| self.config.algorithms.contains(a));
        let algorithm = algorithm.ok_or(TokenDenied::Algorithm)?;
        let keys = self.keys.load();
        let Some(key) = keys.find(header.kid.as_deref(), algorithm) else {
            self.unknown_key_seen.store(true, Relaxed);
            return Err(TokenDenied::UnknownKey);
        };
        let validation = self.validation(header.alg);
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
        let claims = decoded.map_err(|error| denied(error.kind()))?.claims;
        claims.check_time(wall_ms, self.config.skew_s)?;
        let token = claims.into_token();
        if !scopes.iter().all(|scope| token.scopes.contains(scope)) {
            return Err(TokenDenied::Scope);
        }
        Ok(token)
    }

    /// Takes over the keys that `before` has from the same place.
    pub(super) fn take_over(&self, before: &TokenCheck) {
        if self.config.keys == before.config.keys {
            let known = before
                .fetched
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            *fetched = Fetched {
                stamp: known.stamp,
                // A fetch that is under way brings its keys to the other one.
                began_ms: known.began_ms.filter(|_| known.good),
                good: known.good,
            };
            self.keys.store(before.keys.load_full());
        }
    }

    /// Reads the file of keys if it changed; nothing to do for a URL. It blocks while it reads: not for
    /// a worker's thread.
    pub fn refresh_from_file(&self) -> JwksRefresh {
        let JwksSource::File(path) = &self.config.keys else {
            return JwksRefresh::Unchanged;
        };
        let failed = |source| JwksError::Read {
            path: path.clone(),
            source,
        };
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || -> Result<Option<(FileStamp, KeySet)>, JwksError> {
            let file = std::fs::File::open(path).map_err(failed)?;
            let stamp = FileStamp::new(&file.metadata().map_err(failed)?);
            if fetched.stamp == Some(stamp) {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            let mut limited = file.take(JWKS_BYTES_MAX as u64 + 1);
            limited.read_to_end(&mut bytes).map_err(failed)?;
            Ok(Some((stamp, KeySet::parse(&bytes)?)))
        };
        match read() {
            Ok(None) => JwksRefresh::Unchanged,
            Ok(Some((stamp, keys))) => {
                fetched.stamp = Some(stamp);
                self.put(keys)
            }
            Err(error) => JwksRefresh::Kept(error),
        }
    }

    /// The URL to fetch the keys from now, if they are to be fetched: when there are none yet, when the
    /// last fetch is [`super::JWKS_FRESH_MS`] old, or when a token named an unknown key or the last fetch
    /// failed and [`super::JWKS_REFRESH_PAUSE_MS`] have passed since it began. Whoever gets a URL must
    /// call [`fetch_jwks`] and then [`TokenCheck::fetched`]; others get none meanwhile. `now_ms` is
    /// monotonic.
    #[must_use]
    pub fn wants_fetch(&self, now_ms: u64) -> Option<&str> {
        let JwksSource::Url(url) = &self.config.keys else {
            return None;
        };
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(began_ms) = fetched.began_ms {
            let hurry = !fetched.good || self.unknown_key_seen.load(Relaxed);
            let pause_ms = match hurry {
                true => JWKS_REFRESH_PAUSE_MS,
                false => JWKS_FRESH_MS,
            };
            if now_ms < began_ms.saturating_add(pause_ms) {
                return None;
            }
        }
        fetched.began_ms = Some(now_ms);
        self.unknown_key_seen.store(false, Relaxed);
        Some(url)
    }

    /// Takes what [`fetch_jwks`] brought. Without good keys in it the old ones stay.
    pub fn fetched(&self, answer: Result<Vec<u8>, JwksError>) -> JwksRefresh {
        let keys = answer.and_then(|bytes| KeySet::parse(&bytes));
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.good = keys.is_ok();
        match keys {
            Ok(keys) => self.put(keys),
            Err(error) => JwksRefresh::Kept(error),
        }
    }

    fn put(&self, keys: KeySet) -> JwksRefresh {
        let count = keys.len();
        self.keys.store(keys.into());
        JwksRefresh::Loaded { keys: count }
    }

    /// What the library checks besides the signature; times are checked by [`Claims`], because the
    /// library reads a clock of its own.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.set_audience(&self.config.audiences);
        let mut required = HashSet::from(["aud".to_owned()]);
        if let Some(issuer) = &self.config.issuer {
            validation.set_issuer(&[issuer]);
            required.insert("iss".to_owned());
        }
        validation.required_spec_claims = required;
        validation
    }
}

impl TokenDenied {
    /// What to answer (RFC 6750, 3).
    #[must_use]
    pub fn denial(self) -> Denial {
        let cause = match self {
            TokenDenied::Missing => "token-missing",
            TokenDenied::Malformed => "token-malformed",
            TokenDenied::Algorithm => "token-algorithm",
            TokenDenied::UnknownKey => "token-unknown-key",
            TokenDenied::Signature => "token-signature",
            TokenDenied::Audience => "token-audience",
            TokenDenied::Expired => "token-expired",
            TokenDenied::NotYet => "token-not-yet",
            TokenDenied::Scope => "token-scope",
        };
        let (status, kind, title, detail, challenge) = match self {
            TokenDenied::Missing => (
                StatusCode::UNAUTHORIZED,
                "urn:portcullis:problem:token-missing",
                "A token is needed",
                "this route asks for a token; send it as Authorization: Bearer TOKEN",
                "Bearer realm=\"api\"",
            ),
            TokenDenied::Expired => (
                StatusCode::UNAUTHORIZED,
                "urn:portcullis:problem:token-expired",
                "The token has expired",
                "the time of the token is over; get a new one",
                "Bearer realm=\"api\", error=\"invalid_token\"",
            ),
            TokenDenied::Scope => (
                StatusCode::FORBIDDEN,
                "urn:portcullis:problem:scope-missing",
                "The token does not reach this route",
                "the token is valid, but not for this route",
                "Bearer realm=\"api\", error=\"insufficient_scope\"",
            ),
            _ => (
                StatusCode::UNAUTHORIZED,
                "urn:portcullis:problem:token-not-valid",
                "The token is not valid",
                "the token is not one that this route takes",
                "Bearer realm=\"api\", error=\"invalid_token\"",
            ),
        };
        Denial {
            status,
            kind,
            title,
            detail,
            cause,
            headers: vec![(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))],
        }
    }
}

/// The one token of the request.
fn text(headers: &HeaderMap) -> Result<&[u8], TokenDenied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(TokenDenied::Missing)?;
    if values.next().is_some() {
        return Err(TokenDenied::Malformed);
    }
    let token = bearer(value.as_bytes()).ok_or(TokenDenied::Missing)?;
    match token.len() <= TOKEN_BYTES_MAX {
        true => Ok(token),
        false => Err(TokenDenied::Malformed),
    }
}

fn known(algorithm: Algorithm) -> Option<JwtAlgorithm> {
    match algorithm {
        Algorithm::RS256 => Some(JwtAlgorithm::Rs256),
        Algorithm::ES256 => Some(JwtAlgorithm::Es256),
        Algorithm::EdDSA => Some(JwtAlgorithm::EdDsa),
        _ => None,
    }
}

fn denied(error: &jsonwebtoken::errors::ErrorKind) -> TokenDenied {
    use jsonwebtoken::errors::ErrorKind;
    match error {
        ErrorKind::InvalidSignature => TokenDenied::Signature,
        ErrorKind::InvalidAlgorithm => TokenDenied::Algorithm,
        ErrorKind::InvalidAudience
        | ErrorKind::InvalidIssuer
        | ErrorKind::MissingRequiredClaim(_) => TokenDenied::Audience,
        _ => TokenDenied::Malformed,
    }
}

#[cfg(test)]
mod tests;
