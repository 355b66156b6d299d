//! What can go wrong with a journal.

use crate::{Broken, Epoch, Scope, Torn, UrlRefused};

/// What can go wrong with a journal.
///
/// After [`JournalError::Storage`], [`JournalError::Server`], [`JournalError::Unreachable`],
/// [`JournalError::Replaced`] or [`JournalError::Damaged`] from an append it is **not known** whether the entry was written: stop
/// acting, and find out by reading the journal again.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else holds the lease and it has not expired.
    #[error(
        "{scope} is held by {holder:?} (epoch {epoch}) until {expires_ms} ms; \
         wait for it, or stop that holder"
    )]
    LeaseHeld {
        /// What was to be acquired.
        scope: Scope,
        /// Who holds it.
        holder: String,
        /// When that lease expires, in milliseconds since 1970-01-01 UTC.
        expires_ms: u64,
        /// The epoch of that lease.
        epoch: Epoch,
    },
    /// Somebody has acquired the scope since: this holder must not act any more.
    #[error("epoch {given} of {scope} is fenced off: epoch {current} has taken over; stop acting")]
    Fenced {
        /// The scope.
        scope: Scope,
        /// The epoch that was issued last.
        current: Epoch,
        /// The epoch that was given.
        given: Epoch,
    },
    /// The epoch was never issued for this scope; the scope must be acquired first.
    #[error(
        "epoch {given} of {scope} was never issued (the last one is {current}); \
         acquire the scope first"
    )]
    EpochNeverIssued {
        /// The scope.
        scope: Scope,
        /// The epoch that was issued last; 0 if none ever was.
        current: Epoch,
        /// The epoch that was given.
        given: Epoch,
    },
    /// The lease was released, so it cannot be renewed.
    #[error("the lease of {scope} with epoch {epoch} was released; acquire the scope again")]
    LeaseReleased {
        /// The scope.
        scope: Scope,
        /// The epoch of the released lease.
        epoch: Epoch,
    },
    /// A record, a holder or a time that the journal does not take.
    #[error("the journal does not take this {field}: {why}")]
    RecordRefused {
        /// The field at fault.
        field: &'static str,
        /// What was expected.
        why: String,
    },
    /// The chain does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The journal was opened for reading only.
    #[error("cannot {doing}: the journal {path} was opened for reading only")]
    ReadOnly {
        /// What was attempted.
        doing: &'static str,
        /// The file.
        path: String,
    },
    /// The file was written by a newer Portcullis.
    #[error(
        "the journal {path} has schema version {found} and this program knows up to {known}; \
         use the newer program"
    )]
    SchemaTooNew {
        /// The file.
        path: String,
        /// Its version.
        found: u64,
        /// The newest version that this program knows.
        known: u64,
    },
    /// The file is a database, but not a journal; or a journal that has not been set up.
    #[error("{path} is not a journal of Portcullis: {why}")]
    NotAJournal {
        /// The file.
        path: String,
        /// What was found instead.
        why: String,
    },
    /// The storage failed. After an append it is not known whether the entry was written.
    #[error("cannot {doing} in the journal {path}; check the disk and the file's permissions")]
    Storage {
        /// What was attempted.
        doing: &'static str,
        /// The file, or "memory".
        path: String,
        /// The failure.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database file is damaged, or is none.
    #[error(
        "{path} is damaged or no SQLite database; keep the file and put the journal back from a copy"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite found.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database lacks an entry that was acknowledged.
    #[error(transparent)]
    Torn(#[from] Box<Torn>),
    /// The database file was removed or replaced while it was in use.
    #[error(
        "the journal {path} was removed or replaced while it was in use ({found}); stop acting, put the \
         journal back from a copy, and find out who did it"
    )]
    Replaced {
        /// The file.
        path: String,
        /// What lies there now.
        found: String,
    },
    /// The file that remembers a head cannot be read.
    #[error(
        "the head of the journal in {path} cannot be read, so it is not known whether entries were \
         lost; check the disk, and, if the journal is known to be whole, move this file away"
    )]
    HeadUnreadable {
        /// The file that remembers the head.
        path: String,
        /// The failure.
        #[source]
        source: std::io::Error,
    },
    /// The address of a database cannot be used.
    #[error(transparent)]
    UrlRefused(#[from] UrlRefused),
    /// Nobody answers at the address of the server, or not in time.
    #[error(
        "the PostgreSQL server of {place} cannot be reached; check that it runs, that address and \
         port are right, and that no firewall is between"
    )]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// The failure.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection cannot be encrypted as the address asks for.
    #[error(
        "no trusted TLS connection to the PostgreSQL server of {place}; check the server's \
         certificate, and sslmode and sslrootcert in the address"
    )]
    NotTrusted {
        /// Host, port and database.
        place: String,
        /// What the TLS library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server does not let this user in.
    #[error(
        "the PostgreSQL server of {place} refused to let us in; check the user in the address, the \
         password in PGPASSWORD or ~/.pgpass, and the server's pg_hba.conf"
    )]
    AccessRefused {
        /// Host, port and database.
        place: String,
        /// What the server said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server has no such database.
    #[error("there is no database at {place}; create it (`createdb`), or mend the address")]
    DatabaseMissing {
        /// Host, port and database.
        place: String,
    },
    /// The user may not do this in the database.
    #[error(
        "no permission to {doing} in {place}; an administrator can run \
         `CREATE SCHEMA portcullis AUTHORIZATION ...` for the journal's user"
    )]
    PermissionDenied {
        /// What was attempted.
        doing: &'static str,
        /// Host, port and database.
        place: String,
        /// What the server said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server is set up to lose what it acknowledged.
    #[error(
        "the PostgreSQL server of {place} runs with {setting} = off, so a power cut may destroy what \
         it acknowledged; switch it on in postgresql.conf"
    )]
    NotDurable {
        /// Host, port and database.
        place: String,
        /// The server's setting.
        setting: &'static str,
    },
    /// The server failed, or the connection to it. After an append it is not known whether the entry
    /// was written.
    #[error("cannot {doing} in the journal at {place}; check the server and its log")]
    Server {
        /// What was attempted.
        doing: &'static str,
        /// Host, port and database.
        place: String,
        /// The failure.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
