//! `kill -9` at random moments of recoveries: to a scratch folder, to a folder that stays, and in place of the live database.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use portcullis_backup::{
    Backup, BackupError, BackupState, ContinuousProblem, Kept, RecoveredCluster, RecoveryOrder,
    RecoveryPlace, Store, Vault, clear_left_recoveries, store_digest,
};

use super::worker::Worker;
use super::{Bank, content, small};
use crate::continuous::{Archived, psql};
use crate::faults::{Chance, rounds};
use crate::killed::say_round;
use crate::waiting::until;
use crate::{Seen, at, look, names, request};

const SCRATCH: &str = "scratch";
const FOLDER: &str = "folder";
const IN_PLACE: &str = "in-place";
/// How the names of clusters begin that stay.
const CLUSTER: &str = "cluster-";
/// What the folder of a cluster has only while it is being recovered.
const UNDER_WAY: [&str; 4] = [
    "backup_label",
    "recovery.signal",
    "postmaster.pid",
    "postgresql.auto.conf.aside",
];

/// In the child: recovers everything that is there, again and again.
pub(super) fn recovers(bank: &Bank, folder: &Path, doing: &str, from: i64) {
    say_round(from);
    for second in from + 1.. {
        match doing {
            SCRATCH => drop(bank.recover_in(&folder.join(SCRATCH), None).unwrap()),
            FOLDER => {
                let cluster = recover_to(bank, &folder.join(format!("{CLUSTER}{second}")));
                cluster.unwrap().stop().unwrap();
            }
            _ => drop(put_in_place(bank, folder, second)),
        }
        say_round(second);
    }
}

fn recover_to(bank: &Bank, folder: &Path) -> Result<RecoveredCluster, BackupError> {
    let place = RecoveryPlace::Folder(folder.to_owned());
    bank.archive.recover(&RecoveryOrder { at: None, place })
}

/// Recovers the cluster, and backs its database up from there.
fn backed_up(bank: &Bank, folder: &Path, second: i64) -> Backup {
    let vault = Vault::open(&folder.join("vault")).unwrap();
    let cluster = bank.recover_in(&folder.join(SCRATCH), None).unwrap();
    let store = cluster.store("bank", 1).unwrap();
    let backup = vault.create(&request(second), &[store]).unwrap();
    cluster.stop().unwrap();
    backup
}

/// Recovers the database in place of the live one, as `backup restore --at latest --in-place` does. Returns its digest.
fn put_in_place(bank: &Bank, folder: &Path, second: i64) -> String {
    let vault = Vault::open(&folder.join("vault")).unwrap();
    let backup = backed_up(bank, folder, second);
    let replaced = vault.restore_in_place(&backup.name, &live(bank), at(second));
    let replaced = replaced.unwrap();
    if let Some(Kept::Database(name)) = &replaced.kept {
        let dropped = format!("DROP DATABASE \"{name}\"");
        psql(&administration(bank), &dropped);
    }
    replaced.digest
}

/// The database that is archived.
fn live(bank: &Bank) -> Store {
    Store::postgres("ledger", bank.source.address.clone(), 1)
}

fn administration(bank: &Bank) -> String {
    let at = bank.url.rsplit_once('/').unwrap().0;
    format!("{at}/postgres")
}

/// The databases that are neither the live one nor were kept.
fn beside(bank: &Bank) -> Vec<String> {
    let all = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1";
    let all = psql(&administration(bank), all);
    let all = all
        .lines()
        .filter(|name| !["postgres", "bank"].contains(name) && !name.starts_with("bank_replaced_"));
    all.map(str::to_owned).collect()
}

/// Whether somebody who looks into a folder takes it for a recovered cluster.
fn looks_whole(cluster: &Path) -> bool {
    let has = |name: &str| cluster.join(name).exists();
    has("PG_VERSION") && has("postgresql.auto.conf") && !UNDER_WAY.into_iter().any(has)
}

