//! The journal in an SQLite file.
//!
//! Write-ahead log with `synchronous=FULL`: a commit returns after the log was synced to disk.
//! Every write is one `BEGIN IMMEDIATE` transaction that reads the row it depends on, decides by
//! the rules shared with every other journal, and writes; so two processes on one file cannot
//! both pass the fence.
//!
//! The head of every chain is also kept in a small file beside the database (`sqlite/head.rs`), so that
//! a database that lost its tail is noticed when it is opened and when it is verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqliteSynchronous,
};

use crate::bounds::{LOG_BYTES_KEPT, NUMBER_MAX, PAGE_ENTRIES, READERS_MAX};
use crate::chain::next_entry;
use crate::journal::Journal;
use crate::lease::{self, LeaseRow};
use crate::paging::{read_all, verify_all};
use crate::rows::{Reading, signed};
use crate::{Entry, Epoch, Hash, JournalError, Lease, Record, Scope, Verified};

mod file;
mod head;
mod heads;
mod identity;
mod schema;
mod session;

use file::{connect_options, create_private, has_log, is_cannot_open, pool, storage};
use head::Head;
use heads::Heads;
use identity::FileIdentity;
use session::{Session, Writer};

/// The journal in an SQLite file, which several processes may open at the same time.
///
/// A clone shares the same connections. It needs a tokio runtime with a time driver.
#[derive(Clone, Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    readers: SqlitePool,
    /// None if opened for reading only.
    writer: Option<Writer>,
    /// The file that the writer has open; None if opened for reading only.
    identity: Option<FileIdentity>,
    heads: Arc<Heads>,
}

