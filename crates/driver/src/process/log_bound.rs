//! Keeping the logs of releases from filling the disk.
//!
//! A release writes into its log itself, so that it survives Portcullis; nobody stands between them who
//! could change files. So the front of a log that has become too long is cut off from outside, in
//! whole blocks, with the file open for writing by the release:
//!
//! 1. the front, all but the last block begun, is copied to a new file and flushed to the disk;
//! 2. that file takes the name `.log.1`; the piece that had it is gone;
//! 3. the system is told to take the front out of the log (`FALLOC_FL_COLLAPSE_RANGE`, on ext4 and
//!    XFS). Releases write with `O_APPEND`, so they go on at the new end.
//!
//! **No line is lost that way**: what is taken out was copied, and what is written meanwhile is not in
//! the front. A crash between 2 and 3 leaves the front in both files until the next cut.
//!
//! On other file systems (tmpfs, btrfs, NFS) the whole log is copied and then emptied. Lines written
//! between the last look at its end and the emptying are lost: a few microseconds' worth at each cut.
//! The log says nothing about it, so Portcullis's own log does.
//!
//! Bounds: the logs of one instance take at most twice [`LOG_BYTES_MAX`] and what it writes in two
//! pauses of [`LOG_CHECK_PAUSE`]; of instances that were stopped, the [`STOPPED_LOGS_KEPT`] newest logs
//! of a service are kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};
use tokio::task::JoinHandle;

use super::{Inner, ProcessDriver};
use crate::bounds::{LOG_BYTES_MAX, LOG_CHECK_PAUSE, LOG_CHUNK_BYTES, STOPPED_LOGS_KEPT};
use crate::release_log::{key_of, older_piece};

/// Looks after the logs until it is dropped.
#[derive(Debug)]
pub struct LogKeeper(JoinHandle<()>);

impl Drop for LogKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How the front of a log is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Blocks are taken out: nothing is lost.
    Blocks,
    /// All is copied, then the file is emptied: what is written in between is lost.
    Everything,
}

impl ProcessDriver {
    /// Looks every fifteen seconds whether a log has become too long, until the result is dropped.
    #[must_use]
    pub fn keep_logs_bounded(&self) -> LogKeeper {
        let driver = self.clone();
        LogKeeper(tokio::spawn(async move {
            loop {
                driver.bound_logs(LOG_BYTES_MAX).await;
                tokio::time::sleep(LOG_CHECK_PAUSE).await;
            }
        }))
    }

    /// Cuts every log that is longer than `bytes_max`, and removes the oldest logs of instances that
    /// were stopped. Returns how many were cut. What cannot be done is logged and tried again next
    /// time.
    pub async fn bound_logs(&self, bytes_max: u64) -> usize {
        let mut cut = 0;
        for service in entries(&self.inner.logs) {
            let name = service.file_name().unwrap_or_default().to_string_lossy();
            for log in entries(&service) {
                if log.extension().is_none_or(|ending| ending != "log") {
                    continue;
                }
                cut += usize::from(bound_log(&self.inner, &name, log, bytes_max).await);
            }
            self.inner.remove_old_logs(&name, &service);
        }
        cut
    }
}

/// Cuts one log unless its release is being started or stopped just now, which renames it too.
async fn bound_log(inner: &Arc<Inner>, service: &str, log: PathBuf, bytes_max: u64) -> bool {
    if fs::metadata(&log).is_ok_and(|found| found.len() <= bytes_max) {
        return false;
    }
    let Some(key) = key_of(service, &log) else {
        return false;
    };
    let Ok(slot) = inner.slot(&key).try_lock_owned() else {
        return false;
    };
    let path = log.clone();
    let done = tokio::task::spawn_blocking(move || {
        let done = cut_front(&path, Cut::Blocks);
        drop(slot);
        done
    });
    let shown = log.display();
    match done.await {
        Ok(Ok(Cut::Blocks)) => {
            tracing::info!("the log {shown} was long: its front is in .log.1 now");
            true
        }
        Ok(Ok(Cut::Everything)) => {
            tracing::warn!(
                "the log {shown} was long and is in .log.1 now; this file system cannot cut it without a \
                 gap, so lines written in that moment are missing"
            );
            true
        }
        Ok(Err(error)) => {
            tracing::error!("the log {shown} is too long and cannot be cut: {error}");
            false
        }
        Err(error) => {
            tracing::error!("the log {shown} was not cut: {error}");
            false
        }
    }
}

