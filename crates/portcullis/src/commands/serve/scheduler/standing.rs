//! How a service's data is looked after, from its records and its vault.

use std::collections::BTreeMap;

use portcullis_api::data::{DataStanding, LastDrill, RecoveryPointStanding, VerifiedBackup};
use portcullis_backup::Vault;
use portcullis_config::Config;
use portcullis_engine::{DataEntry, DataRecord, DrillVerdict, Job, PointOf};

use crate::clock::now_ms;

/// How often it is looked at without anything having happened, in milliseconds: rollouts and people make backups too.
pub(super) const PAUSE_MS: u64 = 5_000;

/// How the data is looked after now.
pub(super) async fn standing(
    config: &Config,
    entries: &[DataEntry],
    next: &BTreeMap<Job, u64>,
    now: Option<String>,
) -> DataStanding {
    let (place, of) = (config.state.vault.clone(), PointOf::config(config));
    let looked = tokio::task::spawn_blocking(move || {
        let vault = Vault::open(&place)?;
        of.look(&vault, now_ms())
    });
    let points = looked.await.ok().and_then(Result::ok).unwrap_or_default();
    DataStanding {
        verified: points
            .backup
            .map(|(name, created_ms)| VerifiedBackup { name, created_ms }),
        recovery_point: points.point.map(|point| RecoveryPointStanding {
            time_ms: point.time_ms,
            from: point.by.word().to_owned(),
            by: point.by.words(),
        }),
        not_counted: points
            .not_counted
            .into_iter()
            .map(|(store, why)| format!("the archive of {store} does not count as a backup: {why}"))
            .collect(),
        last_pause_ms: entries.iter().rev().find_map(|entry| match &entry.record {
            DataRecord::BackedUp { paused_ms, .. } | DataRecord::Made { paused_ms, .. } => {
                *paused_ms
            }
            _ => None,
        }),
        next_backup_ms: next.get(&Job::Backup).copied(),
        drill: last_drill(entries),
        next_drill_ms: next.get(&Job::Drill).copied(),
        now,
        troubles: [Job::Backup, Job::Drill]
            .into_iter()
            .filter_map(|job| trouble(entries, job))
            .collect(),
        continuous: Vec::new(),
    }
}

fn last_drill(entries: &[DataEntry]) -> Option<LastDrill> {
    let mut newest_first = entries.iter().rev();
    let (entry, report) = newest_first.find_map(|entry| Some((entry, entry.drill()?)))?;
    Some(LastDrill {
        id: entry.drill_id(),
        verdict: match report.verdict {
            DrillVerdict::Passed => "passed",
            DrillVerdict::Failed => "failed",
            DrillVerdict::CouldNotRun => "could_not_run",
        }
        .to_owned(),
        from: report.from.word().to_owned(),
        sentence: report.sentence.clone(),
        began_ms: report.began_ms,
        rto_ms: report.rto.measured_ms,
        rpo_ms: report.rpo.measured_ms,
    })
}

/// What was not done the last time, unless it was done since.
fn trouble(entries: &[DataEntry], wanted: Job) -> Option<String> {
    entries.iter().rev().find_map(|entry| match &entry.record {
        DataRecord::NotDone { job, why, .. } if *job == wanted => Some(Some(why.clone())),
        DataRecord::BackedUp { .. } if wanted == Job::Backup => Some(None),
        // What came of a drill is told with it.
        DataRecord::Drilled(_) if wanted == Job::Drill => Some(None),
        _ => None,
    })?
}
