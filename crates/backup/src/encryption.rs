//! For whom backups are encrypted, and what opens them.
//!
//! The format is that of [age](https://age-encryption.org/v1): whoever has the key reads a backup with the program
//! `age`, without Portcullis. Making a backup needs public recipients only; reading one through needs an identity.

use std::fmt;
use std::sync::Arc;

use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;

/// How a recipient begins.
const RECIPIENT_PREFIX: &str = "age1";
/// How an identity begins.
const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-";

/// The keys of a vault. Clones share them; nothing prints an identity.
#[derive(Clone, Default)]
pub struct Encryption {
    recipients: Vec<x25519::Recipient>,
    identities: Arc<Vec<x25519::Identity>>,
    why_none: Option<String>,
}

/// What is said in a list of who can read an encrypted backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// For whom it was encrypted, as its record says; empty if it has none. Nothing proves it: the format does not
    /// name recipients.
    pub recipients: Vec<String>,
    /// Whether a key that is configured opens it.
    pub opens: bool,
}

/// A key that was just made.
pub struct NewKey {
    /// The public half, which backups are encrypted for.
    pub recipient: String,
    /// The identity file, as `age-keygen` writes one.
    pub identity_file: SecretString,
}

/// A key that is none. Never quotes what may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// A recipient that is none.
    #[error(
        "{text:?} is no recipient ({why}); one begins with age1, and `portcullis backup key new` makes one"
    )]
    Recipient {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A secret where a public key belongs.
    #[error(
        "the recipient number {number} is a secret key (AGE-SECRET-KEY-...), which does not belong there; take the \
         public key, which begins with age1, and make a new key if this one was seen by others"
    )]
    SecretAsRecipient {
        /// Which one, from 1.
        number: usize,
    },
    /// A line of an identity that is none.
    #[error(
        "line {line} of it is no identity; one begins with AGE-SECRET-KEY-1, and comments with #"
    )]
    Identity {
        /// The line, from 1.
        line: usize,
    },
    /// A text without an identity.
    #[error("there is no identity in it; one begins with AGE-SECRET-KEY-1")]
    NoIdentity,
}

impl Encryption {
    /// New backups are encrypted for all of these; with none they are not encrypted.
    ///
    /// # Errors
    /// [`KeyRefused`] for one that is no X25519 recipient.
    pub fn for_recipients(recipients: &[String]) -> Result<Self, KeyRefused> {
        let parse = |(index, text): (usize, &String)| {
            if text
                .trim()
                .to_ascii_uppercase()
                .starts_with(IDENTITY_PREFIX)
            {
                return Err(KeyRefused::SecretAsRecipient { number: index + 1 });
            }
            let refused = |why: &str| KeyRefused::Recipient {
                text: text.clone(),
                why: why.to_owned(),
            };
            if !text.starts_with(RECIPIENT_PREFIX) {
                return Err(refused("it does not begin so"));
            }
            text.parse::<x25519::Recipient>().map_err(refused)
        };
        let recipients = recipients.iter().enumerate().map(parse);
        Ok(Self {
            recipients: recipients.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// Backups are read with the identities of this text too: one a line, with comments, as `age-keygen` writes it.
    ///
    /// # Errors
    /// [`KeyRefused`], naming the line and never what is in it.
    pub fn with_identities(mut self, text: &str) -> Result<Self, KeyRefused> {
        let mut identities = self.identities.as_ref().clone();
        let before = identities.len();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity = line.parse::<x25519::Identity>();
            identities.push(identity.map_err(|_| KeyRefused::Identity { line: index + 1 })?);
        }
        if identities.len() == before {
            return Err(KeyRefused::NoIdentity);
        }
        self.identities = Arc::new(identities);
        Ok(self)
    }

    /// An identity that should be there is not: why, for whoever wants to read a backup.
    #[must_use]
    pub fn without_identity(mut self, why: String) -> Self {
        self.why_none = Some(why);
        self
    }

    /// Whether new backups are encrypted.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Whether what is written can be read here again; if not, why.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn reads_what_it_writes(&self) -> Result<(), String> {
        let opens = self.opens_for();
        let ours = self.recipients().iter().any(|one| opens.contains(one));
        match ours || !self.encrypts() {
            true => Ok(()),
            false => Err(self.why_closed()),
        }
    }

    /// For whom new backups are encrypted.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.recipients.iter().map(ToString::to_string).collect()
    }

    /// The public halves of the identities: what they open was encrypted for one of these.
    #[must_use]
    pub fn opens_for(&self) -> Vec<String> {
        let identities = self.identities.iter();
        identities
            .map(|identity| identity.to_public().to_string())
            .collect()
    }

    /// Why nothing was opened.
    pub(crate) fn why_closed(&self) -> String {
        match (&self.why_none, self.identities.len()) {
            (Some(why), 0) => why.clone(),
            (None, 0) => "no identity is configured (backup.encryption.identities)".to_owned(),
            (why, _) => {
                let tried = format!(
                    "it was encrypted for none of the keys that are configured: {}",
                    self.opens_for().join(", ")
                );
                match why {
                    Some(why) => format!("{tried}; and {why}"),
                    None => tried,
                }
            }
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.identities
            .iter()
            .map(|identity| identity as &dyn age::Identity)
    }

    pub(crate) fn parties(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.recipients.iter().map(|one| one as &dyn age::Recipient)
    }
}

impl NewKey {
    /// Makes a key. `made` is the day for the comment.
    #[must_use]
    pub fn generate(made: &str) -> NewKey {
        let identity = x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        let secret = identity.to_string();
        let text = format!(
            "# created: {made}\n# public key: {recipient}\n{}\n",
            secret.expose_secret()
        );
        NewKey {
            recipient,
            identity_file: SecretString::from(text),
        }
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryption")
            .field("recipients", &self.recipients())
            .field("identities", &self.identities.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
