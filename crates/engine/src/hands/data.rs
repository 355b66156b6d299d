//! Backup and restore as ops.
//!
//! Copying blocks, and a blocking call cannot be stopped half way: one lock is held until it has really
//! ended, and every probe waits for it, so a probe never looks at a copy that is still being made
//! (invariant 5).

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use portcullis_analysis::counted;
use portcullis_backup::{
    BackupError, BackupName, BackupRequest, BucketProblem, CommandProblem, Copies, CopyError,
    CopyProblem, PostgresProblem, Replaced, Store, StoreManifest, Vault, Verified,
    store_digest_against,
};
use portcullis_driver::Probed;
use portcullis_rollout::{BackupOrder, Fact, Failure, Presence, RestoreOrder, StoreRef};
use tokio::sync::Mutex;

use super::{chain, lasting, retryable};
use crate::bounds::{COPY_BUSY_PAUSE, KEPT_NAMES_TRIED};
use crate::clock::{Clock, WallClock};
use crate::data_log::DataRecord;

mod located;

pub use located::stores_of;

/// Backs stores up and puts them back.
#[derive(Clone)]
pub struct DataHand {
    vault: Arc<Vault>,
    busy: Arc<Mutex<()>>,
    /// Where a backup must be copied before it counts as made.
    required: Arc<Vec<Copies>>,
    recorder: Option<Recorder>,
    /// What was put back last, until somebody asks whether it was. Each store was compared with the backup before it was put
    /// into its place; afterwards users may write to it at once, and then it differs from the backup and is right.
    put_back: Arc<std::sync::Mutex<Option<RestoreOrder>>>,
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
            put_back: Arc::default(),
        }
    }

    /// Notes what was put back, and gives what was noted before.
    fn note_put_back(&self, order: Option<RestoreOrder>) -> Option<RestoreOrder> {
        let noted = self.put_back.lock();
        let mut noted = noted.unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut noted, order)
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
                return vault.verify(&name).map(|_| None);
            }
            let request = BackupRequest {
                service: order.service.to_string(),
                environment: order.environment.clone(),
                created_at: name.created_at(),
                release: order.release.as_ref().map(ToString::to_string),
                reason: order.reason.clone(),
            };
            vault.create(&request, &stores).map(Some)
        });
        match made.await? {
            Ok(Some(backup)) => {
                let mut facts = vec![
                    Fact::new("backup", &backup.name),
                    Fact::new("size", size_words(backup.bytes)),
                ];
                facts.extend(backup.manifest.stores.iter().filter_map(rows_words));
                Ok(facts)
            }
            Ok(None) => Ok(Vec::new()),
            Err(error) => Err(failure(&error)),
        }
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

    /// Puts the backup back, store by store. A store that already equals it is left alone.
    pub(super) async fn restore(&self, order: &RestoreOrder) -> Result<Vec<Fact>, Failure> {
        self.note_put_back(None);
        let name = parse(&order.backup)?;
        let stores = stores_of(&order.stores).await?;
        let now = Timestamp::from_millisecond(WallClock.now_ms() as i64).unwrap_or_default();
        let done = self.blocking(move |vault| -> Result<Vec<Fact>, BackupError> {
            let manifest = vault.manifest(&name)?;
            let mut facts = Vec::new();
            for store in &stores {
                let wanted = manifest.store(&store.name);
                // Of a tool that prints no digest it is known what happened, not what is.
                let tells = store.tells_its_content();
                if wanted.is_some_and(|wanted| {
                    let found = tells.then(|| store_digest_against(store, wanted));
                    found.is_some_and(|found| found.is_ok_and(|found| found == wanted.digest))
                }) {
                    facts.push(Fact::new(&store.name, "was as in the backup"));
                    continue;
                }
                let replaced = replace(vault, &name, store, now)?;
                facts.push(Fact::new(
                    &store.name,
                    format!("sha256 {}", replaced.digest),
                ));
                let lost = replaced.attributes_not_set;
                if lost > 0 {
                    facts.push(Fact::new("extended attributes not set", lost));
                }
                for folder in &replaced.folders_made {
                    facts.push(Fact::new("folder made", folder.display()));
                }
                if let Some(kept) = replaced.kept {
                    facts.push(Fact::new("replaced data kept as", kept));
                }
            }
            Ok(facts)
        });
        let facts = done.await?.map_err(|error| failure(&error))?;
        self.note_put_back(Some(order.clone()));
        Ok(facts)
    }

    /// Whether the live stores equal the backup, byte for byte, or did when they were put back just now.
    pub(super) async fn probe_restore(&self, order: &RestoreOrder) -> Probed {
        let just_now = self.note_put_back(None).as_ref() == Some(order);
        let probed = self.compare_with_backup(order).await;
        match probed.presence {
            Presence::Absent if just_now => Probed {
                presence: Presence::Applied,
                ..probed.with("since then", "the stores were written to")
            },
            _ => probed,
        }
    }

    /// Whether the live stores equal the backup.
    async fn compare_with_backup(&self, order: &RestoreOrder) -> Probed {
        let name = match parse(&order.backup) {
            Ok(name) => name,
            Err(failure) => {
                return Probed::new(Presence::Unknown).with(Fact::REASON, failure.message);
            }
        };
        let stores = match stores_of(&order.stores).await {
            Ok(stores) => stores,
            Err(failure) => {
                return Probed::new(Presence::Unknown).with(Fact::REASON, failure.message);
            }
        };
        let compared = self.blocking(move |vault| -> Result<Compared, BackupError> {
            let manifest = vault.manifest(&name)?;
            for store in &stores {
                let Some(wanted) = manifest.store(&store.name) else {
                    return Ok(Err(format!("{} is not in the backup", store.name)));
                };
                let found = match store_digest_against(store, wanted) {
                    Ok(digest) => Some(digest),
                    // Nothing is known of one that is locked, or that cannot be asked.
                    Err(error) if is_unknown(&error) => return Err(error),
                    // One that is missing or unreadable surely is not as in the backup.
                    Err(_) => None,
                };
                if found.as_ref() != Some(&wanted.digest) {
                    let found = found.unwrap_or_else(|| "missing".to_owned());
                    return Ok(Err(format!("{} is {found}", store.name)));
                }
            }
            let believed = stores.iter().filter(|store| !store.tells_its_content());
            Ok(Ok(believed.map(|store| store.name.clone()).collect()))
        });
        match compared.await {
            Ok(Ok(Ok(believed))) => {
                let words = "its restore command ended with code 0; it has neither `digest` nor `repeats`, so nobody can \
                             tell what is in it";
                let probed = Probed::new(Presence::Applied);
                believed
                    .iter()
                    .fold(probed, |probed, store| probed.with(store, words))
            }
            Ok(Ok(Err(differs))) => Probed::new(Presence::Absent).with("differs", differs),
            Ok(Err(error)) => Probed::new(Presence::Unknown).with(Fact::REASON, chain(&error)),
            Err(failure) => Probed::new(Presence::Unknown).with(Fact::REASON, failure.message),
        }
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

/// The stores of which only their tool's word is known, or how a store differs.
type Compared = Result<Vec<String>, String>;

/// Puts a store back. The replaced data is kept under a name with the time to the second: when a rollout
/// before this one took that name within the same second, the next free second names it.
fn replace(
    vault: &Vault,
    name: &BackupName,
    store: &Store,
    now: Timestamp,
) -> Result<Replaced, BackupError> {
    let mut now = now;
    for _ in 1..KEPT_NAMES_TRIED {
        match vault.restore_in_place(name, store, now) {
            Err(BackupError::KeptNameTaken { .. }) => now += SignedDuration::from_secs(1),
            done => return done,
        }
    }
    vault.restore_in_place(name, store, now)
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

/// Whether nothing is known of a store: it cannot be asked. A database that is missing is known to be missing.
fn is_unknown(error: &BackupError) -> bool {
    match error {
        BackupError::DatabaseBusy { .. } => true,
        BackupError::Bucket { problem, .. } => !matches!(**problem, BucketProblem::NoBucket { .. }),
        BackupError::Redis { .. } => true,
        BackupError::Postgres { problem, .. } => {
            !matches!(problem, PostgresProblem::DatabaseMissing { .. })
        }
        // A tool that cannot be asked; one that is only believed has a note, or was not put back.
        BackupError::Command { problem, .. } => {
            !matches!(**problem, CommandProblem::NothingKnown { .. })
        }
        _ => false,
    }
}

fn failure(error: &BackupError) -> Failure {
    let passing = matches!(
        error,
        BackupError::StoreChanged { .. }
            | BackupError::DatabaseBusy { .. }
            | BackupError::StoreInUse { .. }
            | BackupError::SegmentsChanging { .. }
            | BackupError::Vault { .. }
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
