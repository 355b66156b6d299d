//! The one interface of every journal.

use std::future::Future;

use crate::{Entry, Epoch, Hash, JournalError, Lease, Record, Scope, Verified};

/// A durable log with a lease and a hash chain for each scope.
///
/// Every time that goes in or comes out is in the caller's time. A journal that several machines share
/// judges expiries by a clock of its own, because theirs differ: it counts `ttl_ms` by that clock and
/// translates what it says to the caller's time with the help of `now_ms`. The others read no clock and
/// take `now_ms` for the time. Every future is `Send`. Dropping the future of a write leaves it open
/// whether the write took place.
pub trait Journal: Send + Sync {
    /// Takes the lease of a scope for `ttl_ms` milliseconds from `now_ms` on.
    ///
    /// The epoch is one more than the last one of the scope, also if the same holder acquires
    /// again: whatever that holder had running before is fenced off.
    ///
    /// # Errors
    /// [`JournalError::LeaseHeld`] while another holder's lease has not expired;
    /// [`JournalError::RecordRefused`] for a holder or a time that cannot be stored.
    fn acquire(
        &self,
        scope: &Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> impl Future<Output = Result<Lease, JournalError>> + Send;

    /// Moves the expiry of a lease to `now_ms + ttl_ms`. An expired lease can be renewed as long
    /// as nobody has taken the scope over: the epoch decides, not the time.
    ///
    /// # Errors
    /// [`JournalError::Fenced`] if somebody acquired the scope since;
    /// [`JournalError::LeaseReleased`] if it was released.
    fn renew(
        &self,
        lease: &Lease,
        now_ms: u64,
        ttl_ms: u64,
    ) -> impl Future<Output = Result<Lease, JournalError>> + Send;

    /// Gives a lease up, so that the next holder need not wait for its expiry. Releasing twice is
    /// no error. The epoch stays: until somebody else acquires, it still passes the fence.
    ///
    /// # Errors
    /// [`JournalError::Fenced`] if somebody acquired the scope since.
    fn release(&self, lease: &Lease) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Writes one record at the end of a scope's chain. When it returns, the entry is durable.
    ///
    /// # Errors
    /// [`JournalError::Fenced`] or [`JournalError::EpochNeverIssued`] if `epoch` is not the last
    /// one issued for the scope, [`JournalError::RecordRefused`] for a record that cannot be
    /// stored: nothing was written then. After any other error it is not known whether it was.
    fn append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: Record,
    ) -> impl Future<Output = Result<Entry, JournalError>> + Send;

    /// The entries of a scope from `from_seq` on, in order. A scope without entries has none.
    /// The chain is not checked; [`Journal::verify`] does that.
    ///
    /// # Errors
    /// [`JournalError::Broken`] if a row cannot be read at all.
    fn read(
        &self,
        scope: &Scope,
        from_seq: u64,
    ) -> impl Future<Output = Result<Vec<Entry>, JournalError>> + Send;

    /// As [`Journal::read`], at most `count` entries: for a reader that goes through a long journal and
    /// need not have all of it in memory at once.
    ///
    /// # Errors
    /// As for [`Journal::read`].
    fn read_page(
        &self,
        scope: &Scope,
        from_seq: u64,
        count: u64,
    ) -> impl Future<Output = Result<Vec<Entry>, JournalError>> + Send {
        async move {
            let mut entries = self.read(scope, from_seq).await?;
            entries.truncate(usize::try_from(count).unwrap_or(usize::MAX));
            Ok(entries)
        }
    }

    /// The last `count` entries of a scope, in order; fewer if there are not as many. For a reader
    /// that needs the present and not the whole past: with an index it costs no more in a long
    /// journal than in a short one.
    ///
    /// # Errors
    /// As for [`Journal::read`].
    fn read_last(
        &self,
        scope: &Scope,
        count: u64,
    ) -> impl Future<Output = Result<Vec<Entry>, JournalError>> + Send {
        async move {
            let mut entries = self.read(scope, 1).await?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            entries.drain(..entries.len().saturating_sub(count));
            Ok(entries)
        }
    }

    /// Every scope that was ever acquired, in order of name.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn scopes(&self) -> impl Future<Output = Result<Vec<Scope>, JournalError>> + Send;

    /// Recomputes every hash of a scope's chain. An empty chain is in order. A cut-off tail looks
    /// like a shorter chain; only [`Journal::verify_against`] finds it, and a journal that keeps its
    /// head elsewhere too.
    ///
    /// # Errors
    /// [`JournalError::Broken`] with the first place that does not hold; [`JournalError::Torn`] if the
    /// head that is kept elsewhere is not in the chain.
    fn verify(&self, scope: &Scope) -> impl Future<Output = Result<Verified, JournalError>> + Send;

    /// As [`Journal::verify`], and the head that an earlier verification returned must still be in
    /// the chain. The chain may have grown since.
    ///
    /// # Errors
    /// [`JournalError::Broken`], with [`crate::Breakage::KnownHead`] if the head is not there.
    fn verify_against(
        &self,
        scope: &Scope,
        known_head: Hash,
    ) -> impl Future<Output = Result<Verified, JournalError>> + Send;
}
