//! Receives the write-ahead log of a server, again and again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_backup::{BackupError, ContinuousProblem, Received, Vault};

use super::{Kept, pause};
use crate::bounds::{ARCHIVE_PAUSE_MAX, ARCHIVE_PAUSE_MIN};
use crate::clock::monotonic_us;
use crate::commands::backup::gone;
use crate::connect::in_one_line;
use crate::continuous_source::{archive, source};

/// Receives until it is told to stop.
pub(super) async fn receive(kept: Kept) {
    let mut wait = ARCHIVE_PAUSE_MIN;
    while !kept.stop.load(Ordering::Relaxed) {
        let began_us = monotonic_us();
        match once(&kept).await {
            Ok(()) => return,
            Err((why, at_once)) => {
                tracing::info!(store = kept.archive.store, "the stream ended: {why}");
                kept.state.ended(why);
                // One that went on for a while ended for a new reason.
                let lasted_us = monotonic_us().saturating_sub(began_us);
                let lasted = u128::from(lasted_us) > ARCHIVE_PAUSE_MAX.as_micros();
                if at_once || lasted {
                    wait = ARCHIVE_PAUSE_MIN;
                }
                pause(&kept.stop, wait).await;
                wait = longer(wait);
            }
        }
    }
}

fn longer(wait: Duration) -> Duration {
    (wait * 2).min(ARCHIVE_PAUSE_MAX)
}

/// One stream. Says why it ended, and whether the next one may begin at once.
async fn once(kept: &Kept) -> Result<(), (String, bool)> {
    let server = source(&kept.config, &kept.archive).await;
    let server = server.map_err(|why| (why, false))?;
    if let Some(gone) = gone::known(&kept.config).await {
        return Err((gone.sentence(), false));
    }
    let one = kept.clone();
    let work = move || {
        let vault = Vault::open_or_create(&one.config.state.vault)?;
        let archive = archive(&one.config, &vault, &one.archive.store);
        let state = Arc::clone(&one.state);
        let warned = std::sync::atomic::AtomicBool::new(false);
        let tell = |received: &Received| {
            state.received(received);
            if !received.bounded_by_server && !warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    store = one.archive.store,
                    "the server does not bound what replication slots make it keep: while `portcullis serve` does not \
                     run, its disk can fill; ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'"
                );
            }
        };
        archive.receive(&server, &one.stop, &tell)
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let outcome =
        worked.map_err(|error| (format!("the work stopped unexpectedly: {error}"), false))?;
    outcome.map_err(|error| {
        let at_once = match &error {
            BackupError::Continuous { problem, .. } => matches!(
                **problem,
                ContinuousProblem::LogRemoved { .. } | ContinuousProblem::SlotGivenUp { .. }
            ),
            _ => false,
        };
        (in_one_line(&error), at_once)
    })
}
