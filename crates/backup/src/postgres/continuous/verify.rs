//! Reading an archive back.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::base::{BASE_NOTE, BASES};
use super::chain::LogGap;
use super::inventory::Inventory;
use super::segment_file::{self, Beginning, ReadFailed};
use super::survey::Survey;
use super::{BaseBackup, ContinuousArchive, ContinuousProblem, RecoveryRange};
use crate::BackupError;
use crate::clock::Stopwatch;
use crate::durable::TEMPORARY_PREFIX;
use crate::vault::failed_to;

/// How long the first log of a new timeline may come after its history.
const NEW_TIMELINE_PATIENCE: Duration = Duration::from_secs(1);

/// What reading an archive back found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContinuousVerified {
    /// How many base backups were read.
    pub bases: u64,
    /// How many segments of write-ahead log were.
    pub segments: u64,
    /// The moments that can be recovered to.
    pub ranges: Vec<RecoveryRange>,
    /// What is missing.
    pub gaps: Vec<LogGap>,
    /// What is not as it was written, each with its file. What is only noted beside log and copies comes last.
    pub damages: Vec<String>,
    /// How many of the damages are of such notes alone: without them less is announced, and nothing is lost.
    pub notes: usize,
    /// How long it took.
    pub took: Duration,
}

impl ContinuousVerified {
    /// Whether everything is there and as it was written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty() && self.damages.is_empty()
    }
}

impl ContinuousArchive {
    /// Reads every byte of the archive: base backups against PostgreSQL's own manifests, each segment of write-ahead log
    /// against its checksum and the place in the log that its name says, and that none is missing in between. What is being
    /// received has no checksum yet: it is read record by record, up to what was announced. A base backup that is damaged is
    /// not recovered from any more; nor is one of which a segment is.
    ///
    /// # Errors
    /// Those of [`ContinuousArchive::identity`], and [`BackupError::Vault`]. What is found is no error.
    pub fn verify(&self) -> Result<ContinuousVerified, BackupError> {
        let watch = Stopwatch::start();
        let _reading = self.lock_reading()?;
        let identity = self.identity()?;
        // Before they are read: one that is completed meanwhile is in no earlier list.
        let folders = self.folders_of_bases()?;
        let all = self.bases()?;
        let mut damages = uncounted(&folders, &all);
        for base in &all {
            if let Some(why) = self.verify_base(base)? {
                self.note_damage(base, &why)?;
                damages.push(why);
            } else if let Some(why) = base.doubt(self.root())? {
                // Not noted: whoever reads it next finds it again, or finds it mended.
                damages.push(why);
            }
        }
        let notes = self.damaged_notes()?;
        // Also what was found damaged before: it may have been put back.
        let inventory = Inventory::read(self.root(), identity.segment_bytes, &BTreeMap::new())?;
        let doubled = &inventory.doubled;
        for path in doubled.iter().chain(&inventory.strange) {
            let why = match doubled.contains(path) {
                true => "there is another file of the same segment, and they differ",
                false => "no file of an archive has such a name",
            };
            damages.push(format!("{}: {why}", self.below(path)));
        }
        let mut wrong = BTreeMap::new();
        for (segment, file) in inventory.segments.iter().filter(|(_, file)| file.sealed) {
            let mut beginning = Beginning::default();
            let read = match segment_file::read(&file.path, &mut beginning) {
                Ok(()) => beginning.check(
                    *segment,
                    identity.segment_bytes,
                    &identity.system_identifier,
                ),
                Err(ReadFailed::Wrong(why)) => Err(why),
                Err(failed) => return Err(failed.told(&self.store, &file.path, &file.path)),
            };
            if let Err(why) = read {
                damages.push(format!("{}: {why}", self.below(&file.path)));
                wrong.insert(segment_file::file_name(&file.path), why);
            }
        }
        let segments = inventory.segments.len() as u64;
        self.verify_histories(&inventory, &mut wrong, &mut damages)?;
        // What is damaged is missing, for everybody who looks from now on. What came meanwhile counts.
        self.note_damaged_files(&wrong)?;
        let mut survey = self.survey()?;
        if let Some(tail) = self.tail_damage(&survey)? {
            damages.push(format!("{}: {}", self.below(&tail.path), tail.why));
            wrong.insert(tail.noted_as, tail.why);
            self.note_damaged_files(&wrong)?;
            survey = self.survey()?;
        }
        damages.extend(self.lost_histories(&mut survey)?);
        let noted = notes.len();
        damages.extend(notes);
        Ok(ContinuousVerified {
            bases: all.len() as u64,
            segments,
            ranges: survey.ranges(),
            gaps: survey.gaps(),
            damages,
            notes: noted,
            took: watch.elapsed(),
        })
    }

