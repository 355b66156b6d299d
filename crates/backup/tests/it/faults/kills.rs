//! `kill -9` at random moments of backups, restores in place and removals.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use portcullis_backup::{BackupName, BackupState, Store, Vault, store_digest};

use super::subjects::{Keys, ON_DISK, Objects, Postgres, Subject, of};
use super::{Chance, rounds};
use crate::killed::{FOLDER_VARIABLE, FROM_VARIABLE, say_round};
use crate::postgres_server::PostgresServer;
use crate::{Place, at, request};

const KIND_VARIABLE: &str = "PORTCULLIS_TEST_KIND";
const DOING_VARIABLE: &str = "PORTCULLIS_TEST_DOING";
/// What a child does again and again.
const DOINGS: [&str; 3] = ["back-up", "replace", "remove"];

#[test]
#[ignore = "the child process of the tests below"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let from: i64 = std::env::var(FROM_VARIABLE).unwrap().parse().unwrap();
    let folder = Path::new(&folder);
    let subject = of(&std::env::var(KIND_VARIABLE).unwrap(), folder);
    let vault = Vault::open_or_create(&folder.join("vault")).unwrap();
    let doing = std::env::var(DOING_VARIABLE).unwrap();
    say_round(from);
    for second in from.. {
        match &*doing {
            "back-up" => {
                vault.create(&request(second), &[subject.store()]).unwrap();
            }
            "replace" => {
                let name = name(second % 2);
                let replaced = vault.restore_in_place(&name, &subject.store(), at(second));
                // Nothing is kept where nothing was another.
                if let Some(kept) = replaced.unwrap().kept {
                    subject.forget(&kept);
                }
            }
            _ => {
                let oldest = vault.list().unwrap();
                let oldest = oldest
                    .iter()
                    .rfind(|one| one.name != name(0) && one.name != name(1));
                match oldest {
                    Some(oldest) => vault.remove(oldest).unwrap(),
                    // So that there is always something to do.
                    None => return,
                };
            }
        }
        say_round(second);
    }
}

fn name(second: i64) -> BackupName {
    BackupName::new("dhash", "production", at(second)).unwrap()
}

/// Starts the child and kills it some time after its first rounds.
fn kill_one(folder: &Path, kind: &str, doing: &str, from: i64, after: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "faults::kills::child",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER_VARIABLE, folder)
        .env(FROM_VARIABLE, from.to_string())
        .env(KIND_VARIABLE, kind)
        .env(DOING_VARIABLE, doing)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("round ")),
        "{kind}, {doing}: the child ended by itself"
    );
    // The one pause that is meant: the moment is what is random.
    std::thread::sleep(after);
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    assert!(
        ended.signal() == Some(9) || doing == "remove" && ended.success(),
        "{kind}, {doing}: the child ended by itself: {ended}"
    );
}

/// Everything in the vault belongs to a backup that is listed, or is named as left over.
fn assert_vault(vault: &Vault, when: &str) -> usize {
    let list = vault.list().unwrap();
    let left = vault.leftovers().unwrap();
    for entry in fs::read_dir(vault.root()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        let of_a_backup = list
            .iter()
            .any(|one| file.starts_with(&format!("{}.", one.name)));
        assert!(
            of_a_backup || left.contains(&path),
            "{when}: nobody names {file}"
        );
    }
    let mut whole = 0;
    for one in &list {
        match &one.state {
            BackupState::Complete { .. } => {
                vault.verify(&one.name).unwrap();
                whole += 1;
            }
            BackupState::Broken { why } => {
                assert!(why.contains("missing"), "{when}: {why}");
                vault.remove(one).unwrap();
            }
        }
    }
    for path in left {
        let _ = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
    }
    whole
}

/// What a store may hold after a restore was cut off.
struct Contents {
    digests: Vec<String>,
    things: Vec<BTreeMap<String, String>>,
}

impl Contents {
    /// Whether each thing is as it is in one of the contents, and none is missing that all of them have.
    fn has_mixed(&self, found: &BTreeMap<String, String>) -> bool {
        let known = |name: &String, thing: &String| {
            let mut all = self.things.iter();
            all.any(|content| content.get(name) == Some(thing))
        };
        let in_all = |name: &&String| {
            let mut all = self.things.iter();
            all.all(|content| content.contains_key(*name))
        };
        let mut always = self.things[0].keys().filter(in_all);
        found.iter().all(|(name, thing)| known(name, thing))
            && always.all(|name| found.contains_key(name))
    }
}

