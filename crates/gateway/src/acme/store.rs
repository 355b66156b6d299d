//! The folder in which the account, the certificate and the pace of asking are kept.
//!
//! Files are written to a temporary name, flushed and renamed, and only their owner may read them. One
//! that is damaged is renamed and told, never overwritten: a key may be in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use portcullis_config::AcmeConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::AcmeError;
use crate::clock;

/// The version of the files' schema that this code writes and reads.
pub(super) const SCHEMA_VERSION: u64 = 1;

const CERTIFICATE: &str = "certificate.json";
const PACE: &str = "pace.json";

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

/// The account at an authority, with its key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedAccount {
    schema_version: u64,
    /// The authority's directory.
    pub(super) directory: String,
    /// Whom the authority was told that it may write to.
    pub(super) contact: Option<String>,
    /// The account's URL and key.
    pub(super) credentials: AccountCredentials,
}

/// A certificate with its key, and what it was ordered for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedCertificate {
    pub(super) schema_version: u64,
    /// The authority's directory.
    pub(super) directory: String,
    /// The names, as in the settings.
    pub(super) hosts: Vec<String>,
    /// When it came, milliseconds since the Unix epoch.
    pub(super) ordered_at_ms: u64,
    /// The certificate and those that lead to its authority, PEM.
    pub(super) chain_pem: String,
    /// The private key, PEM.
    pub(super) key_pem: String,
}

/// How fast an authority may be asked. It is kept so that a restart does not forget it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pace {
    schema_version: u64,
    /// What the failures were about; other settings begin anew.
    directory: String,
    hosts: Vec<String>,
    challenge: String,
    /// Orders that failed, in a row.
    pub(super) failures: u32,
    /// No order before this, milliseconds since the Unix epoch.
    pub(super) next_order_at_ms: u64,
    /// Not asked before this when the authority would have the certificate renewed.
    pub(super) next_question_at_ms: u64,
    /// When it would.
    pub(super) renew_at_ms: Option<u64>,
}

impl SavedAccount {
    /// An account that was just opened.
    pub(super) fn new(config: &AcmeConfig, credentials: AccountCredentials) -> SavedAccount {
        SavedAccount {
            schema_version: SCHEMA_VERSION,
            directory: config.directory.clone(),
            contact: config.contact.clone(),
            credentials,
        }
    }
}

impl Pace {
    /// Nothing failed yet.
    pub(super) fn new(config: &AcmeConfig) -> Pace {
        Pace {
            schema_version: SCHEMA_VERSION,
            directory: config.directory.clone(),
            hosts: config.hosts.clone(),
            challenge: format!("{:?}", config.challenge),
            failures: 0,
            next_order_at_ms: 0,
            next_question_at_ms: 0,
            renew_at_ms: None,
        }
    }

    fn is_for(&self, config: &AcmeConfig) -> bool {
        let fresh = Pace::new(config);
        (&self.directory, &self.hosts, &self.challenge)
            == (&fresh.directory, &fresh.hosts, &fresh.challenge)
    }
}

impl Store {
    /// The folder `acme` beside a gateway's state file. Nothing is read or made yet.
    pub(super) fn beside(state_file: &Path) -> Store {
        let parent = state_file.parent().unwrap_or(Path::new(""));
        Store {
            folder: parent.join("acme"),
        }
    }

    /// Where a file of the folder is.
    pub(super) fn pace_path(&self) -> PathBuf {
        self.folder.join(PACE)
    }

    /// The account at the authority of the settings.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn account(&self, config: &AcmeConfig) -> Result<Option<SavedAccount>, AcmeError> {
        let name = account_name(&config.directory);
        let Some(account) = self.read::<SavedAccount>(&name)? else {
            return Ok(None);
        };
        // The library's key is the only judge of what a key is.
        let key = account.credentials.private_key().clone_key();
        if instant_acme::Key::from_pkcs8_der(key).is_err() {
            self.set_aside(&name, "it has no usable key")?;
            return Ok(None);
        }
        if account.directory != config.directory {
            self.set_aside(&name, "it is another authority's")?;
            return Ok(None);
        }
        Ok(Some(account))
    }

    /// Keeps an account.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep_account(&self, account: &SavedAccount) -> Result<(), AcmeError> {
        self.write(&account_name(&account.directory), account)
    }

    /// Renames an account's file, so that the next account does not replace it.
    ///
    /// # Errors
    /// When that fails.
    pub(super) fn set_account_aside(&self, directory: &str, why: &str) -> Result<(), AcmeError> {
        self.set_aside(&account_name(directory), why)
    }

    /// The certificate that was kept last.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn certificate(&self) -> Result<Option<SavedCertificate>, AcmeError> {
        self.read(CERTIFICATE)
    }

    /// Keeps a certificate in place of the last one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep_certificate(&self, saved: &SavedCertificate) -> Result<(), AcmeError> {
        self.write(CERTIFICATE, saved)
    }

    /// Renames the certificate's file.
    ///
    /// # Errors
    /// When that fails.
    pub(super) fn set_certificate_aside(&self, why: &str) -> Result<(), AcmeError> {
        self.set_aside(CERTIFICATE, why)
    }

    /// How fast the authority may be asked for what the settings say.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn pace(&self, config: &AcmeConfig) -> Result<Pace, AcmeError> {
        let saved: Option<Pace> = self.read(PACE)?;
        let saved = saved.filter(|pace| pace.is_for(config));
        Ok(saved.unwrap_or_else(|| Pace::new(config)))
    }

    /// Keeps how fast it may be asked.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep_pace(&self, pace: &Pace) -> Result<(), AcmeError> {
        self.write(PACE, pace)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, AcmeError> {
        let path = self.folder.join(name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed("read", path, source)),
        };
        // The version first: a file of another version need not have this one's form.
        let version = serde_json::from_slice::<serde_json::Value>(&text)
            .ok()
            .and_then(|value| value.get("schema_version")?.as_u64());
        if let Some(found) = version.filter(|found| *found != SCHEMA_VERSION) {
            return Err(AcmeError::Version { path, found });
        }
        match serde_json::from_slice(&text) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                // What serde says may quote the file, so only the place is told.
                let why = format!("line {}, column {}", error.line(), error.column());
                self.set_aside(name, &why)?;
                Ok(None)
            }
        }
    }

    fn set_aside(&self, name: &str, why: &str) -> Result<(), AcmeError> {
        let path = self.folder.join(name);
        let aside = self
            .folder
            .join(format!("{name}.aside-{}", clock::wall_ms()));
        fs::rename(&path, &aside).map_err(|source| failed("set aside", path.clone(), source))?;
        let (path, aside) = (path.display(), aside.display());
        tracing::error!(%path, %aside, why, "a file of ACME cannot be used and was set aside");
        Ok(())
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), AcmeError> {
        let path = self.folder.join(name);
        self.replace(&path, value)
            .map_err(|source| failed("write", path, source))
    }

    fn replace<T: Serialize>(&self, path: &Path, value: &T) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let temporary = PathBuf::from(name);
        // One that is left from before may have another mode.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // The rename itself is durable only once the folder is.
        File::open(&self.folder)?.sync_all()
    }
}

/// Each authority has an account of its own, also when the settings go back and forth between two.
fn account_name(directory: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, directory.as_bytes());
    format!("account-{}.json", hex::encode(&digest.as_ref()[..8]))
}

fn failed(what: &'static str, path: PathBuf, source: io::Error) -> AcmeError {
    AcmeError::File { what, path, source }
}

#[cfg(test)]
mod tests;
