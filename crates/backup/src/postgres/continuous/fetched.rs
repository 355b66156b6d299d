//! A cluster that was unpacked from the archive and is not recovered yet.

use std::time::Duration;

use super::recover::Place;
use super::recovered::Launch;
use super::{ArchiveStanding, BaseBackup, LogGap, RecoveredCluster};
use crate::BackupError;
use crate::clock::Stopwatch;

/// A cluster that was unpacked, with the write-ahead log that it needs beside it. A scratch folder goes with this value.
#[derive(Debug)]
pub struct FetchedCluster {
    pub(super) launch: Launch,
    pub(super) place: Place,
    /// How the archive stood before anything of it was read.
    pub standing: ArchiveStanding,
    /// How many segments of write-ahead log were unpacked.
    pub segments: u64,
    /// How long it took.
    pub took: Duration,
}

impl FetchedCluster {
    /// From which base backup.
    #[must_use]
    pub fn base(&self) -> &BaseBackup {
        &self.launch.base
    }

    /// What keeps it from later log, if everything was asked for.
    #[must_use]
    pub fn gap(&self) -> Option<&LogGap> {
        self.launch.gap.as_ref()
    }

    /// The server will listen on a port of this machine's loopback address too, once it is recovered. It lets nobody
    /// in there before [`RecoveredCluster::admit`].
    #[must_use]
    pub fn listening_on(mut self, port: u16) -> Self {
        self.launch.port = Some(port);
        self
    }

    /// Starts the server, waits until it has replayed the log up to the moment, and leaves it running.
    ///
    /// # Errors
    /// As [`super::ContinuousArchive::recover`].
    pub fn recover(self) -> Result<RecoveredCluster, BackupError> {
        let watch = Stopwatch::start();
        let mut recovered = self.launch.run(self.place)?;
        recovered.unpacked_in = self.took;
        recovered.took = self.took + watch.elapsed();
        Ok(recovered)
    }
}
