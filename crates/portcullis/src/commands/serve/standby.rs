//! An engine that waits for its turn: another one that shares the journal acts, or the journal's database
//! cannot be reached.
//!
//! It tries again and again to get the lease. The journal's clock decides when the other one's has
//! expired, so the wait is at most the time of a lease and one pause.

use portcullis_driver::ProcessDriver;
use portcullis_engine::Engine;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::acting::{Grounds, start_engine};
use crate::bounds::TAKE_OVER_PAUSE;

/// What came of waiting.
pub(super) enum Turn {
    /// It acts now.
    Act(Engine),
    /// It waits on, for another reason than before.
    Wait(String),
}

/// The wait, as long as this value lives.
pub(super) struct Standby {
    turns: mpsc::Receiver<Turn>,
    task: AbortHandle,
}

impl Standby {
    /// Begins to wait. `known` is the reason that people have been told already.
    pub(super) fn begin(
        runtime: &Runtime,
        grounds: Grounds,
        process: ProcessDriver,
        known: Option<String>,
    ) -> Standby {
        let (tell, turns) = mpsc::channel(1);
        let waiting = wait(grounds, process, known.unwrap_or_default(), tell);
        let task = runtime.spawn(waiting).abort_handle();
        Standby { turns, task }
    }

    /// What came of it next. Never anything more after it acts.
    pub(super) async fn turn(&mut self) -> Turn {
        match self.turns.recv().await {
            Some(turn) => turn,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn wait(
    grounds: Grounds,
    process: ProcessDriver,
    mut known: String,
    tell: mpsc::Sender<Turn>,
) {
    loop {
        let turn = match start_engine(&grounds.config, &grounds.folder, &process).await {
            Ok(engine) => Turn::Act(engine),
            Err(error) => {
                let why = error.sentence();
                if why == known {
                    tokio::time::sleep(TAKE_OVER_PAUSE).await;
                    continue;
                }
                known.clone_from(&why);
                Turn::Wait(why)
            }
        };
        let acts = matches!(turn, Turn::Act(_));
        if tell.send(turn).await.is_err() || acts {
            return;
        }
        tokio::time::sleep(TAKE_OVER_PAUSE).await;
    }
}
