//! What is in the files that the gateway reads, as far as it can be told without being the gateway.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::Code;
use crate::bounds::LOOKED_AT_BYTES_MAX;
use crate::config::{WordsError, read_words};
use crate::report::Wrong;

/// What a file must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Certificates as PEM.
    Certificates,
    /// A private key as PEM.
    PrivateKey,
    /// A JSON Web Key Set (RFC 7517).
    KeySet,
    /// API keys, as `portcullis gateway key` writes them.
    ApiKeys,
    /// Words for a mask, one a line.
    Words,
}

impl Content {
    /// What is wrong with a file; nothing of it is quoted.
    pub(super) fn wrong(self, path: &Path) -> Option<Wrong> {
        let shown = path.display();
        if self == Content::Words {
            let error = read_words(path).err()?;
            let message = format!("`{shown}`: {error}");
            return Some(Wrong::new(Code::FileMissing, message).hint(self.hint()));
        }
        let text = match text(path) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("`{shown}` cannot be read: {error}");
                return Some(Wrong::new(Code::FileMissing, message).hint(self.hint()));
            }
        };
        let expected = match self {
            Content::Certificates if has_label(&text, "CERTIFICATE") => return None,
            Content::Certificates => "certificates as PEM (-----BEGIN CERTIFICATE-----)",
            Content::PrivateKey if PRIVATE_KEYS.iter().any(|label| has_label(&text, label)) => {
                return None;
            }
            Content::PrivateKey if has_label(&text, "ENCRYPTED PRIVATE KEY") => {
                "a private key without a passphrase"
            }
            Content::PrivateKey => "a private key as PEM (-----BEGIN PRIVATE KEY-----)",
            Content::KeySet => match serde_json::from_str::<Value>(&text) {
                Ok(set) if set["keys"].is_array() => return None,
                _ => "a JSON object with a list `keys` (RFC 7517)",
            },
            Content::ApiKeys => match serde_json::from_str::<Value>(&text) {
                Ok(keys) if keys.is_object() || keys.is_array() => return None,
                _ => "API keys as JSON",
            },
            Content::Words => return None,
        };
        let message = format!("expected {expected} in `{shown}`");
        Some(Wrong::new(Code::FileMissing, message).hint(self.hint()))
    }

    /// What to do about a file that is missing or something else.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Content::Certificates | Content::PrivateKey => {
                "correct the path; certificates and keys stand in files of their own, as PEM"
            }
            Content::KeySet => "save the key set of whoever issues the tokens, or use jwks_url",
            Content::Words => WordsError::HINT,
            Content::ApiKeys => "make the first key with `portcullis gateway key add --name WHO`",
        }
    }
}

/// The labels of private keys in PEM (RFC 7468, RFC 5915, PKCS #1).
const PRIVATE_KEYS: [&str; 3] = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];

fn has_label(text: &str, label: &str) -> bool {
    text.contains(&format!("-----BEGIN {label}-----"))
}

fn text(path: &Path) -> std::io::Result<String> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(LOOKED_AT_BYTES_MAX).read_to_end(&mut text)?;
    // Comments before a certificate may be in any encoding.
    Ok(String::from_utf8_lossy(&text).into_owned())
}
