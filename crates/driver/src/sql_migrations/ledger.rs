//! The table that says what was applied.

use portcullis_migration::{Migration, Phase};
use sqlx::{ColumnIndex, Decode, Row, Type};

use super::session::{Session, Value};

/// The table's name, in the first schema of the search path.
pub(super) const TABLE: &str = "portcullis_migrations";

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) phase: Option<Phase>,
    /// When it was done, in RFC 3339; nothing while it is half way.
    pub(super) applied_at: Option<String>,
    pub(super) duration_ms: Option<i64>,
    pub(super) portcullis_version: String,
    pub(super) statements_done: usize,
    /// SHA-256 of the file through the last statement that is done.
    pub(super) done_sha256: String,
    /// The statement, from 0 on, that was sent and of which no end is recorded.
    pub(super) under_way: Option<usize>,
    pub(super) rows_changed: u64,
}

/// The columns of an entry, in the order in which they are read.
pub(super) const COLUMNS: &str = "version, name, sha256, phase, applied_at, duration_ms, portcullis_version, \
                                  statements_done, done_sha256, under_way, rows_changed";

/// Reads an entry.
pub(super) fn entry<R>(row: &R) -> Result<Entry, sqlx::Error>
where
    R: Row,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'c> &'c str: ColumnIndex<R>,
{
    let number = |column: &str| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    let phase: String = row.try_get("phase")?;
    let under_way: Option<i64> = row.try_get("under_way")?;
    Ok(Entry {
        version: number("version")?,
        name: row.try_get("name")?,
        sha256: row.try_get("sha256")?,
        phase: phase.parse::<Phase>().ok(),
        applied_at: row.try_get("applied_at")?,
        duration_ms: row.try_get("duration_ms")?,
        portcullis_version: row.try_get("portcullis_version")?,
        statements_done: number("statements_done")? as usize,
        done_sha256: row.try_get("done_sha256")?,
        under_way: under_way.map(|at| at.unsigned_abs() as usize),
        rows_changed: number("rows_changed")?,
    })
}

fn number(value: u64) -> Value {
    Value::Number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Enters a file as begun, with nothing done.
pub(super) async fn begin<S: Session>(
    session: &mut S,
    migration: &Migration,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO TABLE (version, name, sha256, phase, started_at, portcullis_version, statements_done, done_sha256, \
               rows_changed) VALUES ($1, $2, $3, $4, NOW, $5, 0, $6, 0)";
    let values = vec![
        number(migration.version),
        Value::Text(migration.file.clone()),
        Value::Text(migration.sha256.clone()),
        Value::Text(migration.phase.word().to_owned()),
        Value::Text(env!("CARGO_PKG_VERSION").to_owned()),
        Value::Text(migration.sha256_through(0)),
    ];
    session.write(sql, values).await
}

/// Notes which statement is sent now, or that it is known to have failed.
pub(super) async fn under_way<S: Session>(
    session: &mut S,
    migration: &Migration,
    statement: Option<usize>,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE TABLE SET under_way = $2 WHERE version = $1";
    let statement = statement.map_or(Value::Nothing, |at| number(at as u64));
    let values = vec![number(migration.version), statement];
    session.write(sql, values).await
}

/// Notes that the first `done` statements are carried out, and `rows` more rows are changed.
pub(super) async fn done<S: Session>(
    session: &mut S,
    migration: &Migration,
    done: usize,
    rows: u64,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE TABLE SET statements_done = $2, done_sha256 = $3, rows_changed = rows_changed + $4, under_way = NULL \
               WHERE version = $1";
    let values = vec![
        number(migration.version),
        number(done as u64),
        Value::Text(migration.sha256_through(done)),
        number(rows),
    ];
    session.write(sql, values).await
}

/// Notes that the file is applied.
pub(super) async fn finish<S: Session>(
    session: &mut S,
    migration: &Migration,
    duration_ms: u64,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE TABLE SET name = $2, sha256 = $3, applied_at = NOW, duration_ms = $4, under_way = NULL \
               WHERE version = $1";
    let values = vec![
        number(migration.version),
        Value::Text(migration.file.clone()),
        Value::Text(migration.sha256.clone()),
        number(duration_ms),
    ];
    session.write(sql, values).await
}

/// Takes a file out of the ledger, and notes that it was undone: it can be applied again.
pub(super) async fn reversed<S: Session>(
    session: &mut S,
    migration: &Migration,
    reverse: &Migration,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO TABLE_reversed (version, name, sha256, applied_at, reversed_at, reverse_sha256, portcullis_version) \
               SELECT version, name, sha256, applied_at, NOW, $2, $3 FROM TABLE WHERE version = $1";
    let values = vec![
        number(migration.version),
        Value::Text(reverse.sha256.clone()),
        Value::Text(env!("CARGO_PKG_VERSION").to_owned()),
    ];
    session.write(sql, values).await?;
    let sql = "DELETE FROM TABLE WHERE version = $1";
    session.write(sql, vec![number(migration.version)]).await
}
