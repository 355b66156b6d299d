//! Reads an archive back when it was not for long, so that it counts beside backups.

use jiff::Timestamp;
use portcullis_backup::{BackupError, ContinuousVerified, Vault};
use portcullis_engine::DataRecord;

use super::Kept;
use crate::clock::now_ms;
use crate::commands::backup::continuous::archive_verified;
use crate::commands::drill::open_records;
use crate::connect::in_one_line;
use crate::continuous_range::ms;
use crate::continuous_source::archive;

/// Who the records of archives are by.
const BY: &str = "archive";

/// Reads the archive back if that is due: at once when it has its first copy, and when what was found wrong may have been
/// left behind by a newer copy.
pub(super) async fn verify_if_due(kept: &Kept) {
    let one = kept.clone();
    let work = tokio::task::spawn_blocking(move || -> Result<_, BackupError> {
        match is_due(&one)? {
            true => read_back(&one).map(Some),
            false => Ok(None),
        }
    });
    let verified = match work.await {
        Ok(Ok(Some(verified))) => verified,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            kept.state.verified(Err(in_one_line(&error)));
            return;
        }
        Err(error) => {
            tracing::warn!(%error, "reading an archive back stopped unexpectedly");
            return;
        }
    };
    let wrong = verified.wrong();
    // They come last, and what counts is not touched by them.
    for note in verified.damages.iter().rev().take(verified.notes) {
        tracing::warn!(store = kept.archive.store, "{note}");
    }
    kept.state.verified(match verified.is_sound() {
        true => Ok(()),
        false => Err(match wrong.first() {
            Some(first) => format!("{first} (and {} more)", wrong.len() - 1),
            None => "nothing can be recovered to".to_owned(),
        }),
    });
    record(kept, &archive_verified(&kept.archive.store, &verified)).await;
}

fn is_due(kept: &Kept) -> Result<bool, BackupError> {
    let vault = Vault::open(&kept.config.state.vault)?;
    let archive = archive(&kept.config, &vault, &kept.archive.store);
    if !archive.exists() {
        return Ok(false);
    }
    // Before that there is nothing to read back.
    let ranges = archive.ranges()?;
    let Some(last) = ranges.last().filter(|range| range.open) else {
        return Ok(false);
    };
    Ok(match archive.verification() {
        None => true,
        Some(before) if !before.sound && before.at < last.from => true,
        Some(before) => now_ms().saturating_sub(ms(before.at)) >= kept.archive.verify_every_ms,
    })
}

fn read_back(kept: &Kept) -> Result<ContinuousVerified, BackupError> {
    let vault = Vault::open(&kept.config.state.vault)?;
    let archive = archive(&kept.config, &vault, &kept.archive.store);
    let verified = archive.verify()?;
    // Before it is noted: whoever sees that the archive counts sees what can be recovered to.
    let base = archive.usable_bases()?.pop();
    kept.state
        .looked(verified.ranges.clone(), verified.gaps.clone(), base);
    let now = Timestamp::from_millisecond(now_ms() as i64).unwrap_or_default();
    archive.note_verified(&verified, now)?;
    tracing::info!(
        store = kept.archive.store,
        sound = verified.is_sound(),
        bases = verified.bases,
        segments = verified.segments,
        took_ms = verified.took.as_millis() as u64,
        "the continuous archive was read back"
    );
    Ok(verified)
}

/// Writes a record into the journal. The archive does not depend on it.
pub(super) async fn record(kept: &Kept, record: &DataRecord) {
    let written = match open_records(&kept.config).await {
        Ok(records) => records
            .append(record, BY)
            .await
            .map_err(|error| in_one_line(&error)),
        Err(error) => Err(error.sentence()),
    };
    if let Err(error) = written {
        tracing::error!(error, "what happened to an archive could not be recorded");
    }
}
