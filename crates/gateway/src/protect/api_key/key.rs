//! The text of an API key: `pk_` PREFIX `_` SECRET CHECK.
//!
//! PREFIX is 8 random characters that name the key and are no secret, SECRET 43 of base 62 (256 bits),
//! CHECK six: the first 32 bits of the SHA-256 of all before it, in base 62. So programs that look for
//! secrets in files know a key from its look-alikes without asking anybody, and a typo is told from a
//! key that is not known.

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

use super::ApiKeyError;
use crate::protect::bounds::API_KEY_BYTES_MAX;

const MARK: &str = "pk_";
const PREFIX_CHARS: usize = 8;
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A well-formed key in a request.
pub(super) struct KeyText<'a>(&'a str);

impl<'a> KeyText<'a> {
    /// The key, if the text can be one.
    pub(super) fn parse(text: &'a [u8]) -> Option<KeyText<'a>> {
        if text.len() > API_KEY_BYTES_MAX {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let (prefix, rest) = text.strip_prefix(MARK)?.split_once('_')?;
        let whole = prefix.len() == PREFIX_CHARS && rest.len() == SECRET_CHARS + CHECK_CHARS;
        let digits = prefix
            .bytes()
            .chain(rest.bytes())
            .all(|b| b.is_ascii_alphanumeric());
        if !whole || !digits {
            return None;
        }
        let (body, said) = text.split_at(text.len() - CHECK_CHARS);
        (check(body) == said).then_some(KeyText(text))
    }

    /// The public part, with its mark.
    pub(super) fn prefix(&self) -> &'a str {
        &self.0[..MARK.len() + PREFIX_CHARS]
    }

    /// What is kept of the key.
    pub(super) fn sha256(&self) -> [u8; 32] {
        sha256(self.0)
    }
}

/// A new key: its public part, its text and what is kept of it.
pub(super) fn generate() -> Result<(String, SecretString, [u8; 32]), ApiKeyError> {
    let prefix = format!("{MARK}{}", random(PREFIX_CHARS)?);
    let body = format!("{prefix}_{}", random(SECRET_CHARS)?);
    let key = SecretString::from(format!("{body}{}", check(&body)));
    let hash = sha256(key.expose_secret());
    Ok((prefix, key, hash))
}

/// Whether `prefix` can be the public part of a key.
pub(super) fn is_prefix(prefix: &str) -> bool {
    let digits = prefix.strip_prefix(MARK);
    digits.is_some_and(|digits| {
        digits.len() == PREFIX_CHARS && digits.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash
        .iter_mut()
        .zip(digest(&SHA256, text.as_bytes()).as_ref())
    {
        *to = *from;
    }
    hash
}

fn check(body: &str) -> String {
    let [a, b, c, d, ..] = sha256(body);
    let mut number = u32::from_be_bytes([a, b, c, d]);
    let mut digits = [b'0'; CHECK_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Random digits, all equally likely: of a byte's 256 values the last eight are drawn again.
fn random(length: usize) -> Result<String, ApiKeyError> {
    let source = SystemRandom::new();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        source
            .fill(&mut bytes)
            .map_err(|_| ApiKeyError::NoRandomness)?;
        let fair = bytes.iter().filter(|byte| **byte < 62 * 4);
        let digits = fair.map(|byte| char::from(DIGITS[usize::from(*byte % 62)]));
        text.extend(digits.take(length - text.len()));
    }
    Ok(text)
}
