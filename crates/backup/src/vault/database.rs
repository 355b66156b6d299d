//! Restoring a PostgreSQL database: to a copy, and into the place of the one that is used.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::restore::Staged;
use super::{Kept, Replaced, Vault};
use crate::clock::Stopwatch;
use crate::postgres::{Database, names_beside, restored_prefix};
use crate::store::Held;
use crate::{BackupError, BackupName, PostgresContent, PostgresProblem, Store, StoreManifest};

/// Part of the names of databases: to the millisecond, and with nothing that has to be quoted.
const TIME_FORMAT: &str = "%Y%m%dt%H%M%S%3fz";

/// A database that was restored to a new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredDatabase {
    /// Its name.
    pub database: String,
    /// The digest of its content, computed from what was read back; equal to that of the backup.
    pub digest: String,
    /// How long it took.
    pub took: Duration,
}

impl Vault {
    /// Restores a PostgreSQL database of a backup to the database of `copy`, a store of the same name, which must not
    /// exist. The copy is marked as one, so that [`Store::drop_copy`] drops it and [`Store::leftovers`] names it.
    ///
    /// # Errors
    /// [`BackupError::Postgres`] with what is missing or in the way, and those of [`Vault::restore`]. If anything
    /// fails, the new database is dropped again.
    pub fn restore_database(
        &self,
        name: &BackupName,
        copy: &Store,
    ) -> Result<RestoredDatabase, BackupError> {
        let watch = Stopwatch::start();
        let wanted = self.wanted(name, copy)?;
        let (Held::Server(database), Some(content)) = (copy.held(), &wanted.postgres) else {
            return Err(BackupError::KindDiffers {
                store: copy.name.clone(),
                expected: wanted.kind,
                found: copy.kind(),
            });
        };
        if let [true, _] = database.existing([database.address.database(); 2])? {
            return Err(BackupError::Postgres {
                store: copy.name.clone(),
                problem: PostgresProblem::TargetExists {
                    database: database.address.database().to_owned(),
                },
            });
        }
        let what = format!("a copy of the store {} from the backup {name}", copy.name);
        self.load(name, &wanted, content, database, &what)?;
        Ok(RestoredDatabase {
            database: database.address.database().to_owned(),
            digest: wanted.digest.clone(),
            took: watch.elapsed(),
        })
    }

    /// Puts the database of a backup in the place of the one that is used.
    pub(super) fn replace_database(
        &self,
        name: &BackupName,
        wanted: &StoreManifest,
        live: Database<'_>,
        now: Timestamp,
    ) -> Result<Replaced, BackupError> {
        let Some(content) = &wanted.postgres else {
            let why = "its manifest says nothing of the database".to_owned();
            return Err(BackupError::StoresRefused { why });
        };
        let time = now.strftime(TIME_FORMAT).to_string();
        let database = live.address.database();
        let (new, kept) = names_beside(database, &time);
        let replaced = |had: bool| Replaced {
            kept: had.then(|| Kept::Database(kept.clone())),
            digest: wanted.digest.clone(),
            owners_not_set: 0,
            attributes_not_set: 0,
        };
        match live.existing([database, &kept])? {
            // An earlier call with the same time was cut off after it had done everything, or the name is taken.
            [true, true] if live.live_digest()? == wanted.digest => return Ok(replaced(true)),
            [_, true] => {
                return Err(BackupError::KeptNameTaken {
                    path: PathBuf::from(&kept),
                });
            }
            [_, false] => {}
        }
        live.prepare(content)?;
        self.clear(live, &restored_prefix(database, &time))?;
        let address = live.address.with_database(&new);
        let beside = Database {
            address: &address,
            ..live
        };
        let what = format!("an unfinished restore of {database} from the backup {name}");
        self.load(name, wanted, content, beside, &what)?;
        match live.swap(&new, &kept, content) {
            Ok(had) => Ok(replaced(had)),
            Err(error) => {
                // If even this fails, it stays behind with its mark.
                let _ = beside.drop_marked();
                Err(error)
            }
        }
    }

    /// Unpacks the dump and puts it into the new database of `into`.
    fn load(
        &self,
        name: &BackupName,
        wanted: &StoreManifest,
        content: &PostgresContent,
        into: Database<'_>,
        what: &str,
    ) -> Result<(), BackupError> {
        into.prepare(content)?;
        let free = self.free_bytes()?;
        if free < wanted.bytes() {
            return Err(BackupError::Postgres {
                store: into.store.to_owned(),
                problem: PostgresProblem::NoRoom {
                    place: format!(
                        "the vault {}, where the dump is unpacked",
                        self.root.display()
                    ),
                    needed: wanted.bytes(),
                    free,
                },
            });
        }
        let staged: Staged = self.stage(name, &wanted.name, &self.root)?;
        into.load(content, &staged.data, what)
    }

    /// Drops what restores of the same database left behind that were cut off: a new attempt is under way, so no other
    /// one is.
    fn clear(&self, live: Database<'_>, prefix: &str) -> Result<(), BackupError> {
        for left in live.marked()? {
            if left.starts_with(prefix) {
                let address = live.address.with_database(&left);
                let left = Database {
                    address: &address,
                    ..live
                };
                left.drop_marked()?;
            }
        }
        Ok(())
    }
}
