//! A configured text that may be a secret, or say where one is.

use std::fmt;

use portcullis_rollout::ValueSource;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

/// A configured text that may be a secret itself, or a reference to one (`env:NAME`, `file:PATH` with an
/// absolute path, `cmd:PROGRAM ARG...`).
///
/// Whatever prints it prints the reference, or [`SecretText::HIDDEN`] in place of a secret; only
/// [`SecretText::expose`] gives the text out. What a reference refers to is read by
/// `portcullis_driver::resolve_secret`.
#[derive(Clone)]
pub struct SecretText(SecretString);

impl SecretText {
    /// What stands where a secret would.
    pub const HIDDEN: &'static str = "(hidden)";

    pub(crate) fn new(text: String) -> SecretText {
        SecretText(SecretString::from(text))
    }

    /// The text as it was configured, reference or secret.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What may be printed: the reference, or [`SecretText::HIDDEN`].
    pub fn shown(&self) -> &str {
        shown(self.expose())
    }
}

/// What may be printed of a configured text.
pub(crate) fn shown(text: &str) -> &str {
    if ValueSource::of(text).is_reference() {
        text
    } else {
        SecretText::HIDDEN
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &SecretText) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

#[cfg(test)]
mod tests;
