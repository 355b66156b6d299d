//! One number out of a database, which is only ever read.

use std::path::Path;
use std::str::FromStr;

use futures::TryStreamExt;
use portcullis_rollout::FigureOrder;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ColumnIndex, Connection, Database, Decode, Executor, Row, Type};
use sqlx::{TypeInfo, ValueRef};

use super::{Missing, shortened};
use crate::resolve_secret;

pub(super) async fn read(database: &str, query: &str, order: &FigureOrder) -> Result<f64, Missing> {
    // A path has no secret in it, and would be read as a reference.
    if let Some(path) = database.strip_prefix("sqlite:") {
        return sqlite(&order.folder.join(path), query).await;
    }
    let resolved = resolve_secret(database, &order.folder).await;
    let resolved = resolved.map_err(|error| crate::causes::with_causes(&error))?;
    match resolved.expose_secret().strip_prefix("sqlite:") {
        Some(path) => sqlite(&order.folder.join(path), query).await,
        None => postgres(resolved.expose_secret(), query, order.timeout_ms).await,
    }
}

async fn sqlite(path: &Path, query: &str) -> Result<f64, Missing> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| format!("the database cannot be opened: {}", words(&error)))?;
    let read = one_number(&mut connection, query).await;
    let _ = connection.close().await;
    read
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
    let read = one_number(&mut connection, query).await;
    let _ = connection.close().await;
    read
}

/// The one number of a query.
async fn one_number<'c, C, D>(connection: C, query: &str) -> Result<f64, Missing>
where
    C: Executor<'c, Database = D>,
    D: Database,
    for<'r> f64: Decode<'r, D> + Type<D>,
    for<'r> f32: Decode<'r, D> + Type<D>,
    for<'r> i64: Decode<'r, D> + Type<D>,
    for<'r> i32: Decode<'r, D> + Type<D>,
    for<'r> i16: Decode<'r, D> + Type<D>,
    for<'r> &'r str: Decode<'r, D> + Type<D>,
    usize: ColumnIndex<D::Row>,
{
    let failed = |error: sqlx::Error| format!("the query failed: {}", words(&error));
    let query = sqlx::raw_sql(AssertSqlSafe(query.to_owned()));
    let mut rows = connection.fetch(query);
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
    match row.try_get::<&str, _>(0).map(str::trim) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{:?} is a text and no number", shortened(text))),
        Err(_) => Err(format!(
            "the value is of type {kind}; cast it to a number, for example with CAST(... AS double precision)"
        )),
    }
}

/// What a database says, without what was sent to it.
fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => shortened(error.message()),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(_) => "TLS failed".to_owned(),
        other => shortened(&other.to_string()),
    }
}
