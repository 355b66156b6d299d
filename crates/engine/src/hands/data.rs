//! Backup and restore as ops.
//!
//! Copying blocks, and a blocking call cannot be stopped half way: one lock is held until it has really
//! ended, and every probe waits for it, so a probe never looks at a copy that is still being made
//! (invariant 5).

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use portcullis_analysis::counted;
use portcullis_backup::{
    BackupError, BackupName, BackupRequest, Location, Replaced, Store, StoreManifest, Vault,
    store_digest,
};
use portcullis_driver::Probed;
use portcullis_rollout::{
    BackupOrder, Fact, Failure, Presence, RestoreOrder, StoreLocation, StoreRef,
};
use tokio::sync::Mutex;

use super::{chain, lasting, retryable};
use crate::bounds::KEPT_NAMES_TRIED;
use crate::clock::{Clock, WallClock};

/// Backs stores up and puts them back.
#[derive(Clone)]
pub struct DataHand {
    vault: Arc<Vault>,
    busy: Arc<Mutex<()>>,
}

impl DataHand {
    /// A hand that keeps backups in `vault`.
    pub fn new(vault: Vault) -> DataHand {
        DataHand {
            vault: Arc::new(vault),
            busy: Arc::new(Mutex::new(())),
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
        let stores = stores_of(stores);
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
        let order = order.clone();
        let made = self.blocking(move |vault| {
            if is_ours(vault, &name, &order.reason) {
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
            vault.create(&request, &stores_of(&order.stores)).map(Some)
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

    /// Whether the backup is there: read back, every byte of it.
    pub(super) async fn probe_backup(&self, order: &BackupOrder) -> Probed {
        let name = match parse(&order.name) {
            Ok(name) => name,
            Err(failure) => {
                return Probed::new(Presence::Absent).with("reason", failure.message);
            }
        };
        let reason = order.reason.clone();
        let verified = self.blocking(move |vault| {
            is_ours(vault, &name, &reason)
                .then(|| vault.verify(&name))
                .transpose()
        });
        match verified.await {
            Ok(Ok(None)) => Probed::new(Presence::Absent)
                .with("reason", "there is no backup of that name for this rollout"),
            Ok(Ok(Some(verified))) => Probed::new(Presence::Applied)
                .with("files", verified.files)
                .with("data", size_words(verified.bytes))
                .with("sha256", &verified.archive_sha256)
                .with("read back in", format!("{} ms", verified.took.as_millis())),
            Ok(Err(error)) => Probed::new(Presence::Absent).with("reason", chain(&error)),
            Err(failure) => Probed::new(Presence::Unknown).with("reason", failure.message),
        }
    }

    /// Puts the backup back, store by store. A store that already equals it is left alone.
    pub(super) async fn restore(&self, order: &RestoreOrder) -> Result<Vec<Fact>, Failure> {
        let name = parse(&order.backup)?;
        let stores = stores_of(&order.stores);
        let now = Timestamp::from_millisecond(WallClock.now_ms() as i64).unwrap_or_default();
        let done = self.blocking(move |vault| -> Result<Vec<Fact>, BackupError> {
            let manifest = vault.manifest(&name)?;
            let mut facts = Vec::new();
            for store in &stores {
                let wanted = manifest
                    .store(&store.name)
                    .map(|store| store.digest.as_str());
                if store_digest(store).ok().as_deref() == wanted {
                    facts.push(Fact::new(&store.name, "was as in the backup"));
                    continue;
                }
                let replaced = replace(vault, &name, store, now)?;
                facts.push(Fact::new(
                    &store.name,
                    format!("sha256 {}", replaced.digest),
                ));
                if let Some(kept) = replaced.kept {
                    facts.push(Fact::new("replaced data kept as", kept.display()));
                }
            }
            Ok(facts)
        });
        done.await?.map_err(|error| failure(&error))
    }

    /// Whether the live stores equal the backup, byte for byte.
    pub(super) async fn probe_restore(&self, order: &RestoreOrder) -> Probed {
        let name = match parse(&order.backup) {
            Ok(name) => name,
            Err(failure) => {
                return Probed::new(Presence::Unknown).with("reason", failure.message);
            }
        };
        let stores = stores_of(&order.stores);
        let compared = self.blocking(move |vault| -> Result<Option<String>, BackupError> {
            let manifest = vault.manifest(&name)?;
            for store in &stores {
                let wanted = manifest
                    .store(&store.name)
                    .map(|store| store.digest.clone());
                let found = match store_digest(store) {
                    Ok(digest) => Some(digest),
                    // Nothing is known of one that is locked.
                    Err(error @ BackupError::DatabaseBusy { .. }) => return Err(error),
                    // One that is missing or unreadable surely is not as in the backup.
                    Err(_) => None,
                };
                if found != wanted {
                    let found = found.unwrap_or_else(|| "missing".to_owned());
                    return Ok(Some(format!("{} is {found}", store.name)));
                }
            }
            Ok(None)
        });
        match compared.await {
            Ok(Ok(None)) => Probed::new(Presence::Applied),
            Ok(Ok(Some(differs))) => Probed::new(Presence::Absent).with("differs", differs),
            Ok(Err(error)) => Probed::new(Presence::Unknown).with("reason", chain(&error)),
            Err(failure) => Probed::new(Presence::Unknown).with("reason", failure.message),
        }
    }

    /// Restores stores of a backup to new places; their folders are made.
    pub(super) async fn restore_copies(
        &self,
        backup: &str,
        copies: Vec<(String, PathBuf)>,
    ) -> Result<(), Failure> {
        let name = parse(backup)?;
        let done = self.blocking(move |vault| -> Result<(), Failure> {
            for (store, to) in copies {
                if let Some(folder) = to.parent() {
                    std::fs::create_dir_all(folder).map_err(|error| retryable(&error))?;
                }
                vault
                    .restore(&name, &store, &to)
                    .map_err(|error| failure(&error))?;
            }
            Ok(())
        });
        done.await?
    }
}

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

/// Whether a backup of this name is the one that was ordered: names have a time to the second only.
fn is_ours(vault: &Vault, name: &BackupName, reason: &str) -> bool {
    vault
        .manifest(name)
        .is_ok_and(|manifest| manifest.reason == reason)
}

/// Stores as the backup crate knows them.
pub fn stores_of(refs: &[StoreRef]) -> Vec<Store> {
    let location = |location: &StoreLocation| match location.clone() {
        StoreLocation::File { path } => Location::File { path },
        StoreLocation::Directory { path } => Location::Directory { path },
        StoreLocation::Sqlite { path } => Location::Sqlite { path },
    };
    refs.iter()
        .map(|store| Store {
            name: store.name.clone(),
            location: location(&store.location),
        })
        .collect()
}

/// How much is in a database, for whoever wants to know later whether all came back.
fn rows_words(store: &StoreManifest) -> Option<Fact> {
    let content = store.sqlite.as_ref()?;
    let rows = content.tables.iter().map(|table| table.rows).sum();
    let mut words = format!(
        "{} in {}",
        counted(rows, "row", "rows"),
        counted(content.tables.len() as u64, "table", "tables")
    );
    if content.foreign_key_violations > 0 {
        let rows = counted(content.foreign_key_violations, "row refers", "rows refer");
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
            | BackupError::Vault { .. }
            | BackupError::VaultFull { .. }
    );
    Failure {
        message: chain(error),
        retryable: passing,
        facts: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
