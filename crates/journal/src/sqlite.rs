//! The journal in an SQLite file.
//!
//! Write-ahead log with `synchronous=FULL`: a commit returns after the log was synced to disk.
//! Every write is one `BEGIN IMMEDIATE` transaction that reads the row it depends on, decides by
//! the rules shared with every other journal, and writes; so two processes on one file cannot
//! both pass the fence. The statements are plain SQL that PostgreSQL takes too; what is special to
//! SQLite is in `sqlite/schema.rs` and in opening the file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::bounds::{BUSY_TIMEOUT, CONNECTION_WAIT, NUMBER_MAX, READERS_MAX, VERIFY_PAGE_ENTRIES};
use crate::chain::{ChainCheck, next_entry};
use crate::journal::Journal;
use crate::lease::{self, LeaseRow};
use crate::{Entry, Epoch, Hash, JournalError, Lease, Record, Scope, Verified};

mod rows;
mod schema;

/// The journal in an SQLite file, which several processes may open at the same time.
///
/// A clone shares the same connections. It needs a tokio runtime with a time driver.
#[derive(Clone, Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    readers: SqlitePool,
    /// One connection, so that writers of this process queue here and not in SQLite's busy loop.
    /// None if opened for reading only.
    writer: Option<SqlitePool>,
}

impl SqliteJournal {
    /// Opens the journal at `path` and brings its schema up to date. A missing file is created,
    /// readable and writable by its owner only; the folder must exist.
    ///
    /// # Errors
    /// [`JournalError::Storage`] if it cannot be opened, [`JournalError::NotAJournal`] if it is
    /// some other database, [`JournalError::SchemaTooNew`] if a newer program wrote it.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        const DOING: &str = "open the file";
        create_private(path).map_err(|source| storage(path, DOING, source))?;
        let options = connect_options(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(|source| storage(path, DOING, source))?;
        let mut connection = writer
            .acquire()
            .await
            .map_err(|source| storage(path, DOING, source))?;
        schema::migrate(&mut connection, path).await?;
        drop(connection);
        let readers = pool(READERS_MAX).connect_lazy_with(options.read_only(true));
        Ok(Self {
            path: path.to_owned(),
            readers,
            writer: Some(writer),
        })
    }

