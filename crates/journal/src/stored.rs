//! A journal that is kept somewhere: in a file or in a database.

use crate::{
    Entry, Epoch, Hash, Journal, JournalError, JournalLocation, Lease, PostgresJournal, Record,
    Scope, SqliteJournal, Verified,
};

/// The journal at a [`JournalLocation`], so that a program needs one type for all of them.
#[derive(Clone, Debug)]
pub enum StoredJournal {
    /// In an SQLite file.
    Sqlite(SqliteJournal),
    /// In a PostgreSQL database.
    Postgres(PostgresJournal),
}

impl StoredJournal {
    /// Opens the journal for writing and sets it up if it is new.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`] and [`PostgresJournal::open`].
    pub async fn open(location: &JournalLocation) -> Result<Self, JournalError> {
        match location {
            JournalLocation::File(path) => Ok(Self::Sqlite(SqliteJournal::open(path).await?)),
            JournalLocation::Postgres(url) => Ok(Self::Postgres(PostgresJournal::open(url).await?)),
        }
    }

    /// Opens the journal for reading only; nothing is created. None if there is no journal yet.
    ///
    /// # Errors
    /// As [`SqliteJournal::open_read_only`] and [`PostgresJournal::open_read_only`].
    pub async fn open_read_only(location: &JournalLocation) -> Result<Option<Self>, JournalError> {
        match location {
            JournalLocation::File(path) if !SqliteJournal::exists(path)? => Ok(None),
            JournalLocation::File(path) => {
                let journal = SqliteJournal::open_read_only(path).await?;
                Ok(Some(Self::Sqlite(journal)))
            }
            JournalLocation::Postgres(url) => {
                let journal = PostgresJournal::open_read_only(url).await?;
                Ok(journal.map(Self::Postgres))
            }
        }
    }

    /// Who holds a scope's lease in a database that several engines share; see
    /// [`PostgresJournal::lease`]. `None` for a file, which has one user.
    ///
    /// # Errors
    /// As [`PostgresJournal::lease`].
    pub async fn shared_lease(
        &self,
        scope: &Scope,
        now_ms: u64,
    ) -> Result<Option<Lease>, JournalError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(journal) => journal.lease(scope, now_ms).await,
        }
    }

    /// Closes all connections. Without it nothing is lost.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(journal) => journal.close().await,
            Self::Postgres(journal) => journal.close().await,
        }
    }
}

/// Passes a call on to the journal that it is.
macro_rules! pass_on {
    ($self:ident.$call:ident($($argument:expr),*)) => {
        match $self {
            Self::Sqlite(journal) => journal.$call($($argument),*).await,
            Self::Postgres(journal) => journal.$call($($argument),*).await,
        }
    };
}

impl Journal for StoredJournal {
    async fn acquire(
        &self,
        scope: &Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Lease, JournalError> {
        pass_on!(self.acquire(scope, holder, now_ms, ttl_ms))
    }

    async fn renew(&self, lease: &Lease, now_ms: u64, ttl_ms: u64) -> Result<Lease, JournalError> {
        pass_on!(self.renew(lease, now_ms, ttl_ms))
    }

    async fn release(&self, lease: &Lease) -> Result<(), JournalError> {
        pass_on!(self.release(lease))
    }

    async fn append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: Record,
    ) -> Result<Entry, JournalError> {
        pass_on!(self.append(scope, epoch, record))
    }

    async fn read(&self, scope: &Scope, from_seq: u64) -> Result<Vec<Entry>, JournalError> {
        pass_on!(self.read(scope, from_seq))
    }

    async fn read_page(
        &self,
        scope: &Scope,
        from_seq: u64,
        count: u64,
    ) -> Result<Vec<Entry>, JournalError> {
        pass_on!(self.read_page(scope, from_seq, count))
    }

    async fn read_last(&self, scope: &Scope, count: u64) -> Result<Vec<Entry>, JournalError> {
        pass_on!(self.read_last(scope, count))
    }

    async fn scopes(&self) -> Result<Vec<Scope>, JournalError> {
        pass_on!(self.scopes())
    }

    async fn verify(&self, scope: &Scope) -> Result<Verified, JournalError> {
        pass_on!(self.verify(scope))
    }

    async fn verify_against(
        &self,
        scope: &Scope,
        known_head: Hash,
    ) -> Result<Verified, JournalError> {
        pass_on!(self.verify_against(scope, known_head))
    }
}
