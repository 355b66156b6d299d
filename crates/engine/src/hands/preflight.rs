//! Pre-flight: everything that could stop the rollout, looked at before anything is touched.

use std::net::TcpListener;
use std::path::Path;

use futures::future::join_all;
use portcullis_analysis::counted;
use portcullis_backup::{BackupError, OpenTransaction};
use portcullis_driver::{CheckClient, Probed, resolve_secret};
use portcullis_rollout::{BackupAge, Fact, Failure, PreflightOrder, Presence};
use sha2::{Digest, Sha256};

use super::chain;
use super::data::{DataHand, stores_of};
use super::migrate::MigrationHand;
use crate::bounds::OPEN_TRANSACTION_MS;
use crate::clock::{Clock, WallClock};
use crate::drill::span_words;
use crate::recovery_point::{PointOf, RecoveryPoint, RecoveryPoints};

mod room;

#[derive(Clone)]
pub(super) struct PreflightHand {
    data: DataHand,
    checks: CheckClient,
    migration: MigrationHand,
}

impl PreflightHand {
    pub(super) fn new(data: DataHand, checks: CheckClient) -> PreflightHand {
        PreflightHand {
            data,
            checks,
            migration: MigrationHand::default(),
        }
    }

    /// Looks at everything and reports all problems together.
    pub(super) async fn look(&self, order: &PreflightOrder) -> Result<Vec<Fact>, Failure> {
        let mut facts = Vec::new();
        let mut problems = Vec::new();
        let mut note = |seen: Result<Fact, String>| match seen {
            Ok(fact) => facts.push(fact),
            Err(problem) => problems.push(problem),
        };
        note(self.artifact(order).await);
        note(address(&order.address));
        if !order.stores.is_empty() {
            for seen in self.room(order).await {
                note(seen);
            }
            if let Some(seen) = self.readable().await {
                note(seen);
            }
            // What migrates is rehearsed, goes back with its data, or has a ledger.
            if order.ledger.is_some() || order.room.is_some() {
                for seen in self.open_transactions(order).await {
                    note(Ok(seen));
                }
            }
        }
        if let Some(limit) = &order.backup_age {
            note(self.backup_age(limit).await);
        }
        for seen in self.secrets(order).await {
            note(seen);
        }
        if let Some(check) = &order.ledger {
            match self.migration.ready(check).await {
                Ok(seen) => seen.into_iter().for_each(|fact| note(Ok(fact))),
                Err(problem) => note(Err(problem)),
            }
        }
        if let Some(serving) = &order.serving {
            for check in &serving.checks {
                note(match self.checks.run(check, &serving.address).await {
                    Ok(_) => Ok(Fact::new(
                        "serving",
                        format!("{} is healthy", serving.release),
                    )),
                    Err(failed) => Err(format!(
                        "release {} serves now and is not healthy, so there would be nothing to go \
                         back to: {}",
                        serving.release, failed.message
                    )),
                });
            }
        }
        if problems.is_empty() {
            Ok(facts)
        } else {
            Err(Failure {
                message: problems.join("; "),
                retryable: true,
                facts,
            })
        }
    }

    /// Pre-flight changes nothing: it is in effect when looking again finds nothing.
    pub(super) async fn probe(&self, order: &PreflightOrder) -> Probed {
        match self.look(order).await {
            Ok(facts) => Probed {
                presence: Presence::Applied,
                facts,
            },
            Err(failure) => Probed::new(Presence::Absent).with(Fact::REASON, failure.message),
        }
    }

    async fn artifact(&self, order: &PreflightOrder) -> Result<Fact, String> {
        let (path, wanted) = (order.artifact.path.clone(), order.artifact.sha256.clone());
        let hashed = self.data.blocking(move |_| file_sha256(&path)).await;
        let found = hashed
            .map_err(|failure| failure.message)?
            .map_err(|error| {
                format!(
                    "the program {} cannot be read: {error}",
                    order.artifact.path.display()
                )
            })?;
        if found == wanted {
            Ok(Fact::new(
                "program",
                format!("sha256 {}", &found[..12.min(found.len())]),
            ))
        } else {
            Err(format!(
                "the program {} changed since the plan was made: its SHA-256 is {found}, planned \
                 was {wanted}; plan again",
                order.artifact.path.display()
            ))
        }
    }

    /// Whether every secret that is needed later has a value now. What was read is forgotten at once.
    async fn secrets(&self, order: &PreflightOrder) -> Vec<Result<Fact, String>> {
        let looks = order.secrets.iter().map(|need| async move {
            match resolve_secret(&need.reference, &need.folder).await {
                Ok(_) => None,
                Err(error) => Some(Err(format!("{}: {}", need.needed_by, chain(&error)))),
            }
        });
        let wrong: Vec<_> = join_all(looks).await.into_iter().flatten().collect();
        let count = order.secrets.len() as u64;
        if wrong.is_empty() && count > 0 {
            let found = counted(count, "reference has", "references have");
            return vec![Ok(Fact::new("secrets", format!("{found} a value")))];
        }
        wrong
    }

