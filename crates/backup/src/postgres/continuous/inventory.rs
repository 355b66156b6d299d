//! What write-ahead log an archive has.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::segment_file::{INCOMING, LOG, SealedName};
use super::{Segment, TimelineHistory};
use crate::BackupError;
use crate::vault::failed_to;

/// The files of write-ahead log that an archive has, by what they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inventory {
    /// By number and timeline; the best of each: sealed before received, complete before partial.
    pub(crate) segments: BTreeMap<Segment, SegmentFile>,
    /// By timeline.
    pub(crate) histories: BTreeMap<u32, PathBuf>,
    /// Sealed files that hold the same segment as another one and differ from it.
    pub(crate) doubled: Vec<PathBuf>,
    /// Files with names that none of this has.
    pub(crate) strange: Vec<PathBuf>,
    /// The segments of files that are known to be damaged, with what is wrong.
    pub(crate) damaged: BTreeMap<Segment, String>,
}

/// One file of a segment.
#[derive(Clone, Debug)]
pub(crate) struct SegmentFile {
    pub(crate) path: PathBuf,
    /// Whether it is compressed and has its SHA-256 in its name; else it is as it was received.
    pub(crate) sealed: bool,
    /// Whether the server had not filled it when the stream ended, or has not yet.
    pub(crate) partial: bool,
    pub(crate) bytes: u64,
    /// When it was filled, or written to last.
    pub(crate) finished: SystemTime,
}

impl SegmentFile {
    /// What it is noted as when it is damaged.
    pub(crate) fn noted_as(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        match self.sealed {
            true => name.into_owned(),
            false => unsealed(&name, self.finished),
        }
    }

    /// Which of two files of the same segment is better.
    fn rank(&self) -> (bool, bool) {
        // Of two that were not filled, the one that was written to last has more.
        (!self.partial, !self.partial && self.sealed)
    }
}

/// What a file that is not sealed is noted as: what is written to it later may put it right, as `pg_receivewal` does, which
/// begins again with the segment.
fn unsealed(name: &str, written: SystemTime) -> String {
    let at = Timestamp::try_from(written).unwrap_or_default();
    format!("{name} as written at {at}")
}

impl Inventory {
    /// Looks at the folders of an archive, and at none of the files that are known to be damaged.
    pub(crate) fn read(
        root: &Path,
        segment_bytes: u64,
        damaged: &BTreeMap<String, String>,
    ) -> Result<Self, BackupError> {
        let mut found = Self::default();
        // What is being received first: if it is sealed meanwhile, it is seen twice and not never.
        for folder in [INCOMING, LOG] {
            let folder = root.join(folder);
            let listing = match fs::read_dir(&folder) {
                Ok(listing) => listing,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed_to("list", &folder, error)),
            };
            for entry in listing {
                let entry = entry.map_err(|error| failed_to("list", &folder, error))?;
                let metadata = match entry.metadata() {
                    Ok(metadata) => metadata,
                    // It was sealed or removed meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(failed_to("look at", &entry.path(), error)),
                };
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let known = damaged.get(&*name);
                match known.or_else(|| damaged.get(&unsealed(&name, written))) {
                    None => found.take(entry.path(), &metadata, segment_bytes),
                    Some(why) => found.leave_out(&name, why, segment_bytes),
                }
            }
        }
        Ok(found)
    }

    fn leave_out(&mut self, name: &str, why: &str, segment_bytes: u64) {
        let plain = SealedName::parse(name).map_or(name, |sealed| sealed.plain);
        let digits = plain.strip_suffix(".partial").unwrap_or(plain);
        if let Some(segment) = Segment::parse(digits, segment_bytes) {
            self.damaged.insert(segment, format!("{name}: {why}"));
        }
    }

    fn take(&mut self, path: PathBuf, metadata: &fs::Metadata, segment_bytes: u64) {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        if name.starts_with(crate::durable::TEMPORARY_PREFIX) {
            return;
        }
        let (plain, sealed) = match SealedName::parse(name) {
            Some(sealed) => (sealed.plain, true),
            None => (name, false),
        };
        if let Some(timeline) = TimelineHistory::timeline_of(plain) {
            match (self.histories.get(&timeline), sealed) {
                (Some(_), false) => {}
                _ => drop(self.histories.insert(timeline, path)),
            }
            return;
        }
        let (digits, partial) = match plain.strip_suffix(".partial") {
            Some(digits) => (digits, true),
            None => (plain, false),
        };
        let Some(segment) = Segment::parse(digits, segment_bytes).filter(|_| metadata.is_file())
        else {
            self.strange.push(path);
            return;
        };
        let file = SegmentFile {
            path,
            sealed,
            partial,
            bytes: metadata.len(),
            finished: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        };
        match self.segments.get_mut(&segment) {
            None => drop(self.segments.insert(segment, file)),
            Some(known) => {
                let both = known.sealed && file.sealed && known.partial == file.partial;
                if both && !file.partial {
                    self.doubled.push(file.path);
                } else if file.rank() > known.rank()
                    || file.rank() == known.rank() && file.finished > known.finished
                {
                    *known = file;
                }
            }
        }
    }
}
