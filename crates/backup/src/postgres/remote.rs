//! A PostgreSQL database as a store: copied beside itself, and put into the place of the one that is used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Database, names_beside, restored_prefix};
use crate::archive::ArchiveWriter;
use crate::capture::Unsettled;
use crate::remote::{InBackup, Remote, RemoteExamined};
use crate::since::{Since, tables};
use crate::{
    BackupError, Kept, OpenTransaction, PostgresContent, PostgresProblem, Replaced, StoreManifest,
    StoreSize,
};

/// Part of the names of databases: to the millisecond, and with nothing that has to be quoted.
const TIME_FORMAT: &str = "%Y%m%dt%H%M%S%3fz";

impl Remote for Database<'_> {
    fn turn(&self) -> String {
        self.address.to_string()
    }

    fn size(&self) -> Result<StoreSize, BackupError> {
        self.bytes()
    }

    fn examine(&self) -> Result<(), BackupError> {
        self.can_be_dumped()
    }

    fn may_be_restored(&self) -> Result<(), BackupError> {
        Database::may_be_restored(self)
    }

    fn can_be_replaced(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        self.prepare(content_of(backup)?)?;
        self.may_be_emptied_of_sessions()
    }

    fn open_transactions(&self, at_least_ms: u64) -> Result<Vec<OpenTransaction>, BackupError> {
        Database::open_transactions(self, at_least_ms)
    }

    fn live_digest(&self) -> Result<String, BackupError> {
        self.digest()
    }

    fn things(&self) -> Result<BTreeMap<String, String>, BackupError> {
        Database::things(self)
    }

    fn capture(
        &self,
        archive: &mut ArchiveWriter,
        vault: &Path,
    ) -> Result<StoreManifest, Unsettled> {
        self.dump(archive, vault)
    }

    fn since(&self, wanted: &StoreManifest) -> Result<Since, BackupError> {
        let then = wanted.postgres.as_ref();
        let then = then.map_or(&[][..], |content| &content.tables);
        Ok(tables(then, self.tables_now(then)?))
    }

    fn leftovers(&self) -> Result<Vec<String>, BackupError> {
        self.marked()
    }

    fn drop_copy(&self) -> Result<(), BackupError> {
        self.drop_marked()
    }

    fn restore_copy(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        let content = content_of(backup)?;
        let database = self.address.database();
        if let [true, _] = self.existing([database; 2])? {
            return Err(BackupError::Postgres {
                store: self.store.to_owned(),
                problem: PostgresProblem::TargetExists {
                    database: database.to_owned(),
                },
            });
        }
        let name = backup.name;
        let what = format!("a copy of the store {} from the backup {name}", self.store);
        self.fill(backup, content, &what)
    }

    fn replace(&self, backup: &InBackup<'_>, now: Timestamp) -> Result<Replaced, BackupError> {
        let content = content_of(backup)?;
        let digest = &backup.wanted.digest;
        let time = now.strftime(TIME_FORMAT).to_string();
        let database = self.address.database();
        let (new, kept) = names_beside(database, &time);
        let replaced = |had: bool| Replaced {
            kept: had.then(|| Kept::Database(kept.clone())),
            digest: digest.clone(),
            owners_not_set: 0,
            attributes_not_set: 0,
            folders_made: Vec::new(),
        };
        match self.existing([database, &kept])? {
            // An earlier call with the same time was cut off after it had done everything, or the name is taken.
            [true, true] if self.digest()? == *digest => return Ok(replaced(true)),
            [_, true] => {
                return Err(BackupError::KeptNameTaken {
                    path: PathBuf::from(&kept),
                });
            }
            [_, false] => {}
        }
        self.prepare(content)?;
        self.clear(&restored_prefix(database, &time))?;
        let address = self.address.with_database(&new);
        let beside = Database {
            address: &address,
            ..*self
        };
        let what = format!(
            "an unfinished restore of {database} from the backup {}",
            backup.name
        );
        beside.fill(backup, content, &what)?;
        match self.swap(&new, &kept, content) {
            Ok(had) => Ok(replaced(had)),
            Err(error) => {
                // If even this fails, it stays behind with its mark.
                let _ = beside.drop_marked();
                Err(error)
            }
        }
    }

    fn examine_copy(&self, wanted: &StoreManifest) -> Result<RemoteExamined, BackupError> {
        let tables = wanted.postgres.as_ref().map(|content| &content.tables);
        let rows = tables.map(|tables| {
            let rows = tables.iter().map(|table| table.rows).sum();
            (tables.len() as u64, rows)
        });
        let digest = self.digest()?;
        let mut checks = vec!["rows and content of each table, read in the server".to_owned()];
        // What is in it is compared before anything is added to it for a moment.
        if digest == wanted.digest {
            checks.push(self.amcheck_copy()?.words());
        }
        Ok(RemoteExamined {
            digest,
            rows,
            checks,
        })
    }
}

impl Database<'_> {
    /// Unpacks the dump and puts it into this database, which is made.
    fn fill(
        &self,
        backup: &InBackup<'_>,
        content: &PostgresContent,
        what: &str,
    ) -> Result<(), BackupError> {
        self.prepare(content)?;
        let free = backup.vault.free_bytes()?;
        let needed = backup.wanted.bytes();
        if free < needed {
            return Err(BackupError::Postgres {
                store: self.store.to_owned(),
                problem: PostgresProblem::NoRoom {
                    place: format!(
                        "the vault {}, where the dump is unpacked",
                        backup.vault.root().display()
                    ),
                    needed,
                    free,
                },
            });
        }
        let staged = backup.unpack_to_compare()?;
        self.load(content, staged.data(), what)
    }

    /// Drops what restores of the same database left behind that were cut off: a new attempt is under way, so no other
    /// one is.
    fn clear(&self, prefix: &str) -> Result<(), BackupError> {
        for left in self.marked()? {
            if left.starts_with(prefix) {
                let address = self.address.with_database(&left);
                let left = Database {
                    address: &address,
                    ..*self
                };
                left.drop_marked()?;
            }
        }
        Ok(())
    }
}

fn content_of<'a>(backup: &InBackup<'a>) -> Result<&'a PostgresContent, BackupError> {
    let missing = || BackupError::StoresRefused {
        why: "its manifest says nothing of the database".to_owned(),
    };
    backup.wanted.postgres.as_ref().ok_or_else(missing)
}