    /// Whether what the data would be put back from is young enough: the last verified backup, or the archives.
    async fn backup_age(&self, limit: &BackupAge) -> Result<Fact, String> {
        let of = PointOf {
            service: limit.service.to_string(),
            environment: limit.environment.clone(),
            archives: limit.archives.clone(),
        };
        let now_ms = WallClock.now_ms();
        let looked = self.data.blocking(move |vault| of.look(vault, now_ms));
        let points = looked
            .await
            .map_err(|failure| failure.message)?
            .map_err(|error| chain(&error))?;
        too_old(limit, &points, now_ms)
    }

    /// Whether a backup that is made now could be put back: encrypted for a key that is not here, it could not.
    async fn readable(&self) -> Option<Result<Fact, String>> {
        let asked = self.data.blocking(|vault| {
            let encryption = vault.encryption();
            let reads = encryption.reads_what_it_writes();
            encryption.encrypts().then_some(reads)
        });
        match asked.await {
            Ok(None) => None,
            Ok(Some(Ok(()))) => Some(Ok(Fact::new("encryption", "a key that is here opens it"))),
            Ok(Some(Err(why))) => Some(Err(format!(
                "backups are encrypted and could not be read here, so this release could not go back with its data: {why}; \
                 see backup.encryption.identities"
            ))),
            Err(failure) => Some(Err(failure.message)),
        }
    }

    /// The transactions for which the migration may have to wait. They may have ended by then, so neither that they are there
    /// nor that they cannot be looked for refuses anything.
    async fn open_transactions(&self, order: &PreflightOrder) -> Vec<Fact> {
        let not_seen = |why: String| {
            let words = format!("open transactions could not be looked for: {why}");
            vec![Fact::new("warning", words)]
        };
        let stores = match stores_of(&order.stores).await {
            Ok(stores) => stores,
            Err(failure) => return not_seen(failure.message),
        };
        let looked = self.data.blocking(move |_| {
            let asked = stores.iter().map(|store| {
                let open = store.open_transactions(OPEN_TRANSACTION_MS)?;
                let open = open.into_iter().map(|one| still_open(&store.name, &one));
                Ok(open.collect())
            });
            asked.collect::<Result<Vec<Vec<Fact>>, BackupError>>()
        });
        match looked.await {
            Ok(Ok(facts)) => facts.into_iter().flatten().collect(),
            Ok(Err(error)) => not_seen(chain(&error)),
            Err(failure) => not_seen(failure.message),
        }
    }

    /// Whether there is room for all that the rollout writes to disks.
    async fn room(&self, order: &PreflightOrder) -> Vec<Result<Fact, String>> {
        let stores = match stores_of(&order.stores).await {
            Ok(stores) => stores,
            Err(failure) => return vec![Err(failure.message)],
        };
        let need = order.room.clone();
        let looked = self
            .data
            .blocking(move |vault| room::look(vault, &stores, need.as_ref()));
        looked
            .await
            .unwrap_or_else(|failure| vec![Err(failure.message)])
    }
}

fn still_open(store: &str, open: &OpenTransaction) -> Fact {
    let words = format!(
        "{store}: {} has had a transaction open for {}; a migration that needs a lock or builds an index concurrently waits for its end",
        open.of,
        span_words(open.open_ms)
    );
    Fact::new("warning", words)
}

fn too_old(limit: &BackupAge, points: &RecoveryPoints, now_ms: u64) -> Result<Fact, String> {
    let max = span_words(limit.max_ms);
    let not_counted = points.not_counted.iter();
    let passed_over: String = not_counted
        .map(|(store, why)| format!("; the archive of {store} does not count: {why}"))
        .collect();
    let age_ms = |point: &RecoveryPoint| now_ms.saturating_sub(point.time_ms);
    let found = match &points.point {
        Some(point) if age_ms(point) <= limit.max_ms => {
            let age = span_words(age_ms(point));
            let by = point.by.words();
            let words = format!("{age} old, at most {max}: {by}{passed_over}");
            return Ok(Fact::new("last verified backup", words));
        }
        Some(point) => format!("is {} old, and may be {max}", span_words(age_ms(point))),
        None => format!("is missing, and one of the last {max} is wanted"),
    };
    match limit.refuses {
        true => Err(format!(
            "the last verified backup {found} (backup.age_max){passed_over}; `portcullis backup create` makes one"
        )),
        false => Ok(Fact::new(
            "warning",
            format!("the last verified backup {found}{passed_over}"),
        )),
    }
}

/// Whether the new release could listen there now.
fn address(address: &str) -> Result<Fact, String> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(Fact::new("address", format!("{address} is free"))),
        Err(error) => Err(format!(
            "{address} cannot be listened on: {error}; plan again"
        )),
    }
}

/// SHA-256 of a file's bytes, hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub fn file_sha256(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut HashWriter(&mut hasher))?;
    Ok(hex::encode(hasher.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
