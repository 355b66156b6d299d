//! Copies of backups elsewhere: in a bucket of S3 or of something that speaks it, of Google Cloud Storage, or of Azure.
//!
//! Backups are made and verified in the local vault; then they are copied. What holds here:
//!
//! * **A copy is complete or it is none.** The `.sha256` is sent last, and only after the two other files were read back
//!   and have the checksums in it. So its presence says: this copy was whole when it was made.
//! * **The files have the names of the vault**, so that a person restores with `aws s3 cp`, `sha256sum`, `zstd` and `tar`.
//! * **An upload that was cut off goes on**: what was sent is noted beside the vault, in
//!   `<vault>/.copies/<copy>/<name>.json`.
//! * **One process at a time copies to or removes from a place**; a lock of the system in that folder says so.
//! * **Nothing is overwritten**: a backup of the same name with other checksums is an error.
//!
//! A runtime on a thread of its own does the work of each operation, as with PostgreSQL; callers block.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use rustix::fs::{FlockOperation, flock};

use crate::bucket::S3;
use crate::clock::Stopwatch;
use crate::cloud::{CloudAddress, Store};
use crate::vault::failed_to;
use crate::{BackupName, Vault};

mod download;
mod listing;
mod lock;
mod mark;
mod note;
mod problem;
mod upload;

use lock::Locking;
use mark::Mark;

pub use lock::CopyLock;
pub use problem::{CopyError, CopyProblem};
pub(crate) use upload::part_bytes;

/// A place elsewhere where copies of a vault's backups are kept.
#[derive(Debug, Clone)]
pub struct Copies {
    address: CloudAddress,
    lock: Option<CopyLock>,
}

/// A backup that is elsewhere too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Whether it was there already.
    pub was_there: bool,
    /// How many bytes it has there.
    pub bytes: u64,
    /// How many of them were sent now; less than all if an earlier attempt was gone on with.
    pub sent_bytes: u64,
    /// The SHA-256 of the archive, as it was read back.
    pub archive_sha256: String,
    /// How long it took.
    pub took: Duration,
}

/// A copy that was read to its end and has the checksums that its `.sha256` gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyReadBack {
    /// How many bytes were read.
    pub bytes: u64,
    /// The SHA-256 of its archive.
    pub archive_sha256: String,
    /// The SHA-256 of its manifest, as it lies there.
    pub manifest_sha256: String,
    /// How long it took.
    pub took: Duration,
}

/// What asks whether to go on.
pub type Stop<'s> = &'s (dyn Fn() -> bool + Sync);

/// An open place, for one operation.
struct Open<'c> {
    store: Arc<dyn Store>,
    bucket: String,
    prefix: Path,
    stop: Stop<'c>,
    locking: Option<Locking>,
}

/// The right to change what is at a place.
struct Alone {
    folder: PathBuf,
    _lock: File,
}

impl Copies {
    /// Copies at an address. Nobody is asked yet.
    ///
    /// # Errors
    /// [`CopyProblem::Address`] if it cannot be one.
    pub fn new(address: CloudAddress) -> Result<Self, CopyError> {
        let copies = Self {
            address,
            lock: None,
        };
        let checked = copies.address.check();
        checked.map_err(|why| copies.error(CopyProblem::Address(why)))?;
        Ok(copies)
    }

    /// The same place; what is copied there is locked.
    #[must_use]
    pub fn with_lock(self, lock: CopyLock) -> Self {
        Self {
            lock: Some(lock),
            ..self
        }
    }

