//! Whether a restored copy holds what its backup says: the store's own checks, and what is in it counted.
//!
//! A restore has read back what it wrote already. This looks at the copy with the store's own means, as its
//! program will: SQLite checks a database page by page and reads every row, and PostgreSQL reads every row of a database
//! whose indexes and constraints it has just made anew, and page by page by `pg_amcheck` where that can be run.

use crate::store::Held;
use crate::{BackupError, Store, StoreKind, StoreManifest, chroma, sqlite, store_digest};

/// What was found in a copy that is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyExamined {
    /// The digest of its content, equal to that of the backup.
    pub digest: String,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many tables and rows it has, if it is a database; each table has as many rows as in the backup.
    pub rows: Option<(u64, u64)>,
    /// The checks that were made, in words.
    pub checks: Vec<String>,
}

/// Looks whether a restored copy is in order and holds what the manifest of its backup says. The copy is only
/// read; nothing else may use it meanwhile.
///
/// # Errors
/// [`BackupError::DatabaseDamaged`] if the store's own check finds damage;
/// [`BackupError::RestoredDiffers`] if it holds something else than the backup;
/// [`BackupError::KindDiffers`] if it is of another kind, and the errors of [`store_digest`].
pub fn examine_copy(copy: &Store, manifest: &StoreManifest) -> Result<CopyExamined, BackupError> {
    if copy.kind() != manifest.kind {
        return Err(BackupError::KindDiffers {
            store: copy.name.clone(),
            expected: manifest.kind,
            found: copy.kind(),
        });
    }
    let (digest, rows, checks) = match copy.held() {
        Held::Disk(on_disk) if manifest.kind == StoreKind::Chroma => {
            let checked = chroma::check_copy(&on_disk)?;
            compare_rows(manifest, &checked.content)?;
            let tables = &checked.content.tables;
            let rows = tables.iter().map(|table| table.rows).sum();
            let checks = vec![
                "PRAGMA integrity_check".to_owned(),
                "rows of each table".to_owned(),
                "files of each index: sizes and SHA-256".to_owned(),
            ];
            (checked.digest, Some((tables.len() as u64, rows)), checks)
        }
        Held::Disk(on_disk) if manifest.sqlite.is_some() => {
            let content = sqlite::check_copy(&on_disk)?;
            compare_rows(manifest, &content)?;
            let rows = content.tables.iter().map(|table| table.rows).sum();
            let checks = vec![
                "PRAGMA integrity_check".to_owned(),
                "rows of each table".to_owned(),
                "content: SHA-256".to_owned(),
            ];
            let tables = content.tables.len() as u64;
            (content.digest(), Some((tables, rows)), checks)
        }
        Held::Disk(_) => {
            let digest = store_digest(copy)?;
            (
                digest,
                None,
                vec!["every file read back: SHA-256".to_owned()],
            )
        }
        Held::Server(remote) => {
            let found = remote.examine_copy(manifest)?;
            (found.digest, found.rows, found.checks)
        }
    };
    if digest != manifest.digest {
        return Err(BackupError::RestoredDiffers {
            path: copy.name.clone(),
            expected: manifest.digest.clone(),
            found: digest,
        });
    }
    Ok(CopyExamined {
        digest,
        files: manifest.files.len() as u64,
        bytes: manifest.bytes(),
        rows,
        checks,
    })
}

/// Each table has as many rows as in the backup: said by name, since a digest tells nobody what is missing.
fn compare_rows(manifest: &StoreManifest, found: &crate::SqliteContent) -> Result<(), BackupError> {
    let Some(wanted) = &manifest.sqlite else {
        return Ok(());
    };
    for table in &wanted.tables {
        let same = found.tables.iter().find(|other| other.name == table.name);
        let rows = same.map(|other| other.rows);
        if rows != Some(table.rows) {
            let found =
                rows.map_or_else(|| "no such table".to_owned(), |rows| format!("{rows} rows"));
            return Err(BackupError::RestoredDiffers {
                path: format!("{}, table {}", manifest.name, table.name),
                expected: format!("{} rows", table.rows),
                found,
            });
        }
    }
    Ok(())
}
