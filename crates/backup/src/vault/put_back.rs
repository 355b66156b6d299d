//! Which stores a rollout has put back from a backup.
//!
//! `<name>.put-back.json` beside the archive. Users write to a store the moment that it is back, and from then on it differs
//! from the backup and is right: whoever compares it later, after a restart too, must not take that for a restore that did not
//! take effect, and put it back over what they wrote. A store is noted once its data is in its place. Between the two lies a
//! moment in which a process that is killed leaves no note.
//!
//! A note holds for its rollout alone: a later one may have put other data there, and asks for this backup anew.
//!
//! It is no part of the backup, and goes with it. A person who puts a backup back by command says what is wanted, and neither
//! needs nor leaves such a note.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Vault, failed_to, read_bounded};
use crate::bounds::RECORD_BYTES_MAX;
use crate::durable::replace;
use crate::store::Held;
use crate::{BackupError, BackupName, Store};

/// The end of the name of the note.
const SUFFIX: &str = ".put-back.json";

/// A store that was put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PutBack {
    /// The rollout that did it.
    rollout: String,
    /// Its name, for people.
    store: String,
    /// Which one it is, wherever it lies: a hash, so that no address stands here.
    place: String,
    /// When its data was in its place.
    at: Timestamp,
}

impl PutBack {
    fn is(&self, rollout: &str, place: &str) -> bool {
        self.rollout == rollout && self.place == place
    }
}

impl Vault {
    /// Notes that a rollout has put a store back from this backup, durably.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the note of the backup cannot be read or written.
    pub fn note_put_back(
        &self,
        name: &BackupName,
        rollout: &str,
        store: &Store,
        at: Timestamp,
    ) -> Result<(), BackupError> {
        let place = place_of(store);
        let mut noted = self.put_back(name)?;
        if noted.iter().any(|one| one.is(rollout, &place)) {
            return Ok(());
        }
        // What an earlier rollout did is of no use to a later one.
        noted.retain(|one| one.rollout == rollout);
        noted.push(PutBack {
            rollout: rollout.to_owned(),
            store: store.name.clone(),
            place,
            at,
        });
        let path = self.put_back_path(name);
        let failed = |source| failed_to("write", &path, source);
        let json = serde_json::to_vec(&noted).map_err(|error| failed(error.into()))?;
        replace(&path, &json).map_err(failed)?;
        self.sync()
    }

    /// Whether this rollout has put this store back from this backup.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if there is a note that cannot be read: what users wrote since must not be lost because of that.
    pub fn was_put_back(
        &self,
        name: &BackupName,
        rollout: &str,
        store: &Store,
    ) -> Result<bool, BackupError> {
        let place = place_of(store);
        let noted = self.put_back(name)?;
        Ok(noted.iter().any(|one| one.is(rollout, &place)))
    }

    pub(super) fn put_back_path(&self, name: &BackupName) -> PathBuf {
        self.root().join(format!("{name}{SUFFIX}"))
    }

    fn put_back(&self, name: &BackupName) -> Result<Vec<PutBack>, BackupError> {
        let path = self.put_back_path(name);
        let json = match read_bounded(&path, RECORD_BYTES_MAX) {
            Ok(json) => json,
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&json).map_err(|error| failed_to("understand", &path, error.into()))
    }
}

/// Which store it is: its name, and where it lies.
fn place_of(store: &Store) -> String {
    let place = match store.held() {
        Held::Disk(on_disk) => on_disk.path.display().to_string(),
        Held::Server(remote) => remote.turn(),
    };
    hex::encode(&Sha256::digest(format!("{}\n{place}", store.name))[..16])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::str::FromStr;

    use super::*;

    #[test]
    fn each_store_is_noted_for_its_backup_and_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(&folder.path().join("vault")).unwrap();
        let name = BackupName::from_str("notes_test_20260101T000000Z").unwrap();
        let other = BackupName::from_str("notes_test_20260101T000001Z").unwrap();
        let file = Store::file("library", folder.path().join("library.json"));
        let moved = Store::file("library", folder.path().join("other.json"));
        let second = Store::file("words", folder.path().join("words.json"));
        assert!(!vault.was_put_back(&name, "notes-1", &file).unwrap());
        for _ in 0..2 {
            vault
                .note_put_back(&name, "notes-1", &file, Timestamp::UNIX_EPOCH)
                .unwrap();
        }
        vault
            .note_put_back(&name, "notes-1", &second, Timestamp::UNIX_EPOCH)
            .unwrap();
        // It is there for whoever opens the vault next, too.
        let vault = Vault::open(vault.root()).unwrap();
        assert!(vault.was_put_back(&name, "notes-1", &file).unwrap());
        assert!(vault.was_put_back(&name, "notes-1", &second).unwrap());
        assert!(!vault.was_put_back(&name, "notes-1", &moved).unwrap());
        assert!(!vault.was_put_back(&other, "notes-1", &file).unwrap());
        // Another rollout may find other data there.
        assert!(!vault.was_put_back(&name, "notes-2", &file).unwrap());
        // It makes no backup.
        assert!(vault.list().unwrap().is_empty());

        fs::write(vault.put_back_path(&name), "[{").unwrap();
        let error = vault
            .was_put_back(&name, "notes-1", &file)
            .unwrap_err()
            .to_string();
        assert!(error.contains(".put-back.json"), "{error}");
        assert!(
            vault
                .note_put_back(&name, "notes-1", &file, Timestamp::UNIX_EPOCH)
                .is_err()
        );
    }
}
