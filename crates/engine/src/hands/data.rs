//! Backup and restore as ops.
//!
//! Copying blocks, and a blocking call cannot be stopped half way: one lock is held until it has really
//! ended, and every probe waits for it, so a probe never looks at a copy that is still being made
//! (invariant 5).

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use portcullis_analysis::counted;
use portcullis_backup::{
    BackupError, BackupName, BackupRequest, Copies, CopyError, CopyProblem, Manifest, Store,
    StoreManifest, Vault, Verified,
};
use portcullis_driver::Probed;
use portcullis_rollout::{BackupOrder, Fact, Failure, Presence, StoreRef};
use tokio::sync::Mutex;

use super::{chain, lasting, retryable};
use crate::bounds::COPY_BUSY_PAUSE;
use crate::data_log::DataRecord;

mod located;
mod restore;

pub use located::stores_of;

/// Backs stores up and puts them back.
#[derive(Clone)]
pub struct DataHand {
    vault: Arc<Vault>,
    busy: Arc<Mutex<()>>,
    /// Where a backup must be copied before it counts as made.
    required: Arc<Vec<Copies>>,
    recorder: Option<Recorder>,
}

/// Records what was made in the journal, once.
pub type Recorder = Arc<dyn Fn(DataRecord) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Tells blocking work that nobody waits for it any more.
struct Waited(Arc<AtomicBool>);

impl Drop for Waited {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl DataHand {
    /// A hand that keeps backups in `vault`.
    pub fn new(vault: Vault) -> DataHand {
        DataHand {
            vault: Arc::new(vault),
            busy: Arc::new(Mutex::new(())),
            required: Arc::default(),
            recorder: None,
        }
    }

    /// The same hand; a backup counts as made when it was copied to all of these places.
    #[must_use]
    pub fn with_required_copies(self, required: Vec<Copies>) -> DataHand {
        DataHand {
            required: Arc::new(required),
            ..self
        }
    }

    /// The same hand; what it makes is recorded.
    #[must_use]
    pub fn with_recorder(self, recorder: Recorder) -> DataHand {
        DataHand {
            recorder: Some(recorder),
            ..self
        }
    }

