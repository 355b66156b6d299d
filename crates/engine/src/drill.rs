//! Drills: a backup restored to scratch folders, the release that served then started on it, and everything timed.
//!
//! Nothing live is touched: the copies, the records of what is started and its output have a folder of their own in
//! the state folder, and whoever holds a drill holds the lock of that folder, so there is one at a time. The system
//! gives the lock up when its holder ends, however it ends; what a killed drill left is stopped and removed by
//! whoever takes the lock next.
//!
//! A part that fails shows something and ends the drill. A part that cannot be held shows nothing, and the drill is
//! no pass (`verdict`).

use std::path::{Path, PathBuf};

use portcullis_backup::{BackupError, BackupName, Manifest, Vault};
use portcullis_config::Config;
use portcullis_driver::{CheckClient, ProcessDriver, ProcessDriverError, SmokeDriver};
use portcullis_rollout::{CutOff, Fact, StoreRef, Trial};
use tokio_util::sync::CancellationToken;

use crate::bounds::{COPIES_SPARE_BYTES, COPIES_SPARE_PERCENT};
use crate::clock::{Clock, Stopwatch, WallClock};
use crate::data_log::{DataEntry, recorded_sums};
use crate::hands::{chain, size_words};
use crate::history::History;
use crate::recovery_point::PointOf;
use crate::vaults::encryption_of;

mod copies;
mod course;
mod moment;
mod pick;
mod recovery;
mod report;
mod shortfall;
mod stage;
mod verdict;

pub use pick::Pick;
pub use report::{
    DrillFrom, DrillPart, DrillReport, DrillVerdict, DrilledArchive, DrilledCopy, PartName,
    PartOutcome, Rpo, Rto,
};
pub use verdict::span_words;

use copies::Copies;
use course::{Course, Short};

/// The folder of drills within the state folder.
const FOLDER: &str = "drills";
/// What the name of a folder for copies begins with while a drill uses it, and when it is kept afterwards.
const SCRATCH: &str = "scratch-";
const KEPT: &str = "kept-";
/// The folder of what the release wrote, beside copies that are kept.
const LOGS: &str = "logs";

/// The right to hold drills of a service, and what they need.
#[derive(Debug)]
pub struct Drills {
    folder: PathBuf,
    process: ProcessDriver,
    smoke: SmokeDriver,
    /// What a killed drill left and was cleared away.
    cleared: Vec<String>,
}

/// What is to be tried out, and how.
#[derive(Debug, Clone)]
pub struct DrillOrder<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What happened so far: which program a release had when it served.
    pub history: &'a History,
    /// What is restored.
    pub from: DrillFrom,
    /// Which backup, or which moment.
    pub pick: Pick,
    /// The time of the schedule that it stands for.
    pub time_ms: Option<u64>,
    /// Whether the copies stay for somebody to look at.
    pub keep: bool,
    /// What the journal tells of backups: one that was replaced since is no pass.
    pub records: &'a [DataEntry],
    /// How long the last backup took, in milliseconds, if that is known.
    pub backup_takes_ms: Option<u64>,
}

/// What came of a drill.
#[derive(Debug)]
pub struct Drilled {
    /// The record of it.
    pub report: DrillReport,
    /// Where the copies are, if they were to be kept.
    pub kept: Option<PathBuf>,
    /// What the release said before it failed: for whoever holds the drill, not for the record.
    pub said: Vec<Fact>,
}