impl Inner {
    fn remove_old_logs(&self, service: &str, folder: &Path) {
        // Without the records nobody knows what runs.
        let Ok(records) = self.all_records() else {
            return;
        };
        let live: Vec<PathBuf> = records
            .iter()
            .map(|record| self.log_file(&record.key()))
            .collect();
        let stopped = entries(folder).into_iter().filter(|log| {
            log.extension().is_some_and(|ending| ending == "log")
                && key_of(service, log).is_some()
                && !live.contains(log)
        });
        let age = |log: PathBuf| Some((fs::metadata(&log).ok()?.modified().ok()?, log));
        let mut stopped: Vec<_> = stopped.filter_map(age).collect();
        stopped.sort();
        let surplus = stopped.len().saturating_sub(STOPPED_LOGS_KEPT);
        for (_, log) in stopped.into_iter().take(surplus) {
            // What cannot be removed does no harm and is tried again.
            let _ = fs::remove_file(older_piece(&log));
            let _ = fs::remove_file(log);
        }
    }
}

/// Moves the front of a log to `.log.1`, in the way wished for or in the one that is possible.
pub(super) fn cut_front(log: &Path, wish: Cut) -> io::Result<Cut> {
    let file = OpenOptions::new().read(true).write(true).open(log)?;
    let older = older_piece(log);
    if wish == Cut::Blocks {
        let metadata = file.metadata()?;
        let block = metadata.blksize().max(1);
        // The system does not take out up to the very end.
        let front = metadata.len().saturating_sub(1) / block * block;
        if front == 0 {
            return Ok(Cut::Blocks);
        }
        place(&older, |copy| copy_range(&file, 0, front, copy).map(drop))?;
        match fallocate(&file, FallocateFlags::COLLAPSE_RANGE, 0, front) {
            Ok(()) => return Ok(Cut::Blocks),
            // Not on this file system.
            Err(_) => return cut_front(log, Cut::Everything),
        }
    }
    let mut copied = 0;
    let copy = place(&older, |copy| {
        copied = copy_range(&file, 0, u64::MAX, copy)?;
        Ok(())
    })?;
    // What was written while the copy was flushed; then at once the end.
    copy_range(&file, copied, u64::MAX, &copy)?;
    file.set_len(0)?;
    Ok(Cut::Everything)
}

/// Writes a new file and gives it the name, in place of what has it. What a crash leaves of it is
/// overwritten the next time.
fn place(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<File> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    let placed = write(&file)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, path));
    if placed.is_err() {
        // A full disk shall not be fuller by it.
        let _ = fs::remove_file(&unfinished);
    }
    placed.map(|()| file)
}

/// Copies up to `to` or the end, and returns up to where it was copied.
fn copy_range(file: &File, from: u64, to: u64, mut copy: &File) -> io::Result<u64> {
    let mut chunk = vec![0; LOG_CHUNK_BYTES];
    let mut position = from;
    loop {
        let left = usize::try_from(to - position).unwrap_or(usize::MAX);
        let wanted = chunk.len().min(left);
        let got = match file.read_at(&mut chunk[..wanted], position) {
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if got == 0 {
            return Ok(position);
        }
        copy.write_all(&chunk[..got])?;
        position += got as u64;
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).into_iter().flatten();
    listing
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

#[cfg(test)]
mod tests;
