//! What is noted durably of a store whose tool cannot tell what is in it: which backup was put back, and whether the
//! restore command ended with code 0; and how large the data was last.
//!
//! The note says what happened, not what is: whoever writes to the store since is not noticed. That a restore ended is taken
//! back when the next backup is made, so that it never speaks of an earlier rollout's restore.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CommandProblem;
use crate::durable::{
    TEMPORARY_PREFIX, TEMPORARY_SUFFIX, clear_abandoned, folder_of, replace, sync_folder,
};
use crate::{BackupError, BackupName};

/// The note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// How many bytes the data had when it was backed up last.
    #[serde(default)]
    pub(super) bytes: u64,
    /// The restore that was begun last, unless it ended and a backup was made since.
    #[serde(default)]
    pub(super) restored: Option<RestoredNote>,
}

/// A restore that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RestoredNote {
    /// The backup.
    pub(super) backup: BackupName,
    /// The digest of the store in it.
    pub(super) digest: String,
    /// By the caller's clock.
    pub(super) at: Timestamp,
    /// Whether the restore command ended with code 0.
    pub(super) ended: bool,
}

/// Where the note is.
pub(super) struct Memory<'a> {
    pub(super) store: &'a str,
    pub(super) path: &'a Path,
}

impl Memory<'_> {
    /// The note; an empty one if there is none.
    pub(super) fn read(&self) -> Result<Note, BackupError> {
        match fs::read(self.path) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|error| self.failed("understood", error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Note::default()),
            Err(error) => Err(self.failed("read", error.to_string())),
        }
    }

    /// Writes it durably.
    pub(super) fn write(&self, note: &Note) -> Result<(), BackupError> {
        let written = self.make_folder().and_then(|()| {
            let json = serde_json::to_vec_pretty(note)?;
            replace(self.path, &json)?;
            sync_folder(folder_of(self.path))
        });
        written.map_err(|error| self.failed("written", error.to_string()))
    }

    /// Makes the folder, which only its owner may look into: replaced data is kept there.
    pub(super) fn make_folder(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder_of(self.path))
    }

    pub(super) fn last_bytes(&self) -> Result<u64, BackupError> {
        self.read().map(|note| note.bytes)
    }

    /// Clears away what was left beside it by somebody who was killed: replaced data in the clear. What cannot be removed is
    /// in nobody's way.
    pub(super) fn clear(&self) {
        let _ = clear_abandoned(folder_of(self.path));
    }

    /// What is unfinished beside it: whose it is cannot be told.
    pub(super) fn left(&self) -> Result<Vec<String>, BackupError> {
        let failed = |error: io::Error| self.failed("looked beside", error.to_string());
        let listed = match fs::read_dir(folder_of(self.path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(failed)?,
        };
        let mut left = Vec::new();
        for entry in listed {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
                left.push(path.display().to_string());
            }
        }
        left.sort();
        Ok(left)
    }

    /// Notes a backup: a restore that ended before it says nothing any more. One that was cut off may still be completed.
    pub(super) fn backed_up(&self, bytes: u64) -> Result<(), BackupError> {
        self.clear();
        let before = self.read()?;
        let note = Note {
            bytes,
            restored: before.restored.clone().filter(|restored| !restored.ended),
        };
        match before == note {
            true => Ok(()),
            false => self.write(&note),
        }
    }

    /// Notes a restore that begins or ended.
    pub(super) fn restored(&self, restored: RestoredNote) -> Result<(), BackupError> {
        let note = self.read()?;
        self.write(&Note {
            restored: Some(restored),
            ..note
        })
    }

    pub(super) fn failed(&self, doing: &'static str, why: String) -> BackupError {
        BackupError::Command {
            store: self.store.to_owned(),
            problem: Box::new(CommandProblem::Memory {
                doing,
                path: self.path.to_owned(),
                why,
            }),
        }
    }
}
