//! Up to when everything was received, for every place of the log.
//!
//! While the log is received it is measured again and again: at this moment of the server's clock its log was up to that
//! place, and the stream has it. The last such mark of each segment is kept in `received.txt`, and the newest of all in
//! `standing.json`. So it is known of any place at which the log ends, by a gap or in the middle of a segment, which moments
//! lie before it. When a file was written says less: a stream that caught up writes later what was committed earlier.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{ArchiveStanding, ContinuousArchive, Lsn};
use crate::BackupError;
use crate::bounds::WAL_MARKS_BYTES_MAX;
use crate::durable::{replace, sync_folder};
use crate::vault::{failed_to, read_bounded};

const MARKS: &str = "received.txt";

/// How many words a line has before its checksum.
const MARK_WORDS: usize = 3;
/// What a line has in it beside hexadecimal digits.
const MARK_SIGNS: &str = "/:.TZ- ";
/// How many hexadecimal digits of the SHA-256 of a line stand behind it.
const SUM_DIGITS: usize = 16;

/// The checksum of a line.
fn sum_of(line: &str) -> String {
    let mut sum = hex::encode(Sha256::digest(line));
    sum.truncate(SUM_DIGITS);
    sum
}

/// What was committed until a moment lies before a place of the log, and was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The timeline of the server then; unknown in what an earlier version noted.
    pub(crate) timeline: Option<u32>,
    pub(crate) lsn: Lsn,
    pub(crate) at: Timestamp,
}

/// All marks of an archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// The last one of each segment, oldest first.
    pub(crate) kept: Vec<Mark>,
    /// The newest of all.
    pub(crate) newest: Option<Mark>,
    /// Its moment, also where its place was not noted.
    pub(crate) received_until: Option<Timestamp>,
}

impl Mark {
    fn of(standing: &ArchiveStanding) -> Option<Self> {
        Some(Self {
            timeline: standing.received_timeline,
            lsn: standing.received_lsn?,
            at: standing.received_until?,
        })
    }

    fn standing(&self) -> ArchiveStanding {
        ArchiveStanding {
            received_until: Some(self.at),
            received_lsn: Some(self.lsn),
            received_timeline: self.timeline,
        }
    }

    /// Reads a line: timeline, place and moment, and the checksum of that, which those of an earlier version lack. A line that
    /// was cut off by a crash is none, and neither is one that was changed: it would announce moments that are not there.
    fn parse(line: &str) -> Option<Self> {
        let line = match line.rsplit_once(' ') {
            Some((line, sum)) if line.split(' ').count() == MARK_WORDS => {
                (sum == sum_of(line)).then_some(line)?
            }
            _ => line,
        };
        let mut words = line.split(' ');
        let mark = Self {
            timeline: match words.next()? {
                "-" => None,
                timeline => Some(timeline.parse().ok()?),
            },
            lsn: words.next()?.parse().ok()?,
            at: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(mark)
    }

    fn line(&self) -> String {
        let timeline = self
            .timeline
            .map_or_else(|| "-".to_owned(), |timeline| timeline.to_string());
        let line = format!("{timeline} {} {}", self.lsn, self.at);
        let sum = sum_of(&line);
        format!("{line} {sum}\n")
    }

    /// Which segment holds what lies before the place.
    pub(crate) fn segment(&self, segment_bytes: u64) -> u64 {
        self.lsn.0.saturating_sub(1) / segment_bytes
    }
}

/// The marks in a file of them. What has no end was not written to it.
fn marks_in(text: &str) -> Vec<Mark> {
    let lines = text.split_inclusive('\n');
    let whole = lines.filter_map(|line| line.strip_suffix('\n'));
    whole.filter_map(Mark::parse).collect()
}

/// The numbers of the lines in it that are not what was written. One at the end that a crash cut off is none of them.
fn damaged_in(text: &str) -> Vec<usize> {
    let is_begun = |line: &str| {
        let mut signs = line.chars();
        signs.all(|sign| sign.is_ascii_hexdigit() || MARK_SIGNS.contains(sign))
    };
    let is_right = |line: &str| match line.strip_suffix('\n') {
        Some(line) => Mark::parse(line).is_some(),
        None => is_begun(line),
    };
    let lines = text.split_inclusive('\n').zip(1..);
    let wrong = lines.filter(|(line, _)| !is_right(line));
    wrong.map(|(_, number)| number).collect()
}

/// Appends a line to a file. Nobody else writes to it.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.create(true).read(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if let Some(at) = length.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    // After a line whose end was damaged it would be lost together with it.
    let begin = if last == [b'\n'] { "" } else { "\n" };
    let written = file.write_all(format!("{begin}{line}").as_bytes());
    let written = written.and_then(|()| file.sync_data());
    if written.is_err() {
        // What there was room for is no line, and the next one comes after the last whole one.
        file.set_len(length)?;
    }
    written
}

