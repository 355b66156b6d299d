//! Putting backups back, and telling whether that was done.
//!
//! Each store is compared with the backup before it is put into its place. From then on users may write to it at once: it
//! differs from the backup and is right. So a store is noted as soon as it is in its place, while nobody else may look, and in
//! a way that outlives the process ([`Vault::note_put_back`]); so is one that was as in the backup when its turn came. One that
//! was noted is not put back over what was written since, however often its rollout tries; only one that is gone or damaged is,
//! and not one that cannot be read for now. Another rollout, which may have put other data there meanwhile, begins anew.

use jiff::{SignedDuration, Timestamp};
use portcullis_backup::{
    BackupError, BackupName, BucketProblem, CommandProblem, PostgresProblem, Replaced, Store,
    StoreKind, StoreManifest, Vault, store_digest_against,
};
use portcullis_driver::Probed;
use portcullis_rollout::{Fact, Failure, Presence, RestoreOrder, RolloutId};

use super::{DataHand, chain, failure, parse, stores_of};
use crate::bounds::KEPT_NAMES_TRIED;
use crate::clock::{Clock, WallClock};

/// What is said of a store that was put back and differs since.
const WRITTEN_SINCE: &str = "was put back; it was written to since";

/// How the live stores stand to a backup.
#[derive(Default)]
struct Compared {
    /// The first that is not there as it should be, and how it is.
    differs: Option<String>,
    /// Those that were put back and written to since.
    written: Vec<String>,
    /// Those of which only their tool's word is known.
    believed: Vec<String>,
    /// The first that was put back and cannot be read now, in words that say what to do.
    left: Option<String>,
}

/// How one live store stands to a backup.
enum Standing {
    /// As in the backup.
    Equal,
    /// It was put back, and written to since.
    Written,
    /// It was put back, and cannot be read now.
    Left(BackupError),
    /// It is none of these; how it is, in words that name it.
    Differs(String),
}

impl DataHand {
    /// Puts the backup back, store by store. A store that already equals it is left alone, and so is one that an earlier
    /// attempt put back and users wrote to since.
    pub(in crate::hands) async fn restore(
        &self,
        order: &RestoreOrder,
        rollout: &RolloutId,
    ) -> Result<Vec<Fact>, Failure> {
        let name = parse(&order.backup)?;
        let rollout = rollout.to_string();
        let stores = stores_of(&order.stores).await?;
        let now = Timestamp::from_millisecond(WallClock.now_ms() as i64).unwrap_or_default();
        let done = self.blocking(move |vault| -> Result<_, BackupError> {
            let manifest = vault.manifest(&name)?;
            let backup = InRollout {
                vault,
                name: &name,
                rollout: &rollout,
            };
            let mut facts = Vec::new();
            let mut left = None;
            for store in &stores {
                let wanted = manifest.store(&store.name);
                let alone = backup.put_back(store, wanted, now, &mut facts)?;
                // As far as is known it is as users left it: the others wait for nothing.
                left = left.or(alone.map(|error| (left_alone(store, &error), failure(&error))));
            }
            Ok((facts, left))
        });
        match done.await?.map_err(|error| failure(&error))? {
            (facts, None) => Ok(facts),
            // Facts of what failed may be forgotten; what became of the others must not.
            (facts, Some((words, failure))) => {
                let done = facts
                    .iter()
                    .map(|fact| format!("{}: {}", fact.name, fact.value));
                let told: Vec<String> = std::iter::once(words).chain(done).collect();
                Err(Failure {
                    message: told.join("; "),
                    facts,
                    ..failure
                })
            }
        }
    }

    /// Whether the live stores equal the backup, byte for byte, or were put back and written to since.
    pub(in crate::hands) async fn probe_restore(
        &self,
        order: &RestoreOrder,
        rollout: &RolloutId,
    ) -> Probed {
        let unknown =
            |failure: Failure| Probed::new(Presence::Unknown).with(Fact::REASON, failure.message);
        let name = match parse(&order.backup) {
            Ok(name) => name,
            Err(failure) => return unknown(failure),
        };
        let stores = match stores_of(&order.stores).await {
            Ok(stores) => stores,
            Err(failure) => return unknown(failure),
        };
        let rollout = rollout.to_string();
        let comparing = self.blocking(move |vault| {
            let backup = InRollout {
                vault,
                name: &name,
                rollout: &rollout,
            };
            backup.compare(&stores)
        });
        let compared = match comparing.await {
            Ok(Ok(compared)) => compared,
            Ok(Err(error)) => {
                return Probed::new(Presence::Unknown).with(Fact::REASON, chain(&error));
            }
            Err(failure) => return unknown(failure),
        };
        if let Some(differs) = compared.differs {
            return Probed::new(Presence::Absent).with("differs", differs);
        }
        if let Some(left) = compared.left {
            return Probed::new(Presence::Unknown).with(Fact::REASON, left);
        }
        let words = "its restore command ended with code 0; it has neither `digest` nor `repeats`, so nobody can tell what \
                     is in it";
        let mut probed = Probed::new(Presence::Applied);
        for store in &compared.written {
            probed = probed.with(store, WRITTEN_SINCE);
        }
        for store in &compared.believed {
            probed = probed.with(store, words);
        }
        probed
    }
}

/// A backup that a rollout puts back.
#[derive(Clone, Copy)]
struct InRollout<'r> {
    vault: &'r Vault,
    name: &'r BackupName,
    rollout: &'r str,
}

