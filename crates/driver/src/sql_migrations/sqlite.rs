//! SQLite's side: the connection, and a lock on a file beside the database.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_migration::ConcurrentIndex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::database::MigrationDatabase;
use super::error::MigrationError;
use super::ledger::{COLUMNS, Entry, TABLE, entry};
use super::session::{IndexState, Session, Value};
use crate::clock::Stopwatch;

/// How many steps of SQLite's machine lie between two looks at the time: a look for about each millisecond.
const PROGRESS_STEPS: i32 = 100_000;

/// A connection to a SQLite file.
pub(super) struct SqliteSession {
    connection: SqliteConnection,
    /// Zero means that nothing ends a statement.
    statement_timeout_ms: u64,
    /// Held until the connection is closed. A transaction alone would not do: some statements take none.
    _lock: Option<File>,
}

impl SqliteSession {
    /// A connection that holds the lock, with the bounds on waiting and running, in milliseconds.
    pub(super) async fn to_change(
        path: &Path,
        database: &MigrationDatabase,
        (lock_timeout_ms, statement_timeout_ms): (u64, u64),
    ) -> Result<SqliteSession, MigrationError> {
        let lock = lock(path, database)?;
        // SQLite keeps the time in 31 bits, and takes zero for not waiting at all.
        let wait = match lock_timeout_ms {
            0 => Duration::from_millis(i32::MAX as u64),
            some => Duration::from_millis(some),
        };
        let options = options(path).busy_timeout(wait);
        let mut session = SqliteSession::open(options, database).await?;
        session.statement_timeout_ms = statement_timeout_ms;
        session._lock = Some(lock);
        Ok(session)
    }

    /// A connection that changes nothing.
    pub(super) async fn to_look(
        path: &Path,
        database: &MigrationDatabase,
    ) -> Result<SqliteSession, MigrationError> {
        SqliteSession::open(options(path).read_only(true), database).await
    }

    async fn open(
        options: SqliteConnectOptions,
        database: &MigrationDatabase,
    ) -> Result<SqliteSession, MigrationError> {
        let connection = SqliteConnection::connect_with(&options).await;
        Ok(SqliteSession {
            connection: connection.map_err(|source| MigrationError::Unreachable {
                place: database.to_string(),
                source,
            })?,
            statement_timeout_ms: 0,
            _lock: None,
        })
    }

    /// Lets SQLite end what runs longer than it may.
    async fn bound(&mut self) -> Result<(), sqlx::Error> {
        if self.statement_timeout_ms == 0 {
            return Ok(());
        }
        let (watch, limit) = (Stopwatch::start(), self.statement_timeout_ms);
        let mut handle = self.connection.lock_handle().await?;
        handle.set_progress_handler(PROGRESS_STEPS, move || watch.elapsed_ms() < limit);
        Ok(())
    }
}

/// A database that is there. Foreign keys are as SQLite has them when nobody asks: off, because making a table anew with them
/// on deletes the rows that refer to it.
fn options(path: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path);
    options.foreign_keys(false).disable_statement_logging()
}

fn lock(path: &Path, database: &MigrationDatabase) -> Result<File, MigrationError> {
    let unreachable = |source: std::io::Error| MigrationError::Unreachable {
        place: database.to_string(),
        source: sqlx::Error::Io(source),
    };
    // One database is one lock, whatever links lead to it.
    let real = std::fs::canonicalize(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            unreachable(std::io::Error::new(error.kind(), "there is no such file"))
        }
        _ => unreachable(error),
    })?;
    if !real.is_file() {
        return Err(unreachable(std::io::Error::other("it is not a file")));
    }
    let mut name = real.into_os_string();
    name.push(".migrate-lock");
    let options = File::options()
        .create(true)
        .append(true)
        .open(PathBuf::from(name));
    let file = options.map_err(unreachable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(MigrationError::Busy {
            place: database.to_string(),
            holder: None,
        }),
        Err(TryLockError::Error(error)) => Err(unreachable(error)),
    }
}

/// Whether a statement asks for rows that refer to nothing, which SQLite gives as rows and not as a failure: of all
/// databases, of one that is named, or of one table.
fn checks_foreign_keys(statement: &str) -> bool {
    let words = statement.trim_start().to_ascii_lowercase();
    let Some(asked) = words.strip_prefix("pragma").map(str::trim_start) else {
        return false;
    };
    let pragma = asked.split(['(', ';', '=']).next().unwrap_or_default();
    pragma
        .trim_end()
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .trim()
        == "foreign_key_check"
}

