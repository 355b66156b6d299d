//! A backup or a drill of the schedule.

use std::collections::BTreeSet;

use jiff::Timestamp;
use portcullis_backup::{
    Backup, BackupError, BackupName, BackupRequest, Emptied, Encryption, Store, Vault,
};
use portcullis_config::{Config, DrilledBackup, DrilledFrom};
use portcullis_engine::{
    DataEntry, DataRecord, DrillFrom, DrillOrder, DrillVerdict, Drills, DrillsRefused, Job, Pick,
    encryption_of, stores_of,
};

use super::keeper::Keeper;
use crate::bounds::{NAME_ATTEMPTS, NAME_PAUSE};
use crate::clock::now_ms;
use crate::commands::backup::{gone, prune};
use crate::commands::drill::{backup_takes_ms, random};
use crate::connect;
use crate::write_pause::{self, WritePause};

impl Keeper {
    /// Makes a backup, reads it back, and removes old ones by the rules.
    pub(super) async fn back_up(&mut self, time_ms: u64, at: &str) {
        let began_ms = now_ms();
        let history = self.engine.history();
        let whose = history.data_release();
        if let Err(between) = &whose {
            tracing::warn!("the backup does not say whose data it has: {between}");
        }
        let release = whose.as_ref().ok().and_then(Option::as_ref);
        let release = release.map(|release| release.to_string());
        let known = Known {
            needed: prune::needed_by(&history),
            emptied: emptied_before(&self.config, &self.entries),
        };
        let (config, reason) = (self.config.clone(), format!("schedule, {at}"));
        let encryption = encryption_of(&config).await;
        let encryption = encryption.map_err(|error| connect::in_one_line(&error));
        let stores = stores_of(&config.stores).await;
        let made = match stores
            .map_err(|failure| failure.message)
            .and_then(|stores| Ok((stores, encryption?)))
        {
            Ok(sources) => {
                let is_changed = || self.engine.history().data_release() != whose;
                let of = (reason, release);
                self.make(sources, of, known, &is_changed).await
            }
            Err(why) => Err(why),
        };
        match made {
            Ok(made) => {
                self.saw(Job::Backup, time_ms);
                let took_ms = now_ms().saturating_sub(began_ms);
                tracing::info!(
                    backup = made.name,
                    took_ms,
                    "a backup of the schedule was made"
                );
                // Rather twice than never.
                self.tell(at, &made);
                let record = DataRecord::BackedUp {
                    time_ms,
                    backup: made.name,
                    bytes: made.bytes,
                    archive_sha256: made.archive_sha256,
                    manifest_sha256: made.manifest_sha256,
                    took_ms,
                    removed: made.removed,
                    paused_ms: made.paused_ms,
                    emptied: made.emptied.iter().map(in_record).collect(),
                };
                self.record(&record).await;
            }
            Err(why) => {
                let why = format!("the backup of {at} failed: {why}");
                self.not_done(Job::Backup, time_ms, true, why).await;
            }
        }
    }

    /// Says what is not as it should be about a backup that was made.
    fn tell(&self, at: &str, made: &Made) {
        for one in &made.newly_emptied {
            self.notify(&format!("the backup of {at}: {one}"));
        }
        for one in &made.emptied {
            tracing::warn!("{one}");
        }
        let not_pruned = made.not_pruned.as_ref();
        let not_pruned = not_pruned.map(|why| format!("old backups could not be removed: {why}"));
        for why in made.not_read.iter().chain(&not_pruned) {
            self.notify(why);
            tracing::warn!("{why}");
        }
    }

    /// Makes it while writes wait, if they are to, reads it back, and removes old ones. What was made while the data became that
    /// of another release is not kept.
    async fn make(
        &self,
        (stores, encryption): (Vec<Store>, Encryption),
        request: (String, Option<String>),
        known: Known,
        is_changed: &(dyn Fn() -> bool + Sync),
    ) -> Result<Made, String> {
        let stopped = |error| format!("the work stopped unexpectedly: {error}");
        if let Some(gone) = gone::known(&self.config).await {
            return Err(gone.sentence());
        }
        let pause = match self.config.backup.pause {
            true => {
                let begun = WritePause::begin(&self.config, &request.0).await;
                begun.map_err(|error| error.to_string())?
            }
            false => None,
        };
        let config = self.config.clone();
        let creating = move || create(&config, (&stores, encryption), request);
        let created = tokio::task::spawn_blocking(creating).await;
        // Writes are let in again whatever came of it.
        let paused = match pause {
            Some(pause) => Some(pause.end().await),
            None => None,
        };
        let (vault, backup) = created.map_err(stopped)??;
        let config = self.config.clone();
        let is_changed = is_changed();
        let finishing = move || match paused.transpose() {
            Ok(_) if is_changed => {
                let told = |error: BackupError| connect::in_one_line(&error);
                write_pause::discard(&vault, &backup.name).map_err(told)?;
                Err("a rollout changed the data while it was backed up; nothing is kept".to_owned())
            }
            Ok(paused_ms) => finish(&config, &vault, (backup, paused_ms), known),
            Err(why) => {
                let told = |error: BackupError| connect::in_one_line(&error);
                write_pause::discard(&vault, &backup.name).map_err(told)?;
                Err(write_pause::given_up(&why))
            }
        };
        tokio::task::spawn_blocking(finishing)
            .await
            .map_err(stopped)?
    }

