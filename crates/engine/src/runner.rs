//! The runner: the only loop that changes a rollout.
//!
//! Each event goes the same way: ask the pure core what becomes of the rollout, write the event to the
//! journal, and only then hand out the effects (invariant 2). An append that fails ends the runner: no
//! action without a record. There are two points at which a crash can hit, before the append and after
//! it, and both recover alike: fold the journal, feed `Recovered`, look before acting.

use std::sync::Arc;

use portcullis_journal::{Entry, Journal, JournalError, Lease, Record, Scope};
use portcullis_rollout::{Actor, Effect, Event, EventKind, Plan, Refused, Rollout};

use crate::history::{History, HistoryError, ReadingError};
use crate::record::Body;

/// The right to act on one service, and its rollouts.
#[derive(Debug, Clone)]
pub struct Runner<J> {
    journal: J,
    scope: Scope,
    lease: Lease,
    ttl_ms: u64,
    history: History,
}

/// What came of feeding an event.
#[derive(Debug)]
pub struct Step {
    /// What is wanted now. The event is durable.
    pub effects: Vec<Effect>,
    /// The journal entry that was written.
    pub entry: Entry,
}

/// Why the runner refused or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The event is not possible now. Nothing changed and nothing was written.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No rollout is live.
    #[error("no rollout is live")]
    NothingLive,
    /// A rollout is live already.
    #[error("rollout {0} is still live; only one rollout of a service runs at a time")]
    StillLive(portcullis_rollout::RolloutId),
    /// The journal could not be written or read. The runner must not act any more.
    #[error("the journal cannot be used")]
    Journal(#[from] JournalError),
    /// The journal does not tell a possible story.
    #[error("the journal does not fit")]
    History(#[from] HistoryError),
    /// A record could not be put into words.
    #[error("a record could not be written as JSON")]
    Encode(#[from] serde_json::Error),
}

impl RunnerError {
    /// Whether the runner may go on after this error.
    pub fn is_refusal(&self) -> bool {
        match self {
            RunnerError::Refused(_) | RunnerError::NothingLive | RunnerError::StillLive(_) => true,
            RunnerError::Journal(_) | RunnerError::History(_) | RunnerError::Encode(_) => false,
        }
    }
}

impl From<ReadingError> for RunnerError {
    fn from(error: ReadingError) -> RunnerError {
        match error {
            ReadingError::Journal(error) => RunnerError::Journal(error),
            ReadingError::History(error) => RunnerError::History(error),
        }
    }
}

impl<J: Journal> Runner<J> {
    /// Takes the lease of a service and folds its journal. The lease is taken first: from then on nobody
    /// else can append, so what is read stays true.
    ///
    /// # Errors
    /// When another holder has the lease, or the journal cannot be read or does not fit.
    pub async fn open(
        journal: J,
        scope: Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Runner<J>, RunnerError> {
        let lease = journal.acquire(&scope, holder, now_ms, ttl_ms).await?;
        // A journal that was tampered with tells a story that did not happen: nothing follows from it. Both
        // take their time in a long journal, so they are done at once.
        let verifying = journal.verify(&scope);
        let reading = History::read_all(&journal, &scope);
        let (verified, history) = tokio::join!(verifying, reading);
        verified?;
        let history = history?;
        Ok(Runner {
            journal,
            scope,
            lease,
            ttl_ms,
            history,
        })
    }

    /// Records a plan; its rollout is live from then on.
    ///
    /// # Errors
    /// When a rollout is live already, or the journal cannot be written.
    pub async fn begin(
        &mut self,
        plan: Arc<Plan>,
        now_ms: u64,
        by: &Actor,
    ) -> Result<Entry, RunnerError> {
        if let Some(live) = self.history.live() {
            return Err(RunnerError::StillLive(live.id().clone()));
        }
        let body = Body::Planned {
            plan_hash: plan.hash(),
            plan,
        };
        self.append(body, now_ms, by).await
    }

    /// Applies an event to the live rollout: decides, records, and returns what is wanted.
    ///
    /// # Errors
    /// When the event is refused, or the journal cannot be written; then nothing is wanted.
    pub async fn feed(&mut self, event: Event) -> Result<Step, RunnerError> {
        let live = self.history.live().ok_or(RunnerError::NothingLive)?;
        let (_, effects) = live.rollout().apply(&event)?;
        let rollout = live.id().clone();
        let body = Body::Happened {
            rollout,
            kind: event.kind,
        };
        let entry = self.append(body, event.at_ms, &event.by).await?;
        Ok(Step { effects, entry })
    }

    /// Feeds `Recovered` to the live rollout, if there is one: what was under way is looked at before
    /// anything else happens. A rollout that was recorded but not started is started.
    ///
    /// # Errors
    /// As for [`Runner::feed`].
    pub async fn recover(&mut self, now_ms: u64) -> Result<Vec<Step>, RunnerError> {
        if self.live().is_none() {
            return Ok(Vec::new());
        }
        let event = |kind| Event {
            at_ms: now_ms,
            by: Actor::Engine,
            kind,
        };
        let mut steps = vec![self.feed(event(EventKind::Recovered)).await?];
        let waits = |r: &Rollout| matches!(r.state(), portcullis_rollout::State::Planned);
        if self.live().is_some_and(waits) {
            steps.push(self.feed(event(EventKind::Start)).await?);
        }
        Ok(steps)
    }

    /// Moves the lease's expiry.
    ///
    /// # Errors
    /// When somebody else has taken over: this runner must not act any more.
    pub async fn renew(&mut self, now_ms: u64) -> Result<(), RunnerError> {
        self.lease = self.journal.renew(&self.lease, now_ms, self.ttl_ms).await?;
        Ok(())
    }

    /// How long the lease is good for without being renewed, in milliseconds.
    pub fn ttl_ms(&self) -> u64 {
        self.ttl_ms
    }

    /// Gives the lease up.
    ///
    /// # Errors
    /// When somebody else has taken over already.
    pub async fn close(self) -> Result<(), RunnerError> {
        Ok(self.journal.release(&self.lease).await?)
    }

    /// At most `count` journal entries from a number on.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn read(&self, from_seq: u64, count: u64) -> Result<Vec<Entry>, JournalError> {
        self.journal.read_page(&self.scope, from_seq, count).await
    }

    /// The live rollout, if there is one.
    pub fn live(&self) -> Option<&Rollout> {
        self.history.live().map(|past| past.rollout())
    }

    /// Everything that happened.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The lease.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The journal.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    async fn append(&mut self, body: Body, at_ms: u64, by: &Actor) -> Result<Entry, RunnerError> {
        let record = Record {
            at_ms,
            by: by.to_string(),
            body: body.encode()?,
        };
        let entry = self
            .journal
            .append(&self.scope, self.lease.epoch, record)
            .await?;
        // The state is folded from what was written, never changed beside it (invariant 3).
        self.history.push(&entry)?;
        Ok(entry)
    }
}
