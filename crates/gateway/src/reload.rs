//! Being asked to read the configuration file again.
//!
//! The gateway knows settings and no file. Who asks its admin API for a reload is passed on to the process that
//! runs it, which reads the file, hands the settings to [`crate::Gateway::reload`], and answers.

use portcullis_api::Problem;
use portcullis_api::gateway::{ReloadWish, Reloaded};
use tokio::sync::{mpsc, oneshot};

use crate::bounds::RELOADS_WAITING_MAX;

/// Somebody wants the configuration file to be read again.
#[derive(Debug)]
pub struct ReloadRequest {
    /// Who asks.
    pub wish: ReloadWish,
    reply: oneshot::Sender<Result<Reloaded, Problem>>,
}

/// The requests that nobody has answered yet.
#[derive(Debug)]
pub struct ReloadRequests(mpsc::Receiver<ReloadRequest>);

/// Where the admin API leaves them.
#[derive(Debug, Clone)]
pub(crate) struct ReloadDesk(mpsc::Sender<ReloadRequest>);

/// Why a request was not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPassedOn {
    /// The process that runs the gateway reads no file.
    NobodyReads,
    /// Others wait for theirs.
    Busy,
    /// The process ends, or is succeeded by another one.
    Ended,
}

impl ReloadRequest {
    /// Says what became of it. Nobody may be left to hear it.
    pub fn answer(self, answer: Result<Reloaded, Problem>) {
        let _ = self.reply.send(answer);
    }
}

impl ReloadRequests {
    /// The next one; never comes back once the gateway has ended.
    pub async fn next(&mut self) -> ReloadRequest {
        match self.0.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
}

impl ReloadDesk {
    /// A desk, and what is left there.
    pub(crate) fn open() -> (ReloadDesk, ReloadRequests) {
        let (sender, receiver) = mpsc::channel(RELOADS_WAITING_MAX);
        (ReloadDesk(sender), ReloadRequests(receiver))
    }

    /// Passes a request on and waits for the answer.
    pub(crate) async fn ask(
        &self,
        wish: ReloadWish,
    ) -> Result<Result<Reloaded, Problem>, NotPassedOn> {
        let (reply, answer) = oneshot::channel();
        let left = self.0.try_send(ReloadRequest { wish, reply });
        left.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotPassedOn::Busy,
            mpsc::error::TrySendError::Closed(_) => NotPassedOn::NobodyReads,
        })?;
        answer.await.map_err(|_| NotPassedOn::Ended)
    }
}
