//! Stores that have nothing in a backup, though they had something in an earlier one.
//!
//! A backup of a store that something emptied is as whole as any other, and becomes the newest that is verified; those with the
//! data go when their time is over. Nobody else sees it in time, so whoever makes a backup says it.
//!
//! Empty is what has no byte, row or key of its program. Rows that tools of migrations and SQLite itself keep about a database
//! are not its program's. A program that writes `{}` into a file with nothing in it is not seen through.

use std::fmt;

use super::{BackupState, Vault};
use crate::bounds::EMPTIED_LOOKED_AT;
use crate::{
    BackupError, BackupName, Manifest, StoreKind, StoreManifest, TableEntry, chroma, outline,
};

/// Tables that SQLite keeps, and those in which tools of migrations note what they did.
const BOOKKEEPING: [&str; 21] = [
    "sqlite_sequence",
    "__efmigrationshistory",
    "alembic_version",
    "_sqlx_migrations",
    "__diesel_schema_migrations",
    "refinery_schema_history",
    "seaql_migrations",
    "flyway_schema_history",
    "databasechangelog",
    "databasechangeloglock",
    "schema_migrations",
    "ar_internal_metadata",
    "django_migrations",
    "_prisma_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "sequelizemeta",
    "typeorm_metadata",
    "goose_db_version",
    "gorp_migrations",
    "atlas_schema_revisions",
];

/// How the tables end that SQLite's text searches and spatial indexes keep, of which all are there: the first of them are never
/// empty, and one of the others has a row for each of their program's.
const SHADOWS: [(&[&str], &[&str]); 3] = [
    (&["_data", "_idx", "_config"], &["_docsize", "_content"]),
    (&["_segments", "_segdir"], &["_docsize", "_content"]),
    (&["_node", "_parent"], &["_rowid"]),
];

/// A store that has nothing in a backup, and had something before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// The name of the store.
    pub store: String,
    /// The newest earlier backup in which there is something of it.
    pub last: BackupName,
}

impl fmt::Display for Emptied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, last } = self;
        write!(
            f,
            "store {store} is empty in this backup, and was not in {last}: if nobody emptied it on purpose, keep that one with \
             `portcullis backup protect {last} --reason \"{store} was emptied\"` and find out why"
        )
    }
}

impl StoreManifest {
    /// Whether there is nothing in it that anybody would miss: no bytes in its files, no rows in the tables of its program, no
    /// keys.
    #[must_use]
    pub fn holds_nothing(&self) -> bool {
        if let Some(content) = &self.postgres {
            let mut full = content.tables.iter().filter(|table| table.rows > 0);
            return full.all(|table| is_bookkeeping(&table.name)) && content.large_objects == 0;
        }
        if let Some(content) = &self.redis {
            return content.keys() == 0;
        }
        match &self.sqlite {
            // Chroma always has rows about itself in its database.
            Some(content) if self.kind == StoreKind::Chroma => {
                chroma::has_no_records(&content.tables)
            }
            Some(content) => has_no_rows(&content.tables),
            None => self.bytes() == 0,
        }
    }
}

/// Whether the tables of a program in an SQLite database have no row.
fn has_no_rows(tables: &[TableEntry]) -> bool {
    let mut full = tables.iter().filter(|table| table.rows > 0);
    full.all(|table| is_bookkeeping(&table.name) || is_shadow(&table.name, tables))
}

/// Whether the rows of a table are not its program's. Names of PostgreSQL have their schema in front.
fn is_bookkeeping(name: &str) -> bool {
    let bare = name.rsplit('.').next().unwrap_or(name);
    outline::is_ours(name)
        || BOOKKEEPING
            .iter()
            .any(|known| bare.trim_matches('"').eq_ignore_ascii_case(known))
}

/// Whether a table is one that SQLite keeps for a text search or an index, whose rows are counted in another one.
fn is_shadow(name: &str, tables: &[TableEntry]) -> bool {
    SHADOWS.iter().any(|(kept, counted)| {
        let whose = kept.iter().find_map(|end| name.strip_suffix(end));
        whose.is_some_and(|whose| {
            let has = |end: &&str| {
                let beside = format!("{whose}{end}");
                tables.iter().any(|table| table.name == beside)
            };
            kept.iter().all(has) && counted.iter().any(has)
        })
    })
}

impl Vault {
    /// The stores of a backup that have nothing in it and had something in an earlier one of the same service and environment
    /// that is complete and can be read. Others are only looked at if there is such a store, the newest first, and at most
    /// so many that it takes no time that anybody notices.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the vault cannot be read.
    pub fn emptied(&self, manifest: &Manifest) -> Result<Vec<Emptied>, BackupError> {
        let empty = manifest.stores.iter().filter(|store| store.holds_nothing());
        let mut empty: Vec<&str> = empty.map(|store| store.name.as_str()).collect();
        let mut emptied = Vec::new();
        if empty.is_empty() {
            return Ok(emptied);
        }
        let earlier = self.names()?.into_iter().filter(|other| {
            other.service() == manifest.service
                && other.environment() == manifest.environment
                && other.created_at() < manifest.name.created_at()
        });
        for other in earlier.take(EMPTIED_LOOKED_AT) {
            let Ok(then) = self.manifest(&other) else {
                continue;
            };
            let had = |name: &&str| then.store(name).is_some_and(|store| !store.holds_nothing());
            if !empty.iter().any(had)
                || !matches!(
                    self.summary(other.clone()).state,
                    BackupState::Complete { .. }
                )
            {
                continue;
            }
            let (found, rest) = empty.into_iter().partition(had);
            empty = rest;
            emptied.extend(found.into_iter().map(|store: &str| Emptied {
                store: store.to_owned(),
                last: other.clone(),
            }));
            if empty.is_empty() {
                break;
            }
        }
        Ok(emptied)
    }
}
