//! Continuous archives by command: what they have, reading them back, and recovering a store to a moment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{
    Amcheck, BackupError, BackupName, BackupRequest, ContinuousArchive, ContinuousVerified, Kept,
    LogGap, RecoveredCluster, RecoveryOrder, RecoveryPlace, RecoveryRange, Store, Vault,
};
use portcullis_config::{Config, ContinuousConfig};
use portcullis_engine::{DataRecord, StoreLoss, size_words, span_words, stores_of};
use portcullis_rollout::StoreLocation;

use super::restored::lost_json;
use super::{alone, apart, data_release, failed, now, restore_checks};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::commands::question;
use crate::continuous_range::{ms, range_ms};
use crate::continuous_source::archive;
use crate::output;

/// How many of the things that are wrong are recorded.
const WRONG_RECORDED_MAX: usize = 8;
/// The word for everything that was received.
const LATEST: &str = "latest";
/// What is to be recovered, and where to.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) at: &'a str,
    pub(super) store: Option<&'a str>,
    /// The folder for the cluster; `None` is in place of the live database.
    pub(super) to: Option<&'a Path>,
    pub(super) scratch: Option<&'a Path>,
    /// Agreed beforehand that what was written since is taken away.
    pub(super) accept_loss: bool,
}

/// An archive in a list.
pub(super) struct Listed {
    store: String,
    folder: PathBuf,
    bases: usize,
    damaged: usize,
    bytes: u64,
    ranges: Vec<RecoveryRange>,
    missing: Vec<String>,
    error: Option<String>,
}

/// The archives of the configuration that were begun.
pub(super) fn listed(config: &Config, vault: &Vault) -> Vec<Listed> {
    let archives = config.continuous.iter();
    let archives = archives.map(|one| (one, archive(config, vault, &one.store)));
    archives
        .filter(|(_, archive)| archive.exists())
        .map(|(one, archive)| {
            let bases = archive.bases().unwrap_or_default();
            let usable = archive.usable_bases().unwrap_or_default();
            let ranges = archive.ranges();
            let gaps = archive.gaps().unwrap_or_default();
            Listed {
                store: one.store.clone(),
                folder: archive.root().to_owned(),
                bases: bases.len(),
                damaged: bases.len() - usable.len().min(bases.len()),
                missing: gaps.iter().map(LogGap::words).collect(),
                bytes: bases.iter().map(|base| base.bytes).sum(),
                error: ranges.as_ref().err().map(ToString::to_string),
                ranges: ranges.unwrap_or_default(),
            }
        })
        .collect()
}

impl Listed {
    pub(super) fn json(&self) -> serde_json::Value {
        let ranges: Vec<_> = self.ranges.iter().map(range_ms).collect();
        serde_json::json!({
            "store": self.store,
            "folder": self.folder,
            "bases": self.bases,
            "damaged": self.damaged,
            "bytes": self.bytes,
            "recoverable": ranges,
            "missing": self.missing,
            "error": self.error,
        })
    }

    pub(super) fn line(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        let what = match (&self.error, words(&self.ranges)) {
            (Some(error), _) => error.clone(),
            (None, None) => "nothing can be recovered to yet".to_owned(),
            (None, Some(ranges)) => {
                let behind = self.ranges.last().map_or(0, |range| {
                    ms(now()).saturating_sub(ms(range.to)) / 1000 * 1000
                });
                let behind = span_words(behind.max(1000));
                format!("any moment from {ranges}, {behind} behind")
            }
        };
        let damaged = match self.damaged {
            0 => String::new(),
            damaged => format!(", {damaged} of the copies damaged"),
        };
        let size = size_words(self.bytes);
        let missing: String = self
            .missing
            .iter()
            .map(|gap| format!("\n  {gap}"))
            .collect();
        let name = name.to_string_lossy();
        format!("{name}  {size:>9}  {what}{damaged}{missing}")
    }
}

/// Ranges for people; `None` if there are none.
fn words(ranges: &[RecoveryRange]) -> Option<String> {
    let words: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| words.join(" and from "))
}