/// Why no drill can be held.
#[derive(Debug, thiserror::Error)]
pub enum DrillsRefused {
    /// Another one is being held.
    #[error("another drill of this service is being held; wait for its end")]
    Busy,
    /// The folder cannot be used.
    #[error("the folder of drills cannot be used")]
    Process(#[source] ProcessDriverError),
    /// What a killed drill left cannot be cleared away.
    #[error("what an earlier drill left at {} cannot be cleared away", path.display())]
    Leftover {
        /// What.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Drills {
    /// Takes the right to hold drills, and clears away what a killed one left.
    ///
    /// # Errors
    /// When somebody else has it, or the folder cannot be used.
    pub async fn open(state_folder: &Path, checks: CheckClient) -> Result<Drills, DrillsRefused> {
        let folder = state_folder.join(FOLDER);
        let process = ProcessDriver::open_with_checks(folder.clone(), checks.clone())
            .map_err(DrillsRefused::Process)?
            .for_trials();
        match process.adopt().await {
            Ok(_) => {}
            Err(ProcessDriverError::Claimed { .. }) => return Err(DrillsRefused::Busy),
            Err(error) => return Err(DrillsRefused::Process(error)),
        }
        let mut drills = Drills {
            folder,
            process,
            smoke: SmokeDriver::new(checks),
            cleared: Vec::new(),
        };
        drills.clear_leftovers()?;
        Ok(drills)
    }

    /// Whether a drill left something that nobody clears away by now: then [`Drills::open`] would.
    #[must_use]
    pub fn has_leftovers(state_folder: &Path) -> bool {
        !leftovers(&state_folder.join(FOLDER)).is_empty()
    }

    /// What a killed drill left and was cleared away, by name.
    #[must_use]
    pub fn cleared(&self) -> &[String] {
        &self.cleared
    }

    fn clear_leftovers(&mut self) -> Result<(), DrillsRefused> {
        let left = leftovers(&self.folder);
        recovery::clear_left(&left);
        for path in left {
            let removed = std::fs::remove_dir_all(&path);
            removed.map_err(|source| DrillsRefused::Leftover {
                path: path.clone(),
                source,
            })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.cleared.push(name.into_owned());
        }
        let forgotten = self.process.forget_logs(None);
        forgotten.map_err(|source| DrillsRefused::Leftover {
            path: self.folder.join(LOGS),
            source,
        })
    }

    /// Holds a drill. It comes to an end soon when `cancelled` says so; then it could not run.
    pub async fn hold(&mut self, order: &DrillOrder<'_>, cancelled: &CancellationToken) -> Drilled {
        let watch = Stopwatch::start();
        let began_ms = WallClock.now_ms();
        let scratch = self.folder.join(format!("{SCRATCH}{began_ms}"));
        let mut course = Course::new(blank(order, began_ms), cancelled.clone());
        let cleared = std::mem::take(&mut self.cleared);
        let notes = cleared.iter().map(|name| {
            format!("{name}, which a drill left that was killed, was removed before this one")
        });
        course.report.notes.extend(notes);
        match Copies::drop_left(order.config).await {
            Ok(dropped) => course.report.notes.extend(dropped.iter().map(|name| {
                format!("the database {name}, which a drill left that was killed, was dropped before this one")
            })),
            // A server that does not answer is told by the part that needs it.
            Err(short) => course.report.notes.push(format!(
                "nobody can tell whether an earlier drill left a database: {}",
                short.why()
            )),
        }
        self.run(order, &scratch, &mut course).await;
        let kept = self.finish(&scratch, order.keep, &mut course);
        let logs = kept.as_ref().map(|kept| kept.join(LOGS));
        if let Err(error) = self.process.forget_logs(logs.as_deref()) {
            let note = format!(
                "what the release wrote could not be removed: {error}; the next drill does it"
            );
            course.report.notes.push(note);
        }
        let mut report = course.report;
        report.took_ms = watch.elapsed_ms();
        report.conclude();
        Drilled {
            report,
            kept,
            said: course.said,
        }
    }

    /// Part after part, down to the first that does not pass.
    async fn run(&self, order: &DrillOrder<'_>, scratch: &Path, course: &mut Course) -> Option<()> {
        if order.from == DrillFrom::Archive {
            return self.run_archive(order, scratch, course).await;
        }
        let prepared = course
            .part(PartName::Prepare, self.prepare(order, scratch))
            .await?;
        course.report.notes.extend(prepared.notes.iter().cloned());
        let (vault, name) = (prepared.vault.clone(), prepared.name.clone());
        course.report.release.clone_from(&prepared.copy.release);
        course.report.backup = Some(prepared.copy.clone());
        let verified = course
            .part(PartName::Fetch, fetch(&vault, &name, order.records))
            .await;
        course.report.rpo = rpo(order, course.report.began_ms, &vault, &name);
        let verified = verified?;
        if let Some(backup) = &mut course.report.backup {
            backup.archive_sha256 = Some(verified.archive_sha256);
            backup.manifest_sha256 = Some(verified.manifest_sha256);
        }
        let manifest = course.need(
            PartName::Restore,
            prepared.manifest,
            "the manifest cannot be read",
        )?;
        let began_ms = course.report.began_ms;
        let copies = match Copies::of(order.config, &manifest, scratch, began_ms).await {
            Ok(copies) => copies,
            Err(short) => return course.part(PartName::Restore, async { Err(short) }).await,
        };
        let from = (&vault, &name, &manifest);
        let shown = self.on_copies(order, from, &copies, course).await;
        // Folders go with the scratch folder, which may be kept.
        if let Err(short) = copies.drop_databases().await {
            let note = format!(
                "a database of this drill could not be dropped: {}; the next drill does it",
                short.why()
            );
            course.report.notes.push(note);
        }
        shown
    }

    /// What is done with the copies.
    async fn on_copies(
        &self,
        order: &DrillOrder<'_>,
        (vault, name, manifest): (&Vault, &BackupName, &Manifest),
        copies: &Copies,
        course: &mut Course,
    ) -> Option<()> {
        course
            .part(PartName::Restore, copies.restore(vault, name))
            .await?;
        course.part(PartName::Integrity, copies.examine()).await?;
        let release = manifest.release.as_deref();
        self.try_out(order, release, copies, course).await
    }

    /// Starts the release on the copies and asks it.
    async fn try_out(
        &self,
        order: &DrillOrder<'_>,
        release: Option<&str>,
        copies: &Copies,
        course: &mut Course,
    ) -> Option<()> {
        let cancelled = course.cancelled();
        let trial = course
            .part(
                PartName::Boot,
                self.boot(order, release, copies, &cancelled),
            )
            .await?;
        let asked = course
            .part(PartName::Smoke, self.ask(&trial, &cancelled))
            .await;
        if let Err(failure) = self.stop(&trial).await {
            course.report.notes.push(format!(
                "the release that was started on the copies could not be stopped: {failure}"
            ));
        }
        asked
    }

    /// Chooses a backup, keeps it from being removed, and looks whether there is room.
    async fn prepare(
        &self,
        order: &DrillOrder<'_>,
        scratch: &Path,
    ) -> Result<(Prepared, Vec<Fact>), Short> {
        let (config, pick) = (order.config.clone(), order.pick.clone());
        let (folder, scratch) = (self.folder.clone(), scratch.to_owned());
        let encryption = encryption_of(&config).await;
        let encryption = encryption.map_err(|error| Short::could_not(error.to_string()))?;
        blocking(move || {
            let cannot = |error: BackupError| Short::could_not(chain(&error));
            let vault = Vault::open(&config.state.vault).map_err(cannot)?;
            let vault = vault.with_encryption(encryption);
            let all = vault.list().map_err(cannot)?;
            let picked = pick.of(&config, all).map_err(Short::could_not)?;
            let name = picked.summary.name.clone();
            let hold = vault
                .hold(&name)
                .map_err(|error| Short::of_backup(&error))?;
            // One that cannot be read is damage, which the next part finds and tells.
            let manifest = vault.manifest(&name).ok();
            let facts = room(manifest.as_ref(), &folder)?;
            std::fs::create_dir_all(&scratch).map_err(|error| {
                Short::could_not(format!("{} cannot be made: {error}", scratch.display()))
            })?;
            let prepared = Prepared {
                copy: copy_of(&picked.summary, manifest.as_ref()),
                notes: picked.notes,
                manifest,
                name,
                vault,
                _hold: hold,
            };
            Ok((prepared, facts))
        })
        .await
    }

    /// Removes the copies, or keeps them under another name.
    fn finish(&self, scratch: &Path, keep: bool, course: &mut Course) -> Option<PathBuf> {
        if !scratch.exists() {
            return None;
        }
        let name = scratch.file_name().unwrap_or_default().to_string_lossy();
        let kept = self.folder.join(name.replacen(SCRATCH, KEPT, 1));
        let done = match keep {
            true => std::fs::rename(scratch, &kept),
            false => std::fs::remove_dir_all(scratch),
        };
        if let Err(error) = done {
            let scratch = scratch.display();
            let note =
                format!("{scratch} could not be cleared away: {error}; the next drill does it");
            course.report.notes.push(note);
            return None;
        }
        keep.then_some(kept)
    }
}

/// What the first part found. The hold on the backup lasts as long as this.
struct Prepared {
    vault: Vault,
    name: BackupName,
    copy: DrilledCopy,
    manifest: Option<Manifest>,
    notes: Vec<String>,
    _hold: portcullis_backup::Hold,
}

/// The folders of drills that nobody holds any more, as far as the names tell.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> = paths
        .filter(|path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with(SCRATCH)
        })
        .collect();
    found.sort();
    found
}