    /// Runs blocking work on the vault, one at a time, to its real end even if nobody waits any more.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let guard = self.busy.clone().lock_owned().await;
        let vault = self.vault.clone();
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work(&vault);
            drop(guard);
            outcome
        });
        task.await
            .map_err(|error| lasting(format!("the copy stopped unexpectedly: {error}")))
    }

    /// How many bytes the stores have together; nothing if that cannot be told.
    pub(super) async fn bytes(&self, stores: &[StoreRef]) -> Option<u64> {
        let stores = stores_of(stores).await.ok()?;
        let summed = self.blocking(move |_| {
            let mut bytes = 0_u64;
            for store in &stores {
                bytes += store.size().ok()?.bytes;
            }
            Some(bytes)
        });
        summed.await.ok().flatten()
    }

    /// Makes the backup, or finds it made already.
    pub(super) async fn backup(&self, order: &BackupOrder) -> Result<Vec<Fact>, Failure> {
        let name = parse(&order.name)?;
        let facts = self.make(&name, order).await?;
        self.copy(&name).await?;
        Ok(facts)
    }

    async fn make(&self, name: &BackupName, order: &BackupOrder) -> Result<Vec<Fact>, Failure> {
        let (name, order) = (name.clone(), order.clone());
        let stores = stores_of(&order.stores).await?;
        let made = self.blocking(move |vault| {
            if vault.was_made_for(&name, &order.reason) {
                // One that went bad is left as it is and named: the vault cannot be relied on.
                vault.verify(&name)?;
                let manifest = vault.manifest(&name)?;
                return Ok((None, emptied(vault, &manifest)));
            }
            let request = BackupRequest {
                service: order.service.to_string(),
                environment: order.environment.clone(),
                created_at: name.created_at(),
                release: order.release.as_ref().map(ToString::to_string),
                reason: order.reason.clone(),
            };
            let backup = vault.create(&request, &stores)?;
            let emptied = emptied(vault, &backup.manifest);
            Ok((Some(backup), emptied))
        });
        let (backup, emptied) = made.await?.map_err(|error: BackupError| failure(&error))?;
        let mut facts = Vec::new();
        if let Some(backup) = backup {
            facts.push(Fact::new("backup", &backup.name));
            facts.push(Fact::new("size", size_words(backup.bytes)));
            facts.extend(backup.manifest.stores.iter().filter_map(rows_words));
        }
        facts.extend(emptied);
        Ok(facts)
    }

    /// Copies a backup to every place that a release waits for. What was sent by an earlier attempt is not sent again.
    async fn copy(&self, name: &BackupName) -> Result<(), Failure> {
        if self.required.is_empty() {
            return Ok(());
        }
        let (name, required) = (name.clone(), self.required.clone());
        let stopped = Arc::new(AtomicBool::new(false));
        let _waited = Waited(stopped.clone());
        let copied = self.blocking(move |vault| {
            let stop = || stopped.load(Ordering::Relaxed);
            for copies in required.iter() {
                loop {
                    match copies.copy(vault, &name, &stop) {
                        // Another backup is on its way there.
                        Err(error) if matches!(*error.problem, CopyProblem::Busy) && !stop() => {
                            std::thread::sleep(COPY_BUSY_PAUSE);
                        }
                        done => break done.map(drop)?,
                    }
                }
            }
            Ok(())
        });
        copied.await?.map_err(|error: CopyError| Failure {
            retryable: error.problem.is_passing(),
            message: error.to_string(),
            facts: Vec::new(),
        })
    }

    /// Records a backup that was read back, with the hash of its manifest.
    async fn record(&self, order: &BackupOrder, verified: &Verified) -> Result<(), String> {
        let Some(recorder) = &self.recorder else {
            return Ok(());
        };
        recorder(DataRecord::Made {
            backup: order.name.clone(),
            reason: order.reason.clone(),
            bytes: verified.archive_bytes,
            archive_sha256: verified.archive_sha256.clone(),
            manifest_sha256: verified.manifest_sha256.clone(),
            paused_ms: None,
        })
        .await
    }

    /// Whether the backup is there: read back, every byte of it; recorded; and copied where that is required.
    pub(super) async fn probe_backup(&self, order: &BackupOrder) -> Probed {
        let name = match parse(&order.name) {
            Ok(name) => name,
            Err(failure) => {
                return Probed::new(Presence::Absent).with(Fact::REASON, failure.message);
            }
        };
        let (reason, required) = (order.reason.clone(), self.required.clone());
        let stores = match stores_of(&order.stores).await {
            Ok(stores) => stores,
            Err(failure) => {
                return Probed::new(Presence::Unknown).with(Fact::REASON, failure.message);
            }
        };
        let verified = self.blocking(move |vault| {
            let verified = vault
                .was_made_for(&name, &reason)
                .then(|| vault.verify(&name).map_err(|error| chain(&error)))
                .transpose()?;
            if verified.is_some() {
                let checked = vault.check_by_commands(&name, &stores);
                checked.map_err(|error| chain(&error))?;
            }
            for copies in required.iter().filter(|_| verified.is_some()) {
                match copies.has(vault, &name) {
                    Ok(true) => {}
                    Ok(false) => return Err(format!("it is not at {} yet", copies.url())),
                    Err(error) => return Err(error.to_string()),
                }
            }
            Ok(verified)
        });
        let verified = match verified.await {
            Ok(Ok(None)) => {
                return Probed::new(Presence::Absent).with(
                    Fact::REASON,
                    "there is no backup of that name for this rollout",
                );
            }
            Ok(Ok(Some(verified))) => verified,
            Ok(Err(why)) => return Probed::new(Presence::Absent).with(Fact::REASON, why),
            Err(failure) => {
                return Probed::new(Presence::Unknown).with(Fact::REASON, failure.message);
            }
        };
        if let Err(why) = self.record(order, &verified).await {
            let why = format!("it could not be recorded: {why}");
            return Probed::new(Presence::Absent).with(Fact::REASON, why);
        }
        let mut probed = Probed::new(Presence::Applied)
            .with("files", verified.files)
            .with("data", size_words(verified.bytes))
            .with("sha256", &verified.archive_sha256)
            .with("manifest sha256", &verified.manifest_sha256)
            .with("read back in", format!("{} ms", verified.took.as_millis()));
        for copies in self.required.iter() {
            probed = probed.with("copied to", copies.url());
        }
        probed
    }

    /// Restores stores of a backup to new places; their folders are made.
    pub(super) async fn restore_copies(
        &self,
        backup: &str,
        copies: &[StoreRef],
    ) -> Result<(), Failure> {
        let name = parse(backup)?;
        let copies = stores_of(copies).await?;
        let done = self.blocking(move |vault| -> Result<(), Failure> {
            for copy in copies {
                let restored = match copy.path() {
                    Some(to) => {
                        if let Some(folder) = to.parent() {
                            std::fs::create_dir_all(folder).map_err(|error| retryable(&error))?;
                        }
                        vault.restore(&name, &copy.name, to).map(drop)
                    }
                    None => vault.restore_copy(&name, &copy).map(drop),
                };
                restored.map_err(|error| failure(&error))?;
            }
            Ok(())
        });
        done.await?
    }

    /// Drops the copies that are databases on a server; those on the disk go with their folder.
    pub(super) async fn drop_copies(&self, copies: &[StoreRef]) -> Result<(), Failure> {
        let on_server = copies.iter().filter(|copy| copy.path().is_none());
        let on_server: Vec<StoreRef> = on_server.cloned().collect();
        if on_server.is_empty() {
            return Ok(());
        }
        let copies = stores_of(&on_server).await?;
        let dropped = self.blocking(move |_| copies.iter().try_for_each(Store::drop_copy));
        dropped.await?.map_err(|error| failure(&error))
    }
}