/// Reads an archive back.
pub(super) async fn verify(
    config: &Config,
    vault: &Vault,
    store: &str,
    json: bool,
) -> Result<Exit, CommandError> {
    let (_, archive) = chosen(config, vault, Some(store))?;
    let verified = archive.verify().map_err(|error| failed(&error))?;
    let noted = archive.note_verified(&verified, now());
    noted.map_err(|error| failed(&error))?;
    super::record(config, &archive_verified(store, &verified)).await;
    let gaps: Vec<String> = verified.gaps.iter().map(LogGap::words).collect();
    if json {
        let ranges: Vec<_> = verified.ranges.iter().map(range_ms).collect();
        output::json(&serde_json::json!({
            "schema": "portcullis.continuous-verify/1",
            "store": store,
            "whole": verified.is_whole(),
            "bases": verified.bases,
            "segments": verified.segments,
            "recoverable": ranges,
            "gaps": gaps,
            "damages": verified.damages,
            "took_ms": verified.took.as_millis() as u64,
        }));
    } else {
        for trouble in verified.damages.iter().chain(&gaps) {
            output::result(trouble);
        }
        let ranges = words(&verified.ranges).unwrap_or_else(|| "none".to_owned());
        output::talk(&format!(
            "{} copies of the cluster and {} segments of write-ahead log read back in {} ms; moments that can be \
             recovered to: {ranges}",
            verified.bases,
            verified.segments,
            verified.took.as_millis(),
        ));
    }
    match verified.is_whole() {
        true => Ok(Exit::Done),
        // It is said above.
        false if json => Ok(Exit::Failed),
        // Each of these says what becomes of it.
        false if verified.is_sound() && gaps.is_empty() && verified.damages.len() == verified.notes => {
            Err(CommandError::new(
                Exit::Failed,
                format!("notes of the continuous archive of the store {store:?} are damaged; log and copies are whole"),
            ))
        }
        false => Err(CommandError::new(
            Exit::Failed,
            format!("the continuous archive of the store {store:?} is not whole"),
        )
        .hint("`portcullis serve` copies the cluster again when it is due; moments from then on are whole again")),
    }
}

/// The record of an archive that was read back.
pub(crate) fn archive_verified(store: &str, verified: &ContinuousVerified) -> DataRecord {
    let last = verified.ranges.last().map(range_ms);
    let mut wrong = verified.wrong();
    wrong.truncate(WRONG_RECORDED_MAX);
    DataRecord::ArchiveVerified {
        store: store.to_owned(),
        sound: verified.is_sound(),
        bases: verified.bases,
        segments: verified.segments,
        from_ms: last.map(|range| range.from_ms),
        to_ms: last.map(|range| range.to_ms),
        wrong,
        took_ms: verified.took.as_millis() as u64,
    }
}

/// Recovers a store to a moment.
pub(super) async fn restore(
    config: &Config,
    vault: &Vault,
    wanted: Wanted<'_>,
    json: bool,
) -> Result<Exit, CommandError> {
    let at = moment(wanted.at)?;
    let (one, archive) = chosen(config, vault, wanted.store)?;
    match wanted.to {
        Some(to) => {
            let cluster = format!("the cluster of {}", one.store);
            apart::are_apart(config, &[(cluster, to.to_owned())])?;
            to_folder(&archive, (at, to), json)
        }
        None => in_place(config, vault, (one, &archive), (at, wanted), json).await,
    }
}

fn moment(text: &str) -> Result<Option<Timestamp>, CommandError> {
    if text == LATEST {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        CommandError::new(Exit::Usage, format!("{text:?} is no moment"))
            .hint("write it with its time zone, such as 2026-11-21T03:59:00Z or 2026-11-21T04:59:00+01:00; or `latest`")
    })
}

