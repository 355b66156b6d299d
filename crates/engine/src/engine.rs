//! The engine of one service: takes requests, runs the live rollout, survives restarts.
//!
//! One task owns the [`Runner`] and is the only one that feeds it. Attempts, measurements and waits run
//! beside it and report back as events. When the journal cannot be written, or the lease is lost, the
//! task ends and so does everything it started: no action without a record, and none without the right
//! to act. The gateway goes on serving from its last split.

use std::sync::{Arc, RwLock};

use portcullis_driver::{Driver, Meter};
use portcullis_journal::{Entry, Journal};
use portcullis_rollout::{Actor, EventKind, Plan, Refused, RolloutId};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::bounds::{LISTENER_BACKLOG, PAGE_ENTRIES, REQUESTS_WAITING_MAX};
use crate::clock::Clock;
use crate::history::{History, HistoryError, Past, ReadingError, Recall};
use crate::runner::{Runner, RunnerError};

mod notices;
mod task;

use task::Task;

/// What a person can ask of a live rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Stop and go back.
    Abort {
        /// Why.
        reason: String,
    },
    /// Wait: at once at a gate, else at the end of the step.
    Pause {
        /// Why.
        reason: String,
    },
    /// Go on after a pause; also ends the time for which the old release is kept warm.
    Resume,
    /// Answer a planned question with yes.
    Approve,
    /// Look again at a held step and go on from what is found.
    Retry,
    /// Vouch for a held step.
    Skip,
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The rollout cannot do that now.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No rollout is live.
    #[error("no rollout is live; there is nothing to stop or answer")]
    NothingLive,
    /// A rollout is live already.
    #[error("rollout {0} is still live; only one rollout of a service runs at a time")]
    StillLive(RolloutId),
    /// The named rollout is not the live one.
    #[error("rollout {0} is not live")]
    NotLive(String),
    /// The past cannot be read from the journal now.
    #[error(transparent)]
    Past(ReadingError),
    /// The engine has stopped.
    #[error("the engine has stopped: {0}")]
    Stopped(String),
}

/// How the engine stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It acts.
    Acting,
    /// It was asked to stop.
    Stopped,
    /// It had to stop; the text says why.
    Failed(String),
}

/// A handle on a running engine. Clones refer to the same one.
#[derive(Clone)]
pub struct Engine {
    requests: mpsc::Sender<Request>,
    history: Arc<RwLock<History>>,
    entries: broadcast::Sender<Entry>,
    standing: watch::Receiver<Standing>,
    epoch: u64,
}

pub(crate) enum Request {
    Deploy {
        plan: Arc<Plan>,
        by: Actor,
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
    Command {
        rollout: Option<String>,
        command: Command,
        by: Actor,
        reply: oneshot::Sender<Result<RolloutId, EngineError>>,
    },
    Read {
        from_seq: u64,
        count: u64,
        reply: oneshot::Sender<Result<Vec<Entry>, EngineError>>,
    },
    Stop {
        reply: oneshot::Sender<()>,
    },
}

impl Engine {
    /// Starts the engine on a runner that has its lease: recovers the live rollout, if there is one.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn start<J, D, M, C>(
        mut runner: Runner<J>,
        driver: D,
        meter: M,
        clock: C,
    ) -> Result<Engine, RunnerError>
    where
        J: Journal + 'static,
        D: Driver + 'static,
        M: Meter + 'static,
        C: Clock + 'static,
    {
        let recovered = runner.recover(clock.now_ms()).await?;
        let (requests, inbox) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (entries, _) = broadcast::channel(LISTENER_BACKLOG);
        let (standing_out, standing) = watch::channel(Standing::Acting);
        let history = Arc::new(RwLock::new(runner.history().clone()));
        let epoch = runner.lease().epoch.0;
        let mut task = Task::new(
            runner,
            driver,
            meter,
            clock,
            history.clone(),
            entries.clone(),
        );
        for step in recovered {
            task.carry_out(step);
        }
        tokio::spawn(async move {
            let end = task.run(inbox).await;
            let _ = standing_out.send(end);
        });
        Ok(Engine {
            requests,
            history,
            entries,
            standing,
            epoch,
        })
    }

