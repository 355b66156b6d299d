//! Stores that have nothing in a backup, though they had something in an earlier one.
//!
//! A backup of a store that something emptied is as whole as any other, and becomes the newest that is verified; those with the
//! data go when their time is over. Nobody else sees it in time, so whoever makes a backup says it.

use std::fmt;

use super::{BackupState, Vault};
use crate::{BackupError, BackupName, Manifest, StoreManifest};

/// A store that has nothing in a backup, and had something before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// The name of the store.
    pub store: String,
    /// The newest earlier backup in which there is something of it.
    pub last: BackupName,
    /// Whether no backup lies between the two that has the store: then nobody has heard of it yet.
    pub is_new: bool,
}

impl fmt::Display for Emptied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, last, .. } = self;
        write!(
            f,
            "store {store} is empty in this backup, and was not in {last}: if nobody emptied it on purpose, keep that one with \
             `portcullis backup protect {last} --reason \"{store} was emptied\"` and find out why"
        )
    }
}

impl StoreManifest {
    /// Whether there is nothing in it that anybody would miss: no bytes in its files, no rows in its tables (but for those that
    /// Portcullis notes there itself), no keys.
    #[must_use]
    pub fn holds_nothing(&self) -> bool {
        let rowless = |tables: &[crate::TableEntry]| {
            let mut theirs = tables
                .iter()
                .filter(|table| !crate::outline::is_ours(&table.name));
            theirs.all(|table| table.rows == 0)
        };
        if let Some(content) = &self.postgres {
            return rowless(&content.tables) && content.large_objects == 0;
        }
        if let Some(content) = &self.redis {
            return content.keys() == 0;
        }
        match &self.sqlite {
            // Chroma always has rows about itself in its database.
            Some(content) if self.kind == crate::StoreKind::Chroma => {
                crate::chroma::has_no_records(&content.tables)
            }
            Some(content) => rowless(&content.tables),
            None => self.bytes() == 0,
        }
    }
}

impl Vault {
    /// The stores of a backup that have nothing in it and had something in an earlier one of the same service and environment
    /// that is complete and can be read. Other backups are only looked at if there is such a store.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the vault cannot be read.
    pub fn emptied(&self, manifest: &Manifest) -> Result<Vec<Emptied>, BackupError> {
        let mut empty: Vec<&str> = manifest
            .stores
            .iter()
            .filter(|store| store.holds_nothing())
            .map(|store| store.name.as_str())
            .collect();
        if empty.is_empty() {
            return Ok(Vec::new());
        }
        let earlier = self.list()?.into_iter().filter(|other| {
            other.name.service() == manifest.service
                && other.name.environment() == manifest.environment
                && other.created_at < manifest.name.created_at()
                && matches!(other.state, BackupState::Complete { .. })
        });
        let mut emptied = Vec::new();
        let mut seen = Vec::new();
        for other in earlier {
            let Ok(then) = self.manifest(&other.name) else {
                continue;
            };
            empty.retain(|name| {
                let Some(store) = then.store(name) else {
                    return true;
                };
                if store.holds_nothing() {
                    seen.push((*name).to_owned());
                    return true;
                }
                emptied.push(Emptied {
                    store: (*name).to_owned(),
                    last: other.name.clone(),
                    is_new: !seen.iter().any(|one| one == name),
                });
                false
            });
            if empty.is_empty() {
                break;
            }
        }
        Ok(emptied)
    }
}
