//! The log of requests: one JSON object a line, written by a thread of its own.
//!
//! A worker makes its line and appends it to a buffer that it shares with nobody but the writer; the writer
//! takes all buffers a few times a second and writes each with one call. So the data path makes no system
//! call, waits for no disk and wakes nobody, except when a burst fills a buffer early. A buffer that is full
//! because the disk does not keep up drops lines and counts them: a log must not stop the traffic.
//!
//! Errors are always written, other requests one in so many.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use portcullis_config::{AccessLogConfig, AccessLogPlace};

pub(crate) mod address;
pub(crate) mod line;
pub(crate) mod path;

#[cfg(any(test, fuzzing))]
pub(crate) use address::masked;

use line::AccessLine;

/// How long a line waits at most before it is written.
const FLUSH_MS: u64 = 200;
/// Above this many bytes in a buffer the writer is woken early.
const WAKE_BYTES: usize = 256 * 1024;
/// A buffer with this many bytes takes no more lines.
const BUFFER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The log of requests. Dropping it writes what is left.
#[derive(Debug)]
pub(crate) struct AccessLog {
    sample: u64,
    shared: Arc<Shared>,
    /// `None` when nothing is logged.
    writer: Option<JoinHandle<()>>,
}

/// The log could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessLogError {
    /// The file cannot be opened.
    #[error(
        "the log of requests {path} cannot be opened; does its folder exist and may this user write there?"
    )]
    Open {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No thread.
    #[error("the thread that writes the log of requests cannot be started")]
    Thread(#[source] std::io::Error),
}

/// What workers and the writer share.
#[derive(Debug)]
struct Shared {
    buffers: Box<[Buffer]>,
    stop: AtomicBool,
    reopen: AtomicBool,
    dropped: AtomicU64,
}

/// One worker's lines. Aligned so that two workers never share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Buffer {
    pending: Mutex<Pending>,
    /// Requests without an error so far.
    seen: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    lines: u64,
}

/// Where lines go.
enum Sink {
    Log,
    File(File),
}

impl AccessLog {
    /// Opens the log for `workers` workers.
    ///
    /// # Errors
    /// The file cannot be opened, or there is no thread.
    pub(crate) fn start(
        config: &AccessLogConfig,
        workers: usize,
    ) -> Result<AccessLog, AccessLogError> {
        let shared = Arc::new(Shared {
            buffers: (0..workers).map(|_| Buffer::default()).collect(),
            stop: AtomicBool::new(false),
            reopen: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        });
        let sink = match &config.to {
            AccessLogPlace::Off => None,
            AccessLogPlace::Log => Some(Sink::Log),
            AccessLogPlace::File(path) => Some(Sink::File(open(path).map_err(|source| {
                AccessLogError::Open {
                    path: path.display().to_string(),
                    source,
                }
            })?)),
        };
        let writer = match sink {
            None => None,
            Some(sink) => {
                let writer = Writer {
                    shared: Arc::clone(&shared),
                    to: config.to.clone(),
                    sink,
                    batch: Vec::new(),
                    cut: false,
                    failing: false,
                };
                let thread = std::thread::Builder::new().name("access-log".to_owned());
                let thread = thread.spawn(move || writer.run());
                Some(thread.map_err(AccessLogError::Thread)?)
            }
        };
        Ok(AccessLog {
            sample: u64::from(config.sample.max(1)),
            shared,
            writer,
        })
    }

    /// Whether anything is written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Whether a request is to be written; asked once for each, before its line is made. `is_error`: it was
    /// answered with 4xx or 5xx, or not to its end.
    pub(crate) fn wants(&self, worker: usize, is_error: bool) -> bool {
        if self.writer.is_none() {
            return false;
        }
        let seen = &self.shared.buffers[worker].seen;
        is_error || seen.fetch_add(1, Relaxed).is_multiple_of(self.sample)
    }

    /// Takes a line, or drops and counts it.
    pub(crate) fn write(&self, worker: usize, line: &AccessLine<'_>) {
        let Some(writer) = &self.writer else { return };
        let mut pending = self.shared.buffers[worker].lock();
        let before = pending.bytes.len();
        if before >= BUFFER_BYTES_MAX || !line.append_to(&mut pending.bytes) {
            self.shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        pending.lines += 1;
        let wakes = before < WAKE_BYTES && pending.bytes.len() >= WAKE_BYTES;
        drop(pending);
        if wakes {
            writer.thread().unpark();
        }
    }

    /// Opens the file anew, after it was renamed by a log rotation. If that fails, the old one is written on.
    pub(crate) fn reopen(&self) {
        self.shared.reopen.store(true, Relaxed);
        if let Some(writer) = &self.writer {
            writer.thread().unpark();
        }
    }

    /// Lines that were lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        if let Some(writer) = self.writer.take() {
            writer.thread().unpark();
            if writer.join().is_err() {
                tracing::error!("the thread that writes the log of requests ended in a panic");
            }
        }
    }
}

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    to: AccessLogPlace,
    sink: Sink,
    /// What is being written; swapped with the workers' buffers, so that their memory is used again.
    batch: Vec<u8>,
    /// Whether the last write broke off, perhaps within a line.
    cut: bool,
    /// Whether the last write failed: the log says so once, not for every batch.
    failing: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            // Asked before the buffers are taken: what was written before the stop is written out.
            let stop = self.shared.stop.load(Relaxed);
            if self.shared.reopen.swap(false, Relaxed) {
                // What came before the rotation still belongs to the old file.
                self.flush();
                self.open_anew();
            }
            self.flush();
            if stop {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(FLUSH_MS));
        }
    }

    fn flush(&mut self) {
        let shared = Arc::clone(&self.shared);
        for buffer in &shared.buffers {
            let mut pending = buffer.lock();
            if pending.lines == 0 {
                continue;
            }
            std::mem::swap(&mut pending.bytes, &mut self.batch);
            let lines = std::mem::take(&mut pending.lines);
            drop(pending);
            self.write_batch(lines);
            self.batch.clear();
            // A burst must not keep its memory for good.
            self.batch.shrink_to(WAKE_BYTES);
        }
    }

    fn write_batch(&mut self, lines: u64) {
        if self.cut {
            self.batch.insert(0, b'\n');
        }
        let written = match &mut self.sink {
            Sink::Log => std::io::stderr().lock().write_all(&self.batch),
            Sink::File(file) => file.write_all(&self.batch),
        };
        match written {
            Ok(()) => (self.cut, self.failing) = (false, false),
            Err(error) => {
                self.shared.dropped.fetch_add(lines, Relaxed);
                self.cut = true;
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "the log of requests cannot be written: lines are lost");
                }
            }
        }
    }

    fn open_anew(&mut self) {
        let AccessLogPlace::File(path) = &self.to else {
            return;
        };
        match open(path) {
            Ok(file) => (self.sink, self.cut) = (Sink::File(file), false),
            Err(error) => tracing::error!(
                path = %path.display(),
                %error,
                "the log of requests cannot be opened anew: the old file is written on"
            ),
        }
    }
}

/// Opens a file for appending; a new one is for its owner only, because who asked for what is personal data.
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests;