impl Session for SqliteSession {
    async fn make_ledger(&mut self) -> Result<(), sqlx::Error> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS main.{TABLE} (version INTEGER PRIMARY KEY, name TEXT NOT NULL, \
             sha256 TEXT NOT NULL, phase TEXT NOT NULL, started_at TEXT NOT NULL, applied_at TEXT, duration_ms INTEGER, \
             portcullis_version TEXT NOT NULL, statements_done INTEGER NOT NULL, done_sha256 TEXT NOT NULL, \
             under_way INTEGER, rows_changed INTEGER NOT NULL)"
        );
        self.run(&sql).await.map(drop)
    }

    async fn make_reversals(&mut self) -> Result<(), sqlx::Error> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS main.{TABLE}_reversed (version INTEGER NOT NULL, name TEXT NOT NULL, \
             sha256 TEXT NOT NULL, applied_at TEXT, reversed_at TEXT NOT NULL, reverse_sha256 TEXT NOT NULL, \
             portcullis_version TEXT NOT NULL)"
        );
        self.run(&sql).await.map(drop)
    }

    async fn reversals(&mut self) -> Result<Vec<(u64, String)>, sqlx::Error> {
        let there = "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = $1";
        let there = sqlx::query_scalar::<_, i64>(there).bind(format!("{TABLE}_reversed"));
        if there.fetch_one(&mut self.connection).await? == 0 {
            return Ok(Vec::new());
        }
        let sql =
            format!("SELECT version, max(reversed_at) FROM main.{TABLE}_reversed GROUP BY version");
        let rows: Vec<(i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut self.connection)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(version, at)| (version.unsigned_abs(), at))
            .collect())
    }

    async fn entries(&mut self) -> Result<Option<Vec<Entry>>, sqlx::Error> {
        let there = "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = $1";
        let there = sqlx::query_scalar::<_, i64>(there).bind(TABLE);
        if there.fetch_one(&mut self.connection).await? == 0 {
            return Ok(None);
        }
        let sql = format!("SELECT {COLUMNS} FROM main.{TABLE} ORDER BY version");
        let rows = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        let rows = rows.fetch_all(&mut self.connection).await?;
        rows.iter().map(entry).collect::<Result<_, _>>().map(Some)
    }

    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        // The right to write at once: one that is asked for later may be refused in the middle.
        self.run("BEGIN IMMEDIATE").await.map(drop)
    }

    async fn end(&mut self, keep: bool) -> Result<(), sqlx::Error> {
        let sql = if keep { "COMMIT" } else { "ROLLBACK" };
        self.run(sql).await.map(drop)
    }

    async fn run(&mut self, statement: &str) -> Result<u64, sqlx::Error> {
        self.bound().await?;
        let sql = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        if checks_foreign_keys(statement) {
            let broken = sql.fetch_all(&mut self.connection).await?;
            return match broken.len() {
                0 => Ok(0),
                count => Err(sqlx::Error::Protocol(format!(
                    "{count} rows refer to rows that are not there"
                ))),
            };
        }
        Ok(sql.execute(&mut self.connection).await?.rows_affected())
    }

    async fn write(&mut self, sql: &str, values: Vec<Value>) -> Result<(), sqlx::Error> {
        let sql = sql.replace("TABLE", &format!("main.{TABLE}"));
        let sql = sql.replace("NOW", "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for value in values {
            query = match value {
                Value::Number(number) => query.bind(number),
                Value::Nothing => query.bind(None::<i64>),
                Value::Text(text) => query.bind(text),
            };
        }
        query.execute(&mut self.connection).await.map(drop)
    }

    async fn reset(&mut self) -> Result<(), sqlx::Error> {
        // What a PRAGMA has set ends with the connection; inside a transaction it could not be taken back.
        Ok(())
    }

    async fn invalid_indexes(&mut self) -> Result<Vec<String>, sqlx::Error> {
        Ok(Vec::new())
    }

    async fn index_state(&mut self, _index: &ConcurrentIndex) -> Result<IndexState, sqlx::Error> {
        Ok(IndexState::Absent)
    }

    async fn close(self) {
        // The lock goes after the connection.
        let _ = self.connection.close().await;
    }
}
