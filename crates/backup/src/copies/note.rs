//! What is noted beside the vault about an upload that is not finished, so that it goes on after a restart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CopyProblem;
use crate::BackupName;
use crate::bounds::COPY_NOTE_BYTES_MAX;
use crate::durable::replace;
use crate::vault::{failed_to, read_bounded};

/// An upload in parts that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Where to: a note about another place is of no use.
    pub(super) place: String,
    /// The SHA-256 of the archive that is sent.
    pub(super) sha256: String,
    /// How large its parts are, in bytes.
    pub(super) part_bytes: u64,
    /// How the server calls the upload.
    pub(super) upload: String,
    /// The parts that it has, with what it calls them.
    pub(super) parts: BTreeMap<usize, String>,
}

impl Note {
    /// The note about a backup, if there is a readable one.
    pub(super) fn read(folder: &Path, name: &BackupName) -> Option<Note> {
        let json = read_bounded(&path(folder, name), COPY_NOTE_BYTES_MAX).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Writes it, durably.
    pub(super) fn save(&self, folder: &Path, name: &BackupName) -> Result<(), CopyProblem> {
        let path = path(folder, name);
        let json = serde_json::to_vec(self).map_err(std::io::Error::from);
        let saved = json.and_then(|json| replace(&path, &json));
        Ok(saved.map_err(|source| failed_to("write", &path, source))?)
    }

    /// Forgets it. One that stays is read again and of no use.
    pub(super) fn forget(folder: &Path, name: &BackupName) {
        let _ = std::fs::remove_file(path(folder, name));
    }
}

fn path(folder: &Path, name: &BackupName) -> PathBuf {
    folder.join(format!("{name}.json"))
}
