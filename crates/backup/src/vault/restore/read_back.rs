//! Reading what a restore writes back from the disk, while it writes on.
//!
//! A file is read back when it is complete, and a large one piece by piece behind whoever writes it: what was synced is not
//! written again. In the end every file is looked at once more, and whatever is not as it was when it was read back is read
//! anew.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use rustix::fs::fstat;
use sha2::{Digest, Sha256};

use super::failed;
use crate::BackupError;
use crate::already_read::AlreadyRead;
use crate::bounds::{CHUNK_BYTES, READ_BACK_BYTES, READ_BACK_QUEUE, READ_BACK_THREADS};
use crate::durable::forget_cached;
use crate::scan::Stamp;

/// Threads that read files back.
pub(super) struct ReadBack<'scope> {
    /// Where files are handed over, if they are read back at all.
    jobs: Option<SyncSender<Job>>,
    threads: Vec<ScopedJoinHandle<'scope, Result<AlreadyRead, BackupError>>>,
}

/// A file to be read back.
struct Job {
    path: PathBuf,
    file: Arc<File>,
    /// How much of it is written, until nothing more is; that of a small file ends before it begins.
    written: Receiver<u64>,
}

impl<'scope> ReadBack<'scope> {
    pub(super) fn start(scope: &'scope Scope<'scope, '_>) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(READ_BACK_QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..READ_BACK_THREADS).map(|_| {
            let queue = Arc::clone(&queue);
            Builder::new().spawn_scoped(scope, move || read_all(&queue))
        });
        let threads = threads.collect::<io::Result<_>>()?;
        let jobs = Some(jobs);
        Ok(Self { jobs, threads })
    }

    /// Reads nothing back.
    pub(super) fn none() -> Self {
        Self {
            jobs: None,
            threads: Vec::new(),
        }
    }

    /// A file that is begun, at `path`. It is read back, if at all, for good when what this returns is dropped.
    pub(super) fn begin(&self, path: PathBuf, file: File) -> Writing<'_, 'scope> {
        Writing {
            read_back: self,
            path,
            file: Arc::new(file),
            length: 0,
            told: 0,
            written: None,
        }
    }

    /// Waits for all of them. The first failure of any comes first.
    pub(super) fn finish(self) -> Result<AlreadyRead, BackupError> {
        drop(self.jobs);
        let mut all = AlreadyRead::default();
        for thread in self.threads {
            let found = thread.join().unwrap_or_else(|_| {
                let ended = io::Error::other("a thread that reads back has ended");
                Err(failed("read back", &PathBuf::new(), ended))
            })?;
            all.add(found);
        }
        Ok(all)
    }
}

/// A file that is being written.
pub(super) struct Writing<'r, 'scope> {
    read_back: &'r ReadBack<'scope>,
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    told: u64,
    /// Where it is told how much is written, once the file is a large one.
    written: Option<Sender<u64>>,
}

impl Writing<'_, '_> {
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Nothing of the file is written any more, nor anything about it changed.
    pub(super) fn complete(mut self) {
        if self.written.take().is_none() {
            self.hand_over();
        }
    }

    fn hand_over(&self) -> Sender<u64> {
        let (told, written) = channel();
        if let Some(jobs) = &self.read_back.jobs {
            // The threads live until they are told that there is nothing more.
            let _ = jobs.send(Job {
                path: self.path.clone(),
                file: Arc::clone(&self.file),
                written,
            });
        }
        told
    }
}

impl Write for Writing<'_, '_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = (&*self.file).write(buffer)?;
        self.length += written as u64;
        if self.length - self.told >= READ_BACK_BYTES {
            self.told = self.length;
            if self.written.is_none() {
                self.written = Some(self.hand_over());
            }
            if let Some(written) = &self.written {
                let _ = written.send(self.length);
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads files until there are none. After a failure the others are only taken.
fn read_all(queue: &Mutex<Receiver<Job>>) -> Result<AlreadyRead, BackupError> {
    let mut found = Ok(AlreadyRead::default());
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return found,
        };
        let Ok(job) = job else {
            return found;
        };
        if let Ok(all) = &mut found
            && let Err(error) = job.read(&mut buffer, all)
        {
            found = Err(error);
        }
    }
}

impl Job {
    fn read(&self, buffer: &mut [u8], all: &mut AlreadyRead) -> Result<(), BackupError> {
        let mut reading = Reading {
            job: self,
            at: 0,
            sha: Sha256::new(),
        };
        let syncing = |source| failed("sync", &self.path, source);
        for mut written in &self.written {
            // Only how much there is now matters.
            while let Ok(more) = self.written.try_recv() {
                written = more;
            }
            self.file.sync_data().map_err(syncing)?;
            reading.until(written, buffer)?;
        }
        self.file.sync_all().map_err(syncing)?;
        reading.until(u64::MAX, buffer)?;
        let looking = |error: rustix::io::Errno| failed("look at", &self.path, error.into());
        let stat = fstat(&*self.file).map_err(looking)?;
        all.insert(Stamp::of(&stat), reading.sha.finalize().into());
        Ok(())
    }
}

struct Reading<'j> {
    job: &'j Job,
    at: u64,
    sha: Sha256,
}

impl Reading<'_> {
    /// Reads and hashes what is synced, up to `end` or the end of the file.
    fn until(&mut self, end: u64, buffer: &mut [u8]) -> Result<(), BackupError> {
        let Job { file, path, .. } = self.job;
        forget_cached(file);
        while self.at < end {
            let left = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            let wanted = buffer.len().min(left);
            match file.read_at(&mut buffer[..wanted], self.at) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    self.sha.update(&buffer[..read]);
                    self.at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read back", path, error)),
            }
        }
        Ok(())
    }
}