impl Marks {
    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.kept.iter().chain(&self.newest)
    }
}

impl ContinuousArchive {
    /// The marks that were kept.
    pub(crate) fn marks(&self) -> Result<Marks, BackupError> {
        let standing = self.standing();
        Ok(Marks {
            kept: self.kept_marks()?,
            newest: Mark::of(&standing),
            received_until: standing.received_until,
        })
    }

    fn kept_marks(&self) -> Result<Vec<Mark>, BackupError> {
        Ok(marks_in(&self.marks_text()?))
    }

    /// How far it came by the newest mark of its segments, where nothing else says so: it came at least as far as that.
    pub(crate) fn standing_by_marks(&self) -> ArchiveStanding {
        let kept = self.kept_marks().unwrap_or_default();
        let newest = kept.iter().max_by_key(|mark| mark.at);
        newest.map(Mark::standing).unwrap_or_default()
    }

    /// Why not all marks of segments can be relied on, if that is so.
    pub(crate) fn marks_damage(&self) -> Result<Option<String>, BackupError> {
        let wrong = damaged_in(&self.marks_text()?);
        let more = match wrong.len() {
            0 | 1 => String::new(),
            count => format!(", and neither are {} more", count - 1),
        };
        let first = wrong.first();
        Ok(first.map(|number| format!("{MARKS}: line {number} is not what was written{more}")))
    }

    fn marks_text(&self) -> Result<String, BackupError> {
        match read_bounded(&self.root().join(MARKS), WAL_MARKS_BYTES_MAX) {
            Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(String::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps where the log is now, as the last mark of its segment. The caller has the right to receive alone.
    pub(crate) fn keep_mark(&self, standing: &ArchiveStanding) -> Result<(), BackupError> {
        let Some(mark) = Mark::of(standing) else {
            return Ok(());
        };
        let path = self.root().join(MARKS);
        append(&path, &mark.line()).map_err(|error| failed_to("write", &path, error))
    }

    /// Keeps the mark at which the last stream ended, however it ended, and drops lines that say nothing and those that no copy
    /// of the cluster needs.
    /// The caller has the right to receive alone.
    pub(crate) fn settle_marks(&self, segment_bytes: u64) -> Result<(), BackupError> {
        let mut marks = self.kept_marks()?;
        marks.extend(Mark::of(&self.standing()));
        let place = |mark: &Mark| (mark.timeline, mark.segment(segment_bytes));
        let bases = self.bases()?;
        let oldest = bases.iter().map(|base| base.first_segment().number).min();
        // The one before the oldest copy says that marks were kept then.
        let needed = oldest.unwrap_or(0).saturating_sub(1);
        let mut kept: Vec<Mark> = Vec::new();
        for mark in marks {
            if kept.last().is_some_and(|last| place(last) == place(&mark)) {
                kept.pop();
            }
            if mark.segment(segment_bytes) >= needed {
                kept.push(mark);
            }
        }
        let text: String = kept.iter().map(Mark::line).collect();
        let path = self.root().join(MARKS);
        let written = replace(&path, text.as_bytes());
        let synced = written.and_then(|()| sync_folder(self.root()));
        synced.map_err(|error| failed_to("write", &path, error))
    }
}

#[cfg(test)]
mod tests;
