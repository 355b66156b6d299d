//! Undoing files by the `.down.sql` beside them.
//!
//! Each way back is one transaction together with the removal of the file's entry, so that both happen or neither. One that
//! can be in no transaction has only statements that may be carried out twice, and its entry goes at the end: an attempt that
//! was cut off is repeated from its beginning.

use portcullis_migration::{Migration, MigrationSet};

use super::apply::failed;
use super::database::{DatabaseKind, MigrationDatabase};
use super::error::MigrationError;
use super::ledger;
use super::postgres::PostgresSession;
use super::session::{Session, settled};
use super::sqlite::SqliteSession;
use super::watched::Watched;
use crate::LockWatch;
use crate::clock::Stopwatch;

/// Undoes those files of a set that are applied, or half way, the last one first. Gives the names of the files that did it,
/// with how long each took in milliseconds.
///
/// # Errors
/// Whatever keeps it from undoing all of them. What was undone before stays undone, and the ledger says so.
pub(super) async fn reverse_migrations(
    database: &MigrationDatabase,
    set: &MigrationSet,
    bounds: (u64, u64),
    locks: Option<&LockWatch>,
) -> Result<Vec<(String, u64)>, MigrationError> {
    match &database.kind {
        DatabaseKind::Postgres(options) => {
            let session = PostgresSession::to_change(options, database, bounds).await?;
            watched(session, set, locks).await
        }
        DatabaseKind::Sqlite(path) => {
            let session = SqliteSession::to_change(path, database, bounds).await?;
            watched(session, set, locks).await
        }
    }
}

async fn watched<S: Session>(
    session: S,
    set: &MigrationSet,
    locks: Option<&LockWatch>,
) -> Result<Vec<(String, u64)>, MigrationError> {
    match locks {
        None => all(session, set).await,
        Some(locks) => all(Watched::new(session, locks), set).await,
    }
}

async fn all<S: Session>(
    mut session: S,
    set: &MigrationSet,
) -> Result<Vec<(String, u64)>, MigrationError> {
    let outcome = each(&mut session, set).await;
    session.close().await;
    outcome
}

async fn each<S: Session>(
    session: &mut S,
    set: &MigrationSet,
) -> Result<Vec<(String, u64)>, MigrationError> {
    let entries = session.entries().await;
    let entries = entries.map_err(MigrationError::ledger("read the ledger"))?;
    let entries = entries.unwrap_or_default();
    let is_entered = |migration: &&Migration| {
        let mut entries = entries.iter();
        entries.any(|entry| entry.version == migration.version)
    };
    let mut undone = Vec::new();
    if !set
        .migrations
        .iter()
        .any(|migration| is_entered(&migration))
    {
        return Ok(undone);
    }
    let made = session.make_reversals().await;
    made.map_err(MigrationError::ledger(
        "make the table portcullis_migrations_reversed",
    ))?;
    for migration in set.migrations.iter().rev().filter(is_entered) {
        let Some(reverse) = &migration.reverse else {
            let file = migration.file.clone();
            return Err(MigrationError::NoWayBack { file });
        };
        let watch = Stopwatch::start();
        one(session, migration, reverse).await?;
        undone.push((reverse.file.clone(), watch.elapsed_ms()));
    }
    Ok(undone)
}

async fn one<S: Session>(
    session: &mut S,
    migration: &Migration,
    reverse: &Migration,
) -> Result<(), MigrationError> {
    if !reverse.in_transaction {
        for statement in &reverse.statements {
            let ran = session.run(&statement.text).await;
            ran.map_err(|error| failed(reverse, statement, &error, None))?;
        }
        let reset = session.reset().await;
        reset.map_err(MigrationError::ledger("take back the settings of the file"))?;
    }
    let begun = session.begin().await;
    begun.map_err(MigrationError::ledger("begin a transaction"))?;
    let outcome = statements_and_entry(session, migration, reverse).await;
    settled(session, outcome).await
}

async fn statements_and_entry<S: Session>(
    session: &mut S,
    migration: &Migration,
    reverse: &Migration,
) -> Result<(), MigrationError> {
    if reverse.in_transaction {
        for statement in &reverse.statements {
            let ran = session.run(&statement.text).await;
            ran.map_err(|error| failed(reverse, statement, &error, None))?;
        }
        let reset = session.reset().await;
        reset.map_err(MigrationError::ledger("take back the settings of the file"))?;
    }
    let noted = ledger::reversed(session, migration, reverse).await;
    noted.map_err(MigrationError::ledger("take the file out of the ledger"))
}
