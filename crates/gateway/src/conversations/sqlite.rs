//! Conversations in a file of this machine.
//!
//! A change is on the disk before the request that made it goes on: otherwise a placeholder that a model has already seen
//! could be given to another value after a power failure.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::keys::RecordName;
use super::{Record, Saved, StoreError, StoreUsage};
use crate::clock;

/// The layout of the file, in its `user_version`.
const LAYOUT: i64 = 1;
/// Connections to the file: SQLite writes with one at a time, and reads are short.
const CONNECTIONS_MAX: u32 = 4;
/// How long one waits for another's write.
const BUSY_MS: u64 = 5_000;
/// How many ended conversations one save takes away, so that none takes long.
const SWEEP: i64 = 16;

/// Conversations in an SQLite file that is readable by its owner only. Several processes may use it at the same time.
pub struct SqliteStore {
    path: PathBuf,
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, and makes it if it is missing; its folder must exist.
    ///
    /// # Errors
    ///
    /// It cannot be opened or made, is no database, or was made by a newer program.
    pub async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
        let failed = |source: sqlx::Error| failed(path, "opened", source);
        // SQLite would make it readable by everybody.
        let made = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path);
        made.map_err(|error| failed(sqlx::Error::Io(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "on")
            .busy_timeout(Duration::from_millis(BUSY_MS));
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX);
        let pool = pool.connect_with(options).await.map_err(failed)?;
        let store = SqliteStore {
            path: path.to_owned(),
            pool,
        };
        store.prepare().await?;
        Ok(store)
    }

    /// Makes the table, or finds that it is a newer one.
    async fn prepare(&self) -> Result<(), StoreError> {
        let failed = |source| failed(&self.path, "opened", source);
        let found: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        if found > LAYOUT {
            let path = self.path.clone();
            return Err(StoreError::TooNew {
                path,
                found,
                known: LAYOUT,
            });
        }
        let statements = "CREATE TABLE IF NOT EXISTS conversations (
                name BLOB PRIMARY KEY, version INTEGER NOT NULL, expires_ms INTEGER NOT NULL, sealed BLOB NOT NULL
            ) WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS conversations_by_end ON conversations (expires_ms);
            PRAGMA user_version = 1;";
        sqlx::raw_sql(statements)
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }

    pub(super) async fn get(
        &self,
        name: &RecordName,
        ttl_ms: u64,
    ) -> Result<Option<Record>, StoreError> {
        let failed = |source| failed(&self.path, "read", source);
        let now_ms = wall_ms();
        let row = sqlx::query("SELECT version, expires_ms, sealed FROM conversations WHERE name = ? AND expires_ms > ?")
            .bind(name.bytes())
            .bind(now_ms)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let version: i64 = row.try_get(0).map_err(failed)?;
        let expires_ms: i64 = row.try_get(1).map_err(failed)?;
        // A use keeps it, but not every use needs a write: one in an eighth of its time does.
        let ttl_ms = signed(ttl_ms);
        if expires_ms - now_ms < ttl_ms - ttl_ms / 8 {
            sqlx::query("UPDATE conversations SET expires_ms = ? WHERE name = ?")
                .bind(now_ms.saturating_add(ttl_ms))
                .bind(name.bytes())
                .execute(&self.pool)
                .await
                .map_err(failed)?;
        }
        Ok(Some(Record {
            content: row.try_get(2).map_err(failed)?,
            version: version.unsigned_abs(),
        }))
    }

    pub(super) async fn put(
        &self,
        name: &RecordName,
        sealed: &[u8],
        version: u64,
        ttl_ms: u64,
    ) -> Result<Saved, StoreError> {
        let failed = |source| failed(&self.path, "kept", source);
        let now_ms = wall_ms();
        let expires_ms = now_ms.saturating_add(signed(ttl_ms));
        let query = if version == 0 {
            sqlx::query(
                "INSERT INTO conversations (name, version, expires_ms, sealed) VALUES (?1, 1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET version = 1, expires_ms = ?2, sealed = ?3 WHERE expires_ms <= ?4",
            )
        } else {
            sqlx::query(
                "UPDATE conversations SET version = version + 1, expires_ms = ?2, sealed = ?3
                 WHERE name = ?1 AND expires_ms > ?4 AND version = ?5",
            )
        };
        let changed = query
            .bind(name.bytes())
            .bind(expires_ms)
            .bind(sealed)
            .bind(now_ms)
            .bind(signed(version))
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        if changed.rows_affected() == 0 {
            return Ok(Saved::Outdated);
        }
        self.sweep(now_ms).await?;
        Ok(Saved::As(version + 1))
    }

    /// Counts what is not over. The index has it, so it takes about a millisecond for a hundred thousand.
    pub(super) async fn usage(&self) -> Result<StoreUsage, StoreError> {
        let failed = |source| failed(&self.path, "read", source);
        let query = "SELECT (SELECT count(*) FROM conversations WHERE expires_ms > ?),
            (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size())";
        let row = sqlx::query(query)
            .bind(wall_ms())
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        let number = |place: usize| row.try_get::<i64, _>(place).map_err(failed);
        Ok(StoreUsage {
            records: Some(number(0)?.unsigned_abs()),
            bytes: Some(number(1)?.unsigned_abs()),
        })
    }

    /// Gives a record another name and seal, if it has this version.
    pub(super) async fn rename(
        &self,
        (from, version): (&RecordName, u64),
        (to, sealed): (&RecordName, &[u8]),
        ttl_ms: u64,
    ) -> Result<Saved, StoreError> {
        let now_ms = wall_ms();
        // What may have the name already is over: it would have been read.
        let changed = sqlx::query(
            "UPDATE OR REPLACE conversations SET name = ?1, version = version + 1, expires_ms = ?2, sealed = ?3
             WHERE name = ?4 AND expires_ms > ?5 AND version = ?6",
        )
        .bind(to.bytes())
        .bind(now_ms.saturating_add(signed(ttl_ms)))
        .bind(sealed)
        .bind(from.bytes())
        .bind(now_ms)
        .bind(signed(version))
        .execute(&self.pool)
        .await
        .map_err(|source| failed(&self.path, "kept", source))?;
        Ok(match changed.rows_affected() {
            0 => Saved::Outdated,
            _ => Saved::As(version + 1),
        })
    }

    /// Takes away some conversations whose time is over.
    async fn sweep(&self, now_ms: i64) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM conversations WHERE name IN
                (SELECT name FROM conversations WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?)",
        )
        .bind(now_ms)
        .bind(SWEEP)
        .execute(&self.pool)
        .await
        .map_err(|source| failed(&self.path, "kept", source))?;
        Ok(())
    }

    pub(super) async fn remove(&self, name: &RecordName) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM conversations WHERE name = ?").bind(name.bytes());
        let done = query.execute(&self.pool).await;
        done.map_err(|source| failed(&self.path, "kept", source))?;
        Ok(())
    }
}

fn failed(path: &Path, doing: &'static str, source: sqlx::Error) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        doing,
        source,
    }
}

/// Now, by the wall clock: a file outlives the process and its monotonic clock.
fn wall_ms() -> i64 {
    signed(clock::wall_ms())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
