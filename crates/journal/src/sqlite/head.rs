//! The head of one scope's chain, kept outside the database.
//!
//! The file has two slots of [`SLOT_BYTES`], each one padded line of text with a checksum. The head of an
//! entry with an even number goes to the first slot and an odd one to the second, so that the slot that is
//! being written is never the only one, also if two processes write. It is written in place: that needs no
//! space on a full disk and, unlike replacing the file, costs next to nothing beside the commit (figures in
//! docs/adr/0004-journal-on-postgresql.md).
//!
//! The head is written after the commit of the entry it names. So it may lag behind the database but is
//! never ahead of it, whenever the process or the machine stops; a database that lacks the entry has lost
//! it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::{Hash, Scope};

const LABEL: &str = "portcullis-journal-head-v1";
/// One sector: another slot is not touched when a sector is cut short.
const SLOT_BYTES: usize = 512;
const SLOTS: usize = 2;

/// The number and hash of the last entry of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) hash: Hash,
}

/// The open file of one scope's head.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    scope: Scope,
    /// Heads written since the file was last synced.
    unsynced: AtomicU64,
}

/// The file that keeps the head of a scope: `journal.db.SCOPE.head` for `journal.db`.
pub(super) fn path_of(journal: &Path, scope: &Scope) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(format!(".{scope}.head"));
    PathBuf::from(name)
}

/// What a head file says. None if it does not exist or nothing was ever written to it.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if both slots hold something that is no head.
pub(super) fn read(journal: &Path, scope: &Scope) -> io::Result<Option<Head>> {
    let file = match File::open(path_of(journal, scope)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut slots = [0; SLOT_BYTES * SLOTS];
    let mut filled = 0;
    while filled < slots.len() {
        match file.read_at(&mut slots[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    pick(&slots[..filled], scope)
}

impl HeadFile {
    /// Opens the file, and creates it with all of its space if it is missing.
    pub(super) fn open(journal: &Path, scope: &Scope) -> io::Result<Self> {
        let path = path_of(journal, scope);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let file = options.open(&path)?;
        if file.metadata()?.len() < (SLOT_BYTES * SLOTS) as u64 {
            // Two processes may both get here; neither changes what is there already.
            let have = file.metadata()?.len();
            let lacking = SLOT_BYTES * SLOTS - usize::try_from(have).unwrap_or(0);
            file.write_all_at(&vec![b' '; lacking], have)?;
            file.sync_all()?;
            sync_folder_of(&path)?;
        }
        let scope = scope.clone();
        let unsynced = AtomicU64::new(0);
        Ok(Self {
            file,
            scope,
            unsynced,
        })
    }

    /// Writes a head into its slot and returns how many were written since the last sync.
    pub(super) fn write(&self, head: Head) -> io::Result<u64> {
        let slot = if head.seq.is_multiple_of(2) {
            0
        } else {
            SLOT_BYTES
        };
        self.file
            .write_all_at(&format_slot(head, &self.scope), slot as u64)?;
        Ok(self.unsynced.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Makes what was written survive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        if self.unsynced.swap(0, Ordering::Relaxed) > 0 {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// Makes a new name in a folder survive a power cut.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The higher of the heads in the slots.
fn pick(bytes: &[u8], scope: &Scope) -> io::Result<Option<Head>> {
    let slots = bytes.chunks(SLOT_BYTES);
    let blank = |slot: &[u8]| slot.iter().all(|byte| matches!(byte, 0 | b' ' | b'\n'));
    let heads = slots.clone().filter_map(|slot| parse(slot, scope));
    match heads.max_by_key(|head| head.seq) {
        Some(head) => Ok(Some(head)),
        None if bytes.is_empty() || slots.clone().any(blank) => Ok(None),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "neither slot holds a head with a matching checksum",
        )),
    }
}

fn format_slot(head: Head, scope: &Scope) -> Vec<u8> {
    let line = format!("{LABEL} {scope} {} {}", head.seq, head.hash);
    let mut slot = format!("{line} {}", checksum(&line)).into_bytes();
    slot.resize(SLOT_BYTES - 1, b' ');
    slot.push(b'\n');
    slot
}

fn parse(slot: &[u8], scope: &Scope) -> Option<Head> {
    let text = str::from_utf8(slot).ok()?.trim_end();
    let (line, sum) = text.rsplit_once(' ')?;
    let mut words = line.split(' ');
    let label = words.next()?;
    let named = words.next()?;
    let seq = words.next()?.parse().ok()?;
    let hash = words.next()?.parse().ok()?;
    let whole = words.next().is_none() && checksum(line) == sum;
    (whole && label == LABEL && named == scope.as_str()).then_some(Head { seq, hash })
}

fn checksum(line: &str) -> String {
    hex::encode(Sha256::digest(line.as_bytes()))
}

#[cfg(test)]
mod tests;
