//! Whether a store can be put back, or a copy of it be made, looked at while nothing is touched.
//!
//! Several stores are put back one after another, and no step swaps all of them at once. So whoever puts several back asks for
//! each of them first: what is in the way of the last one shall be known before the first one is swapped.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::Vault;
use super::restore::{exists, failed};
use crate::durable::folder_of;
use crate::on_disk::OnDisk;
use crate::remote::InBackup;
use crate::scan::location;
use crate::store::Held;
use crate::{BackupError, BackupName, Store, StoreKind, chroma, sqlite};

impl Vault {
    /// Whether [`Vault::restore_in_place`] could begin, as far as that can be told while nothing is changed: the backup has the
    /// store, of the same kind; what is at its place now can be replaced and is not in use; server, tool and rights are there.
    /// That the backup reads back is not looked at.
    ///
    /// # Errors
    /// [`BackupError::UnknownStore`] and [`BackupError::KindDiffers`]; [`BackupError::StoreRefused`] if a link or a thing of
    /// another kind is at its place; [`BackupError::StoreInUse`]; [`BackupError::Target`] if its folder cannot be written to;
    /// and those of the store's kind, with what is missing.
    pub fn can_be_put_back(&self, name: &BackupName, store: &Store) -> Result<(), BackupError> {
        let wanted = &self.wanted(name, store)?;
        match store.held() {
            Held::Disk(on_disk) => place_is_ready(store, &on_disk),
            Held::Server(remote) => remote.can_be_replaced(&InBackup {
                vault: self,
                name,
                wanted,
                turn: None,
            }),
        }
    }

    /// Whether nothing is at the place to which [`Vault::restore`] would write a copy.
    ///
    /// # Errors
    /// [`BackupError::TargetExists`] if something is, or lies there as the log of a database would; [`BackupError::Target`] if
    /// that cannot be seen; those of [`Vault::manifest`].
    pub fn is_free_for(
        &self,
        name: &BackupName,
        store_name: &str,
        to: &Path,
    ) -> Result<(), BackupError> {
        let manifest = self.manifest(name)?;
        let to: PathBuf = to.components().collect();
        let mut paths = Vec::new();
        if manifest
            .store(store_name)
            .is_some_and(|held| held.kind == StoreKind::Sqlite)
        {
            paths.extend(sqlite::all_beside(&to));
        }
        paths.insert(0, to);
        for path in paths {
            if exists(&path)? {
                return Err(BackupError::TargetExists { path });
            }
        }
        Ok(())
    }
}

/// Whether what is at the place of a store can be replaced. A store that is missing is made, with the folders above it.
fn place_is_ready(store: &Store, on_disk: &OnDisk) -> Result<(), BackupError> {
    let live = location(on_disk);
    if exists(&live)? {
        // Refuses a link, and a thing of another kind.
        store.size()?;
        match store.kind() {
            StoreKind::Sqlite => sqlite::unopened(on_disk, &[])?,
            StoreKind::Chroma => chroma::unopened(on_disk)?,
            _ => {}
        }
    }
    let mut folder = folder_of(&live);
    while !exists(folder)? {
        folder = folder_of(folder);
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| failed("write to the folder", folder, error.into()))
}

#[cfg(test)]
mod tests;
