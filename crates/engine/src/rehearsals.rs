//! Rehearsals outside of any rollout: what a release would do to the data, tried on a copy before anybody decides.
//!
//! Nothing live is touched, and no lease is needed: the copies, the records of what is started and its output have a folder of
//! their own in the state folder. Whoever rehearses holds the lock of that folder, so there is one at a time; what a killed
//! one left is stopped and removed by whoever takes the lock next.

use std::io;
use std::path::{Path, PathBuf};

use portcullis_backup::{BackupName, Vault};
use portcullis_driver::{CheckClient, ProcessDriver, ProcessDriverError, SmokeDriver};
use portcullis_rollout::{Fact, Failure, Rehearsal, StoreRef};

use crate::hands::{DataHand, RehearsalHand};

/// The folder of rehearsals within the state folder.
const FOLDER: &str = "rehearsals";
/// The folder of the copies within it.
const SCRATCH: &str = "scratch";

/// The right to rehearse, and what that needs.
pub struct Rehearsals {
    folder: PathBuf,
    hand: RehearsalHand,
}

/// Why nothing can be rehearsed.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalsRefused {
    /// Another rehearsal is under way.
    #[error("another rehearsal of this service is under way; wait for its end")]
    Busy,
    /// The folder cannot be used.
    #[error("the folder of rehearsals cannot be used")]
    Process(#[source] ProcessDriverError),
    /// What a killed rehearsal left cannot be cleared away.
    #[error("what an earlier rehearsal left at {} cannot be cleared away", path.display())]
    Leftover {
        /// What.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Rehearsals {
    /// Takes the right to rehearse, and clears away what a killed rehearsal left. What leads to the stores of `live` is
    /// refused.
    ///
    /// # Errors
    /// When somebody else has it, or the folder cannot be used.
    pub async fn open(
        state_folder: &Path,
        vault: Vault,
        checks: CheckClient,
        live: &[StoreRef],
    ) -> Result<Rehearsals, RehearsalsRefused> {
        let folder = state_folder.join(FOLDER);
        let process = ProcessDriver::open_with_checks(folder.clone(), checks.clone());
        let process = process.map_err(RehearsalsRefused::Process)?.for_trials();
        match process.adopt().await {
            Ok(_) => {}
            Err(ProcessDriverError::Claimed { .. }) => return Err(RehearsalsRefused::Busy),
            Err(error) => return Err(RehearsalsRefused::Process(error)),
        }
        let scratch = folder.join(SCRATCH);
        match tokio::fs::remove_dir_all(&scratch).await {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                let path = scratch;
                return Err(RehearsalsRefused::Leftover { path, source });
            }
            _ => {}
        }
        process
            .forget_logs(None)
            .map_err(|source| RehearsalsRefused::Leftover {
                path: folder.join("logs"),
                source,
            })?;
        let hand = RehearsalHand::new(DataHand::new(vault), process, SmokeDriver::new(checks));
        let hand = hand.away_from(live);
        Ok(Rehearsals { folder, hand })
    }

    /// Where the copies of the next rehearsal go.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.folder.join(SCRATCH)
    }

    /// Restores a backup, migrates the copy, tries the releases on it, and clears all that away.
    ///
    /// # Errors
    /// What did not work, with its facts. Nothing live was touched.
    pub async fn hold(
        &self,
        rehearsal: &Rehearsal,
        backup: &BackupName,
        deadline_ms: u64,
    ) -> Result<Vec<Fact>, Failure> {
        let rehearsal = Rehearsal {
            backup: backup.to_string(),
            ..rehearsal.clone()
        };
        let held = self.hand.apply(&rehearsal, deadline_ms).await;
        // What passed is told and not kept: the next one is another rehearsal.
        let cleared = self.hand.clean(&rehearsal).await;
        let facts = held?;
        cleared.map(|()| facts)
    }

    /// Clears away what a rehearsal that was given up has left.
    ///
    /// # Errors
    /// What is still there.
    pub async fn clear(&self, rehearsal: &Rehearsal) -> Result<(), Failure> {
        self.hand.clean(rehearsal).await
    }
}