impl SqliteJournal {
    /// Opens the journal at `path` and brings its schema up to date. A missing file is created,
    /// readable and writable by its owner only; the folder must exist.
    ///
    /// # Errors
    /// [`JournalError::Storage`] if it cannot be opened, [`JournalError::Damaged`] if it is no
    /// database or a damaged one, [`JournalError::NotAJournal`] if it is some other database,
    /// [`JournalError::SchemaTooNew`] if a newer program wrote it, [`JournalError::Torn`] if it lacks
    /// entries that were acknowledged.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        const DOING: &str = "open the file";
        let heads = Heads::new(path);
        // Known heads are read before the database, which may grow meanwhile but not shrink.
        let known = heads.all()?;
        heads.refuse_empty(&known)?;
        create_private(path).map_err(|source| storage(path, DOING, source))?;
        let options = connect_options(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string());
        let (writer, mut connection) = Writer::open(path, options.clone(), DOING).await?;
        let identity = FileIdentity::of(path).map_err(|source| storage(path, DOING, source))?;
        let journal = Self {
            path: path.to_owned(),
            readers: pool(READERS_MAX).connect_lazy_with(options.read_only(true)),
            writer: Some(writer.clone()),
            identity: Some(identity),
            heads: Arc::new(heads),
        };
        if !known.is_empty() {
            // Before the schema is brought up to date: a torn file is left as it is.
            journal
                .check_schema_and_heads(&mut connection, known)
                .await?;
        }
        schema::migrate(&mut connection, path).await?;
        writer.hand_in(connection).await;
        Ok(journal)
    }

    /// Opens an existing journal for reading only. Acquiring, renewing, releasing and appending
    /// fail with [`JournalError::ReadOnly`].
    ///
    /// # Errors
    /// As [`SqliteJournal::open`]; a missing file or one with an older schema is an error too.
    pub async fn open_read_only(path: &Path) -> Result<Self, JournalError> {
        const DOING: &str = "open the file for reading";
        let heads = Heads::new(path);
        let known = heads.all()?;
        heads.refuse_empty(&known)?;
        let options = connect_options(path).read_only(true);
        let readers = Self::connect_readers(path, options).await;
        let readers = readers.map_err(|source| storage(path, DOING, source))?;
        let mut connection = readers
            .acquire()
            .await
            .map_err(|source| storage(path, DOING, source))?;
        let journal = Self {
            path: path.to_owned(),
            readers,
            writer: None,
            identity: None,
            heads: Arc::new(heads),
        };
        schema::check(&mut connection, path).await?;
        journal.check_heads(&mut connection, known).await?;
        drop(connection);
        Ok(journal)
    }

    /// Whether there is anything of a journal at `path`: the file, or the head of one that is lost.
    ///
    /// # Errors
    /// If the folder cannot be looked at.
    pub fn exists(path: &Path) -> Result<bool, JournalError> {
        const DOING: &str = "look for the file";
        let file = path.try_exists();
        let file = file.map_err(|source| storage(path, DOING, source))?;
        Ok(file || !Heads::new(path).all()?.is_empty())
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

    /// Connects for reading. On a disk that takes no new files SQLite cannot make the index of the log;
    /// without a log none is needed, and the file cannot change there, so it is read as it is.
    async fn connect_readers(
        path: &Path,
        options: SqliteConnectOptions,
    ) -> Result<SqlitePool, sqlx::Error> {
        let readers = pool(READERS_MAX).connect_with(options.clone()).await;
        // Connecting looks at the file already where it sets how much of it is kept in memory.
        let looked = match &readers {
            Ok(readers) => {
                let look = sqlx::query("SELECT count(*) FROM sqlite_master");
                look.execute(readers).await.err()
            }
            Err(_) => None,
        };
        match looked.as_ref().or(readers.as_ref().err()) {
            Some(error) if is_cannot_open(error) && !has_log(path) => {
                pool(READERS_MAX)
                    .connect_with(options.immutable(true))
                    .await
            }
            _ => readers,
        }
    }

    /// Whether the file at the path is the one that is written.
    fn check_identity(&self) -> Result<(), JournalError> {
        self.identity.as_ref().map_or(Ok(()), FileIdentity::check)
    }

    async fn begin(&self, doing: &'static str) -> Result<Session<'_>, JournalError> {
        self.check_identity()?;
        match &self.writer {
            Some(writer) => writer.begin(doing).await,
            None => Err(JournalError::ReadOnly {
                doing,
                path: self.path.display().to_string(),
            }),
        }
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
        row.map(|row| Reading::new(&row, scope).lease()).transpose()
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
        row.map(|row| Reading::new(&row, scope).head()).transpose()
    }

    async fn hash_at(
        &self,
        connection: &mut SqliteConnection,
        scope: &Scope,
        seq: u64,
    ) -> Result<Option<Hash>, JournalError> {
        const SELECT: &str = "SELECT hash FROM entries WHERE scope = $1 AND seq = $2";
        let row = sqlx::query(SELECT)
            .bind(scope.as_str())
            .bind(signed(seq))
            .fetch_optional(connection)
            .await
            .map_err(|source| self.storage("read the head", source))?;
        row.map(|row| Reading::new(&row, scope).hash("hash"))
            .transpose()
    }

    /// Every known head must be in the database, which may have grown beyond it.
    async fn check_heads(
        &self,
        connection: &mut SqliteConnection,
        known: Vec<(Scope, Head)>,
    ) -> Result<(), JournalError> {
        for (scope, head) in known {
            if self.hash_at(connection, &scope, head.seq).await? == Some(head.hash) {
                continue;
            }
            let found = match self.last(connection, &scope).await? {
                Some((seq, hash)) => format!("entry {seq} with hash {hash}"),
                None => "no entry".to_owned(),
            };
            return Err(self.heads.torn(&scope, head, found));
        }
        Ok(())
    }

    async fn check_schema_and_heads(
        &self,
        connection: &mut SqliteConnection,
        known: Vec<(Scope, Head)>,
    ) -> Result<(), JournalError> {
        match schema::is_empty(connection, &self.path).await? {
            false => self.check_heads(connection, known).await,
            true => self.heads.refuse_all(&known, "a database without tables"),
        }
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

    /// The next entries from `from_seq` on, at most `limit`.
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
        let entries = rows.iter().map(|row| Reading::new(row, scope).entry());
        entries.collect()
    }

    async fn check_chain(
        &self,
        scope: &Scope,
        known: Option<Hash>,
    ) -> Result<Verified, JournalError> {
        let head = self.heads.read(scope)?;
        let verified =
            verify_all(scope, known, |from| self.page(scope, from, PAGE_ENTRIES)).await?;
        if let Some(head) = head {
            let mut connection = self
                .readers
                .acquire()
                .await
                .map_err(|source| self.storage("read the head", source))?;
            let known = vec![(scope.clone(), head)];
            self.check_heads(&mut connection, known).await?;
        }
        Ok(verified)
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
        let mut session = self.begin(DOING).await?;
        let row = self.lease_row(&mut session.connection, scope).await?;
        let lease = match lease::grant(row.as_ref(), scope, holder, now_ms, ttl_ms) {
            Ok(lease) => lease,
            Err(refusal) => return Err(session.refuse(refusal).await),
        };
        self.set_lease(&mut session.connection, scope, LeaseRow::from(&lease))
            .await?;
        session.commit().await?;
        self.heads.prepare(scope).await?;
        Ok(lease)
    }

    async fn renew(&self, lease: &Lease, now_ms: u64, ttl_ms: u64) -> Result<Lease, JournalError> {
        const DOING: &str = "renew a lease";
        let mut session = self.begin(DOING).await?;
        let row = self
            .lease_row(&mut session.connection, &lease.scope)
            .await?;
        let renewed = match lease::extend(row.as_ref(), lease, now_ms, ttl_ms) {
            Ok(renewed) => renewed,
            Err(refusal) => return Err(session.refuse(refusal).await),
        };
        self.set_lease(
            &mut session.connection,
            &lease.scope,
            LeaseRow::from(&renewed),
        )
        .await?;
        session.commit().await?;
        self.heads.sync(&lease.scope).await?;
        Ok(renewed)
    }

    async fn release(&self, lease: &Lease) -> Result<(), JournalError> {
        const DOING: &str = "release a lease";
        let mut session = self.begin(DOING).await?;
        let row = self
            .lease_row(&mut session.connection, &lease.scope)
            .await?;
        if let Err(refusal) = lease::check_current(row.as_ref(), &lease.scope, lease.epoch) {
            return Err(session.refuse(refusal).await);
        }
        self.set_lease(
            &mut session.connection,
            &lease.scope,
            LeaseRow::released(lease.epoch),
        )
        .await?;
        session.commit().await?;
        self.heads.sync(&lease.scope).await
    }

    async fn append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: Record,
    ) -> Result<Entry, JournalError> {
        const DOING: &str = "append an entry";
        record.check()?;
        let mut session = self.begin(DOING).await?;
        let row = self.lease_row(&mut session.connection, scope).await?;
        if let Err(refusal) = lease::check_current(row.as_ref(), scope, epoch) {
            return Err(session.refuse(refusal).await);
        }
        let last = self.last(&mut session.connection, scope).await?;
        let entry = next_entry(scope, last, epoch, record);
        self.insert(&mut session.connection, scope, &entry).await?;
        session.commit().await?;
        // An entry in a file that is gone by now would be acknowledged and lost.
        self.check_identity()?;
        let head = Head {
            seq: entry.seq,
            hash: entry.hash,
        };
        self.heads.write(scope, head).await?;
        Ok(entry)
    }

    async fn read(&self, scope: &Scope, from_seq: u64) -> Result<Vec<Entry>, JournalError> {
        if from_seq > NUMBER_MAX {
            return Ok(Vec::new());
        }
        read_all(from_seq, |from| self.page(scope, from, PAGE_ENTRIES)).await
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
        let entries = rows
            .iter()
            .rev()
            .map(|row| Reading::new(row, scope).entry());
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

#[cfg(test)]
mod tests;
