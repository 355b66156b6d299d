//! The record of what people did to the gateway in an emergency: `audit.jsonl` beside the state file.
//!
//! One line of JSON each, only ever appended, on the disk before the thing takes effect, readable by its
//! owner only. The gateway writes it and nobody else, so it is complete whether the engine runs or not.
//! It is not the engine's journal: that one is about rollouts, takes entries only from the engine that
//! holds its lease, and a binary that does not know a kind of entry refuses to read on.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::state_file::sync_folder_of;

/// The file's name.
const AUDIT_FILE: &str = "audit.jsonl";

/// The record beside a state file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditTrail {
    path: PathBuf,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was written, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What happened.
    pub event: AuditEvent,
    /// To which service.
    pub service: String,
    /// Who did it; `gateway` where nobody did.
    pub by: String,
    /// Why; for the end of a bypass, why it was begun.
    pub reason: String,
    /// When the bypass ends, or would have ended, by itself; milliseconds since the Unix epoch.
    pub until_ms: u64,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEvent {
    /// A bypass was begun, or one that was in force was replaced.
    BypassBegun,
    /// It could not be saved after all and never took effect.
    BypassNotBegun,
    /// Somebody ended it.
    BypassEnded,
    /// Its time was over. Written later than that when no gateway ran.
    BypassExpired,
}

/// What is in the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditRead {
    /// The entries, the oldest first.
    pub entries: Vec<AuditEntry>,
    /// The numbers of lines, from 1, that this version cannot read: broken off by a crash, damaged, or of
    /// a newer version.
    pub unreadable: Vec<usize>,
}

impl AuditEvent {
    /// The event in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            AuditEvent::BypassBegun => "bypass begun",
            AuditEvent::BypassNotBegun => "bypass not begun",
            AuditEvent::BypassEnded => "bypass ended",
            AuditEvent::BypassExpired => "bypass expired",
        }
    }
}

impl AuditTrail {
    /// The record of the gateway with this state file.
    #[must_use]
    pub fn beside(state_file: &Path) -> AuditTrail {
        AuditTrail {
            path: state_file.with_file_name(AUDIT_FILE),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line; when this returns, it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&self, entry: &AuditEntry) -> io::Result<()> {
        let is_new = !self.path.exists();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(&self.path)?;
        let mut line = Vec::new();
        // A line that was broken off stays by itself, so that this one can be read.
        if ends_within_a_line(&mut file)? {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, entry)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_all()?;
        match is_new {
            true => sync_folder_of(&self.path),
            false => Ok(()),
        }
    }

    /// Everything in it; nothing when there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> io::Result<AuditRead> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut read = AuditRead::default();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice(line) {
                Ok(entry) => read.entries.push(entry),
                Err(_) => read.unreadable.push(index + 1),
            }
        }
        Ok(read)
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests;
