//! The manifest that lies beside an archive, opened if it is encrypted.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::{Form, Vault, read_bounded};
use crate::bounds::MANIFEST_BYTES_MAX;
use crate::sealed::{self, NotOpened};
use crate::{BackupError, BackupName, Damage};

/// The manifest beside an archive.
pub(super) struct ManifestFile {
    /// The SHA-256 of the file as it lies there: that of the `.sha256`, and of the journal.
    pub(super) sha256: String,
    /// What it says.
    pub(super) json: Vec<u8>,
}

impl Vault {
    /// Reads the manifest beside the archive, and opens it if it is encrypted.
    ///
    /// # Errors
    /// [`BackupError::NoKey`] if no key opens it, unless it is not what was written; [`BackupError::Damaged`] if it cannot be
    /// opened; [`BackupError::Vault`] if it cannot be read.
    pub(super) fn manifest_file(&self, name: &BackupName) -> Result<ManifestFile, BackupError> {
        let form = self.form(name);
        let stored = read_bounded(&self.manifest_path_in(name, form), MANIFEST_BYTES_MAX)?;
        let sha256 = hex::encode(Sha256::digest(&stored));
        if form == Form::Plain {
            return Ok(ManifestFile {
                sha256,
                json: stored,
            });
        }
        let unreadable = |why: String| BackupError::Damaged {
            name: name.clone(),
            damages: vec![Damage::ManifestUnreadable { why }],
        };
        let opened = match sealed::open(&*stored, &self.encryption) {
            Ok(opened) => opened,
            Err(NotOpened::Damaged(why)) => return Err(unreadable(why)),
            Err(NotOpened::NoKey) => {
                // A flipped bit in what is meant for our key looks like a file for somebody else.
                let written = self.sums(name)?.map(|sums| sums.manifest);
                return Err(match written {
                    Ok(expected) if expected != sha256 => BackupError::Damaged {
                        name: name.clone(),
                        damages: vec![Damage::ManifestDigest {
                            expected,
                            found: sha256,
                        }],
                    },
                    _ => self.no_key(name),
                });
            }
        };
        let mut json = Vec::new();
        let read = opened.take(MANIFEST_BYTES_MAX).read_to_end(&mut json);
        read.map_err(|error| unreadable(format!("it cannot be decrypted to its end: {error}")))?;
        Ok(ManifestFile { sha256, json })
    }

    fn no_key(&self, name: &BackupName) -> BackupError {
        let noted = self.record(name).map(|record| record.recipients);
        let noted = noted.filter(|recipients| !recipients.is_empty());
        BackupError::NoKey {
            name: name.clone(),
            needed: noted.map_or_else(String::new, |recipients| {
                format!(" for {}", recipients.join(" or "))
            }),
            why: self.encryption.why_closed(),
        }
    }
}
