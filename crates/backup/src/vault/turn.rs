//! One restore of a store behind a server or a tool at a time.
//!
//! What is on the disk is replaced in one step, whoever else does it. Objects of a bucket are replaced one after the other,
//! and a tool does what it does: two at once would leave some of each. So whoever puts something back has its turn, and others
//! with the same vault wait. It is a lock of the system, which ends with its holder, however that ends. Those with another
//! vault know nothing of it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::durable::{TEMPORARY_PREFIX, TEMPORARY_SUFFIX};

/// As long as this lives, nobody else restores the store.
#[derive(Debug)]
pub(crate) struct Turn {
    path: PathBuf,
    lock: File,
}

impl Turn {
    /// Waits until nobody else restores or reads the store, for a restore.
    pub(crate) fn to_write(vault: &Path, store: &str) -> io::Result<Self> {
        Self::wait(vault, store, FlockOperation::LockExclusive)
    }

    /// Waits until nobody restores the store, for a backup of what would be half restored.
    pub(crate) fn to_read(vault: &Path, store: &str) -> io::Result<Self> {
        Self::wait(vault, store, FlockOperation::LockShared)
    }

    fn wait(vault: &Path, store: &str, how: FlockOperation) -> io::Result<Self> {
        let name = hex::encode(&Sha256::digest(store)[..8]);
        // What is left of somebody who was killed is cleared away like everything that is unfinished.
        let file = format!("{TEMPORARY_PREFIX}turn-{name}{TEMPORARY_SUFFIX}");
        let path = vault.join(file);
        loop {
            let mut options = File::options();
            let opened = options.write(true).create(true).truncate(false).mode(0o600);
            let lock = opened.open(&path)?;
            // On a file system without locks nobody waits for anybody.
            if flock(&lock, how) == Err(Errno::INTR) {
                continue;
            }
            // Whoever had it before has removed it.
            if lock.metadata()?.nlink() > 0 {
                return Ok(Self { path, lock });
            }
        }
    }

    /// The lock, for a process whose work is part of the restore: it is held for as long as that has it, too.
    pub(crate) fn lock(&self) -> &File {
        &self.lock
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Another one may still read; then that one removes it.
        if flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn one_writes_at_a_time_and_nobody_reads_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (writers, readers) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for worker in 0..6 {
                let (writers, readers) = (&writers, &readers);
                let folder = folder.path();
                scope.spawn(move || {
                    for _ in 0..300 {
                        if worker < 3 {
                            let _turn = Turn::to_write(folder, "one").unwrap();
                            assert_eq!(writers.fetch_add(1, Ordering::SeqCst), 0);
                            assert_eq!(readers.load(Ordering::SeqCst), 0);
                            thread::yield_now();
                            writers.fetch_sub(1, Ordering::SeqCst);
                        } else {
                            let _turn = Turn::to_read(folder, "one").unwrap();
                            readers.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(writers.load(Ordering::SeqCst), 0);
                            thread::yield_now();
                            readers.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let _one = Turn::to_write(folder.path(), "one").unwrap();
        // Of another store.
        let _other = Turn::to_write(folder.path(), "other").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