    /// What is damaged of that which was measured while the log was received, with what becomes of it.
    fn damaged_notes(&self) -> Result<Vec<String>, BackupError> {
        let standing = self.standing_damage()?.map(|damage| {
            format!(
                "{damage}; no log and no copy is concerned: the newest mark of a segment counts until the stream of \
                 `portcullis serve` measures again, which mends it"
            )
        });
        let marks = self.marks_damage()?.map(|damage| {
            format!(
                "{damage}; no log and no copy is concerned: before log that is missing, fewer moments may be offered; it is \
                 mended when the stream begins again, as when `portcullis serve` is started"
            )
        });
        Ok(standing.into_iter().chain(marks).collect())
    }

    /// What is wrong with the histories. That of a timeline comes before its first log, so only what stays so is wrong.
    fn lost_histories(&self, survey: &mut Survey) -> Result<Vec<String>, BackupError> {
        let mut lost = histories_without_log(&survey.inventory);
        if !lost.is_empty() {
            std::thread::sleep(NEW_TIMELINE_PATIENCE);
            *survey = self.survey()?;
            let still = histories_without_log(&survey.inventory);
            lost.retain(|one| still.contains(one));
        }
        Ok(lost)
    }

    /// The names of the folders of base backups that are finished.
    fn folders_of_bases(&self) -> Result<Vec<String>, BackupError> {
        let folder = self.root().join(BASES);
        let failed = |error| failed_to("list", &folder, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with(TEMPORARY_PREFIX) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Why a base backup cannot be used, if it cannot.
    fn verify_base(&self, base: &BaseBackup) -> Result<Option<String>, BackupError> {
        let path = BaseBackup::folder(self.root(), &base.id).join(super::base::BASE_ARCHIVE);
        match self.read_back(&path, Some(&base.sha256), None) {
            Ok(content) => {
                let noted = (base.timeline, base.start_lsn, base.stop_lsn);
                let found = (content.timeline, content.start_lsn, content.stop_lsn);
                Ok((noted != found).then(|| {
                    let path = self.below(&path);
                    format!("{path}: what is noted of it beside it is not what is in it")
                }))
            }
            Err(BackupError::Continuous { problem, .. }) => match *problem {
                ContinuousProblem::Damaged { file, why } => Ok(Some(format!("{file}: {why}"))),
                other => Err(self.failed(other)),
            },
            Err(BackupError::Vault { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(Some(format!("{} is missing", self.below(&path))))
            }
            Err(error) => Err(error),
        }
    }

    fn verify_histories(
        &self,
        inventory: &Inventory,
        wrong: &mut BTreeMap<String, String>,
        damages: &mut Vec<String>,
    ) -> Result<(), BackupError> {
        for (timeline, path) in &inventory.histories {
            match self.history(*timeline, path) {
                Ok(_) => {}
                Err(BackupError::Continuous { problem, .. }) => match *problem {
                    ContinuousProblem::Damaged { why, .. } => {
                        damages.push(format!("{}: {why}", self.below(path)));
                        wrong.insert(segment_file::file_name(path), why);
                    }
                    other => return Err(self.failed(other)),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The folders of base backups that count as none.
fn uncounted(folders: &[String], counted: &[BaseBackup]) -> Vec<String> {
    let counts = |folder: &String| counted.iter().any(|base| base.id == *folder);
    let uncounted = folders.iter().filter(|folder| !counts(folder));
    let told = uncounted.map(|folder| {
        format!(
            "{BASES}/{folder}: it counts as no copy: no {BASE_NOTE} in it says of what it is one; remove it if nobody can mend it"
        )
    });
    told.collect()
}

/// Whether the history of the newest timeline is missing, or there is one that leads to a timeline without any log.
fn histories_without_log(inventory: &Inventory) -> Vec<String> {
    let timelines = inventory.segments.keys().map(|segment| segment.timeline);
    let newest = timelines.max().unwrap_or(1);
    let beyond = inventory
        .histories
        .keys()
        .filter(|timeline| **timeline > newest);
    let mut wrong: Vec<String> = beyond
        .map(|timeline| {
            format!("wal/{timeline:08X}.history: no log of timeline {timeline} is there")
        })
        .collect();
    if newest > 1 && !inventory.histories.contains_key(&newest) {
        wrong.push(format!(
            "wal/{newest:08X}.history is missing: nobody knows where timeline {newest} came from"
        ));
    }
    wrong
}
