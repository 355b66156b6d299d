//! What can go wrong with a journal.

use crate::{Broken, Epoch, Scope};

/// What can go wrong with a journal.
///
/// After [`JournalError::Storage`] from an append it is **not known** whether the entry was
/// written: stop acting, and find out by reading the journal again.
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
}