    /// Records a plan and begins its rollout.
    ///
    /// # Errors
    /// When another rollout is live or the engine has stopped.
    pub async fn deploy(&self, plan: Arc<Plan>, by: Actor) -> Result<RolloutId, EngineError> {
        let id = plan.id.clone();
        self.ask(|reply| Request::Deploy { plan, by, reply })
            .await??;
        Ok(id)
    }

    /// Passes a person's command to the live rollout, which must be `rollout` if one is named.
    ///
    /// # Errors
    /// When no rollout is live, another one is, it cannot do that now, or the engine has stopped.
    pub async fn command(
        &self,
        rollout: Option<String>,
        command: Command,
        by: Actor,
    ) -> Result<RolloutId, EngineError> {
        self.ask(|reply| Request::Command {
            rollout,
            command,
            by,
            reply,
        })
        .await?
    }

    /// The journal entries from a number on: a page of them, so that a reader of a long journal neither
    /// needs much memory nor keeps the engine from its work. There are no more when it is empty.
    ///
    /// # Errors
    /// When the journal cannot be read now or the engine has stopped.
    pub async fn entries(&self, from_seq: u64) -> Result<Vec<Entry>, EngineError> {
        self.page(from_seq, PAGE_ENTRIES).await
    }

    /// The rollout with this name and everything that happened to it; an old one is read from the
    /// journal. `None` when there never was one.
    ///
    /// # Errors
    /// When the journal cannot be read now or the engine has stopped.
    pub async fn rollout(&self, id: &str) -> Result<Option<Past>, EngineError> {
        let history = self.history();
        if let Some(past) = history.find(id) {
            return Ok(Some(past.clone()));
        }
        let Some(outline) = history.outline(id) else {
            return Ok(None);
        };
        let mut recall = Recall::new(&outline);
        while let Some((from_seq, count)) = recall.wanted() {
            let page = self.page(from_seq, count).await?;
            recall.take(&page)?;
        }
        Ok(Some(recall.finish()?))
    }

    /// Stops the engine: what is under way is stopped and looked at again after the next start.
    pub async fn stop(&self) {
        let _ = self.ask(|reply| Request::Stop { reply }).await;
    }

    /// Everything that happened, as a copy.
    pub fn history(&self) -> History {
        // A poisoned lock still holds the last complete history: it is replaced as a whole.
        self.history
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// New journal entries from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Entry> {
        self.entries.subscribe()
    }

    /// How the engine stands.
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Waits until the engine stops, and says why.
    pub async fn ended(&self) -> Standing {
        let mut standing = self.standing.clone();
        let ended = standing
            .wait_for(|standing| *standing != Standing::Acting)
            .await;
        ended.map_or(Standing::Stopped, |standing| standing.clone())
    }

    /// The fencing epoch under which it acts.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    async fn page(&self, from_seq: u64, count: u64) -> Result<Vec<Entry>, EngineError> {
        let read = |reply| Request::Read {
            from_seq,
            count,
            reply,
        };
        self.ask(read).await?
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, EngineError> {
        let stopped = || match self.standing() {
            Standing::Failed(why) => EngineError::Stopped(why),
            Standing::Acting | Standing::Stopped => EngineError::Stopped("on request".to_owned()),
        };
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(request(reply))
            .await
            .map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())
    }
}

impl Command {
    pub(crate) fn event(self) -> EventKind {
        match self {
            Command::Abort { reason } => EventKind::Abort { reason },
            Command::Pause { reason } => EventKind::Pause { reason },
            Command::Resume => EventKind::Resume,
            Command::Approve => EventKind::Approve,
            Command::Retry => EventKind::Retry,
            Command::Skip => EventKind::Skip,
        }
    }
}

impl From<HistoryError> for EngineError {
    fn from(error: HistoryError) -> EngineError {
        EngineError::Past(error.into())
    }
}

impl From<RunnerError> for EngineError {
    fn from(error: RunnerError) -> EngineError {
        match error {
            RunnerError::Refused(refused) => EngineError::Refused(refused),
            RunnerError::NothingLive => EngineError::NothingLive,
            RunnerError::StillLive(id) => EngineError::StillLive(id),
            RunnerError::Journal(_) | RunnerError::History(_) | RunnerError::Encode(_) => {
                EngineError::Stopped(crate::hands::chain(&error))
            }
        }
    }
}
