//! A twin: a release that runs on a restored and migrated copy of the data, for as long as somebody wants to look at it.
//!
//! It is a rehearsal that stays. Nothing live is touched: the copies, the records of what runs and its output have a
//! folder of their own in the state folder, and what the twin writes goes with it. There is one twin of a service at a
//! time, and whoever changes it holds the lock of that folder.

use std::io;
use std::path::{Path, PathBuf};

use portcullis_backup::{BackupName, Vault};
use portcullis_config::Config;
use portcullis_driver::{CheckClient, ProcessDriver, ProcessDriverError, SmokeDriver};
use portcullis_rollout::{Fact, Failure, Rehearsal};
use serde::{Deserialize, Serialize};

use crate::hands::{DataHand, RehearsalHand, lasting};
use crate::live_data::{astray_in, leads_astray};

/// The folder of the twin within the state folder.
const FOLDER: &str = "twin";
/// The folder of the copies within it.
const SCRATCH: &str = "scratch";
/// What is known of the twin.
const RECORD: &str = "twin.json";
/// The variable by which a release can see that it is a twin.
const VARIABLE: &str = "PORTCULLIS_TWIN";

/// The right to change the twin of a service, and what that needs.
pub struct Twins {
    folder: PathBuf,
    hand: RehearsalHand,
}

/// A twin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// The backup whose data it has.
    pub backup: String,
    /// When it was begun, milliseconds since the Unix epoch.
    pub begun_ms: u64,
    /// How it was made.
    pub made_as: Rehearsal,
}

/// Why nothing can be done with twins.
#[derive(Debug, thiserror::Error)]
pub enum TwinsRefused {
    /// Somebody else changes it.
    #[error("somebody else is changing the twin of this service; wait for the end of that")]
    Busy,
    /// The folder cannot be used.
    #[error("the folder of the twin cannot be used")]
    Process(#[source] ProcessDriverError),
    /// The record cannot be read or written.
    #[error("the record of the twin at {} cannot be used", path.display())]
    Record {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Twin {
    /// The release that runs.
    #[must_use]
    pub fn release(&self) -> &str {
        self.made_as.new.launch.release.as_str()
    }

    /// Where it listens, `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.made_as.new.launch.target.address
    }

    /// The twin of a service, if there is one. No lock is needed to look.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn of(state_folder: &Path) -> Result<Option<Twin>, TwinsRefused> {
        let path = state_folder.join(FOLDER).join(RECORD);
        let unreadable = |source| TwinsRefused::Record {
            path: path.clone(),
            source,
        };
        match std::fs::read(&path) {
            Ok(json) => {
                let twin = serde_json::from_slice(&json);
                twin.map(Some).map_err(|error| unreadable(error.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error)),
        }
    }
}

impl Twins {
    /// Takes the right to change the twin. A twin that has died meanwhile, with the machine, is started again.
    ///
    /// # Errors
    /// When somebody else has it, or the folder cannot be used.
    pub async fn open(
        state_folder: &Path,
        vault: Vault,
        checks: CheckClient,
    ) -> Result<Twins, TwinsRefused> {
        let folder = state_folder.join(FOLDER);
        let process = ProcessDriver::open_with_checks(folder.clone(), checks.clone());
        let process = process.map_err(TwinsRefused::Process)?;
        match process.adopt().await {
            Ok(_) => {}
            Err(ProcessDriverError::Claimed { .. }) => return Err(TwinsRefused::Busy),
            Err(error) => return Err(TwinsRefused::Process(error)),
        }
        let hand = RehearsalHand::new(DataHand::new(vault), process, SmokeDriver::new(checks));
        Ok(Twins { folder, hand })
    }

    /// Where the copies go.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.folder.join(SCRATCH)
    }

    /// Restores a backup, migrates the copy, starts the new release on it and asks it its known questions. It stays.
    ///
    /// # Errors
    /// What did not work, with its facts; then all of it was cleared away again.
    pub async fn up(
        &self,
        config: &Config,
        rehearsal: &Rehearsal,
        backup: &BackupName,
        now_ms: u64,
    ) -> Result<(Twin, Vec<Fact>), Failure> {
        let mut made_as = Rehearsal {
            backup: backup.to_string(),
            old: None,
            ..rehearsal.clone()
        };
        let astray = astray_in(&made_as, &config.stores);
        if !astray.is_empty() {
            return Err(lasting(astray.join("; ")));
        }
        let launch = &mut made_as.new.launch;
        if let Some(why) = leads_astray(launch, &config.stores, &made_as.stores) {
            return Err(lasting(format!("release {}: {why}", launch.release)));
        }
        launch
            .command
            .env
            .insert(VARIABLE.to_owned(), "1".to_owned());
        let twin = Twin {
            backup: backup.to_string(),
            begun_ms: now_ms,
            made_as,
        };
        // Whatever comes: from here on there is something to take down.
        self.note(&twin)
            .map_err(|error| lasting(crate::hands::chain(&error)))?;
        match self.hand.stand_up(&twin.made_as).await {
            Ok(facts) => Ok((twin, facts)),
            Err(mut failure) => {
                if let Err(left) = self.down(&twin).await {
                    failure.facts.push(Fact::new("left behind", left.message));
                }
                Err(failure)
            }
        }
    }

    /// Asks the twin its known questions.
    ///
    /// # Errors
    /// What it answered otherwise.
    pub async fn smoke(&self, twin: &Twin) -> Result<Vec<Fact>, Failure> {
        self.hand.ask(&twin.made_as.new).await
    }

    /// Stops the twin and removes all that it had.
    ///
    /// # Errors
    /// What is still there.
    pub async fn down(&self, twin: &Twin) -> Result<(), Failure> {
        self.hand.clean(&twin.made_as).await?;
        let path = self.folder.join(RECORD);
        match tokio::fs::remove_file(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(lasting(format!(
                "{} cannot be removed: {error}",
                path.display()
            ))),
            _ => Ok(()),
        }
    }

    fn note(&self, twin: &Twin) -> Result<(), TwinsRefused> {
        let path = self.folder.join(RECORD);
        let written = serde_json::to_vec_pretty(twin)
            .map_err(io::Error::from)
            .and_then(|json| std::fs::write(&path, json));
        written.map_err(|source| TwinsRefused::Record { path, source })
    }
}