    /// Holds a drill.
    pub(super) async fn drill(&mut self, time_ms: u64, at: &str) {
        let checks = match connect::checks(&self.config) {
            Ok(checks) => checks,
            Err(error) => {
                let why = format!("the drill of {at} could not run: {}", error.sentence());
                return self.not_done(Job::Drill, time_ms, true, why).await;
            }
        };
        let mut drills = match Drills::open(self.grounds.folder.root(), checks).await {
            Ok(drills) => drills,
            Err(DrillsRefused::Busy) => {
                let why = format!("the drill of {at} was skipped: somebody holds one");
                return self.not_done(Job::Drill, time_ms, false, why).await;
            }
            Err(error) => {
                let why = format!("the drill of {at} could not run: {error}");
                return self.not_done(Job::Drill, time_ms, true, why).await;
            }
        };
        let pick = match (self.config.drill.backup, random()) {
            (DrilledBackup::Random, Ok(number)) => Pick::Random(number),
            _ => Pick::Latest,
        };
        let history = self.engine.history();
        let order = DrillOrder {
            config: &self.config,
            history: &history,
            from: match self.config.drill.from {
                DrilledFrom::Archive => DrillFrom::Archive,
                DrilledFrom::Backup => DrillFrom::Backup,
            },
            pick,
            time_ms: Some(time_ms),
            keep: false,
            records: &self.entries,
            backup_takes_ms: backup_takes_ms(&self.entries),
        };
        let drilled = drills.hold(&order, &self.cancelled).await;
        drop(drills);
        if self.cancelled.is_cancelled() {
            // It is made up for by whoever acts next.
            return;
        }
        let report = drilled.report;
        let (verdict, sentence) = (report.verdict, report.sentence.clone());
        self.saw(Job::Drill, time_ms);
        self.record(&DataRecord::Drilled(Box::new(report))).await;
        if verdict == DrillVerdict::Passed {
            tracing::info!("{sentence}");
        } else {
            tracing::warn!("{sentence}");
            self.notify(&sentence);
        }
    }
}

/// What is known before a backup is made.
struct Known {
    /// The backups that rollouts need, each with the reason.
    needed: Vec<(String, String)>,
    /// The stores that were empty in the last backup of the schedule, of which people were told.
    emptied: BTreeSet<String>,
}

/// The stores that were emptied by the record of the last backup of the schedule. Environments may share a journal.
fn emptied_before(config: &Config, entries: &[DataEntry]) -> BTreeSet<String> {
    let last = entries.iter().rev().find_map(|entry| match &entry.record {
        DataRecord::BackedUp {
            backup, emptied, ..
        } => {
            let name: BackupName = backup.parse().ok()?;
            let is_ours = name.environment() == config.service.environment;
            is_ours.then(|| emptied.keys().cloned().collect())
        }
        _ => None,
    });
    last.unwrap_or_default()
}

fn in_record(emptied: &Emptied) -> (String, String) {
    (emptied.store.clone(), emptied.last.to_string())
}

/// A backup that was made.
struct Made {
    name: String,
    bytes: u64,
    archive_sha256: String,
    manifest_sha256: String,
    /// Why it could not be read through: it does not count as verified.
    not_read: Option<String>,
    /// Stores that have nothing in it, and had something before.
    emptied: Vec<Emptied>,
    /// Those of them that nobody was told of.
    newly_emptied: Vec<Emptied>,
    removed: u64,
    /// For how long writes waited for it.
    paused_ms: Option<u64>,
    /// Why old ones could not be removed.
    not_pruned: Option<String>,
}

fn create(
    config: &Config,
    (stores, encryption): (&[Store], Encryption),
    (reason, release): (String, Option<String>),
) -> Result<(Vault, Backup), String> {
    let told = |error: BackupError| connect::in_one_line(&error);
    let vault = Vault::open_or_create(&config.state.vault).map_err(told)?;
    let vault = vault.with_encryption(encryption);
    let mut attempt = 0;
    let backup = loop {
        attempt += 1;
        let request = BackupRequest {
            service: config.service.name.to_string(),
            environment: config.service.environment.clone(),
            created_at: Timestamp::from_millisecond(now_ms() as i64).unwrap_or_default(),
            release: release.clone(),
            reason: reason.clone(),
        };
        match vault.create(&request, stores) {
            // Somebody made one within the same second.
            Err(BackupError::NameTaken { .. }) if attempt < NAME_ATTEMPTS => {
                std::thread::sleep(NAME_PAUSE);
            }
            made => break made.map_err(told)?,
        }
    };
    Ok((vault, backup))
}

fn finish(
    config: &Config,
    vault: &Vault,
    (backup, paused_ms): (Backup, Option<u64>),
    known: Known,
) -> Result<Made, String> {
    let told = |error: BackupError| connect::in_one_line(&error);
    let not_read = match vault.verify(&backup.name) {
        Ok(_) => None,
        Err(error @ BackupError::NotReadThrough { .. }) => Some(connect::in_one_line(&error)),
        Err(error) => return Err(told(error)),
    };
    let emptied = vault.emptied(&backup.manifest).unwrap_or_default();
    // Once is enough for a store that is meant to be empty.
    let mut newly_emptied = emptied.clone();
    newly_emptied.retain(|one| !known.emptied.contains(&one.store));
    // What is named is not removed by the very run that names it.
    let mut needed = known.needed;
    needed.extend(newly_emptied.iter().map(|one| {
        let why = format!("it is the newest with data of store {}", one.store);
        (one.last.to_string(), why)
    }));
    let (removed, not_pruned) = match config.backup.prune {
        true => prune::by_rules(config, vault, needed),
        false => (0, None),
    };
    Ok(Made {
        name: backup.name.to_string(),
        bytes: backup.bytes,
        archive_sha256: backup.archive_sha256,
        manifest_sha256: backup.manifest_sha256,
        not_read,
        emptied,
        newly_emptied,
        removed,
        paused_ms,
        not_pruned,
    })
}
