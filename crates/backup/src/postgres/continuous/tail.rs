//! Whether what was announced as received is there.
//!
//! A segment is sealed, with its checksum, when the server has filled it. Until then a file of it is as it was received,
//! and may lose what was in it without its name saying so. It is read record by record up to the place that was announced.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::chain::Chain;
use super::log_reader::LogReader;
use super::segment_file::{self, ReadFailed};
use super::survey::Survey;
use super::{ContinuousArchive, Lsn, Segment};
use crate::BackupError;
use crate::vault::failed_to;

/// The smallest size that a page of the log can have.
const PAGE_BYTES_MIN: u64 = 1024;

/// A file that was received and does not hold what was announced.
#[derive(Debug)]
pub(crate) struct TailDamage {
    pub(crate) path: PathBuf,
    /// What it is noted as.
    pub(crate) noted_as: String,
    pub(crate) why: String,
}

impl ContinuousArchive {
    /// Looks for received log that is not what was announced, and notes what it finds, so that nobody counts on it.
    pub(crate) fn note_tail(&self) -> Result<Option<TailDamage>, BackupError> {
        let found = self.tail_damage(&self.survey()?)?;
        if let Some(damage) = &found {
            self.note_damaged(damage.noted_as.clone(), damage.why.clone())?;
        }
        Ok(found)
    }

    /// Notes that a file of the log is damaged, beside what is known.
    pub(crate) fn note_damaged(&self, file: String, why: String) -> Result<(), BackupError> {
        let mut damaged: BTreeMap<String, String> = self.damaged_files()?;
        damaged.insert(file, why);
        self.note_damaged_files(&damaged)
    }

    /// The first file that is not sealed and does not hold what was announced of it.
    pub(crate) fn tail_damage(&self, survey: &Survey) -> Result<Option<TailDamage>, BackupError> {
        let (chain, bytes) = (survey.chain(), survey.identity.segment_bytes);
        let Some(mark) = chain.received() else {
            return Ok(None);
        };
        let last = mark.segment(bytes);
        for number in last.saturating_sub(1)..=last {
            let Some((_, file)) = chain.file(number).filter(|(_, file)| !file.sealed) else {
                continue;
            };
            let announced = mark.lsn.min(Lsn((number + 1).saturating_mul(bytes)));
            let log = self.read_log(&chain, number, bytes)?;
            if log.covers(announced) {
                continue;
            }
            let end = log.end().unwrap_or(Lsn(number * bytes));
            return Ok(Some(TailDamage {
                path: file.path.clone(),
                noted_as: file.noted_as(),
                why: format!(
                    "it holds the log up to {end}, and up to {announced} was received: {}",
                    log.why()
                ),
            }));
        }
        Ok(None)
    }

    /// Reads a segment, with the end of the one before: a record can begin in that.
    fn read_log(
        &self,
        chain: &Chain<'_>,
        number: u64,
        bytes: u64,
    ) -> Result<LogReader, BackupError> {
        let start = Lsn(number * bytes);
        let mut log = LogReader::new(start, bytes);
        let before = number.checked_sub(1);
        let before = before.and_then(|before| chain.file(before));
        if let Some((segment, file)) = before.filter(|(_, file)| !file.partial) {
            let mut with = LogReader::new(segment.start(bytes), bytes);
            match self.read_segment(&file.path, &segment.name(bytes), &mut with) {
                Ok(()) if with.goes_on_at(start) => log = with,
                // What is wrong with that one is found by its checksum.
                Ok(()) | Err(ReadFailed::Wrong(_)) => {}
                Err(failed) => return Err(failed.told(&self.store, &file.path, &file.path)),
            }
        }
        if let Some((segment, file)) = chain.file(number) {
            let read = self.read_segment(&file.path, &segment.name(bytes), &mut log);
            read.map_err(|failed| failed.told(&self.store, &file.path, &file.path))?;
        }
        log.finish();
        Ok(log)
    }

    /// Reads a file of the log, which may be sealed just then.
    fn read_segment(&self, path: &Path, name: &str, to: &mut dyn Write) -> Result<(), ReadFailed> {
        match segment_file::read(path, to) {
            Err(ReadFailed::Read(error)) if error.kind() == io::ErrorKind::NotFound => {
                match self.moved(path, name) {
                    Ok(Some(now)) => segment_file::read(&now, to),
                    _ => Err(ReadFailed::Read(error)),
                }
            }
            read => read,
        }
    }
}

/// How far a server gets that replays the log in a folder, if everything until a place is there: a record that was not
/// finished at that place is not replayed.
pub(super) fn replayable(
    place: Lsn,
    log: &Path,
    files: &[(Segment, PathBuf)],
    segment_bytes: u64,
) -> Result<Lsn, BackupError> {
    // Anywhere else a record ends.
    if !place.0.is_multiple_of(PAGE_BYTES_MIN) {
        return Ok(place);
    }
    let last = place.0.saturating_sub(1) / segment_bytes;
    let near = files.iter().map(|(segment, _)| segment);
    let near: Vec<&Segment> = near
        .filter(|segment| segment.number == last || segment.number + 1 == last)
        .collect();
    let Some(first) = near.first() else {
        return Ok(place);
    };
    let mut reader = LogReader::new(first.start(segment_bytes), segment_bytes);
    for segment in &near {
        let path = log.join(segment.name(segment_bytes));
        let mut file = File::open(&path).map_err(|error| failed_to("read", &path, error))?;
        io::copy(&mut file, &mut reader).map_err(|error| failed_to("read", &path, error))?;
    }
    reader.finish();
    Ok(match (reader.covers(place), reader.end()) {
        (true, Some(end)) => place.min(end),
        (true, None) => first.start(segment_bytes),
        (false, _) => place,
    })
}
