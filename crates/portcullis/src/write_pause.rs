//! Keeping writes out of a service while its stores are backed up.
//!
//! The gateway does it, and ends it by itself: whatever becomes of this process, writes are let in again after
//! `backup.pause_max` at the latest. Whether the pause held from before the first store was read until after the last one
//! was is said by the gateway when it is asked to end it; a backup for which it did not is given up.

use std::time::Duration;

use portcullis_analysis::counted;
use portcullis_api::gateway::{
    ClosedFor, ClosedTo, Closure, PauseEnd, PauseEnded, PauseWish, RouteStatus,
};
use portcullis_api::{Client, ClientError};
use portcullis_backup::{BackupError, BackupName, Vault};
use portcullis_config::Config;
use portcullis_engine::span_words;

use crate::bounds::{PAUSE_END_PATIENCE, PAUSE_LOOK};
use crate::clock::monotonic_us;
use crate::connect;

/// A pause in force.
pub(crate) struct WritePause {
    client: Client,
    path: String,
    id: u64,
}

/// Why there is no pause.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PauseRefused {
    /// No gateway answers.
    #[error(
        "writes cannot be paused: no gateway answers ({0}); start `portcullis serve`, or back up without a pause"
    )]
    NoGateway(String),
    /// It refused, or something else went wrong.
    #[error("{0}")]
    Refused(String),
    /// Writes under way did not end.
    #[error(
        "writes cannot be paused: {left} still under way after {after}; give them more time with `drain` in [timeouts] and \
         `backup.pause_max`, or back up when there is less traffic"
    )]
    NotDrained {
        /// How many.
        left: String,
        /// How long was waited.
        after: String,
    },
}

impl WritePause {
    /// Keeps writes out, and waits until those under way are over. `None` where no release serves yet: then nobody writes
    /// through the gateway.
    ///
    /// # Errors
    /// When they cannot be kept out; then they are let in.
    pub(crate) async fn begin(
        config: &Config,
        reason: &str,
    ) -> Result<Option<WritePause>, PauseRefused> {
        let client =
            connect::gateway(config).map_err(|error| PauseRefused::Refused(error.sentence()))?;
        let (closing, max_ms) = (&config.closing, config.backup.pause_max_ms);
        let drain_ms = config.timeouts.drain_ms.min(max_ms);
        let wish = PauseWish {
            by: connect::user(),
            reason: format!("backup: {reason}"),
            closure: Closure {
                to: ClosedTo::Writes,
                of: ClosedFor::Everyone,
                hold_ms: closing.hold_ms,
                retry_after_s: closing.retry_after_s,
                drain_ms,
                reads: closing.reads.clone(),
            },
            for_ms: max_ms,
        };
        let path = format!("/v1/routes/{}", config.service.name);
        let before = client.get::<RouteStatus>(&path).await.map_err(refused)?;
        if before.split.is_none() {
            return Ok(None);
        }
        let begun = client
            .put::<RouteStatus>(&format!("{path}/pause"), &wish)
            .await;
        let route = begun.map_err(refused)?;
        let Some(paused) = &route.pause else {
            let why = "the gateway said that writes are paused and tells of no pause".to_owned();
            return Err(PauseRefused::Refused(why));
        };
        let pause = WritePause {
            client,
            path,
            id: paused.id,
        };
        match pause.drain(route, Duration::from_millis(drain_ms)).await {
            Ok(()) => Ok(Some(pause)),
            Err(error) => {
                let _ = pause.end().await;
                Err(error)
            }
        }
    }

    /// Waits until no write is under way.
    async fn drain(&self, mut route: RouteStatus, at_most: Duration) -> Result<(), PauseRefused> {
        let began_us = monotonic_us();
        loop {
            let left: u64 = route.arms.iter().map(|arm| arm.writes_in_flight).sum();
            if left == 0 {
                return Ok(());
            }
            let waited = Duration::from_micros(monotonic_us().saturating_sub(began_us));
            if waited >= at_most {
                return Err(PauseRefused::NotDrained {
                    left: counted(left, "write is", "writes are"),
                    after: span_words(waited.as_millis() as u64),
                });
            }
            tokio::time::sleep(PAUSE_LOOK).await;
            route = self.client.get(&self.path).await.map_err(refused)?;
        }
    }

    /// Lets writes in again. Returns for how long they were kept out, in milliseconds.
    ///
    /// # Errors
    /// With why what was done meanwhile may have been done under writes.
    pub(crate) async fn end(self) -> Result<u64, String> {
        let path = format!("{}/pause/end", self.path);
        let wish = PauseEnd { id: self.id };
        let asked = self.client.post::<PauseEnded>(&path, &wish);
        let ended = match tokio::time::timeout(PAUSE_END_PATIENCE, asked).await {
            Ok(ended) => ended.map_err(|error| refused(error).to_string())?,
            Err(_) => return Err("the gateway does not answer".to_owned()),
        };
        match ended.broken {
            None => Ok(ended.lasted_ms),
            Some(why) => Err(format!("{why}, after {}", span_words(ended.lasted_ms))),
        }
    }
}

/// The sentence for a backup that was given up because its pause did not hold.
pub(crate) fn given_up(why: &str) -> String {
    format!(
        "the backup was given up, because writes were let in before it was complete: {why}; a longer backup.pause_max gives \
         it more time"
    )
}

/// Removes a backup whose pause did not hold.
pub(crate) fn discard(vault: &Vault, name: &BackupName) -> Result<(), BackupError> {
    let all = vault.list()?;
    match all.iter().find(|summary| summary.name == *name) {
        Some(summary) => vault.remove(summary).map(drop),
        None => Ok(()),
    }
}

fn refused(error: ClientError) -> PauseRefused {
    match error {
        ClientError::Refused(problem) => {
            PauseRefused::Refused(problem.detail.clone().unwrap_or(problem.title.clone()))
        }
        error @ ClientError::Unreachable { .. } => {
            PauseRefused::NoGateway(connect::in_one_line(&error))
        }
        other => PauseRefused::Refused(connect::in_one_line(&other)),
    }
}
