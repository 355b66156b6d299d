//! One number out of a database, which is only ever read.
//!
//! PostgreSQL is asked in a transaction that is read-only from its beginning, by one prepared statement in which the query
//! is a subquery: so it can be nothing but a query, and neither a second statement, which could leave the transaction, nor
//! a `COPY`, which could run a program. What functions do that a query calls is for the rights of the user to bound.
//! SQLite opens the file for reading only. Both end a query whose time is over.

use std::path::Path;
use std::str::FromStr;

use futures::{Stream, TryStreamExt};
use portcullis_rollout::FigureOrder;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ColumnIndex, Connection, Database, Decode, Executor, Row, Type};
use sqlx::{TypeInfo, ValueRef};

use super::{Missing, first_line, shortened};
use crate::clock::Stopwatch;
use crate::resolve_secret;

/// How many steps of SQLite's machine lie between two looks at the time: a look for about each millisecond.
const PROGRESS_STEPS: i32 = 100_000;

pub(super) async fn read(database: &str, query: &str, order: &FigureOrder) -> Result<f64, Missing> {
    // A path has no secret in it, and would be read as a reference.
    if let Some(path) = database.strip_prefix("sqlite:") {
        return sqlite(&order.folder.join(path), query, order.timeout_ms).await;
    }
    let resolved = resolve_secret(database, &order.folder).await;
    let resolved = resolved.map_err(|error| crate::causes::with_causes(&error))?;
    match resolved.expose_secret().strip_prefix("sqlite:") {
        Some(path) => sqlite(&order.folder.join(path), query, order.timeout_ms).await,
        None => {
            supported(resolved.expose_secret())?;
            postgres(resolved.expose_secret(), query, order.timeout_ms).await
        }
    }
}

async fn sqlite(path: &Path, query: &str, timeout_ms: u64) -> Result<f64, Missing> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| format!("the database cannot be opened: {}", words(&error)))?;
    // Nobody else ends it when nobody waits for it any more: it runs on a thread of its own.
    let watch = Stopwatch::start();
    let mut handle = connection
        .lock_handle()
        .await
        .map_err(|error| words(&error))?;
    handle.set_progress_handler(PROGRESS_STEPS, move || watch.elapsed_ms() < timeout_ms);
    drop(handle);
    let rows = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch(&mut connection);
    let read = one_number(rows).await;
    let _ = connection.close().await;
    read
}

/// Whether a URL is one of a database that can be asked. The URL may have a password, so only its scheme is quoted.
fn supported(url: &str) -> Result<(), Missing> {
    const SUPPORTED: &str =
        "a figure is read from PostgreSQL (postgres://...) or SQLite (sqlite:PATH)";
    let is_scheme = |text: &&str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
    };
    match url
        .split_once("://")
        .map(|(scheme, _)| scheme)
        .filter(is_scheme)
    {
        Some("postgres" | "postgresql") => Ok(()),
        Some(scheme) => Err(format!(
            "{SUPPORTED}, and this is a URL of {}; others are read with from = \"command\"",
            shortened(scheme)
        )),
        None => Err(format!("{SUPPORTED}, and this is no URL of either")),
    }
}

async fn postgres(url: &str, query: &str, timeout_ms: u64) -> Result<f64, Missing> {
    // The parser's words may quote the URL with its password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| "the database's URL cannot be read; expected postgres://...".to_owned())?;
    let options = options.options([
        ("default_transaction_read_only", "on".to_owned()),
        // Also when we are gone, the server ends it.
        ("statement_timeout", timeout_ms.to_string()),
    ]);
    let mut connection = PgConnection::connect_with(&options)
        .await
        .map_err(|error| format!("the database cannot be reached: {}", words(&error)))?;
    let begun = connection.execute("BEGIN TRANSACTION READ ONLY").await;
    begun.map_err(|error| words(&error))?;
    // A subquery is a query and nothing else.
    let query = query.trim_end().trim_end_matches(';');
    let only = AssertSqlSafe(format!("SELECT * FROM (\n{query}\n) AS figure"));
    let read = one_number(sqlx::query(only).persistent(false).fetch(&mut connection)).await;
    let _ = connection.close().await;
    read
}

/// The one number among the rows of a query.
async fn one_number<R, D>(
    mut rows: impl Stream<Item = sqlx::Result<R>> + Unpin,
) -> Result<f64, Missing>
where
    R: Row<Database = D>,
    D: Database<Row = R>,
    for<'r> f64: Decode<'r, D> + Type<D>,
    for<'r> f32: Decode<'r, D> + Type<D>,
    for<'r> i64: Decode<'r, D> + Type<D>,
    for<'r> i32: Decode<'r, D> + Type<D>,
    for<'r> i16: Decode<'r, D> + Type<D>,
    for<'r> &'r str: Decode<'r, D> + Type<D>,
    usize: ColumnIndex<R>,
{
    let failed = |error: sqlx::Error| format!("the query failed: {}", words(&error));
    let Some(row) = rows.try_next().await.map_err(failed)? else {
        return Err("the query gives no rows".to_owned());
    };
    if rows.try_next().await.map_err(failed)?.is_some() {
        return Err("the query gives several rows instead of one".to_owned());
    }
    if row.len() != 1 {
        return Err(format!(
            "the query gives {} columns instead of one",
            row.len()
        ));
    }
    let value = row.try_get_raw(0).map_err(failed)?;
    if value.is_null() {
        return Err("the value is NULL".to_owned());
    }
    let kind = value.type_info().name().to_owned();
    let number = row
        .try_get::<f64, _>(0)
        .or_else(|_| row.try_get::<i64, _>(0).map(|number| number as f64))
        .or_else(|_| row.try_get::<i32, _>(0).map(f64::from))
        .or_else(|_| row.try_get::<i16, _>(0).map(f64::from))
        .or_else(|_| row.try_get::<f32, _>(0).map(f64::from));
    if let Ok(number) = number {
        return Ok(number);
    }
    match row.try_get::<&str, _>(0) {
        Ok(text) => Err(format!(
            "{:?} is a text and no number; cast it, for example with CAST(... AS double precision)",
            shortened(text)
        )),
        Err(_) => Err(format!(
            "the value is of type {kind}; cast it to a number, for example with CAST(... AS double precision)"
        )),
    }
}

/// What a database says, without what was sent to it.
fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => first_line(error.message()),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(_) => "TLS failed".to_owned(),
        other => first_line(&other.to_string()),
    }
}
