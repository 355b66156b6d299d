//! Copies backups elsewhere while this engine acts: each that is made, whoever makes it, and those that were missed.
//!
//! It is a task of its own: an upload may take hours, and no backup waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_backup::{BackupName, Copied, CopyError, Encryption, Vault};
use portcullis_config::Config;
use portcullis_engine::{
    CopyPlace, DataRecord, Engine, Planner, Standing, copies_of, encryption_of,
};
use tokio_util::sync::CancellationToken;

use crate::bounds::{COPY_ASK_PAUSE, COPY_FAILED_PAUSE, COPY_FAILED_PAUSE_MAX, COPY_LOOK_PAUSE};
use crate::commands::backup::{copies, prune};
use crate::commands::drill::open_records;
use crate::commands::serve::acting::Grounds;
use crate::{clock, connect};

/// Who the records of copies are by.
const BY: &str = "copies";

/// How a place stands.
#[derive(Default)]
struct Known {
    /// The complete backups that were here when everything was there.
    seen: BTreeSet<String>,
    asked: Option<Instant>,
    failed: Option<(Instant, Duration)>,
}

/// Copies until it is told to stop, or another engine acts.
pub(super) async fn keep(grounds: Grounds, engine: Engine, cancelled: CancellationToken) {
    let config = Arc::new(grounds.config.clone());
    if config.backup.copies.is_empty() {
        return;
    }
    // `serve` does not begin with keys that are none.
    let encryption = encryption_of(&config).await.unwrap_or_default();
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            () = tokio::time::sleep(COPY_LOOK_PAUSE) => {}
        }
        if engine.standing() != Standing::Acting {
            return;
        }
        let here = copied_by_itself(&config, &encryption).await;
        let due = |known: &Known| match (known.failed, known.asked) {
            (Some((at, pause)), _) => at.elapsed() >= pause,
            (None, Some(at)) => known.seen != here || at.elapsed() >= COPY_ASK_PAUSE,
            (None, None) => true,
        };
        for copy in &config.backup.copies {
            let known = known.entry(copy.name.clone()).or_default();
            if due(known) {
                let vault = (&config, &encryption);
                catch_up(vault, &engine, (&copy.name, known), &cancelled).await;
                if known.failed.is_none() {
                    known.seen = here.clone();
                    known.asked = Some(clock::moment());
                }
            }
        }
    }
}

/// The names of the backups that are here and are copied without anybody asking for it.
async fn copied_by_itself(config: &Arc<Config>, encryption: &Encryption) -> BTreeSet<String> {
    let (config, encryption) = (config.clone(), encryption.clone());
    let listed = tokio::task::spawn_blocking(move || {
        let vault = Vault::open(&config.state.vault)?;
        vault.with_encryption(encryption).list()
    });
    let listed = listed.await.ok().and_then(Result::ok).unwrap_or_default();
    let ready = listed.iter().filter(|backup| copies::is_copied(backup));
    ready.map(|backup| backup.name.to_string()).collect()
}

async fn catch_up(
    (config, encryption): (&Arc<Config>, &Encryption),
    engine: &Engine,
    (name, known): (&str, &mut Known),
    cancelled: &CancellationToken,
) {
    let places = copies_of(config).await;
    let place = places
        .map_err(|error| connect::in_one_line(&error))
        .map(|places| places.into_iter().find(|place| place.copies.name() == name));
    let place = match place {
        Ok(Some(place)) => place,
        Ok(None) => return,
        Err(why) => return failed(config, engine, known, &why),
    };
    let history = engine.history();
    let needed = prune::needed_by(&history);
    let (settings, stop, at) = (config.clone(), cancelled.clone(), place.clone());
    let keys = encryption.clone();
    let work = tokio::task::spawn_blocking(move || sweep((&settings, keys), &at, needed, &stop));
    let (copied, error) = match work.await {
        Ok(done) => done,
        Err(died) => return failed(config, engine, known, &died.to_string()),
    };
    for (backup, copied) in &copied {
        tracing::info!(
            backup = backup.as_str(),
            copy = name,
            bytes = copied.bytes,
            "a backup was copied and read back"
        );
        record(config, &place, backup, copied).await;
    }
    match error {
        None => known.failed = None,
        Some(_) if cancelled.is_cancelled() => {}
        Some(error) => failed(config, engine, known, &error.to_string()),
    }
}

/// Copies what is missing, and removes what the rules of the place do not keep.
fn sweep(
    (config, encryption): (&Config, Encryption),
    place: &CopyPlace,
    needed: Vec<(String, String)>,
    cancelled: &CancellationToken,
) -> (Vec<(BackupName, Copied)>, Option<CopyError>) {
    let Ok(vault) = Vault::open(&config.state.vault) else {
        // Nothing was made here yet.
        return (Vec::new(), None);
    };
    let vault = vault.with_encryption(encryption);
    let stop = || cancelled.is_cancelled();
    let (copied, error) = copies::catch_up(config, &vault, place, &stop);
    if error.is_some() || !config.backup.prune {
        return (copied, error);
    }
    let pruned = prune::copies_by_rules(config, &vault, place, needed);
    (copied, pruned.err())
}

/// Notes a failure, tells people of the first of several in a row, and waits longer each time.
fn failed(config: &Config, engine: &Engine, known: &mut Known, why: &str) {
    tracing::warn!("a copy of the backups failed: {why}");
    let pause = match known.failed {
        None => {
            tell(config, engine, why);
            COPY_FAILED_PAUSE
        }
        Some((_, pause)) => (pause * 2).min(COPY_FAILED_PAUSE_MAX),
    };
    known.failed = Some((clock::moment(), pause));
}

/// Tells people, through the hooks for notices. Nothing waits for it (invariant 14).
fn tell(config: &Config, engine: &Engine, why: &str) {
    for hook in Planner::notice_hooks(config, &engine.history()) {
        let letter = serde_json::json!({
            "schema": "portcullis.notice/1",
            "hook": hook.name,
            "kind": "warning",
            "sentence": format!("a copy of the backups failed: {why}"),
            "rollout": null,
            "service": config.service.name,
            "environment": config.service.environment,
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

async fn record(config: &Config, place: &CopyPlace, backup: &BackupName, copied: &Copied) {
    let record = DataRecord::Copied {
        backup: backup.to_string(),
        copy: place.copies.name().to_owned(),
        place: place.copies.url().to_owned(),
        bytes: copied.bytes,
        archive_sha256: copied.archive_sha256.clone(),
        took_ms: copied.took.as_millis() as u64,
    };
    let written = match open_records(config).await {
        Ok(records) => records
            .append(&record, BY)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.sentence()),
    };
    if let Err(why) = written {
        tracing::error!("a copy could not be recorded: {why}");
    }
}
