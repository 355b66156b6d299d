//! Under which keys the shared server keeps buckets.
//!
//! `PREFIX{limit}:NAME:REQUESTS/PER_MS/BURST:HASH`. The braces are a hash tag: all keys of one question lie
//! in one slot of a cluster. Name and rate stand there in clear, so that `SCAN` tells which limit a key
//! belongs to, and a limit whose rate was changed begins with full buckets, as it does here. Whose bucket it
//! is stands there as 128 bits of an HMAC-SHA-256 only: no address, no id of an API key and no value of a
//! header field.
//!
//! **The key of the HMAC** must be the same on every gateway without one telling the other. It is derived
//! from the server's password with PBKDF2 (RFC 8018), salted with the prefix. So whoever reads keys, be it
//! in a dump, a replica, a slow log or by `MONITOR`, cannot try all addresses without the password. This
//! does not help
//! - without a password: then the key is as public as this file, and all four billion IPv4 addresses are
//!   tried in minutes;
//! - with a password that can be guessed: PBKDF2 makes a guess dear, not impossible;
//! - against those who have the password;
//! - against being recognised: the same subject has the same key as long as password and prefix stay.
//!
//! Gateways with different passwords or prefixes count apart. With a new password all buckets are full once.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use portcullis_config::LimitConfig;
use ring::{hmac, pbkdf2};

use crate::protect::{Claim, LimitSubject};

/// Rounds of PBKDF2: a guess costs about as much as ten thousands of keys, a start some milliseconds.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99_999);
/// Bytes of the hash that are kept.
const HASH_BYTES: usize = 16;
/// What keeps this key apart from any other that may be derived from the same password.
const PURPOSE: &[u8] = b"portcullis shared limits 1\0";

/// Makes keys.
pub(super) struct SubjectKey {
    prefix: String,
    key: hmac::Key,
}

impl SubjectKey {
    /// Keys under this prefix, hashed with a key from this password.
    pub(super) fn new(prefix: &str, password: &str) -> SubjectKey {
        let salt = [PURPOSE, prefix.as_bytes()].concat();
        let mut key = [0_u8; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ROUNDS,
            &salt,
            password.as_bytes(),
            &mut key,
        );
        SubjectKey {
            prefix: format!("{prefix}{{limit}}:"),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
        }
    }

    /// The key of the bucket that the request takes from. `scratch` is emptied.
    pub(super) fn of(
        &self,
        claim: &Claim<'_>,
        subject: &LimitSubject<'_>,
        scratch: &mut Vec<u8>,
    ) -> String {
        scratch.clear();
        claim.write_subject(subject, scratch);
        let hash = hmac::sign(&self.key, scratch);
        let LimitConfig {
            name,
            requests,
            per_ms,
            burst,
            ..
        } = claim.limit().config();
        let mut key = format!("{}{name}:{requests}/{per_ms}/{burst}:", self.prefix);
        for byte in &hash.as_ref()[..HASH_BYTES] {
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    /// A key that no limit has, for trying out.
    pub(super) fn probe(&self) -> String {
        format!("{}probe", self.prefix)
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut keys = formatter.debug_struct("SubjectKey");
        keys.field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
