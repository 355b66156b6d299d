//! A journal in memory, for simulations. It obeys the same rules as a real one, its futures never
//! wait, and a clone is a deep copy, so that an explorer can branch at any point.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::chain::{ChainCheck, next_entry};
use crate::journal::Journal;
use crate::lease::{self, LeaseRow};
use crate::{Entry, Epoch, Hash, JournalError, Lease, Record, Scope, Verified};

/// A journal in memory.
///
/// `clone` copies the state: the two journals go separate ways from then on. To share one, put it
/// in an `Arc`. What a crash destroys is up to the caller: everything in here counts as durable.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

/// The failure that a simulation asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InjectedFault {
    /// The entry was not written.
    #[error("injected fault: the entry was not written")]
    NotWritten,
    /// The entry was written, but its writer was told that it failed.
    #[error("injected fault: the entry was written and its acknowledgement lost")]
    AcknowledgementLost,
}

#[derive(Clone, Debug, Default)]
struct State {
    scopes: BTreeMap<Scope, ScopeState>,
    fault: Option<InjectedFault>,
}

/// Entries are shared between clones: they never change, and an explorer clones very often.
#[derive(Clone, Debug)]
struct ScopeState {
    lease: LeaseRow,
    entries: Vec<Arc<Entry>>,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next append that passes the fence fails and writes nothing.
    pub fn fail_next_append(&self) {
        self.lock().fault = Some(InjectedFault::NotWritten);
    }

    /// The next append that passes the fence is written and then reported as failed, as when a
    /// commit reaches the disk and the answer is lost.
    pub fn lose_next_acknowledgement(&self) {
        self.lock().fault = Some(InjectedFault::AcknowledgementLost);
    }

    // A panic while the lock is held cannot leave a half-made change behind: each change below is
    // one assignment or one push. So a poisoned lock is used as it is.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_chain(&self, scope: &Scope, known: Option<Hash>) -> Result<Verified, JournalError> {
        let mut check = ChainCheck::new(scope.clone(), known);
        for entry in self.lock().entries(scope) {
            check.push(entry)?;
        }
        Ok(check.finish()?)
    }
}

impl Clone for MemoryJournal {
    fn clone(&self) -> Self {
        Self {
            state: Mutex::new(self.lock().clone()),
        }
    }
}

impl Journal for MemoryJournal {
    async fn acquire(
        &self,
        scope: &Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Lease, JournalError> {
        let mut state = self.lock();
        let lease = lease::grant(state.lease(scope), scope, holder, now_ms, ttl_ms)?;
        state.set_lease(scope, LeaseRow::from(&lease));
        Ok(lease)
    }

    async fn renew(&self, lease: &Lease, now_ms: u64, ttl_ms: u64) -> Result<Lease, JournalError> {
        let mut state = self.lock();
        let renewed = lease::extend(state.lease(&lease.scope), lease, now_ms, ttl_ms)?;
        state.set_lease(&lease.scope, LeaseRow::from(&renewed));
        Ok(renewed)
    }

    async fn release(&self, lease: &Lease) -> Result<(), JournalError> {
        let mut state = self.lock();
        lease::check_current(state.lease(&lease.scope), &lease.scope, lease.epoch)?;
        state.set_lease(&lease.scope, LeaseRow::released(lease.epoch));
        Ok(())
    }

    async fn append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: Record,
    ) -> Result<Entry, JournalError> {
        record.check()?;
        let mut state = self.lock();
        lease::check_current(state.lease(scope), scope, epoch)?;
        let fault = state.fault.take();
        if let Some(fault @ InjectedFault::NotWritten) = fault {
            return Err(failed(fault));
        }
        let last = state
            .entries(scope)
            .last()
            .map(|last| (last.seq, last.hash));
        let entry = Arc::new(next_entry(scope, last, epoch, record));
        if let Some(scope) = state.scopes.get_mut(scope) {
            scope.entries.push(Arc::clone(&entry));
        }
        match fault {
            Some(fault) => Err(failed(fault)),
            None => Ok(Arc::unwrap_or_clone(entry)),
        }
    }

    async fn read(&self, scope: &Scope, from_seq: u64) -> Result<Vec<Entry>, JournalError> {
        let state = self.lock();
        let before = usize::try_from(from_seq.saturating_sub(1)).unwrap_or(usize::MAX);
        let wanted = state.entries(scope).iter().skip(before);
        Ok(wanted.map(|entry| Entry::clone(entry)).collect())
    }

    async fn scopes(&self) -> Result<Vec<Scope>, JournalError> {
        Ok(self.lock().scopes.keys().cloned().collect())
    }

    async fn verify(&self, scope: &Scope) -> Result<Verified, JournalError> {
        self.check_chain(scope, None)
    }

    async fn verify_against(
        &self,
        scope: &Scope,
        known_head: Hash,
    ) -> Result<Verified, JournalError> {
        self.check_chain(scope, Some(known_head))
    }
}

impl State {
    fn lease(&self, scope: &Scope) -> Option<&LeaseRow> {
        self.scopes.get(scope).map(|scope| &scope.lease)
    }

    fn entries(&self, scope: &Scope) -> &[Arc<Entry>] {
        self.scopes.get(scope).map_or(&[], |scope| &scope.entries)
    }

    fn set_lease(&mut self, scope: &Scope, lease: LeaseRow) {
        match self.scopes.get_mut(scope) {
            Some(scope) => scope.lease = lease,
            None => {
                let fresh = ScopeState {
                    lease,
                    entries: Vec::new(),
                };
                self.scopes.insert(scope.clone(), fresh);
            }
        }
    }
}

fn failed(fault: InjectedFault) -> JournalError {
    let path = "memory".to_owned();
    JournalError::Storage {
        doing: "append an entry",
        path,
        source: Box::new(fault),
    }
}
