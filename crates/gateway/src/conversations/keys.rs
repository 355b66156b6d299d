//! Names and seals of conversations.
//!
//! From each key of 32 bytes two are derived with HKDF (RFC 5869): one for names (HMAC-SHA-256 over the scope), one from which
//! every record gets a key of its own, by its name. So the 96 random bits of a nonce need to be unique within one record
//! only, and a record that is put under another name does not open.
//!
//! A sealed record: one byte for the layout (1), eight for the key's number (so that the right one is taken without
//! trying), twelve for the nonce, then the ciphertext with its tag (AES-256-GCM).
//!
//! **Rotation**: keys are given newest first. The newest names and seals; the others are tried for what is not found under it.
//! What is saved again is then under the newest.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};

use super::{KeysError, Scope, StoreError};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// The most keys that are tried: each one more costs a look-up for a conversation that is not there.
const KEYS_MAX: usize = 4;
/// The layout of a sealed record.
const LAYOUT: u8 = 1;
/// Bytes of a key's number.
const NUMBER_BYTES: usize = 8;
/// Bytes before the ciphertext.
const HEAD_BYTES: usize = 1 + NUMBER_BYTES + NONCE_LEN;

/// Under which name a record is kept. It tells nothing of whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RecordName([u8; 32]);

impl RecordName {
    /// The name as bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The keys of conversations, newest first.
pub struct ConversationKeys {
    keys: Vec<Key>,
    random: SystemRandom,
}

struct Key {
    number: [u8; NUMBER_BYTES],
    names: hmac::Key,
    seals: hkdf::Prk,
}

impl ConversationKeys {
    /// Reads keys: one a line, newest first, each 64 hexadecimal digits. Empty lines and those that begin with `#` are passed
    /// over.
    ///
    /// # Errors
    ///
    /// There is none, one is no key, one is there twice, or there are more than four.
    pub fn parse(text: &SecretString) -> Result<ConversationKeys, KeysError> {
        let mut keys: Vec<Key> = Vec::new();
        for (index, line) in text.expose_secret().lines().enumerate() {
            let line_text = line.trim();
            if line_text.is_empty() || line_text.starts_with('#') {
                continue;
            }
            let line = index + 1;
            let mut bytes = [0; KEY_BYTES];
            hex::decode_to_slice(line_text, &mut bytes)
                .map_err(|_| KeysError::Malformed { line })?;
            let key = Key::new(&bytes).map_err(|_| KeysError::Malformed { line })?;
            if keys.iter().any(|known| known.number == key.number) {
                return Err(KeysError::Twice { line });
            }
            if keys.len() == KEYS_MAX {
                return Err(KeysError::TooMany { most: KEYS_MAX });
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeysError::None);
        }
        let random = SystemRandom::new();
        Ok(ConversationKeys { keys, random })
    }

    /// A new key as text, for a file that is readable by its owner only.
    ///
    /// # Errors
    ///
    /// The system gives no random numbers.
    pub fn generate() -> Result<SecretString, StoreError> {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| StoreError::Random)?;
        Ok(SecretString::from(hex::encode(bytes)))
    }

    /// The name of a scope's record under the newest key.
    pub(super) fn name(&self, scope: &Scope<'_>) -> RecordName {
        self.keys[0].name(scope)
    }

    /// The names that a scope's record may have, newest first.
    pub(super) fn names(&self, scope: &Scope<'_>) -> impl Iterator<Item = RecordName> {
        self.keys.iter().map(|key| key.name(scope))
    }

    /// Seals a record with the newest key.
    pub(super) fn seal(&self, name: &RecordName, content: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = &self.keys[0];
        let mut nonce = [0; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| StoreError::Random)?;
        let mut sealed = Vec::with_capacity(HEAD_BYTES + content.len() + AES_256_GCM.tag_len());
        sealed.push(LAYOUT);
        sealed.extend_from_slice(&key.number);
        sealed.extend_from_slice(&nonce);
        let mut body = content.to_vec();
        key.of_record(name)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&sealed[..]),
                &mut body,
            )
            .map_err(|_| StoreError::Sealed)?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens a sealed record.
    pub(super) fn open(&self, name: &RecordName, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (head, body) = sealed
            .split_at_checked(HEAD_BYTES)
            .ok_or(StoreError::Sealed)?;
        let (number, nonce) = head[1..].split_at(NUMBER_BYTES);
        let key = self.keys.iter().find(|key| key.number == number);
        let key = key
            .filter(|_| head[0] == LAYOUT)
            .ok_or(StoreError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| StoreError::Sealed)?;
        let mut body = body.to_vec();
        let opened = key
            .of_record(name)?
            .open_in_place(nonce, Aad::from(head), &mut body);
        let length = opened.map_err(|_| StoreError::Sealed)?.len();
        body.truncate(length);
        Ok(body)
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Result<Key, ring::error::Unspecified> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis conversations 1");
        let secret = salt.extract(bytes);
        let names = hmac::Key::from(secret.expand(&[b"names"], hmac::HMAC_SHA256)?);
        let seals = hkdf::Prk::from(secret.expand(&[b"seals"], hkdf::HKDF_SHA256)?);
        let mut number = [0; NUMBER_BYTES];
        // A scope's bytes begin with a number, so no name is made of the same text.
        number.copy_from_slice(&hmac::sign(&names, b"number").as_ref()[..NUMBER_BYTES]);
        Ok(Key {
            number,
            names,
            seals,
        })
    }

    fn name(&self, scope: &Scope<'_>) -> RecordName {
        let tag = hmac::sign(&self.names, &scope.bytes());
        let mut name = [0; 32];
        name.copy_from_slice(tag.as_ref());
        RecordName(name)
    }

    /// The key that only the record of this name is sealed with.
    fn of_record(&self, name: &RecordName) -> Result<LessSafeKey, StoreError> {
        let info = [name.bytes()];
        let okm = self
            .seals
            .expand(&info, &AES_256_GCM)
            .map_err(|_| StoreError::Sealed)?;
        Ok(LessSafeKey::new(UnboundKey::from(okm)))
    }
}

impl std::fmt::Debug for ConversationKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ConversationKeys({})", self.keys.len())
    }
}