    /// How it is called in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.address.name
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.address.url
    }

    /// Copies a complete backup there and reads it back. One that is there already with the same checksums stays.
    ///
    /// # Errors
    /// [`CopyError`], for one of the reasons in [`CopyProblem`]. What was sent by then is not sent again.
    pub fn copy(
        &self,
        vault: &Vault,
        name: &BackupName,
        stop: Stop<'_>,
    ) -> Result<Copied, CopyError> {
        let watch = Stopwatch::start();
        let work = || {
            let alone = self.alone(vault)?;
            let _hold = vault.hold(name)?;
            let copied = self.run(stop, |open| async move {
                upload::copy(&open, vault, name, &alone.folder).await
            })?;
            Ok(Copied {
                took: watch.elapsed(),
                ..copied
            })
        };
        work().map_err(|problem| self.error(problem))
    }

    /// Whether a complete copy with the checksums of the local backup is there, locked where it is to be.
    ///
    /// # Errors
    /// [`CopyError`] if the place cannot be asked, or has another backup of that name.
    pub fn has(&self, vault: &Vault, name: &BackupName) -> Result<bool, CopyError> {
        if self.to_be_locked(vault).contains(name) || self.damaged(vault).contains(name) {
            return Ok(false);
        }
        let asked = self.run(&|| false, |open| async move {
            upload::is_there(&open, vault, name).await
        });
        asked.map_err(|problem| self.error(problem))
    }

    /// Reads a copy to its end and compares it with its `.sha256`.
    ///
    /// # Errors
    /// [`CopyProblem::Differs`] if it is not what was written; [`CopyProblem::Missing`]; others as they say.
    pub fn read_back(&self, name: &BackupName, stop: Stop<'_>) -> Result<CopyReadBack, CopyError> {
        let watch = Stopwatch::start();
        let read = self.run(stop, |open| async move {
            download::read_back(&open, name).await
        });
        let read = read.map_err(|problem| self.error(problem))?;
        Ok(CopyReadBack {
            took: watch.elapsed(),
            ..read
        })
    }

    /// Brings a copy into the local vault, which must not have a backup of that name. Its checksums are compared; whether
    /// it can be read through is for [`Vault::verify`] to say.
    ///
    /// # Errors
    /// As [`Copies::read_back`]; [`CopyProblem::NoRoom`] and [`CopyProblem::Vault`] for the local side. Nothing is left
    /// behind then.
    pub fn fetch(
        &self,
        vault: &Vault,
        name: &BackupName,
        stop: Stop<'_>,
    ) -> Result<CopyReadBack, CopyError> {
        let watch = Stopwatch::start();
        let read = self.run(stop, |open| async move {
            download::fetch(&open, vault, name).await
        });
        let read = read.map_err(|problem| self.error(problem))?;
        Ok(CopyReadBack {
            took: watch.elapsed(),
            ..read
        })
    }

    /// Does one operation on a thread and a runtime of its own.
    fn run<'c, T: Send, W>(
        &'c self,
        stop: Stop<'c>,
        work: impl FnOnce(Open<'c>) -> W + Send,
    ) -> Result<T, CopyProblem>
    where
        W: Future<Output = Result<T, CopyProblem>>,
    {
        let lost = |why: String| CopyProblem::Failed {
            doing: "work".to_owned(),
            why,
        };
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| lost(error.to_string()))?;
            let place = self.address.place().map_err(CopyProblem::Address)?;
            let locking = self.locking().map_err(CopyProblem::Address)?;
            runtime.block_on(async {
                work(Open {
                    store: self.address.open().map_err(CopyProblem::Address)?,
                    bucket: place.bucket,
                    prefix: place.prefix,
                    stop,
                    locking,
                })
                .await
            })
        };
        std::thread::scope(|scope| {
            let worker = std::thread::Builder::new().spawn_scoped(scope, run);
            let worker = worker.map_err(|error| lost(error.to_string()))?;
            let ended = worker.join();
            ended.unwrap_or_else(|_| Err(lost("it stopped unexpectedly".to_owned())))
        })
    }

    /// What locks need; nothing where nothing is locked.
    fn locking(&self) -> Result<Option<Locking>, String> {
        let Some(lock) = self.lock else {
            return Ok(None);
        };
        let s3 = S3::open(self.address.s3_access()?)?;
        Ok(Some(Locking { s3, lock }))
    }

    /// The backups that were copied and may not be locked yet, because that was cut off.
    #[must_use]
    pub fn to_be_locked(&self, vault: &Vault) -> Vec<BackupName> {
        match self.lock {
            None => Vec::new(),
            Some(_) => Mark::LockToCome.all(&self.notes(vault)),
        }
    }

    /// The copies that were found to be damaged when they were read, and were not sent again since.
    #[must_use]
    pub fn damaged(&self, vault: &Vault) -> Vec<BackupName> {
        Mark::Damaged.all(&self.notes(vault))
    }

    /// Notes that a copy is damaged: the next [`Copies::copy`] sends it anew, if the backup is still here.
    ///
    /// # Errors
    /// [`CopyProblem::Busy`] while somebody copies; [`CopyProblem::Vault`] if it cannot be noted.
    pub fn note_damaged(&self, vault: &Vault, name: &BackupName) -> Result<(), CopyError> {
        let noted = self
            .alone(vault)
            .and_then(|alone| Mark::Damaged.set(&alone.folder, name));
        noted.map_err(|problem| self.error(problem))
    }

    fn notes(&self, vault: &Vault) -> PathBuf {
        vault.root().join(NOTES).join(&self.address.name)
    }

    /// The right to change what is there, for this process alone as long as it lives.
    fn alone(&self, vault: &Vault) -> Result<Alone, CopyProblem> {
        let folder = self.notes(vault);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(|source| failed_to("make the folder", &folder, source))?;
        let path = folder.join("lock");
        let opened = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let lock = opened.map_err(|source| failed_to("open", &path, source))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| CopyProblem::Busy)?;
        Ok(Alone {
            folder,
            _lock: lock,
        })
    }

    fn error(&self, problem: CopyProblem) -> CopyError {
        CopyError {
            copy: self.address.name.clone(),
            place: self.address.url.clone(),
            problem: Box::new(problem),
        }
    }
}

/// The folder in the vault where unfinished uploads are noted.
const NOTES: &str = ".copies";

impl Open<'_> {
    /// Where a file of a backup is.
    fn path(&self, name: &BackupName, end: &str) -> Path {
        self.prefix.clone().join(format!("{name}{end}"))
    }

    /// What an answer that is no success means.
    fn problem(&self, doing: &str, path: &Path, error: &object_store::Error) -> CopyProblem {
        problem::problem(format!("{doing} {path}"), &self.bucket, error)
    }

    /// An error if it was asked to stop.
    fn go_on(&self) -> Result<(), CopyProblem> {
        match (self.stop)() {
            true => Err(CopyProblem::Stopped),
            false => Ok(()),
        }
    }
}
