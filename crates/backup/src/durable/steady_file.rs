//! A new file that goes to the disk while it is written, and not all at once in the end.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::bounds::SYNC_BYTES;

/// A file that another thread syncs every [`SYNC_BYTES`].
pub(crate) struct SteadyFile {
    file: File,
    /// How much was written since a sync was asked for.
    fresh: u64,
    syncing: Option<Syncing>,
}

struct Syncing {
    ask: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl SteadyFile {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            fresh: 0,
            syncing: None,
        }
    }

    /// The file. The system tells of a failed write once, so what the other thread was told is told here; the last bytes
    /// are for the caller to sync.
    pub(crate) fn finish(mut self) -> io::Result<File> {
        if let Some(Syncing { ask, thread }) = self.syncing.take() {
            drop(ask);
            let ended = |_| Err(io::Error::other("the thread that syncs has ended"));
            thread.join().unwrap_or_else(ended)?;
        }
        Ok(self.file)
    }

    fn ask(&mut self) -> io::Result<()> {
        let syncing = match &self.syncing {
            Some(syncing) => syncing,
            None => {
                let file = self.file.try_clone()?;
                let (ask, asked) = sync_channel(1);
                let sync = move || asked.into_iter().try_for_each(|()| file.sync_data());
                let thread = Builder::new().spawn(sync)?;
                self.syncing.insert(Syncing { ask, thread })
            }
        };
        // One that is under way, or has failed, is no reason to wait: the end tells.
        let _ = syncing.ask.try_send(());
        Ok(())
    }
}

impl Write for SteadyFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.fresh += written as u64;
        if self.fresh >= SYNC_BYTES {
            self.fresh = 0;
            self.ask()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