/// Removes a folder in which what was killed may still be ending.
fn remove(folder: &Path) {
    until("a folder is removed", || {
        let _ = fs::remove_dir_all(folder);
        !folder.exists()
    });
}

struct Stand<'a> {
    archived: &'a Archived,
    bank: Bank,
    /// What the archive has. No recovery changes any of it.
    archive: BTreeMap<PathBuf, Seen>,
    /// What the server had when it was archived.
    content: String,
    digest: String,
}

impl<'a> Stand<'a> {
    fn make(archived: &'a Archived) -> Self {
        let bank = Bank::of(archived);
        bank.while_receiving(|stream| {
            bank.base(0);
            bank.write_more(&mut Vec::new(), 8);
            bank.catch_up(stream);
        });
        bank.assert_whole("at first");
        let content = bank.content();
        fs::create_dir(archived.place.path(SCRATCH)).unwrap();
        let backup = backed_up(&bank, archived.place.folder.path(), 1);
        Self {
            archive: look(bank.archive.root()),
            digest: backup.manifest.stores[0].digest.clone(),
            archived,
            bank,
            content,
        }
    }

    fn killed(&self, doing: &str, kill: usize, chance: &mut Chance) {
        let (bank, folder) = (&self.bank, self.archived.place.folder.path());
        let from = 10_000 * (1 + i64::try_from(kill).unwrap());
        // Now it differs from what was archived.
        let row = format!("INSERT INTO entry VALUES (9, {kill})");
        psql(&bank.url, &row);
        let before = store_digest(&live(bank)).unwrap();
        let mut worker = Worker::start(folder, doing, from);
        worker.wait_for("round ");
        let longest = if doing == IN_PLACE { 7_000 } else { 3_500 };
        let after = Duration::from_micros(chance.below(longest * 1_000) as u64);
        let when = format!("{doing}, kill {kill} after {after:?}");
        thread::sleep(after);
        // A server on a folder that stays is nobody's to end but a person's.
        let said = worker.kill(doing == FOLDER || chance.below(2) == 0);
        assert!(
            look(bank.archive.root()) == self.archive,
            "{when}: the archive was changed"
        );
        match doing {
            SCRATCH => self.recovers_again(&when),
            FOLDER => self.is_not_taken_for_whole(&said, &when),
            _ => self.is_the_old_or_the_new(&before, from, &when),
        }
    }

    /// What was left is stopped and removed by the next one in the same folder.
    fn recovers_again(&self, when: &str) {
        let scratch = self.archived.place.path(SCRATCH);
        let cluster = self.bank.recover_in(&scratch, None);
        let cluster = cluster.unwrap_or_else(|error| panic!("{when}: {error:?}"));
        assert_eq!(content(&cluster), self.content, "{when}");
        until("what was left is removed", || {
            clear_left_recoveries(&scratch);
            names(&scratch).len() == 1
        });
        assert!(cluster.data().exists(), "{when}");
        drop(cluster);
        assert_eq!(names(&scratch), Vec::<String>::new(), "{when}");
    }

