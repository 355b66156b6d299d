//! What is in a store now and was not in a backup: what putting that backup back would take away.
//!
//! Rows and files are counted, not compared: a row that was changed is no row more. A store that is used has other
//! numbers a moment later.

use std::collections::{BTreeMap, BTreeSet};

use crate::scan::{ItemKind, Scan};
use crate::store::Held;
use crate::{
    BackupError, BackupName, Location, Store, StoreManifest, TableEntry, Vault, chroma, sqlite,
};

/// How a store differs from what a backup has of it, as far as it can be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Tables with another number of rows, in order of name.
    Tables(Vec<TableSince>),
    /// Files and links.
    Files {
        /// How many were added.
        added: u64,
        /// How many are gone.
        removed: u64,
        /// How many have another size or were written later.
        changed: u64,
    },
}

/// A table with another number of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSince {
    /// Its name.
    pub name: String,
    /// How many rows the backup has of it; `None` if it has no such table.
    pub then: Option<u64>,
    /// How many rows it has; `None` if it is gone.
    pub now: Option<u64>,
}

impl Since {
    /// How many rows or files there are now beyond those of the backup.
    #[must_use]
    pub fn added(&self) -> u64 {
        match self {
            Self::Files { added, .. } => *added,
            Self::Tables(tables) => tables
                .iter()
                .map(|table| {
                    let (then, now) = (table.then.unwrap_or(0), table.now.unwrap_or(0));
                    now.saturating_sub(then)
                })
                .sum(),
        }
    }
}

impl Vault {
    /// Counts how a store differs now from what a backup has of it.
    ///
    /// # Errors
    /// [`BackupError::UnknownBackup`] and those of [`Vault::manifest`]; [`BackupError::UnknownStore`] if the backup
    /// does not have the store; those of [`Store::size`], and of a database those of opening and reading it.
    pub fn since(&self, name: &BackupName, store: &Store) -> Result<Since, BackupError> {
        let wanted = self.wanted(name, store)?;
        match (&store.location, store.held()) {
            (Location::Sqlite { .. }, Held::Disk(on_disk)) => {
                let then = wanted.sqlite.as_ref();
                let then = then.map_or(&[][..], |content| &content.tables);
                Ok(tables(then, sqlite::counts(&on_disk)?))
            }
            (Location::Chroma { .. }, Held::Disk(on_disk)) => {
                let then = wanted.sqlite.iter().flat_map(|content| &content.tables);
                let then = then.filter(|table| chroma::is_known(&table.name));
                let then: Vec<TableEntry> = then.cloned().collect();
                Ok(tables(&then, chroma::counts(&on_disk)?))
            }
            (_, Held::Server(remote)) => remote.since(&wanted),
            (_, Held::Disk(on_disk)) => Ok(files(&wanted, &Scan::of(&on_disk)?)),
        }
    }
}

/// How tables differ by their numbers of rows.
pub(crate) fn tables(then: &[TableEntry], now: Vec<(String, u64)>) -> Since {
    let mut all: BTreeMap<String, TableSince> = BTreeMap::new();
    for table in then {
        let entry = TableSince {
            name: table.name.clone(),
            then: Some(table.rows),
            now: None,
        };
        all.insert(table.name.clone(), entry);
    }
    for (name, rows) in now {
        let entry = all.entry(name.clone()).or_insert(TableSince {
            name,
            then: None,
            now: None,
        });
        entry.now = Some(rows);
    }
    let differs = |table: &TableSince| table.then != table.now;
    Since::Tables(all.into_values().filter(differs).collect())
}

fn files(then: &StoreManifest, now: &Scan) -> Since {
    let links = then.symlinks.iter().map(|link| &link.path);
    let mut gone: BTreeSet<_> = then.files.iter().map(|file| &file.path).collect();
    gone.extend(links);
    let known: BTreeMap<_, _> = then.files.iter().map(|file| (&file.path, file)).collect();
    let (mut added, mut changed) = (0, 0);
    for item in &now.items {
        if item.kind == ItemKind::Directory {
            continue;
        }
        if !gone.remove(&item.path) {
            added += 1;
        } else if let Some(file) = known.get(&item.path) {
            let same = file.size == item.stamp.size && file.mtime == item.stamp.mtime();
            changed += u64::from(!same);
        }
    }
    Since::Files {
        added,
        removed: gone.len() as u64,
        changed,
    }
}
