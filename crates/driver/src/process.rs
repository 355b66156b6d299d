//! The driver of processes: releases that run on this machine.

mod log_bound;
mod probe;
mod ready;
mod rest;
mod start;
mod stop;
mod supervise;

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
pub use log_bound::LogKeeper;
use portcullis_rollout::{Action, Fact, Failure, Launch, Op, Presence, ReleaseId};
use rustix::fs::{FlockOperation, flock};
use tokio::task::JoinHandle;

use crate::addresses::try_listen;
use crate::bounds::{CLAIM_ATTEMPTS_MAX, CLAIM_PAUSE};
use crate::causes::with_causes;
use crate::driver::{Driver, Probed, not_mine};
use crate::evidence::last_lines_of;
use crate::record::{InstanceKey, Record, RecordError, Records, make_private};
use crate::release_log::older_piece;
use crate::{CheckClient, CheckSetupError, Instance};

/// Carries out [`Action::Start`] and [`Action::Retire`] with processes of this machine, and keeps what
/// it started running.
///
/// A process runs in a session of its own and writes to files, so it survives Portcullis, even one that
/// is killed. What runs is written down in the state folder; [`ProcessDriver::adopt`] finds it again.
/// While this driver lives it restarts a started process that exits by itself, with growing pauses
/// (100 ms doubling to 10 s, from the start again after 30 s of life).
///
/// A start counts as applied once it is recorded as running; before that, whatever is there is the
/// remains of an attempt, which the next start or retirement clears away. Clones share everything.
#[derive(Debug, Clone)]
pub struct ProcessDriver {
    inner: Arc<Inner>,
    supervised: bool,
}

/// The driver could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ProcessDriverError {
    /// A folder of the driver could not be made or read.
    #[error("the state folder {} cannot be used", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another driver acts on the same state folder, usually one of another Portcullis.
    #[error("another Portcullis acts on the processes of {}; stop it first", folder.display())]
    Claimed {
        /// The folder.
        folder: PathBuf,
    },
    /// The client for readiness checks could not be set up.
    #[error(transparent)]
    Checks(#[from] CheckSetupError),
    /// The instance records could not be read.
    #[error("the records of what runs could not be read: {0}")]
    Records(String),
}