    /// A folder in which a recovery was killed is refused by the next one, and has something in it that says that it is not
    /// finished; those that were finished are whole.
    fn is_not_taken_for_whole(&self, said: &[String], when: &str) {
        let folder = self.archived.place.folder.path();
        let finished = |name: &str| {
            let round = format!("round {}", name.trim_start_matches(CLUSTER));
            said.iter().any(|line| line.ends_with(&round))
        };
        let mut clusters = names(folder);
        clusters.retain(|name| name.starts_with(CLUSTER));
        for name in clusters {
            let path = folder.join(&name);
            let whole = looks_whole(&path);
            assert!(
                whole || !finished(&name),
                "{when}: {name} {:?}",
                names(&path)
            );
            if whole {
                let state = self.state_of(&path);
                assert!(state.contains("shut down\n"), "{when}: {name}: {state}");
            }
            if !names(&path).is_empty() {
                let refused = recover_to(&self.bank, &path).unwrap_err();
                let BackupError::Continuous { problem, .. } = &refused else {
                    panic!("{when}: {refused:?}")
                };
                assert!(
                    matches!(&**problem, ContinuousProblem::PlaceRefused { why, .. } if why == "it is not empty"),
                    "{when}: {refused:?}"
                );
            }
            remove(&path);
        }
        let again = folder.join(format!("{CLUSTER}again"));
        let cluster = recover_to(&self.bank, &again);
        let cluster = cluster.unwrap_or_else(|error| panic!("{when}: {error:?}"));
        assert_eq!(content(&cluster), self.content, "{when}");
        cluster.stop().unwrap();
        assert!(looks_whole(&again), "{when}: {:?}", names(&again));
        remove(&again);
    }

    /// What PostgreSQL itself says of the state of a cluster.
    fn state_of(&self, cluster: &Path) -> String {
        let program = self.archived.server.program("pg_controldata");
        let output = Command::new(program)
            .arg(cluster)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let state = text
            .split_inclusive('\n')
            .find(|line| line.contains("cluster state"));
        state.unwrap_or(&text).to_owned()
    }

    /// The live database is the one before or the recovered one, and everything beside it is named.
    fn is_the_old_or_the_new(&self, before: &str, from: i64, when: &str) {
        let (bank, folder) = (&self.bank, self.archived.place.folder.path());
        let live = live(bank);
        let found = store_digest(&live).unwrap();
        assert!(
            found == before || found == self.digest,
            "{when}: {found} is neither {before} nor {}",
            self.digest
        );
        let left = beside(bank);
        let named = live.leftovers().unwrap();
        for name in left {
            let is_named = named.iter().any(|named| named.ends_with(&name));
            assert!(is_named, "{when}: nobody names {name}: {named:?}");
        }
        self.clear_vault(when);
        assert_eq!(
            put_in_place(bank, folder, from + 9_000),
            self.digest,
            "{when}"
        );
        assert_eq!(store_digest(&live).unwrap(), self.digest, "{when}");
        assert_eq!(bank.content(), self.content, "{when}");
        assert_eq!(beside(bank), Vec::<String>::new(), "{when}");
        self.clear_vault(when);
        for name in kept(bank) {
            psql(&administration(bank), &format!("DROP DATABASE \"{name}\""));
        }
    }

    /// Backups of recovered databases are whole or known as broken; all of them go.
    fn clear_vault(&self, when: &str) {
        let vault = &self.archived.place.vault;
        for one in vault.list().unwrap() {
            match &one.state {
                BackupState::Complete { .. } => {
                    vault.verify(&one.name).unwrap();
                }
                BackupState::Broken { why } => assert!(why.contains("missing"), "{when}: {why}"),
            }
        }
        // That one was read is noted beside it, so what was listed before has changed.
        for one in vault.list().unwrap() {
            vault.remove(&one).unwrap();
        }
    }
}

/// What restores kept that were killed before anybody could remove it.
fn kept(bank: &Bank) -> Vec<String> {
    let all = "SELECT datname FROM pg_database WHERE datname LIKE 'bank\\_replaced\\_%'";
    let all = psql(&administration(bank), all);
    all.lines().map(str::to_owned).collect()
}

#[test]
fn killed_at_random_moments_a_recovery_leaves_nothing_that_passes_for_whole() {
    let archived = small();
    let stand = Stand::make(&archived);
    let mut chance = Chance::new();
    let first = chance.below(3);
    let kills = rounds(3, 36);
    for kill in 0..kills {
        let doing = [SCRATCH, FOLDER, IN_PLACE][(first + kill) % 3];
        stand.killed(doing, kill, &mut chance);
    }
    stand.bank.assert_whole("at the end");
    println!("{kills} kills");
}
