//! What is in a store now and was not in a backup: what putting that backup back would take away.
//!
//! Rows that were added are told by the keys of their tables where these are whole numbers, else by the numbers of rows alone;
//! that rows differ in other ways is told by the digest of the table, but not how many do. A migration changes rows as
//! users do. A store that is used has other numbers a moment later.

use std::collections::{BTreeMap, BTreeSet};

use crate::on_disk::OnDisk;
use crate::outline::is_ours;
use crate::scan::{ItemKind, Scan};
use crate::store::Held;
use crate::{
    BackupError, BackupName, Location, Store, StoreManifest, TableEntry, Vault, chroma, sqlite,
};

/// How a store differs from what a backup has of it, as far as it can be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Tables with other rows, in order of name.
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

/// A table with other rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSince {
    /// Its name.
    pub name: String,
    /// How many rows the backup has of it; `None` if it has no such table.
    pub then: Option<u64>,
    /// How many rows it has; `None` if it is gone.
    pub now: Option<u64>,
    /// How many of them have a larger key than any row had then: they were added. `None` where no key tells that.
    pub keyed_later: Option<u64>,
    /// Whether its rows were compared with those of the backup. Else only their numbers were.
    pub compared: bool,
}

/// A table as it is now.
pub(crate) struct TableNow {
    pub(crate) entry: TableEntry,
    pub(crate) keyed_later: Option<u64>,
}

impl TableNow {
    /// One whose rows were counted and not read.
    pub(crate) fn unread(name: String, rows: u64) -> Self {
        let entry = TableEntry {
            name,
            rows,
            digest: String::new(),
            last_key: None,
        };
        Self {
            entry,
            keyed_later: None,
        }
    }
}

impl TableSince {
    /// How many rows were added at least.
    #[must_use]
    pub fn added(&self) -> u64 {
        let (then, now) = (self.then.unwrap_or(0), self.now.unwrap_or(0));
        now.saturating_sub(then).max(self.keyed_later.unwrap_or(0))
    }

    /// How many rows are gone at least.
    #[must_use]
    pub fn removed(&self) -> u64 {
        let (then, now) = (self.then.unwrap_or(0), self.now.unwrap_or(0));
        then.saturating_add(self.added()).saturating_sub(now)
    }
}

impl Since {
    /// How many rows or files were added since the backup, at least.
    #[must_use]
    pub fn added(&self) -> u64 {
        match self {
            Self::Files { added, .. } => *added,
            Self::Tables(tables) => tables.iter().map(TableSince::added).sum(),
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
                Ok(tables(then, sqlite::tables_now(&on_disk, then)?))
            }
            (Location::Chroma { .. }, Held::Disk(on_disk)) => {
                let then = wanted.sqlite.iter().flat_map(|content| &content.tables);
                let then = then.filter(|table| chroma::is_known(&table.name));
                let then: Vec<TableEntry> = then.cloned().collect();
                Ok(tables(&then, chroma::tables_now(&on_disk, &then)?))
            }
            (_, Held::Server(remote)) => remote.since(&wanted),
            (_, Held::Disk(on_disk)) => files(&wanted, &on_disk),
        }
    }
}

/// How tables differ by their rows.
pub(crate) fn tables(then: &[TableEntry], now: Vec<TableNow>) -> Since {
    let mut before: BTreeMap<&str, &TableEntry> = then
        .iter()
        .map(|table| (table.name.as_str(), table))
        .collect();
    let mut differing = Vec::new();
    for TableNow { entry, keyed_later } in now {
        let then = before.remove(entry.name.as_str());
        let compared = !entry.digest.is_empty();
        // What a migration made without putting a row into it is nothing of the users'.
        let is_empty = then.is_none() && entry.rows == 0;
        if !is_empty && (!compared || then != Some(&entry)) {
            differing.push(TableSince {
                then: then.map(|table| table.rows),
                now: Some(entry.rows),
                keyed_later,
                compared,
                name: entry.name,
            });
        }
    }
    differing.extend(before.into_values().map(|gone| TableSince {
        name: gone.name.clone(),
        then: Some(gone.rows),
        now: None,
        keyed_later: None,
        compared: true,
    }));
    differing.retain(|table| !is_ours(&table.name));
    differing.sort_by(|a, b| a.name.cmp(&b.name));
    Since::Tables(differing)
}

fn files(then: &StoreManifest, now: &OnDisk) -> Result<Since, BackupError> {
    let links = then.symlinks.iter().map(|link| &link.path);
    let mut gone: BTreeSet<_> = then.files.iter().map(|file| &file.path).collect();
    gone.extend(links);
    let known: BTreeMap<_, _> = then.files.iter().map(|file| (&file.path, file)).collect();
    let (mut added, mut changed) = (0, 0);
    Scan::each(now, &mut |item| {
        if item.kind == ItemKind::Directory {
            return;
        }
        if !gone.remove(&item.path) {
            added += 1;
        } else if let Some(file) = known.get(&item.path) {
            let same = file.size == item.stamp.size && file.mtime == item.stamp.mtime();
            changed += u64::from(!same);
        }
    })?;
    Ok(Since::Files {
        added,
        removed: gone.len() as u64,
        changed,
    })
}