/// There are not enough free addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Too few ports of the range are free.
    #[error(
        "only {free} of the ports {first} to {last} on {host} are free, and {wanted} are needed; \
         widen the range in the configuration or see what listens there"
    )]
    TooFew {
        /// The host.
        host: String,
        /// The first port of the range.
        first: u16,
        /// The last port of the range.
        last: u16,
        /// How many are free.
        free: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// Nothing can listen on this host.
    #[error("nothing can listen on {host}: {why}")]
    Host {
        /// The host.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The instance records could not be read.
    #[error("the records of what runs could not be read: {0}")]
    Records(String),
}

/// The fact that says where the log of a release is that did not start.
pub const LOG_FACT: &str = "log";

impl ProcessDriver {
    /// A driver that keeps its records in `folder/instances` and the output of what it starts in
    /// `folder/logs`. Reading is shared; the first start, stop or adoption claims the folder for this
    /// driver as long as it lives.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn open(folder: PathBuf) -> Result<ProcessDriver, ProcessDriverError> {
        ProcessDriver::open_with_checks(folder, CheckClient::new()?)
    }

    /// The same, with a client for readiness checks that speaks what the releases speak.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn open_with_checks(
        folder: PathBuf,
        checks: CheckClient,
    ) -> Result<ProcessDriver, ProcessDriverError> {
        // Records and logs outlive this process and whatever folder it runs in.
        let folder = std::path::absolute(&folder).map_err(|source| ProcessDriverError::Folder {
            folder: folder.clone(),
            source,
        })?;
        let unusable = |source| ProcessDriverError::Folder {
            folder: folder.clone(),
            source,
        };
        let records = Records::open(folder.join("instances")).map_err(unusable)?;
        let logs = folder.join("logs");
        make_private(&logs).map_err(unusable)?;
        let (slots, trials, claim) = (Mutex::default(), Mutex::default(), Mutex::default());
        let inner = Arc::new(Inner {
            records,
            logs,
            checks,
            slots,
            trials,
            claim,
        });
        Ok(ProcessDriver {
            inner,
            supervised: true,
        })
    }

    /// This driver for try-outs: what it starts is not restarted when it exits by itself, and what a
    /// killed Portcullis left of it is stopped by [`ProcessDriver::adopt`].
    #[must_use]
    pub fn for_trials(&self) -> ProcessDriver {
        ProcessDriver {
            inner: Arc::clone(&self.inner),
            supervised: false,
        }
    }

    /// Takes up everything that should run after Portcullis was restarted: watches what lives, starts
    /// again what died meanwhile, with the machine, or with [`ProcessDriver::rest`], and stops the try-outs
    /// of an earlier Portcullis. Returns all instances. Doing it twice changes nothing.
    ///
    /// What is started again has passed its readiness check when this returns, or has failed to: then it
    /// is tried again for as long as this driver lives. What was in a crash loop is not waited for.
    ///
    /// # Errors
    /// When another driver acts on the state folder, or the records cannot be read.
    pub async fn adopt(&self) -> Result<Vec<Instance>, ProcessDriverError> {
        self.inner.claim().await?;
        let records = self.inner.all_records()?.into_iter();
        join_all(records.map(|record| supervise::adopt(&self.inner, record))).await;
        let records = self.inner.all_records()?;
        Ok(records.iter().map(Record::instance).collect())
    }

    /// Stops everything, with all that it started, and remembers what is to be started again by the next
    /// [`ProcessDriver::adopt`]. Each is asked to end and killed after `patience`. Try-outs and the
    /// remains of interrupted starts are forgotten. Returns what could not be stopped, and why.
    ///
    /// # Errors
    /// When another driver acts on the state folder, or the records cannot be read.
    pub async fn rest(
        &self,
        patience: Duration,
    ) -> Result<Vec<(ReleaseId, Failure)>, ProcessDriverError> {
        self.inner.claim().await?;
        let records = self.inner.all_records()?.into_iter();
        let stopped = records.map(async |record| {
            let release = record.launch.release.clone();
            let failed = self.inner.rest(&record.key(), patience).await.err()?;
            Some((release, failed))
        });
        Ok(join_all(stopped).await.into_iter().flatten().collect())
    }

    /// All instances on record, whoever started them. Records that cannot be read are left out and
    /// logged.
    pub fn instances(&self) -> Vec<Instance> {
        match self.inner.all_records() {
            Ok(records) => records.iter().map(Record::instance).collect(),
            Err(error) => {
                tracing::error!("{}", with_causes(&error));
                Vec::new()
            }
        }
    }

    /// Whether what `launch` describes runs now: the planned program, at its address, ready.
    pub async fn runs(&self, launch: &Launch) -> Probed {
        self.inner.probe_start(launch).await
    }

    /// The last lines that a release wrote; empty when it wrote nothing or never ran there. They are
    /// evidence: what a failed release said is shown before it is cleared away.
    pub fn last_lines(&self, release: &ReleaseId, address: &str) -> String {
        let records = self.inner.all_records().unwrap_or_default();
        let found = records.iter().find(|record| {
            record.launch.release == *release && record.launch.target.address == address
        });
        found.map_or_else(String::new, |record| {
            last_lines_of(&self.inner.log_file(&record.key()), 0)
        })
    }

    /// The file that a release's output goes to.
    pub fn log_file(&self, launch: &Launch) -> PathBuf {
        self.inner.log_file(&InstanceKey::of_launch(launch))
    }

    /// Removes what a try-out wrote, which may be about people. It must be stopped.
    ///
    /// # Errors
    /// What the system said.
    pub fn forget_log(&self, launch: &Launch) -> io::Result<()> {
        let log = self.log_file(launch);
        for file in [older_piece(&log), log] {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes all that was written by what this driver started, or moves it to a new folder. Only for a driver with a folder
    /// of its own, of which nothing runs.
    ///
    /// # Errors
    /// What the system said.
    pub fn forget_logs(&self, keep_in: Option<&Path>) -> io::Result<()> {
        let logs = &self.inner.logs;
        match keep_in {
            Some(kept) => std::fs::rename(logs, kept)?,
            None => std::fs::remove_dir_all(logs)?,
        }
        make_private(logs)
    }

    /// `wanted` addresses (`host:port`) on which a process can listen now: nothing is bound there, no
    /// instance on record has them, and they are not in `taken`. The lowest ports come first.
    ///
    /// # Errors
    /// When there are too few, or nothing can listen on `host`.
    pub fn free_addresses(
        &self,
        host: &str,
        range: RangeInclusive<u16>,
        wanted: usize,
        taken: &[String],
    ) -> Result<Vec<String>, AddressError> {
        let records = self
            .inner
            .all_records()
            .map_err(|error| AddressError::Records(with_causes(&error)))?;
        let recorded: HashSet<String> = records
            .into_iter()
            .map(|record| record.launch.target.address)
            .collect();
        let mut free = Vec::with_capacity(wanted);
        for port in range.clone() {
            if free.len() == wanted {
                break;
            }
            let address = format!("{host}:{port}");
            if recorded.contains(&address) || taken.contains(&address) {
                continue;
            }
            match try_listen(&address) {
                Ok(()) => free.push(address),
                Err(error) if is_taken(&error) => {}
                Err(error) => {
                    return Err(AddressError::Host {
                        host: host.to_owned(),
                        why: error.to_string(),
                    });
                }
            }
        }
        if free.len() < wanted {
            let (first, last) = (*range.start(), *range.end());
            let (host, free) = (host.to_owned(), free.len());
            return Err(AddressError::TooFew {
                host,
                first,
                last,
                free,
                wanted,
            });
        }
        Ok(free)
    }
}

impl Driver for ProcessDriver {
    async fn probe(&self, op: &Op) -> Probed {
        match &op.action {
            Action::Start(launch) => self.inner.probe_start(launch).await,
            Action::Retire(order) => self.inner.probe_retire(order).await,
            _ => Probed::new(Presence::Unknown),
        }
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        match &op.action {
            Action::Start(launch) => self.inner.start(launch, self.supervised).await,
            Action::Retire(order) => self.inner.retire(order).await,
            _ => Err(not_mine(op, "process driver")),
        }
    }
}

/// What all clones of a driver share.
#[derive(Debug)]
struct Inner {
    records: Records,
    logs: PathBuf,
    checks: CheckClient,
    slots: Mutex<HashMap<InstanceKey, Slot>>,
    /// The markers of the try-outs that this driver started.
    trials: Mutex<HashSet<String>>,
    /// The lock on the state folder, once it is claimed.
    claim: Mutex<Option<File>>,
}

/// The right to change one instance, and the task that keeps it running.
type Slot = Arc<tokio::sync::Mutex<Option<Supervisor>>>;

/// A task that ends with its handle: dropping the driver stops restarting, not what runs.
#[derive(Debug)]
struct Supervisor(JoinHandle<()>);

impl Supervisor {
    fn is_at_work(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Inner {
    fn slot(&self, key: &InstanceKey) -> Slot {
        let mut slots = locked(&self.slots);
        Arc::clone(slots.entry(key.clone()).or_default())
    }

    fn log_file(&self, key: &InstanceKey) -> PathBuf {
        self.logs
            .join(key.service_folder())
            .join(format!("{}.log", key.stem()))
    }

    fn all_records(&self) -> Result<Vec<Record>, ProcessDriverError> {
        let unreadable = |error: RecordError| ProcessDriverError::Records(with_causes(&error));
        let mut records = Vec::new();
        for record in self.records.all().map_err(unreadable)? {
            match record {
                Ok(record) => records.push(record),
                Err(error) => tracing::error!("{}", with_causes(&error)),
            }
        }
        Ok(records)
    }

    /// Makes sure that no other driver acts on the same records.
    async fn claim(&self) -> Result<(), ProcessDriverError> {
        for attempt in 1..=CLAIM_ATTEMPTS_MAX {
            match self.try_claim() {
                Ok(()) => return Ok(()),
                Err(ProcessDriverError::Claimed { .. }) if attempt < CLAIM_ATTEMPTS_MAX => {
                    tokio::time::sleep(CLAIM_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn try_claim(&self) -> Result<(), ProcessDriverError> {
        let folder = self.records.folder();
        let unusable = |source| ProcessDriverError::Folder {
            folder: folder.to_owned(),
            source,
        };
        let mut claim = locked(&self.claim);
        if claim.is_some() {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(folder.join("claim")).map_err(unusable)?;
        // The kernel lets go of the lock when this process ends, however it ends.
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                *claim = Some(file);
                Ok(())
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ProcessDriverError::Claimed {
                folder: folder.to_owned(),
            }),
            Err(errno) => Err(unusable(errno.into())),
        }
    }
}

/// The lock of a map whose entries are only ever changed as a whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_taken(error: &io::Error) -> bool {
    // Ports below 1024 may be forbidden rather than taken.
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
    )
}

/// A failure with nothing more to show.
fn failure(message: impl Into<String>, retryable: bool) -> Failure {
    Failure {
        message: message.into(),
        retryable,
        facts: Vec::new(),
    }
}

/// A failure of the driver's own records.
fn record_failure(error: &RecordError) -> Failure {
    // A full disk may have room again; a damaged record stays damaged.
    failure(
        with_causes(error),
        matches!(error, RecordError::File { .. }),
    )
}