fn chosen<'c>(
    config: &'c Config,
    vault: &Vault,
    store: Option<&str>,
) -> Result<(&'c ContinuousConfig, ContinuousArchive), CommandError> {
    let known = &config.continuous;
    let found = match (store, known.as_slice()) {
        (Some(store), _) => known.iter().find(|one| one.store == store),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    if let Some(found) = found {
        return Ok((found, archive(config, vault, &found.store)));
    }
    let names: Vec<&str> = known.iter().map(|one| one.store.as_str()).collect();
    let what = match (store, names.is_empty()) {
        (_, true) => "no store has a continuous archive".to_owned(),
        (Some(store), false) => format!("the store {store:?} has no continuous archive"),
        (None, false) => format!(
            "several stores have a continuous archive: {}",
            names.join(", ")
        ),
    };
    let hint = match names.is_empty() {
        true => {
            "a [store.continuous] table below the [[store]] of a PostgreSQL database begins one"
                .to_owned()
        }
        false => format!("choose with --store one of {}", names.join(", ")),
    };
    Err(CommandError::new(Exit::Usage, what).hint(&hint))
}

/// Says what putting in place takes away that was recovered and backed up, and asks whether it is to be put there, unless that
/// was agreed beforehand.
fn agreed(
    vault: &Vault,
    name: &BackupName,
    live: &Store,
    accept_loss: bool,
) -> Result<Vec<StoreLoss>, CommandError> {
    let lost = restore_checks::tell_loss(vault, name, &[live]);
    if !accept_loss {
        restore_checks::is_agreed(&format!(
            "nothing was put in place; what was recovered is kept: `portcullis backup restore {name} --in-place` puts it there"
        ))?;
    }
    Ok(lost)
}

/// Leaves the cluster in a folder, for somebody to start.
fn to_folder(
    archive: &ContinuousArchive,
    (at, to): (Option<Timestamp>, &Path),
    json: bool,
) -> Result<Exit, CommandError> {
    let order = RecoveryOrder {
        at,
        place: RecoveryPlace::Folder(to.to_owned()),
    };
    let told = |error: BackupError| failed(&error);
    let database = archive.identity().map_err(told)?.database;
    let cluster = archive.recover(&order).map_err(told)?;
    let shown = to.display().to_string();
    let checked = match cluster.check(&database) {
        Ok(checked) => checked,
        Err(error) => {
            cluster.stop().map_err(told)?;
            let left = format!("the cluster is in {shown} all the same, stopped");
            return Err(told(error).hint(left));
        }
    };
    let report = Report::of(&cluster, archive, at, checked);
    cluster.stop().map_err(told)?;
    report.tell(json, serde_json::json!({ "folder": shown }));
    if !json {
        output::result(&format!("the cluster is in {shown}, stopped"));
        output::talk(
            "it has its own postgresql.conf only if the server had it there; start it with `pg_ctl start -D` and a port \
             that is free",
        );
    }
    Ok(Exit::Done)
}

/// Puts the recovered database into the place of the live one: as a backup that is made of it, so that it is verified,
/// compared and exchanged like any other.
async fn in_place(
    config: &Config,
    vault: &Vault,
    (one, archive): (&ContinuousConfig, &ContinuousArchive),
    (at, wanted): (Option<Timestamp>, Wanted<'_>),
    json: bool,
) -> Result<Exit, CommandError> {
    let told = |error: BackupError| failed(&error);
    let _lock = alone(config)?;
    let (live, jobs) = live_store(config, &one.store).await?;
    let release = data_release(config).await;
    let order = RecoveryOrder {
        at,
        place: wanted.scratch.map_or_else(
            || RecoveryPlace::scratch_in(&config.state.folder),
            |scratch| RecoveryPlace::Scratch(scratch.to_owned()),
        ),
    };
    let database = archive.identity().map_err(told)?.database;
    if question::can_be_asked() && !wanted.accept_loss {
        output::talk(
            "it is recovered beside the live data first; you are asked before it is put in place",
        );
    }
    let cluster = archive.recover(&order).map_err(told)?;
    let checked = cluster.check(&database).map_err(|error| {
        told(error)
            .hint("nothing was changed; `--to DIR` leaves the cluster in a folder all the same")
    })?;
    let report = Report::of(&cluster, archive, at, checked);
    let recovered = cluster.store(&database, jobs).map_err(told)?;
    let asked = at.map_or_else(|| LATEST.to_owned(), |at| at.to_string());
    let request = BackupRequest {
        service: config.service.name.to_string(),
        environment: config.service.environment.clone(),
        created_at: now(),
        release,
        reason: format!("recovered to {asked}"),
    };
    let backup = vault.create(&request, &[recovered]).map_err(told)?;
    cluster.stop().map_err(told)?;
    vault.verify(&backup.name).map_err(told)?;
    let _hold = vault.hold(&backup.name).map_err(told)?;
    let lost = agreed(vault, &backup.name, &live, wanted.accept_loss)?;
    let replaced = vault
        .restore_in_place(&backup.name, &live, now())
        .map_err(told)?;
    let kept = replaced.kept.as_ref().map(Kept::to_string);
    let more = serde_json::json!({
        "backup": backup.name.as_str(),
        "database": live.place(),
        "kept": kept,
        "digest": replaced.digest,
        "lost": lost_json(&lost),
    });
    report.tell(json, more);
    if !json {
        if let Some(kept) = kept {
            output::talk(&format!(
                "what was there is kept as {kept}; undo: rename it back with ALTER DATABASE ... RENAME TO"
            ));
        }
        output::result(&format!(
            "{} recovered in place as {}; sha256 {}",
            one.store, backup.name, replaced.digest
        ));
    }
    Ok(Exit::Done)
}

/// The store that a continuous archive is of, and how many jobs its configuration allows.
async fn live_store(config: &Config, name: &str) -> Result<(Store, u32), CommandError> {
    let declared = config.stores.iter().find(|store| store.name == name);
    let declared = declared.cloned().into_iter().collect::<Vec<_>>();
    let jobs = declared.first().map_or(1, |store| match store.location {
        StoreLocation::Postgres { jobs, .. } => jobs,
        _ => 1,
    });
    let live = stores_of(&declared).await;
    let live = live
        .map_err(|failure| CommandError::coded(ErrorCode::DatabaseRefused, failure.message))?
        .into_iter()
        .next()
        .ok_or_else(|| CommandError::new(Exit::Failed, "the store is not in the configuration"))?;
    Ok((live, jobs))
}

/// What a recovery measured.
struct Report {
    store: String,
    base: String,
    asked: Option<Timestamp>,
    last_commit: Option<Timestamp>,
    received_until: Option<Timestamp>,
    reaches: Timestamp,
    gap: Option<LogGap>,
    took: Duration,
    unpacked_in: Duration,
    checked: Amcheck,
}

impl Report {
    fn of(
        cluster: &RecoveredCluster,
        archive: &ContinuousArchive,
        asked: Option<Timestamp>,
        checked: Amcheck,
    ) -> Report {
        Report {
            store: cluster.store_name().to_owned(),
            base: cluster.base.id.clone(),
            asked,
            last_commit: cluster.last_commit,
            received_until: archive.standing().received_until,
            reaches: cluster.reaches,
            gap: cluster.gap.clone(),
            took: cluster.took,
            unpacked_in: cluster.unpacked_in,
            checked,
        }
    }

    fn tell(&self, json: bool, mut more: serde_json::Value) {
        if json {
            let known = serde_json::json!({
                "schema": "portcullis.backup-recover/1",
                "store": self.store,
                "base": self.base,
                "asked": self.asked.map(|at| at.to_string()),
                "last_commit": self.last_commit.map(|at| at.to_string()),
                "received_until": self.received_until.map(|at| at.to_string()),
                "reaches": self.reaches.to_string(),
                "gap": self.gap.as_ref().map(LogGap::words),
                "took_ms": self.took.as_millis() as u64,
                "unpack_ms": self.unpacked_in.as_millis() as u64,
                "amcheck": matches!(self.checked, Amcheck::Read { .. }),
            });
            if let (Some(more), serde_json::Value::Object(known)) = (more.as_object_mut(), known) {
                more.extend(known);
            }
            output::json(&more);
            return;
        }
        let last = match self.last_commit {
            Some(last) => format!("the last transaction in it was committed at {last}"),
            None => "no transaction was committed after the copy of the cluster".to_owned(),
        };
        let asked = match (self.asked, &self.gap) {
            (Some(asked), _) => format!("up to {asked}"),
            (None, None) => "up to the end of what was received".to_owned(),
            (None, Some(_)) => "up to the log that is missing".to_owned(),
        };
        output::talk(&format!(
            "recovered from the copy {} {asked} in {}: {last}",
            self.base,
            span_words(self.took.as_millis() as u64),
        ));
        output::talk(&format!(
            "everything that was committed until {} is in it",
            self.reaches
        ));
        if let Some(gap) = &self.gap {
            let damage = gap.damage.as_ref();
            let damage = damage.map_or_else(String::new, |damage| format!(" ({damage})"));
            output::talk(&format!(
                "NOT the latest that was committed: write-ahead log is missing or damaged, {} to {}{damage}, so what was \
                 committed after {} is not in it",
                gap.first, gap.last, gap.after
            ));
        }
        output::talk(&self.checked.words());
    }
}
