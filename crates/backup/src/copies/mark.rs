//! What is noted beside the vault of copies that are there and are not in order: nobody would look at them again otherwise.

use std::path::Path;

use super::CopyProblem;
use crate::BackupName;
use crate::durable::replace;
use crate::vault::failed_to;

/// What is noted of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Its `.sha256` is sent, and may not be locked yet.
    LockToCome,
    /// It was read, and is not what was written.
    Damaged,
}

impl Mark {
    fn end(self) -> &'static str {
        match self {
            Self::LockToCome => ".lock-to-come",
            Self::Damaged => ".damaged",
        }
    }

    /// Notes it, durably.
    pub(super) fn set(self, notes: &Path, name: &BackupName) -> Result<(), CopyProblem> {
        let path = notes.join(format!("{name}{}", self.end()));
        let noted = replace(&path, b"");
        Ok(noted.map_err(|source| failed_to("write", &path, source))?)
    }

    /// Forgets it. One that stays has its copy looked at, or sent, once more.
    pub(super) fn clear(self, notes: &Path, name: &BackupName) {
        let _ = std::fs::remove_file(notes.join(format!("{name}{}", self.end())));
    }

    /// Of which backups it is noted.
    pub(super) fn all(self, notes: &Path) -> Vec<BackupName> {
        let listed = std::fs::read_dir(notes).into_iter().flatten().flatten();
        let named = listed.filter_map(|entry| {
            let file = entry.file_name();
            file.to_str()?.strip_suffix(self.end())?.parse().ok()
        });
        named.collect()
    }
}
