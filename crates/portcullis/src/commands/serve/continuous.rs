//! Continuous archives of stores, kept while this engine acts.
//!
//! Each archive has two tasks: one receives the write-ahead log as it is written, and begins again whenever that ends;
//! the other copies the cluster when the newest copy is too old, removes what no copy needs, and reads the archive back. Beside them one task
//! tells how they stand, and begins all anew when the configuration of archives was changed. It does not wait for
//! backups, drills and rollouts: the log must be received whatever else happens.

mod copier;
mod receiver;
mod state;
mod verifier;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use portcullis_api::data::ContinuousStanding;
use portcullis_config::{Config, ContinuousConfig};
use portcullis_engine::{Engine, Standing};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::acting::Grounds;
use super::scheduler::notify;
use crate::bounds::{ARCHIVE_STOP, SCHEDULE_LOOK_PAUSE};
use state::ArchiveState;

/// The tasks that keep the archives.
pub(super) struct Archives {
    cancelled: CancellationToken,
    task: JoinHandle<()>,
}

impl Archives {
    /// Begins to keep the archives of the configuration file.
    pub(super) fn begin(grounds: Grounds, engine: Engine) -> Archives {
        let cancelled = CancellationToken::new();
        let keeping = keep(grounds, engine, cancelled.clone());
        Archives {
            cancelled,
            task: tokio::spawn(keeping),
        }
    }

    /// Ends the tasks. What was received stays; what is unfinished of a copy is none.
    pub(super) async fn stop(self) {
        self.cancelled.cancel();
        let _ = tokio::time::timeout(ARCHIVE_STOP, self.task).await;
    }
}

/// What one archive needs to be kept.
#[derive(Clone)]
struct Kept {
    config: Arc<Config>,
    archive: ContinuousConfig,
    state: Arc<ArchiveState>,
    stop: Arc<AtomicBool>,
}

/// The tasks of all archives, as long as the configuration stays.
struct Round {
    kept: Vec<Kept>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Round {
    fn begin(config: &Config) -> Round {
        let config = Arc::new(config.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let mut kept = Vec::new();
        for archive in &config.continuous {
            let one = Kept {
                config: Arc::clone(&config),
                archive: archive.clone(),
                state: Arc::default(),
                stop: Arc::clone(&stop),
            };
            tasks.spawn(receiver::receive(one.clone()));
            tasks.spawn(copier::copy(one.clone()));
            kept.push(one);
        }
        Round { kept, stop, tasks }
    }

    async fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
    }

    fn standings(&self) -> Vec<ContinuousStanding> {
        let all = self.kept.iter();
        all.map(|one| one.state.standing(&one.archive)).collect()
    }
}

async fn keep(grounds: Grounds, engine: Engine, cancelled: CancellationToken) {
    let mut config = grounds.config.clone();
    let mut file_changed = changed(&grounds);
    let mut round = Round::begin(&config);
    let mut look = tokio::time::interval(SCHEDULE_LOOK_PAUSE);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            () = cancelled.cancelled() => break,
            _ = look.tick() => {}
        }
        if engine.standing() != Standing::Acting {
            break;
        }
        let now_changed = changed(&grounds);
        if now_changed != file_changed {
            file_changed = now_changed;
            let (file, environment) = (&grounds.file, grounds.environment.as_deref());
            // One that is broken is left for `serve` to tell.
            if let Ok(read) = portcullis_config::load_environment(file, environment) {
                let same = (&read.continuous, &read.stores) == (&config.continuous, &config.stores);
                config = read;
                if !same {
                    round.end().await;
                    round = Round::begin(&config);
                }
            }
        }
        let standings = round.standings();
        let troubles = standings.iter().flat_map(|one| one.troubles.clone());
        let troubles: Vec<String> = troubles.collect();
        for trouble in troubles.iter().filter(|trouble| is_new(trouble, &told)) {
            tracing::warn!("{trouble}");
            notify(&config, &engine, trouble);
        }
        told = troubles;
        // Without what is told of backups it would seem as if there were none.
        grounds.data.send_modify(|data| {
            if let Some(data) = data {
                data.continuous = standings;
            }
        });
    }
    round.end().await;
}

/// Whether a trouble of its kind was not told before. What follows, such as why and for how long, changes.
fn is_new(trouble: &str, told: &[String]) -> bool {
    let kind = |text: &str| -> Vec<String> {
        let parts = text.split(": ").take(2);
        parts.map(str::to_owned).collect()
    };
    !told.iter().any(|before| kind(before) == kind(trouble))
}

fn changed(grounds: &Grounds) -> Option<SystemTime> {
    std::fs::metadata(&grounds.file).ok()?.modified().ok()
}

/// Waits, but not longer than until it is told to stop.
async fn pause(stop: &AtomicBool, long: Duration) {
    let mut left = long;
    while !stop.load(Ordering::Relaxed) && !left.is_zero() {
        let part = SCHEDULE_LOOK_PAUSE.min(left);
        tokio::time::sleep(part).await;
        left -= part;
    }
}