    /// Opens an existing journal for reading only. Acquiring, renewing, releasing and appending
    /// fail with [`JournalError::ReadOnly`].
    ///
    /// # Errors
    /// As [`SqliteJournal::open`]; a missing file or one with an older schema is an error too.
    pub async fn open_read_only(path: &Path) -> Result<Self, JournalError> {
        const DOING: &str = "open the file for reading";
        let readers = pool(READERS_MAX)
            .connect_with(connect_options(path).read_only(true))
            .await
            .map_err(|source| storage(path, DOING, source))?;
        let mut connection = readers
            .acquire()
            .await
            .map_err(|source| storage(path, DOING, source))?;
        schema::check(&mut connection, path).await?;
        drop(connection);
        Ok(Self {
            path: path.to_owned(),
            readers,
            writer: None,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes all connections; the last one writes the log back into the file. Without it nothing
    /// is lost, the log is only left for the next opening.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    async fn begin(
        &self,
        doing: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, JournalError> {
        let Some(writer) = &self.writer else {
            let path = self.path.display().to_string();
            return Err(JournalError::ReadOnly { doing, path });
        };
        writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|source| self.storage(doing, source))
    }

    async fn lease_row(
        &self,
        connection: &mut SqliteConnection,
        scope: &Scope,
    ) -> Result<Option<LeaseRow>, JournalError> {
        const SELECT: &str = "SELECT epoch, holder, expires_ms FROM leases WHERE scope = $1";
        let row = sqlx::query(SELECT)
            .bind(scope.as_str())
            .fetch_optional(connection)
            .await
            .map_err(|source| self.storage("read the lease", source))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(LeaseRow {
            epoch: Epoch(rows::number(&row, scope, 0, "epoch")?),
            holder: rows::column(&row, scope, 0, "holder")?,
            expires_ms: rows::number(&row, scope, 0, "expires_ms")?,
        }))
    }

    async fn set_lease(
        &self,
        connection: &mut SqliteConnection,
        scope: &Scope,
        row: LeaseRow,
    ) -> Result<(), JournalError> {
        const UPSERT: &str = "INSERT INTO leases (scope, epoch, holder, expires_ms) \
            VALUES ($1, $2, $3, $4) ON CONFLICT (scope) DO UPDATE \
            SET epoch = excluded.epoch, holder = excluded.holder, expires_ms = excluded.expires_ms";
        sqlx::query(UPSERT)
            .bind(scope.as_str())
            .bind(signed(row.epoch.0))
            .bind(row.holder)
            .bind(signed(row.expires_ms))
            .execute(connection)
            .await
            .map_err(|source| self.storage("write the lease", source))?;
        Ok(())
    }

    async fn last(
        &self,
        connection: &mut SqliteConnection,
        scope: &Scope,
    ) -> Result<Option<(u64, Hash)>, JournalError> {
        const SELECT: &str =
            "SELECT seq, hash FROM entries WHERE scope = $1 ORDER BY seq DESC LIMIT 1";
        let row = sqlx::query(SELECT)
            .bind(scope.as_str())
            .fetch_optional(connection)
            .await
            .map_err(|source| self.storage("read the last entry", source))?;
        let Some(row) = row else { return Ok(None) };
        let seq = rows::number(&row, scope, 0, "seq")?;
        Ok(Some((seq, rows::hash(&row, scope, seq, "hash")?)))
    }

    async fn insert(
        &self,
        connection: &mut SqliteConnection,
        scope: &Scope,
        entry: &Entry,
    ) -> Result<(), JournalError> {
        const INSERT: &str = "INSERT INTO entries \
            (scope, seq, epoch, at_ms, written_by, body, prev_hash, hash) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        sqlx::query(INSERT)
            .bind(scope.as_str())
            .bind(signed(entry.seq))
            .bind(signed(entry.epoch.0))
            .bind(signed(entry.at_ms))
            .bind(entry.by.as_str())
            .bind(entry.body.as_str())
            .bind(entry.prev_hash.to_string())
            .bind(entry.hash.to_string())
            .execute(connection)
            .await
            .map_err(|source| self.storage("append an entry", source))?;
        Ok(())
    }

    /// At most `limit` entries from `from_seq` on.
    async fn page(
        &self,
        scope: &Scope,
        from_seq: u64,
        limit: u64,
    ) -> Result<Vec<Entry>, JournalError> {
        const SELECT: &str = "SELECT seq, epoch, at_ms, written_by, body, prev_hash, hash \
            FROM entries WHERE scope = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
        let rows = sqlx::query(SELECT)
            .bind(scope.as_str())
            .bind(signed(from_seq))
            .bind(signed(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(|source| self.storage("read entries", source))?;
        rows.iter().map(|row| rows::entry(row, scope)).collect()
    }

    async fn check_chain(
        &self,
        scope: &Scope,
        known: Option<Hash>,
    ) -> Result<Verified, JournalError> {
        let mut check = ChainCheck::new(scope, known);
        let mut page = self.page(scope, 0, VERIFY_PAGE_ENTRIES).await?;
        while let Some(last) = page.last() {
            let next = last.seq.saturating_add(1);
            for entry in &page {
                check.push(entry)?;
            }
            page = self.page(scope, next, VERIFY_PAGE_ENTRIES).await?;
        }
        Ok(check.finish()?)
    }

    fn storage(
        &self,
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> JournalError {
        storage(&self.path, doing, source)
    }
}

impl Journal for SqliteJournal {
    async fn acquire(
        &self,
        scope: &Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Lease, JournalError> {
        const DOING: &str = "acquire a lease";
        let mut transaction = self.begin(DOING).await?;
        let row = self.lease_row(&mut transaction, scope).await?;
        let lease = lease::grant(row.as_ref(), scope, holder, now_ms, ttl_ms)?;
        self.set_lease(&mut transaction, scope, LeaseRow::from(&lease))
            .await?;
        transaction
            .commit()
            .await
            .map_err(|source| self.storage(DOING, source))?;
        Ok(lease)
    }

    async fn renew(&self, lease: &Lease, now_ms: u64, ttl_ms: u64) -> Result<Lease, JournalError> {
        const DOING: &str = "renew a lease";
        let mut transaction = self.begin(DOING).await?;
        let row = self.lease_row(&mut transaction, &lease.scope).await?;
        let renewed = lease::extend(row.as_ref(), lease, now_ms, ttl_ms)?;
        self.set_lease(&mut transaction, &lease.scope, LeaseRow::from(&renewed))
            .await?;
        transaction
            .commit()
            .await
            .map_err(|source| self.storage(DOING, source))?;
        Ok(renewed)
    }

    async fn release(&self, lease: &Lease) -> Result<(), JournalError> {
        const DOING: &str = "release a lease";
        let mut transaction = self.begin(DOING).await?;
        let row = self.lease_row(&mut transaction, &lease.scope).await?;
        lease::check_current(row.as_ref(), &lease.scope, lease.epoch)?;
        self.set_lease(
            &mut transaction,
            &lease.scope,
            LeaseRow::released(lease.epoch),
        )
        .await?;
        transaction
            .commit()
            .await
            .map_err(|source| self.storage(DOING, source))
    }

    async fn append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: Record,
    ) -> Result<Entry, JournalError> {
        const DOING: &str = "append an entry";
        record.check()?;
        let mut transaction = self.begin(DOING).await?;
        let row = self.lease_row(&mut transaction, scope).await?;
        lease::check_current(row.as_ref(), scope, epoch)?;
        let last = self.last(&mut transaction, scope).await?;
        let entry = next_entry(scope, last, epoch, record);
        self.insert(&mut transaction, scope, &entry).await?;
        transaction
            .commit()
            .await
            .map_err(|source| self.storage(DOING, source))?;
        Ok(entry)
    }

    async fn read(&self, scope: &Scope, from_seq: u64) -> Result<Vec<Entry>, JournalError> {
        if from_seq > NUMBER_MAX {
            return Ok(Vec::new());
        }
        self.page(scope, from_seq, NUMBER_MAX).await
    }

    async fn read_page(
        &self,
        scope: &Scope,
        from_seq: u64,
        count: u64,
    ) -> Result<Vec<Entry>, JournalError> {
        if from_seq > NUMBER_MAX {
            return Ok(Vec::new());
        }
        self.page(scope, from_seq, count.min(NUMBER_MAX)).await
    }

    async fn read_last(&self, scope: &Scope, count: u64) -> Result<Vec<Entry>, JournalError> {
        const SELECT: &str = "SELECT seq, epoch, at_ms, written_by, body, prev_hash, hash \
            FROM entries WHERE scope = $1 ORDER BY seq DESC LIMIT $2";
        let rows = sqlx::query(SELECT)
            .bind(scope.as_str())
            .bind(signed(count))
            .fetch_all(&self.readers)
            .await
            .map_err(|source| self.storage("read entries", source))?;
        let entries = rows.iter().rev().map(|row| rows::entry(row, scope));
        entries.collect()
    }

    async fn scopes(&self) -> Result<Vec<Scope>, JournalError> {
        // Entries without a lease can only come from tampering; verify must get to see them.
        const SELECT: &str =
            "SELECT scope FROM leases UNION SELECT scope FROM entries ORDER BY scope";
        let names: Vec<(String,)> = sqlx::query_as(SELECT)
            .fetch_all(&self.readers)
            .await
            .map_err(|source| self.storage("read the scopes", source))?;
        names
            .into_iter()
            .map(|(name,)| {
                Scope::new(name).map_err(|refused| self.storage("read the scopes", refused))
            })
            .collect()
    }

    async fn verify(&self, scope: &Scope) -> Result<Verified, JournalError> {
        self.check_chain(scope, None).await
    }

    async fn verify_against(
        &self,
        scope: &Scope,
        known_head: Hash,
    ) -> Result<Verified, JournalError> {
        self.check_chain(scope, Some(known_head)).await
    }
}

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // A connection to a file does not go stale, so none is tested or replaced for its age.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECTION_WAIT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Makes sure that the file exists and that only its owner may use it. SQLite gives the log files
/// beside it the same permissions. The folder is synced, or a new file could vanish with the power.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => {
            file.sync_all()?;
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let permissions = fs::metadata(path)?.permissions();
            if permissions.mode() & 0o077 != 0 {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Every number was checked against `NUMBER_MAX` when it came in, so nothing is cut off here.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn storage(
    path: &Path,
    doing: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> JournalError {
    JournalError::Storage {
        doing,
        path: path.display().to_string(),
        source: source.into(),
    }
}

#[cfg(test)]
mod tests;
