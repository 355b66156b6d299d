//! The journal in a PostgreSQL database, for several engines on one database.
//!
//! Every write is one transaction that locks the scope's lease row first, decides by the rules shared
//! with every other journal, and writes. The lock orders the writers of a scope, so the epoch that was
//! compared is still the last one when the entry becomes visible. Commits are synchronous.
//!
//! **The clock is the server's.** Two engines' clocks differ, so whether a lease has expired is judged by
//! the database's clock alone: it stores expiries in its own time and never compares them with a time of
//! an engine. `now_ms` only serves to say an expiry in the caller's time (see [`ServerClock`]).
//!
//! **A lost connection is settled by looking.** When the answer to a commit is lost, the next attempt
//! locks the lease row, which waits until the former transaction has ended one way or the other, and looks
//! for the entry by seq and hash. Only if it is not there is it written again.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};

use crate::bounds::{CONNECTION_WAIT, NUMBER_MAX, PAGE_ENTRIES, READERS_MAX};
use crate::chain::next_entry;
use crate::journal::Journal;
use crate::lease::{self, LeaseRow};
use crate::paging::{read_all, verify_all};
use crate::rows::{Reading, signed};
use crate::{Entry, Epoch, Hash, JournalError, Lease, Record, Scope, Verified};

mod failure;
mod schema;
mod server_clock;
mod session;
mod url;

pub use url::{PostgresUrl, UrlRefused};

use failure::{Failure, persist};
use server_clock::ServerClock;
use session::{Session, Writer};

/// The journal in a PostgreSQL database.
///
/// A clone shares the same connections: one that writes, and a few that read. It needs a tokio runtime
/// with a time driver. Neither its `Debug` nor its errors contain a password or a user.
#[derive(Clone)]
pub struct PostgresJournal {
    url: PostgresUrl,
    readers: PgPool,
    /// None if opened for reading only.
    writer: Option<Writer>,
}

impl PostgresJournal {
    /// Connects, and creates the schema `portcullis` with its tables if it is missing.
    ///
    /// # Errors
    /// [`JournalError::Unreachable`], [`JournalError::NotTrusted`], [`JournalError::AccessRefused`],
    /// [`JournalError::DatabaseMissing`] and [`JournalError::PermissionDenied`] say what the server
    /// answered; [`JournalError::NotDurable`] if the server is set up to lose what it acknowledged;
    /// [`JournalError::NotAJournal`] if the schema holds something else,
    /// [`JournalError::SchemaTooNew`] if a newer program made it; otherwise
    /// [`JournalError::Server`].
    pub async fn open(url: &PostgresUrl) -> Result<Self, JournalError> {
        let mut connection = session::connect_once(url, false).await?;
        schema::migrate(&mut connection, url).await?;
        let writer = Some(Writer::new(url.clone(), connection));
        let readers = readers(url);
        Ok(Self {
            url: url.clone(),
            readers,
            writer,
        })
    }

    /// Connects for reading only. Acquiring, renewing, releasing and appending fail with
    /// [`JournalError::ReadOnly`]. None if no journal was ever set up in this database.
    ///
    /// # Errors
    /// As [`PostgresJournal::open`]; an older schema is an error too.
    pub async fn open_read_only(url: &PostgresUrl) -> Result<Option<Self>, JournalError> {
        let mut connection = session::connect_once(url, true).await?;
        let exists = schema::check(&mut connection, url).await?;
        session::say_goodbye(connection).await;
        Ok(exists.then(|| Self {
            url: url.clone(),
            readers: readers(url),
            writer: None,
        }))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &PostgresUrl {
        &self.url
    }

    /// The lease of a scope, expired or not, in the caller's time; `None` if it was released or nobody
    /// ever acted. A look only: it may be another's a moment later.
    ///
    /// # Errors
    /// [`JournalError::Server`] and its kind.
    pub async fn lease(&self, scope: &Scope, now_ms: u64) -> Result<Option<Lease>, JournalError> {
        const DOING: &str = "read the lease";
        const SELECT: &str = "SELECT epoch, holder, expires_ms FROM portcullis.leases \
            WHERE scope = $1";
        let query = async || {
            let reader = self.readers.acquire().await;
            let mut reader = reader.map_err(self.failed(DOING))?;
            let row = sqlx::query(SELECT)
                .bind(scope.as_str())
                .fetch_optional(&mut *reader)
                .await
                .map_err(self.failed(DOING))?;
            let Some(row) = row
                .map(|row| Reading::new(&row, scope).lease())
                .transpose()?
            else {
                return Ok(None);
            };
            let clock = self.clock(&mut reader, now_ms).await?;
            let row = clock.to_caller(row);
            Ok(row.holder.map(|holder| Lease {
                scope: scope.clone(),
                holder,
                epoch: row.epoch,
                expires_ms: row.expires_ms,
            }))
        };
        persist(&self.url, DOING, query).await
    }

    /// Closes all connections. Without it nothing is lost.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    async fn session(&self, doing: &'static str) -> Result<Session<'_>, Failure> {
        let Some(writer) = &self.writer else {
            let path = self.url.to_string();
            return Err(Failure::Final(JournalError::ReadOnly { doing, path }));
        };
        writer.session(doing).await
    }

    fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> Failure {
        move |source| Failure::of(&self.url, doing, source)
    }

    /// Locks the scope's lease row until the transaction ends and returns it.
    async fn locked_lease(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
    ) -> Result<Option<LeaseRow>, Failure> {
        const SELECT: &str = "SELECT epoch, holder, expires_ms FROM portcullis.leases \
            WHERE scope = $1 FOR UPDATE";
        let row = sqlx::query(SELECT)
            .bind(scope.as_str())
            .fetch_optional(connection)
            .await
            .map_err(self.failed("read the lease"))?;
        let row = row.map(|row| Reading::new(&row, scope).lease());
        Ok(row.transpose()?)
    }

    async fn set_lease(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
        row: LeaseRow,
    ) -> Result<(), Failure> {
        const UPDATE: &str = "UPDATE portcullis.leases \
            SET epoch = $2, holder = $3, expires_ms = $4 WHERE scope = $1";
        sqlx::query(UPDATE)
            .bind(scope.as_str())
            .bind(signed(row.epoch.0))
            .bind(row.holder)
            .bind(signed(row.expires_ms))
            .execute(connection)
            .await
            .map_err(self.failed("write the lease"))?;
        Ok(())
    }

    async fn try_acquire(
        &self,
        scope: &Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Lease, Failure> {
        const DOING: &str = "acquire a lease";
        // Of two that acquire a new scope at once, the second waits for the first here.
        const PLACE: &str = "INSERT INTO portcullis.leases (scope, epoch, holder, expires_ms) \
            VALUES ($1, 0, NULL, 0) ON CONFLICT (scope) DO NOTHING";
        let mut session = self.session(DOING).await?;
        let mut transaction = session.begin(DOING).await?;
        sqlx::query(PLACE)
            .bind(scope.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(self.failed(DOING))?;
        let row = self.locked_lease(&mut transaction, scope).await?;
        let clock = self.clock(&mut transaction, now_ms).await?;
        let row = row.map(|row| clock.to_caller(row));
        match lease::grant(row.as_ref(), scope, holder, now_ms, ttl_ms) {
            Ok(lease) => {
                let row = clock.to_server(LeaseRow::from(&lease))?;
                self.set_lease(&mut transaction, scope, row).await?;
                transaction.commit().await.map_err(self.failed(DOING))?;
                session.keep();
                Ok(lease)
            }
            Err(refusal) => {
                transaction.rollback().await.map_err(self.failed(DOING))?;
                session.keep();
                Err(Failure::Final(refusal))
            }
        }
    }

    async fn try_renew(&self, lease: &Lease, now_ms: u64, ttl_ms: u64) -> Result<Lease, Failure> {
        const DOING: &str = "renew a lease";
        let mut session = self.session(DOING).await?;
        let mut transaction = session.begin(DOING).await?;
        let row = self.locked_lease(&mut transaction, &lease.scope).await?;
        let clock = self.clock(&mut transaction, now_ms).await?;
        match lease::extend(row.as_ref(), lease, now_ms, ttl_ms) {
            Ok(renewed) => {
                let row = clock.to_server(LeaseRow::from(&renewed))?;
                self.set_lease(&mut transaction, &lease.scope, row).await?;
                transaction.commit().await.map_err(self.failed(DOING))?;
                session.keep();
                Ok(renewed)
            }
            Err(refusal) => {
                transaction.rollback().await.map_err(self.failed(DOING))?;
                session.keep();
                Err(Failure::Final(refusal))
            }
        }
    }

    async fn try_release(&self, lease: &Lease) -> Result<(), Failure> {
        const DOING: &str = "release a lease";
        let mut session = self.session(DOING).await?;
        let mut transaction = session.begin(DOING).await?;
        let row = self.locked_lease(&mut transaction, &lease.scope).await?;
        let current = lease::check_current(row.as_ref(), &lease.scope, lease.epoch);
        if current.is_ok() {
            let released = LeaseRow::released(lease.epoch);
            self.set_lease(&mut transaction, &lease.scope, released)
                .await?;
        }
        transaction.commit().await.map_err(self.failed(DOING))?;
        session.keep();
        current.map_err(Failure::Final)
    }

    /// One attempt to append. `doubtful` holds the entry whose commit was sent and not answered.
    async fn try_append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: &Record,
        doubtful: &Mutex<Option<Entry>>,
    ) -> Result<Entry, Failure> {
        const DOING: &str = "append an entry";
        let in_doubt = || doubtful.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session = self.session(DOING).await?;
        let mut transaction = session.begin(DOING).await?;
        // With this lock the transaction in doubt has ended, whether its connection lives or not.
        let row = self.locked_lease(&mut transaction, scope).await?;
        let candidate = in_doubt().clone();
        if let Some(entry) = candidate
            && self.hash_at(&mut transaction, scope, entry.seq).await? == Some(entry.hash)
        {
            transaction.rollback().await.map_err(self.failed(DOING))?;
            session.keep();
            return Ok(entry);
        }
        *in_doubt() = None;
        if let Err(refusal) = lease::check_current(row.as_ref(), scope, epoch) {
            transaction.rollback().await.map_err(self.failed(DOING))?;
            session.keep();
            return Err(Failure::Final(refusal));
        }
        let last = self.last(&mut transaction, scope).await?;
        let entry = next_entry(scope, last, epoch, record.clone());
        self.insert(&mut transaction, scope, &entry).await?;
        *in_doubt() = Some(entry.clone());
        transaction.commit().await.map_err(self.failed(DOING))?;
        session.keep();
        Ok(entry)
    }

    async fn clock(
        &self,
        connection: &mut PgConnection,
        now_ms: u64,
    ) -> Result<ServerClock, Failure> {
        let read = ServerClock::read(connection, now_ms).await;
        read.map_err(self.failed("read the server's clock"))
    }

    async fn last(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
    ) -> Result<Option<(u64, Hash)>, Failure> {
        const SELECT: &str = "SELECT seq, hash FROM portcullis.entries \
            WHERE scope = $1 ORDER BY seq DESC LIMIT 1";
        let row = sqlx::query(SELECT)
            .bind(scope.as_str())
            .fetch_optional(connection)
            .await
            .map_err(self.failed("read the last entry"))?;
        let head = row.map(|row| Reading::new(&row, scope).head());
        Ok(head.transpose()?)
    }

    async fn hash_at(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
        seq: u64,
    ) -> Result<Option<Hash>, Failure> {
        const SELECT: &str = "SELECT seq, hash FROM portcullis.entries \
            WHERE scope = $1 AND seq = $2";
        let row = sqlx::query(SELECT)
            .bind(scope.as_str())
            .bind(signed(seq))
            .fetch_optional(connection)
            .await
            .map_err(self.failed("look for an entry"))?;
        let head = row.map(|row| Reading::new(&row, scope).head());
        Ok(head.transpose()?.map(|(_, hash)| hash))
    }

    async fn insert(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
        entry: &Entry,
    ) -> Result<(), Failure> {
        const INSERT: &str = "INSERT INTO portcullis.entries \
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
            .map_err(self.failed("append an entry"))?;
        Ok(())
    }

    /// At most `count` entries from `from_seq` on.
    async fn page(
        &self,
        scope: &Scope,
        from_seq: u64,
        count: u64,
    ) -> Result<Vec<Entry>, JournalError> {
        const DOING: &str = "read entries";
        const SELECT: &str = "SELECT seq, epoch, at_ms, written_by, body, prev_hash, hash \
            FROM portcullis.entries WHERE scope = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
        let query = async || {
            let rows = sqlx::query(SELECT)
                .bind(scope.as_str())
                .bind(signed(from_seq))
                .bind(signed(count))
                .fetch_all(&self.readers)
                .await
                .map_err(self.failed(DOING))?;
            let entries = rows.iter().map(|row| Reading::new(row, scope).entry());
            Ok(entries.collect::<Result<Vec<_>, _>>()?)
        };
        persist(&self.url, DOING, query).await
    }

    async fn check_chain(
        &self,
        scope: &Scope,
        known: Option<Hash>,
    ) -> Result<Verified, JournalError> {
        let page = |from| self.page(scope, from, PAGE_ENTRIES);
        verify_all(scope, known, page).await
    }
}

impl Journal for PostgresJournal {
    async fn acquire(
        &self,
        scope: &Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Lease, JournalError> {
        // If the answer is lost, the second attempt gets one epoch more: only a number is left out.
        persist(&self.url, "acquire a lease", || {
            self.try_acquire(scope, holder, now_ms, ttl_ms)
        })
        .await
    }

    async fn renew(&self, lease: &Lease, now_ms: u64, ttl_ms: u64) -> Result<Lease, JournalError> {
        persist(&self.url, "renew a lease", || {
            self.try_renew(lease, now_ms, ttl_ms)
        })
        .await
    }

    async fn release(&self, lease: &Lease) -> Result<(), JournalError> {
        persist(&self.url, "release a lease", || self.try_release(lease)).await
    }

    async fn append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: Record,
    ) -> Result<Entry, JournalError> {
        record.check()?;
        let doubtful = Mutex::new(None);
        persist(&self.url, "append an entry", || {
            self.try_append(scope, epoch, &record, &doubtful)
        })
        .await
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
        const DOING: &str = "read entries";
        const SELECT: &str = "SELECT seq, epoch, at_ms, written_by, body, prev_hash, hash \
            FROM portcullis.entries WHERE scope = $1 ORDER BY seq DESC LIMIT $2";
        let query = async || {
            let rows = sqlx::query(SELECT)
                .bind(scope.as_str())
                .bind(signed(count.min(NUMBER_MAX)))
                .fetch_all(&self.readers)
                .await
                .map_err(self.failed(DOING))?;
            let rows = rows.iter().rev();
            let entries = rows.map(|row| Reading::new(row, scope).entry());
            Ok(entries.collect::<Result<Vec<_>, _>>()?)
        };
        persist(&self.url, DOING, query).await
    }

    async fn scopes(&self) -> Result<Vec<Scope>, JournalError> {
        const DOING: &str = "read the scopes";
        const SELECT: &str = "SELECT scope FROM portcullis.leases \
            UNION SELECT scope FROM portcullis.entries ORDER BY scope";
        let query = async || {
            let names: Vec<(String,)> = sqlx::query_as(SELECT)
                .fetch_all(&self.readers)
                .await
                .map_err(self.failed(DOING))?;
            let scopes = names.into_iter().map(|(name,)| {
                Scope::new(name).map_err(|refused| Failure::other(&self.url, DOING, refused))
            });
            scopes.collect()
        };
        persist(&self.url, DOING, query).await
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

impl fmt::Debug for PostgresJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresJournal")
            .field("at", &self.url.to_string())
            .field("read_only", &self.writer.is_none())
            .finish()
    }
}

fn readers(url: &PostgresUrl) -> PgPool {
    PgPoolOptions::new()
        .max_connections(READERS_MAX)
        .acquire_timeout(CONNECTION_WAIT)
        .test_before_acquire(true)
        .after_connect(|connection, _| Box::pin(session::set_up(connection, true)))
        .connect_lazy_with(url.options().clone())
}