impl InRollout<'_> {
    /// Puts one store back, unless it is as in the backup or was put back before. Gives why one that was put back before cannot
    /// be read now.
    fn put_back(
        self,
        store: &Store,
        wanted: Option<&StoreManifest>,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Option<BackupError>, BackupError> {
        // Of a tool that prints no digest it is known what happened, not what is: unless it is noted that all of it was put
        // back, it is done again.
        let standing = match wanted {
            Some(_) if !store.tells_its_content() => match self.was_put_back(store)? {
                true => Standing::Written,
                false => Standing::Differs(String::new()),
            },
            Some(wanted) => match self.stand(store, wanted) {
                Ok(standing) => standing,
                // What cannot be asked is put back, which may tell more.
                Err(_) => Standing::Differs(String::new()),
            },
            None => Standing::Differs(String::new()),
        };
        match standing {
            Standing::Equal => {
                facts.push(Fact::new(&store.name, "was as in the backup"));
                // Users may write to it while the others are put back.
                self.note(store, now, facts);
                return Ok(None);
            }
            Standing::Written => {
                facts.push(Fact::new(&store.name, WRITTEN_SINCE));
                return Ok(None);
            }
            Standing::Left(error) => return Ok(Some(error)),
            Standing::Differs(_) => {}
        }
        let replaced = replace(self.vault, self.name, store, now)?;
        facts.push(Fact::new(
            &store.name,
            format!("sha256 {}", replaced.digest),
        ));
        // A tool's word is proof only where it is the one that the backup has.
        let is_proven = store.kind() != StoreKind::Command
            || wanted.is_some_and(|wanted| {
                store_digest_against(store, wanted).is_ok_and(|found| found == wanted.digest)
            });
        if is_proven {
            self.note(store, now, facts);
        }
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
        Ok(None)
    }

    /// Compares the live stores with the backup, up to the first that differs.
    fn compare(self, stores: &[Store]) -> Result<Compared, BackupError> {
        let manifest = self.vault.manifest(self.name)?;
        let mut compared = Compared::default();
        for store in stores {
            let Some(wanted) = manifest.store(&store.name) else {
                compared.differs = Some(format!("{} is not in the backup", store.name));
                return Ok(compared);
            };
            match self.stand(store, wanted)? {
                Standing::Left(error) => {
                    compared
                        .left
                        .get_or_insert_with(|| left_alone(store, &error));
                }
                Standing::Equal if !store.tells_its_content() => {
                    compared.believed.push(store.name.clone());
                }
                Standing::Equal => {}
                Standing::Written => compared.written.push(store.name.clone()),
                Standing::Differs(how) => {
                    compared.differs = Some(how);
                    return Ok(compared);
                }
            }
        }
        Ok(compared)
    }

    /// How a live store stands to what the backup has of it.
    ///
    /// # Errors
    /// When nothing is known of it, and it was not put back before: it is locked, or cannot be asked.
    fn stand(self, store: &Store, wanted: &StoreManifest) -> Result<Standing, BackupError> {
        let how = match store_digest_against(store, wanted) {
            Ok(found) if found == wanted.digest => return Ok(Standing::Equal),
            Ok(found) => format!("{} is {found}", store.name),
            // It is written to so fast that no state of it could be read, or a tool that prints no digest has forgotten.
            Err(error) if changes(&error) || !store.tells_its_content() => chain(&error),
            // What users wrote since may be whole behind a wrong permission, a lock or a server that does not answer.
            Err(error) if !is_lost(&error) && self.was_put_back(store)? => {
                return Ok(Standing::Left(error));
            }
            Err(error) if is_unknown(&error) => return Err(error),
            // One that is missing or damaged is not as in the backup, nor as users left it.
            Err(error) => return Ok(Standing::Differs(chain(&error))),
        };
        Ok(match self.was_put_back(store)? {
            true => Standing::Written,
            false => Standing::Differs(how),
        })
    }

    fn was_put_back(self, store: &Store) -> Result<bool, BackupError> {
        self.vault.was_put_back(self.name, self.rollout, store)
    }

    fn note(self, store: &Store, now: Timestamp, facts: &mut Vec<Fact>) {
        let noted = self
            .vault
            .note_put_back(self.name, self.rollout, store, now);
        if let Err(error) = noted {
            facts.push(Fact::new("not noted as put back", chain(&error)));
        }
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

/// Whether a store is there, and is written to.
fn changes(error: &BackupError) -> bool {
    matches!(
        error,
        BackupError::StoreChanged { .. } | BackupError::SegmentsChanging { .. }
    )
}

/// Whether a store is not as users left it: it is missing, another thing, or damaged. Whatever else hinders reading it is not in
/// its data.
fn is_lost(error: &BackupError) -> bool {
    match error {
        BackupError::StoreRefused { .. }
        | BackupError::DatabaseDamaged { .. }
        | BackupError::IndexDamaged { .. } => true,
        BackupError::Bucket { problem, .. } => matches!(**problem, BucketProblem::NoBucket { .. }),
        BackupError::Postgres { problem, .. } => {
            matches!(problem, PostgresProblem::DatabaseMissing { .. })
        }
        _ => false,
    }
}

/// What is said of a store that was put back and cannot be read now.
fn left_alone(store: &Store, error: &BackupError) -> String {
    let way_out = match (store.path(), error) {
        (Some(_), BackupError::StoreUnreadable { .. } | BackupError::DatabaseFailed { .. }) => {
            "; mend that, or move it away to have the backup put back again"
        }
        _ => "",
    };
    format!(
        "{} was put back and may have been written to since, so it is left alone while it cannot be read: {}{way_out}",
        store.name,
        chain(error)
    )
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
