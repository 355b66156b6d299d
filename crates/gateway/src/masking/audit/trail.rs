//! The files of the audit.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bounds::{MASKING_AUDIT_BYTES_MAX, MASKING_AUDIT_FILES_MAX};

/// The file's name.
const AUDIT_FILE: &str = "masking-audit.jsonl";
/// The file that whoever writes holds a lock of: two processes do while one succeeds the other.
const LOCK_FILE: &str = "masking-audit.lock";

/// The record of what was masked, beside a state file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskingAuditTrail {
    path: PathBuf,
    bytes_max: u64,
}

/// One line of it: what was done for one client in one conversation within about a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskingAuditEntry {
    /// When the first of these requests came, milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// When the last of them was over, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// `key:ID` of an API key, `subject:HASH` of a token, `credential:HASH` of what the application checks, `anybody`
    /// without any of these, or `others` where there were too many to tell apart.
    pub client: String,
    /// The route.
    pub route: String,
    /// The mask.
    pub mask: String,
    /// `enforce`, or `shadow` where all of this is what would have been.
    pub mode: String,
    /// The first 16 hexadecimal digits of the SHA-256 of the conversation's id; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Requests in which something was found, put back or refused.
    pub requests: u64,
    /// Values in requests by label of the entity and by what was done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, BTreeMap<String, u64>>,
    /// Placeholders in answers that became their values.
    #[serde(default)]
    pub restored: u64,
    /// Values in answers that the conversation did not hide, in the same way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub leaks: BTreeMap<String, BTreeMap<String, u64>>,
    /// Requests and answers that were not let through, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refusals: BTreeMap<String, u64>,
}

impl MaskingAuditTrail {
    /// The record of the gateway with this state file.
    #[must_use]
    pub fn beside(state_file: &Path) -> MaskingAuditTrail {
        MaskingAuditTrail {
            path: state_file.with_file_name(AUDIT_FILE),
            bytes_max: MASKING_AUDIT_BYTES_MAX,
        }
    }

    /// Where it is written now. Older files have a number behind their name, `.1` being the latest.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in the file that is written now, the oldest first; nothing when there is none yet. A line that cannot
    /// be read is left out.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> io::Result<Vec<MaskingAuditEntry>> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let lines = text.lines();
        Ok(lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    /// Appends lines; when this returns, they are on the disk.
    pub(super) fn append(&self, entries: &[MaskingAuditEntry]) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        let lock = self.open(&self.path.with_file_name(LOCK_FILE))?;
        lock.lock()?;
        self.rotate()?;
        let mut file = self.open(&self.path)?;
        file.write_all(&text)?;
        file.sync_all()
    }

    /// Puts a file aside that is as long as it may be.
    fn rotate(&self) -> io::Result<()> {
        match std::fs::metadata(&self.path) {
            Ok(found) if found.len() >= self.bytes_max => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        for number in (1..MASKING_AUDIT_FILES_MAX).rev() {
            let older = self.numbered(number);
            if older.exists() {
                std::fs::rename(older, self.numbered(number + 1))?;
            }
        }
        std::fs::rename(&self.path, self.numbered(1))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).open(path)
    }
}

#[cfg(test)]
impl MaskingAuditTrail {
    /// With another size at which a file is put aside.
    pub(super) fn holding(mut self, bytes_max: u64) -> MaskingAuditTrail {
        self.bytes_max = bytes_max;
        self
    }
}
