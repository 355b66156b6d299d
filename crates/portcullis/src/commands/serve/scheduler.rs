//! Backups and drills by schedule, while this engine acts.
//!
//! One task does one thing at a time, so runs never overlap; when a run is due is decided by a pure function
//! (`portcullis_engine::due`), and each time that was seen to is in the journal, so that a restart, or another
//! engine, goes on where this one was. A run waits while a step of a rollout is under way or held, as long as it could
//! be made up for.

mod copier;
mod keeper;
mod run;
mod standing;

use std::time::Duration;

use portcullis_config::Config;
use portcullis_engine::{Engine, Planner, Standing};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::acting::Grounds;
use crate::bounds::{SCHEDULE_LOOK_PAUSE, SCHEDULE_STOP};
use keeper::Keeper;

/// The task that keeps the schedules.
pub(super) struct Schedules {
    cancelled: CancellationToken,
    busy: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
    copier: JoinHandle<()>,
}

impl Schedules {
    /// Begins to keep the schedules of the configuration file.
    pub(super) fn begin(grounds: Grounds, engine: Engine) -> Schedules {
        let cancelled = CancellationToken::new();
        let (busy_out, busy) = watch::channel(None);
        let copying = copier::keep(grounds.clone(), engine.clone(), cancelled.clone());
        let keeping = keep(grounds, engine, cancelled.clone(), busy_out);
        Schedules {
            copier: tokio::spawn(copying),
            cancelled,
            busy,
            task: tokio::spawn(keeping),
        }
    }

    /// What is under way, if anything is.
    pub(super) fn busy(&self) -> Option<String> {
        self.busy.borrow().clone()
    }

    /// Ends the tasks. A drill is cleared away first; a backup is not waited for: what is unfinished of one is none. An upload goes on after the next start.
    pub(super) async fn stop(self) {
        self.cancelled.cancel();
        let both = futures::future::join(self.task, self.copier);
        let _ = tokio::time::timeout(SCHEDULE_STOP, both).await;
    }
}

async fn keep(
    grounds: Grounds,
    engine: Engine,
    cancelled: CancellationToken,
    busy: watch::Sender<Option<String>>,
) {
    let Some(mut keeper) = begin(grounds, &engine, &cancelled, busy).await else {
        return;
    };
    let mut look = tokio::time::interval(SCHEDULE_LOOK_PAUSE);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            _ = look.tick() => {}
        }
        if engine.standing() != Standing::Acting {
            return;
        }
        keeper.look().await;
    }
}

/// The keeper, once the records can be read: until then nobody knows what was seen to.
async fn begin(
    grounds: Grounds,
    engine: &Engine,
    cancelled: &CancellationToken,
    busy: watch::Sender<Option<String>>,
) -> Option<Keeper> {
    let mut pause = SCHEDULE_LOOK_PAUSE;
    loop {
        match Keeper::open(&grounds, engine, cancelled, &busy).await {
            Ok(keeper) => return Some(keeper),
            Err(error) => {
                tracing::warn!(error = %error.sentence(), "the records of backups and drills cannot be read");
            }
        }
        tokio::select! {
            () = cancelled.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(Duration::from_secs(60));
        if engine.standing() != Standing::Acting {
            return None;
        }
    }
}

/// Tells people, through the hooks for notices. Nothing waits for it (invariant 14).
pub(super) fn notify(config: &Config, engine: &Engine, sentence: &str) {
    for hook in Planner::notice_hooks(config, &engine.history()) {
        let service = &config.service;
        let letter = serde_json::json!({
            "schema": "portcullis.notice/1",
            "hook": hook.name,
            "kind": "warning",
            "sentence": sentence,
            "rollout": null,
            "service": service.name,
            "environment": service.environment,
            "plan": null,
        });
        tokio::spawn(async move {
            let outcome = portcullis_driver::run_notice(&hook, &letter.to_string()).await;
            if !outcome.succeeded() {
                tracing::warn!(hook = hook.name, end = %outcome.end, "a notice was not delivered");
            }
        });
    }
}