/// Stores that were emptied. It only tells of a backup that is made, so that a vault which cannot be listed is no failure.
fn emptied(vault: &Vault, manifest: &Manifest) -> Vec<Fact> {
    let emptied = vault.emptied(manifest).unwrap_or_default();
    emptied
        .iter()
        .map(|one| Fact::new("warning", one))
        .collect()
}

/// How much is in a database, for whoever wants to know later whether all came back.
fn rows_words(store: &StoreManifest) -> Option<Fact> {
    if let Some(content) = &store.redis {
        return Some(Fact::new(
            &store.name,
            counted(content.keys(), "key", "keys"),
        ));
    }
    let tables = match (&store.sqlite, &store.postgres) {
        (Some(content), _) => &content.tables,
        (_, Some(content)) => &content.tables,
        (None, None) => return None,
    };
    let rows = tables.iter().map(|table| table.rows).sum();
    let mut words = format!(
        "{} in {}",
        counted(rows, "row", "rows"),
        counted(tables.len() as u64, "table", "tables")
    );
    let violations = store.sqlite.as_ref();
    let violations = violations.map_or(0, |content| content.foreign_key_violations);
    if violations > 0 {
        let rows = counted(violations, "row refers", "rows refer");
        words.push_str(&format!("; {rows} to a row that is not there"));
    }
    Some(Fact::new(&store.name, words))
}

/// A number of bytes as people read it.
pub fn size_words(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

fn parse(name: &str) -> Result<BackupName, Failure> {
    BackupName::from_str(name).map_err(|error| lasting(chain(&error)))
}

fn failure(error: &BackupError) -> Failure {
    let passing = matches!(
        error,
        BackupError::StoreChanged { .. }
            | BackupError::DatabaseBusy { .. }
            | BackupError::StoreInUse { .. }
            | BackupError::SegmentsChanging { .. }
            | BackupError::Vault { .. }
            | BackupError::NoVault { .. }
            | BackupError::VaultFull { .. }
    ) || matches!(error, BackupError::Postgres { problem, .. } if problem.is_passing())
        || matches!(error, BackupError::Bucket { problem, .. } if problem.is_passing())
        || matches!(error, BackupError::Redis { problem, .. } if problem.is_passing());
    Failure {
        message: chain(error),
        retryable: passing,
        facts: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