/// The store has one of its contents, and everything beside it is named.
fn assert_store(subject: &dyn Subject, contents: &Contents, doing: &str, when: &str) {
    let store = subject.store();
    let digests = &contents.digests;
    let found = store_digest(&store).unwrap();
    match subject.things() {
        Some(things) if doing == "replace" => {
            assert!(contents.has_mixed(&things), "{when}: {things:?}");
        }
        _ => assert!(
            digests.contains(&found),
            "{when}: {found} is none of {digests:?}"
        ),
    }
    // What a server goes on to make after its client was killed may come between the two.
    let around = subject.around();
    let named = store.leftovers().unwrap();
    for beside in around {
        let is_named = named.iter().any(|named| named.ends_with(&beside));
        assert!(
            is_named,
            "{when}: nobody names {beside}; named are {named:?}"
        );
    }
}

fn killed(kind: &str, place: &Place, subject: &dyn Subject, kills: usize) {
    let store = subject.store();
    let mut contents = Contents {
        digests: Vec::new(),
        things: Vec::new(),
    };
    for second in [0, 1] {
        subject.fill(second);
        let made = place.back_up(i64::from(second), std::slice::from_ref(&store));
        let digest = &made.manifest.stores[0].digest;
        contents.digests.push(digest.clone());
        contents.things.extend(subject.things());
    }
    let mut chance = Chance::new();
    let first = chance.below(DOINGS.len());
    for kill in 0..kills {
        let doing = DOINGS[(first + kill) % DOINGS.len()];
        let from = 10_000 * (1 + i64::try_from(kill).unwrap());
        if doing == "remove" {
            for second in 0..subject.removable() {
                place.back_up(from - 1_000 + second, std::slice::from_ref(&store));
            }
        }
        let after = Duration::from_micros(chance.below(subject.round_ms() * 1_000) as u64);
        let when = format!("{kind}, {doing}, kill {kill} after {after:?}");
        kill_one(place.folder.path(), kind, doing, from, after);
        assert_store(subject, &contents, doing, &when);
        assert!(assert_vault(&place.vault, &when) >= 2, "{when}");
        // The next ones work.
        let next = place.back_up(from + 9_000, std::slice::from_ref(&store));
        let replaced = place
            .vault
            .restore_in_place(&next.name, &store, at(from + 9_001));
        let replaced = replaced.unwrap_or_else(|error| panic!("{when}: {error}"));
        assert_eq!(replaced.digest, store_digest(&store).unwrap(), "{when}");
        if let Some(kept) = &replaced.kept {
            subject.forget(kept);
        }
        assert_eq!(subject.around(), Vec::<String>::new(), "{when}");
        // What follows begins with one of the two again.
        let again = place
            .vault
            .restore_in_place(&name(0), &store, at(from + 9_002));
        if let Some(kept) = &again.unwrap().kept {
            subject.forget(kept);
        }
        clear(&place.vault);
    }
    println!("{kind}: {kills} kills");
}

/// Leaves the first two backups.
fn clear(vault: &Vault) {
    for one in vault.list().unwrap() {
        if one.name != name(0) && one.name != name(1) {
            vault.remove(&one).unwrap();
        }
    }
}

fn killed_on_disk(kind: &str) {
    let place = Place::new();
    let subject = of(kind, place.folder.path());
    killed(kind, &place, &*subject, rounds(3, 27));
}

#[test]
fn killed_at_random_moments_a_file_and_its_backups_are_whole() {
    killed_on_disk("file");
}

#[test]
fn killed_at_random_moments_a_directory_and_its_backups_are_whole() {
    killed_on_disk("directory");
}

#[test]
fn killed_at_random_moments_an_sqlite_database_and_its_backups_are_whole() {
    killed_on_disk("sqlite");
}

#[test]
fn killed_at_random_moments_a_postgresql_database_and_its_backups_are_whole() {
    let server = PostgresServer::start();
    let place = Place::new();
    let subject = Postgres::make(&server, place.folder.path());
    killed("postgres", &place, &*subject, rounds(1, 21));
}

#[test]
fn killed_at_random_moments_a_chroma_database_and_its_backups_are_whole() {
    killed_on_disk("chroma");
}

#[test]
fn killed_at_random_moments_a_redis_database_and_its_backups_are_whole() {
    let server = Keys::start();
    let place = Place::new();
    let subject = server.make(place.folder.path());
    killed("redis", &place, &*subject, rounds(3, 27));
}

#[test]
fn killed_at_random_moments_the_objects_of_a_bucket_and_their_backups_are_whole() {
    let server = Objects::start();
    let place = Place::new();
    let subject = server.make(place.folder.path());
    killed("bucket", &place, &*subject, rounds(3, 27));
}

#[test]
fn killed_at_random_moments_what_a_tool_has_and_its_backups_are_whole() {
    killed_on_disk("command");
}

/// The names of stores that a test knows are those that a child makes.
#[test]
fn a_child_makes_the_same_stores() {
    let place = Place::new();
    let stores: Vec<Store> = super::subjects::on_disk(place.folder.path())
        .iter()
        .map(|subject| subject.store())
        .collect();
    for (kind, store) in ON_DISK.iter().zip(stores) {
        assert_eq!(of(kind, place.folder.path()).store().path(), store.path());
    }
}
