//! The tables in the schema `portcullis`, and bringing older ones up to date.
//!
//! As in an SQLite file, a step in [`STEPS`] is never edited after a release, and `schema_version` has one
//! row, the number of steps that were applied.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::failure::Failure;
use crate::{JournalError, PostgresUrl};

/// What each schema version adds; version n is the first n steps. Scopes sort by their bytes, as in every
/// journal, whatever the database's collation.
const STEPS: &[&[&str]] = &[&[
    "CREATE TABLE portcullis.leases (
        scope TEXT COLLATE \"C\" NOT NULL PRIMARY KEY,
        epoch BIGINT NOT NULL CHECK (epoch >= 0),
        holder TEXT,
        expires_ms BIGINT NOT NULL CHECK (expires_ms >= 0)
    )",
    "CREATE TABLE portcullis.entries (
        scope TEXT COLLATE \"C\" NOT NULL REFERENCES portcullis.leases (scope),
        seq BIGINT NOT NULL CHECK (seq >= 1),
        epoch BIGINT NOT NULL CHECK (epoch >= 1),
        at_ms BIGINT NOT NULL CHECK (at_ms >= 0),
        written_by TEXT NOT NULL,
        body TEXT NOT NULL,
        prev_hash TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (scope, seq)
    )",
    "COMMENT ON COLUMN portcullis.leases.expires_ms IS
        'milliseconds since 1970-01-01 UTC by this server''s clock'",
]];

/// The advisory lock under which the schema is changed: the bytes of "portcull".
const SCHEMA_LOCK: i64 = i64::from_be_bytes(*b"portcull");

/// Checks that the server keeps what it acknowledges, and applies the missing steps in one transaction. Of
/// two engines that find an empty database at once, the second waits for the first and finds it done.
pub(super) async fn migrate(
    connection: &mut PgConnection,
    url: &PostgresUrl,
) -> Result<(), JournalError> {
    let failed = |source| Failure::of(url, "set up the schema", source).into_error();
    check_durable(connection, url).await?;
    if found_version(connection, url).await? == Some(STEPS.len()) {
        return Ok(());
    }
    let begun = connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    let mut transaction = begun.await.map_err(failed)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(SCHEMA_LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let version = match found_version(&mut transaction, url).await? {
        Some(version) => version,
        None => {
            for statement in [
                // Not needed if an administrator made the empty schema for us.
                "DO $$ BEGIN IF to_regnamespace('portcullis') IS NULL THEN \
                 CREATE SCHEMA portcullis; END IF; END $$",
                "CREATE TABLE portcullis.schema_version (version BIGINT NOT NULL)",
                "INSERT INTO portcullis.schema_version (version) VALUES (0)",
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
        sqlx::query("UPDATE portcullis.schema_version SET version = $1")
            .bind(i64::try_from(step + 1).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// Makes sure that a journal opened for reading has the schema of this program; false if there is none.
pub(super) async fn check(
    connection: &mut PgConnection,
    url: &PostgresUrl,
) -> Result<bool, JournalError> {
    match found_version(connection, url).await? {
        None => Ok(false),
        Some(version) if version == STEPS.len() => Ok(true),
        Some(version) => Err(not_a_journal(
            url,
            format!(
                "its schema has version {version} and this program reads version {}; \
                 open it for writing once to bring it up to date",
                STEPS.len()
            ),
        )),
    }
}

/// Refuses a server that is told to forget what it acknowledged, or that cannot hold every text.
async fn check_durable(
    connection: &mut PgConnection,
    url: &PostgresUrl,
) -> Result<(), JournalError> {
    const SELECT: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
        current_setting('server_encoding')";
    let (fsync, full_pages, encoding): (String, String, String) = sqlx::query_as(SELECT)
        .fetch_one(connection)
        .await
        .map_err(|source| Failure::of(url, "read the server's settings", source).into_error())?;
    let place = url.to_string();
    if fsync == "off" || full_pages == "off" {
        let setting = if fsync == "off" {
            "fsync"
        } else {
            "full_page_writes"
        };
        return Err(JournalError::NotDurable { place, setting });
    }
    if encoding != "UTF8" {
        let why = format!("the database's encoding is {encoding}; create one with encoding UTF8");
        return Err(not_a_journal(url, why));
    }
    Ok(())
}

/// The version of the schema, or None if it has no tables.
async fn found_version(
    connection: &mut PgConnection,
    url: &PostgresUrl,
) -> Result<Option<usize>, JournalError> {
    const TABLES: &str = "SELECT CAST(relname AS text) FROM pg_class \
        WHERE relnamespace = to_regnamespace('portcullis') AND relkind IN ('r', 'p', 'v', 'm', 'f') \
        ORDER BY 1";
    let failed = |source| Failure::of(url, "read the schema version", source).into_error();
    let tables: Vec<(String,)> = sqlx::query_as(TABLES)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    if !tables.iter().any(|(name,)| name == "schema_version") {
        let Some((other,)) = tables.first() else {
            return Ok(None);
        };
        let why = format!(
            "its schema \"portcullis\" has a table {other:?} and no table \"schema_version\""
        );
        return Err(not_a_journal(url, why));
    }
    let version: Option<(i64,)> = sqlx::query_as("SELECT version FROM portcullis.schema_version")
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    let found = version.and_then(|(version,)| usize::try_from(version).ok());
    match found {
        Some(version) if version <= STEPS.len() => Ok(Some(version)),
        Some(version) => Err(JournalError::SchemaTooNew {
            path: url.to_string(),
            found: version as u64,
            known: STEPS.len() as u64,
        }),
        None => {
            let why = "its table \"schema_version\" has no version in it".to_owned();
            Err(not_a_journal(url, why))
        }
    }
}

fn not_a_journal(url: &PostgresUrl, why: String) -> JournalError {
    JournalError::NotAJournal {
        path: url.to_string(),
        why,
    }
}
