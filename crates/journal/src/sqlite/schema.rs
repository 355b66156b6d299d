//! The tables, and bringing an older file up to date.
//!
//! A step in [`STEPS`] is never edited after a release: a change is a new step at the end. The
//! table `schema_version` has one row, the number of steps that were applied.

use std::path::Path;

use sqlx::{Connection, SqliteConnection};

use super::file::storage;
use crate::JournalError;

/// What each schema version adds; version n is the first n steps.
const STEPS: &[&[&str]] = &[&[
    "CREATE TABLE leases (
        scope TEXT NOT NULL PRIMARY KEY,
        epoch INTEGER NOT NULL CHECK (epoch >= 1),
        holder TEXT,
        expires_ms INTEGER NOT NULL CHECK (expires_ms >= 0)
    ) STRICT",
    "CREATE TABLE entries (
        scope TEXT NOT NULL REFERENCES leases (scope),
        seq INTEGER NOT NULL CHECK (seq >= 1),
        epoch INTEGER NOT NULL CHECK (epoch >= 1),
        at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
        written_by TEXT NOT NULL,
        body TEXT NOT NULL,
        prev_hash TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (scope, seq)
    ) STRICT",
]];

/// Applies the missing steps in one transaction.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), JournalError> {
    let failed = |source: sqlx::Error| storage(path, "bring the schema up to date", source);
    // Immediate: of two processes that open a new file at once, the second waits and finds it done.
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(failed)?;
    let version = match found_version(&mut transaction, path).await? {
        Some(version) => version,
        None => {
            for statement in [
                "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT",
                "INSERT INTO schema_version (version) VALUES (0)",
            ] {
                sqlx::query(statement)
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed)?;
            }
            0
        }
    };
    for (step, statements) in STEPS.iter().enumerate().skip(version) {
        for statement in *statements {
            sqlx::query(*statement)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        sqlx::query("UPDATE schema_version SET version = $1")
            .bind(i64::try_from(step + 1).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// Makes sure that a file opened for reading has the schema of this program.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), JournalError> {
    match found_version(connection, path).await? {
        Some(version) if version == STEPS.len() => Ok(()),
        Some(version) => Err(not_a_journal(
            path,
            format!(
                "its schema has version {version} and this program reads version {}; \
                 open it for writing once to bring it up to date",
                STEPS.len()
            ),
        )),
        None => Err(not_a_journal(
            path,
            "it is empty; expected one that was in use".to_owned(),
        )),
    }
}

/// Whether the database has no tables at all.
pub(super) async fn is_empty(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<bool, JournalError> {
    Ok(found_version(connection, path).await?.is_none())
}

/// The version of the file, or None if it is an empty database.
async fn found_version(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Option<usize>, JournalError> {
    let failed = |source: sqlx::Error| storage(path, "read the schema version", source);
    let tables: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
    if !tables.iter().any(|(name,)| name == "schema_version") {
        let Some((other,)) = tables.first() else {
            return Ok(None);
        };
        let why = format!("it has a table {other:?} and no table \"schema_version\"");
        return Err(not_a_journal(path, why));
    }
    let version: Option<(i64,)> = sqlx::query_as("SELECT version FROM schema_version")
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    let found = version.and_then(|(version,)| usize::try_from(version).ok());
    match found {
        Some(version) if version <= STEPS.len() => Ok(Some(version)),
        Some(version) => Err(JournalError::SchemaTooNew {
            path: path.display().to_string(),
            found: version as u64,
            known: STEPS.len() as u64,
        }),
        None => {
            let why = "its table \"schema_version\" has no version in it".to_owned();
            Err(not_a_journal(path, why))
        }
    }
}

fn not_a_journal(path: &Path, why: String) -> JournalError {
    JournalError::NotAJournal {
        path: path.display().to_string(),
        why,
    }
}
