//! SQLite: the locks that another process has on the bytes of the file.
//!
//! Asking for a lock on a database would take it away from the migration, so the kernel is asked who has it. Which bytes they
//! are is part of SQLite's file format ("File Locking And Concurrency", os.h and wal.c of its source): they cannot change.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

use super::mode::LockMode;
use super::tracker::Seen;

/// What stands for the database in the tracker.
pub(super) const DATABASE: i64 = 0;
/// The byte that whoever writes without a write-ahead log locks.
const RESERVED_BYTE: u64 = 0x4000_0001;
/// The first of the bytes that readers share and a writer takes for itself at the end.
const SHARED_FIRST: u64 = 0x4000_0002;
/// How many they are.
const SHARED_BYTES: u64 = 510;
/// The byte of the file `-shm` that whoever writes to the write-ahead log locks.
const WAL_WRITE_BYTE: u64 = 120;

/// Looks at the locks of a file.
pub(super) struct SqliteEye {
    path: PathBuf,
    own_sql: bool,
}

impl SqliteEye {
    pub(super) fn new(path: &Path, own_sql: bool) -> SqliteEye {
        SqliteEye {
            path: path.to_owned(),
            own_sql,
        }
    }

    /// How large the file is.
    pub(super) fn bytes(&self) -> Option<u64> {
        let found = std::fs::metadata(&self.path).ok()?;
        Some(found.len())
    }

    /// The locks that other processes hold now; nothing where this process is the one that writes: the kernel does not show
    /// a process its own locks, and closing a file would drop them.
    pub(super) fn look(&self) -> Result<Option<Vec<Seen>>, String> {
        if self.own_sql {
            return Ok(None);
        }
        let mut seen = Vec::new();
        if let Some(file) = opened(&self.path)? {
            self.held(&file, (RESERVED_BYTE, 1), LockMode::SqliteWrite, &mut seen)?;
            // A reader's lock is in nobody's way but a writer's who takes all of them.
            let shared = (SHARED_FIRST, SHARED_BYTES);
            self.held(&file, shared, LockMode::SqliteExclusive, &mut seen)?;
        }
        let mut log = self.path.clone().into_os_string();
        log.push("-shm");
        if let Some(file) = opened(Path::new(&log))? {
            self.held(&file, (WAL_WRITE_BYTE, 1), LockMode::SqliteWrite, &mut seen)?;
        }
        Ok(Some(seen))
    }

    fn held(
        &self,
        file: &File,
        (start, length): (u64, u64),
        mode: LockMode,
        seen: &mut Vec<Seen>,
    ) -> Result<(), String> {
        let asked = Flock {
            start,
            length,
            pid: None,
            typ: FlockType::ReadLock,
            offset_type: FlockOffsetType::Set,
        };
        let held = fcntl_getlk(file, &asked);
        let held = held.map_err(|error| format!("{}: {error}", self.path.display()))?;
        if let Some(held) = held {
            let holder = held.pid.map_or(0, |pid| pid.as_raw_nonzero().get());
            seen.push(Seen {
                holder: holder.to_string(),
                relation: DATABASE,
                mode,
                statement: String::new(),
            });
        }
        Ok(())
    }
}

fn opened(path: &Path) -> Result<Option<File>, String> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
