//! Copies a cluster when its newest copy is too old, removes old copies, and reads the archive back now and then.
//! Each copy and what reading back found are in the journal, like backups.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{
    BackupError, BaseBackup, ContinuousArchive, ContinuousProblem, ContinuousSource, Vault,
};
use portcullis_engine::DataRecord;

use super::{Kept, pause, verifier};
use crate::bounds::{ARCHIVE_COPY_AGAIN, ARCHIVE_LOOK_PAUSE, ARCHIVE_SETTLE};
use crate::clock::{monotonic_us, now_ms};
use crate::connect::in_one_line;
use crate::continuous_range::ms;
use crate::continuous_source::{archive, source};

/// Copies until it is told to stop.
pub(super) async fn copy(kept: Kept) {
    let mut not_before_us = 0;
    while !kept.stop.load(Ordering::Relaxed) {
        let due = look(&kept).await;
        let waits = monotonic_us() < not_before_us;
        if due && !waits && kept.state.is_receiving() {
            let outcome = once(&kept).await;
            if kept.stop.load(Ordering::Relaxed) {
                return;
            }
            not_before_us = monotonic_us().saturating_add(after(&outcome).as_micros() as u64);
            kept.state.copied(outcome);
        }
        verifier::verify_if_due(&kept).await;
        pause(&kept.stop, ARCHIVE_LOOK_PAUSE).await;
    }
}

/// How long nothing is copied then: the log that belongs to a copy comes a little later than the copy.
fn after(outcome: &Result<(), String>) -> Duration {
    match outcome {
        Ok(()) => ARCHIVE_SETTLE,
        Err(_) => ARCHIVE_COPY_AGAIN,
    }
}

/// Looks at the archive; says whether the cluster should be copied.
async fn look(kept: &Kept) -> bool {
    let one = kept.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let vault = Vault::open(&one.config.state.vault).ok()?;
        let archive = archive(&one.config, &vault, &one.archive.store);
        if !archive.exists() {
            return None;
        }
        let looked = archive.usable_bases().and_then(|bases| {
            let (ranges, gaps) = (archive.ranges()?, archive.gaps()?);
            Ok((bases, ranges, gaps))
        });
        one.state
            .looked_at(looked.as_ref().err().map(|error| in_one_line(error)));
        let (mut bases, ranges, gaps) = looked.ok()?;
        let usable = bases.pop();
        let open = ranges.last().is_some_and(|range| range.open);
        let age_ms = usable
            .as_ref()
            .map(|base| now_ms().saturating_sub(ms(base.stopped_at)));
        one.state.looked(ranges, gaps, usable);
        Some(!open || age_ms.is_none_or(|age_ms| age_ms >= one.archive.base_every_ms))
    });
    looking.await.ok().flatten().unwrap_or(false)
}

async fn once(kept: &Kept) -> Result<(), String> {
    let began_us = monotonic_us();
    let server = source(&kept.config, &kept.archive).await?;
    let one = kept.clone();
    let work = move || {
        let vault = Vault::open(&one.config.state.vault)?;
        let archive = archive(&one.config, &vault, &one.archive.store);
        make(&one, &archive, &server)
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let outcome = worked.map_err(|error| format!("the work stopped unexpectedly: {error}"))?;
    let (base, removed) = outcome.map_err(|error| in_one_line(&error))?;
    let record = DataRecord::BaseTaken {
        store: kept.archive.store.clone(),
        base: base.id,
        bytes: base.bytes,
        sha256: base.sha256,
        removed,
        took_ms: monotonic_us().saturating_sub(began_us) / 1_000,
    };
    verifier::record(kept, &record).await;
    Ok(())
}

fn make(
    kept: &Kept,
    archive: &ContinuousArchive,
    server: &ContinuousSource,
) -> Result<(BaseBackup, u64), BackupError> {
    let now = Timestamp::from_millisecond(now_ms() as i64).unwrap_or_default();
    let base = archive.take_base(server, now, &kept.stop)?;
    tracing::info!(
        store = kept.archive.store,
        base = base.id,
        bytes = base.bytes,
        "the cluster was copied and the copy read back"
    );
    match archive.prune(kept.archive.keep) {
        Ok(pruned) if !pruned.bases.is_empty() || pruned.segments > 0 => {
            tracing::info!(
                store = kept.archive.store,
                bases = pruned.bases.len(),
                segments = pruned.segments,
                bytes = pruned.bytes,
                "old copies and log that no copy needs were removed"
            );
            Ok((base, pruned.bases.len() as u64))
        }
        // Somebody recovers just now; the next copy removes it.
        Err(BackupError::Continuous { problem, .. })
            if matches!(*problem, ContinuousProblem::Busy { .. }) =>
        {
            Ok((base, 0))
        }
        outcome => outcome.map(|_| (base, 0)),
    }
}