/// A report of a drill of which nothing is known yet.
fn blank(order: &DrillOrder<'_>, began_ms: u64) -> DrillReport {
    let config = order.config;
    DrillReport {
        service: config.service.name.to_string(),
        environment: config.service.environment.clone(),
        verdict: DrillVerdict::CouldNotRun,
        sentence: String::new(),
        began_ms,
        took_ms: 0,
        time_ms: order.time_ms,
        from: order.from,
        release: None,
        wanted: match order.from {
            DrillFrom::Backup => order.pick.words(),
            DrillFrom::Archive => order.pick.moment_words(),
        },
        backup: None,
        archives: Vec::new(),
        parts: Vec::new(),
        rto: Rto {
            target_ms: config.drill.rto_ms,
            ..Rto::default()
        },
        rpo: Rpo {
            target_ms: config.drill.rpo_ms,
            worst_ms: worst_ms(order, began_ms),
            ..Rpo::default()
        },
        notes: Vec::new(),
        portcullis_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn copy_of(summary: &portcullis_backup::BackupSummary, manifest: Option<&Manifest>) -> DrilledCopy {
    let stores = manifest.map(|manifest| manifest.stores.iter().map(|store| store.name.clone()));
    DrilledCopy {
        name: summary.name.to_string(),
        created_ms: millis(summary.created_at),
        release: manifest.and_then(|manifest| manifest.release.clone()),
        bytes: summary.bytes,
        archive_sha256: None,
        manifest_sha256: None,
        stores: stores.map(Iterator::collect).unwrap_or_default(),
    }
}

/// How much room copies of so many bytes want, on which a release is started.
pub(crate) fn with_spare(bytes: u64) -> u64 {
    bytes
        .saturating_add(bytes / 100 * COPIES_SPARE_PERCENT)
        .saturating_add(COPIES_SPARE_BYTES)
}

/// Whether the copies fit where they go.
fn room(manifest: Option<&Manifest>, folder: &Path) -> Result<Vec<Fact>, Short> {
    let Some(manifest) = manifest else {
        return Ok(Vec::new());
    };
    let bytes: u64 = manifest.stores.iter().map(|store| store.bytes()).sum();
    let needed = with_spare(bytes);
    let free = portcullis_backup::free_bytes_of(folder)
        .map_err(|error| Short::could_not(chain(&error)))?;
    if needed > free {
        return Err(Short::could_not(format!(
            "the copies need {} and the disk of {} has {} free; make room, or put state.folder on a larger disk",
            size_words(needed),
            folder.display(),
            size_words(free)
        )));
    }
    let words = format!("needs {}, has {}", size_words(needed), size_words(free));
    Ok(vec![Fact::new("room", words)])
}

/// Reads the archive to its end and compares it with its sums.
async fn fetch(
    vault: &Vault,
    name: &BackupName,
    records: &[DataEntry],
) -> Result<(portcullis_backup::Verified, Vec<Fact>), Short> {
    let (vault, name) = (vault.clone(), name.clone());
    let recorded = recorded_sums(records, name.as_str());
    let compared = match recorded {
        Some(_) => "as recorded",
        None => "not recorded",
    };
    let verify = move || match recorded {
        Some(recorded) => vault.verify_as(&name, &recorded),
        None => vault.verify(&name),
    };
    blocking(move || match verify() {
        Ok(verified) => {
            let facts = vec![
                Fact::new("journal", compared),
                Fact::new("files", verified.files),
                Fact::new("data", size_words(verified.bytes)),
                Fact::new("sha256", &verified.archive_sha256),
            ];
            Ok((verified, facts))
        }
        Err(error) => Err(Short::of_backup(&error)),
    })
    .await
}

/// What a loss when the drill began would have cost, and what it costs at worst.
fn rpo(order: &DrillOrder<'_>, began_ms: u64, vault: &Vault, drilled: &BackupName) -> Rpo {
    let age_ms = |created| began_ms.saturating_sub(millis(created));
    let points = PointOf::config(order.config).look(vault, began_ms);
    let point = points.unwrap_or_default().point;
    Rpo {
        measured_ms: point
            .as_ref()
            .map(|point| began_ms.saturating_sub(point.time_ms)),
        by: point.map(|point| point.by.words()),
        drilled_ms: Some(age_ms(drilled.created_at())),
        worst_ms: worst_ms(order, began_ms),
        target_ms: order.config.drill.rpo_ms,
        met: None,
    }
}

/// What a loss costs at worst as long as the schedule of backups is kept: everything since the backup before, up to
/// the moment at which the next one is complete.
fn worst_ms(order: &DrillOrder<'_>, now_ms: u64) -> Option<u64> {
    let schedule = order.config.backup.schedule.as_ref()?;
    let (_, longest_ms) = schedule.pauses_ms(now_ms, crate::bounds::RUNS_LOOKED_AT)?;
    let takes_ms = order.backup_takes_ms.unwrap_or(0);
    Some(
        longest_ms
            .saturating_add(schedule.jitter_ms)
            .saturating_add(takes_ms),
    )
}

fn millis(moment: jiff::Timestamp) -> u64 {
    u64::try_from(moment.as_millisecond()).unwrap_or(0)
}

/// Work that blocks, to its real end.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Short> + Send + 'static,
) -> Result<T, Short> {
    let task = tokio::task::spawn_blocking(work).await;
    task.unwrap_or_else(|error| {
        Err(Short::could_not(format!(
            "the work stopped unexpectedly: {error}"
        )))
    })
}

/// How the release of a trial is stopped.
fn cut_off(trial: &Trial) -> CutOff {
    CutOff {
        service: trial.launch.service.clone(),
        release: trial.launch.release.clone(),
        target: trial.launch.target.clone(),
        drain_timeout_ms: 0,
        stop_timeout_ms: trial.launch.stop_timeout_ms,
    }
}

/// The stores that a release is started on.
type StoreRefs = Vec<StoreRef>;
