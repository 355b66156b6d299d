//! A process is killed at any moment of a backup or of a restore in place.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use portcullis_backup::{BackupName, BackupState, Store, StoreKind, Vault, store_digest};

use crate::{Place, at, noise, path_of, request};

pub(crate) const FOLDER_VARIABLE: &str = "PORTCULLIS_TEST_FOLDER";
pub(crate) const FROM_VARIABLE: &str = "PORTCULLIS_TEST_FROM";
const MARK: &str = "round ";

/// Starts a child that repeats something, and kills it after some rounds, in the middle of the
/// next one.
pub(crate) fn run_and_kill(test: &str, folder: &Path, from: i64, rounds: usize) {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER_VARIABLE, folder)
        .env(FROM_VARIABLE, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if line.unwrap().contains(MARK) {
            seen += 1;
            if seen == rounds {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert!(
        seen >= rounds,
        "the child ended by itself after {seen} rounds"
    );
}

pub(crate) fn say_round(round: i64) {
    let mut out = std::io::stdout();
    writeln!(out, "{MARK}{round}").unwrap();
    out.flush().unwrap();
}

fn directory(folder: &Path) -> Store {
    let path = folder.join("photos");
    Store::directory("photos", path)
}

fn file(folder: &Path) -> Store {
    let path = folder.join("library.json");
    Store::file("library", path)
}

fn database(folder: &Path) -> Store {
    let path = folder.join("notes.db");
    Store::sqlite("notes", path)
}

/// Makes the database, or gives it other content.
fn fill_database(folder: &Path, text: &str) -> Store {
    let store = database(folder);
    let connection = rusqlite::Connection::open(store.path().unwrap()).unwrap();
    let statements = format!(
        "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS note (text TEXT); DELETE FROM note;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
         INSERT INTO note SELECT '{text}' || hex(zeroblob(500)) FROM n;"
    );
    connection.execute_batch(&statements).unwrap();
    store
}

#[test]
#[ignore = "the child process of a_killed_backup_leaves_no_half_backup"]
fn child_that_backs_up() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let from: i64 = std::env::var(FROM_VARIABLE).unwrap().parse().unwrap();
    let vault = Vault::open_or_create(&Path::new(&folder).join("vault")).unwrap();
    for second in from.. {
        vault
            .create(
                &request(second),
                &[directory(Path::new(&folder)), database(Path::new(&folder))],
            )
            .unwrap();
        say_round(second);
    }
}

#[test]
fn a_killed_backup_leaves_no_half_backup() {
    let place = Place::new();
    let store = place.directory_store("b");
    fs::write(store.path().unwrap().join("noise"), noise(1_500_000)).unwrap();
    let notes = fill_database(place.folder.path(), "one");
    for kill in 1..=5_u8 {
        let from = i64::from(kill) * 1_000;
        let rounds = usize::from(kill);
        run_and_kill(
            "killed::child_that_backs_up",
            place.folder.path(),
            from,
            rounds,
        );
        let list = place.vault.list().unwrap();
        let mut complete = 0;
        for summary in &list {
            match &summary.state {
                BackupState::Complete { .. } => {
                    place.vault.verify(&summary.name).unwrap();
                    complete += 1;
                }
                // Killed between the names; never taken for a backup.
                BackupState::Broken { why } => assert!(why.contains("missing"), "{why}"),
            }
        }
        assert!(complete >= (1..=usize::from(kill)).sum::<usize>());
        let next = place.back_up(from + 999, &[store.clone(), notes.clone()]);
        place.vault.verify(&next.name).unwrap();
        for leftover in place.vault.leftovers().unwrap() {
            if leftover.is_dir() {
                fs::remove_dir_all(leftover).unwrap();
            } else {
                fs::remove_file(leftover).unwrap();
            }
        }
    }
}

#[test]
#[ignore = "the child process of a_killed_restore_leaves_the_old_or_the_new_data"]
fn child_that_restores() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let from: i64 = std::env::var(FROM_VARIABLE).unwrap().parse().unwrap();
    let folder = Path::new(&folder);
    let vault = Vault::open_or_create(&folder.join("vault")).unwrap();
    for second in from.. {
        let name = BackupName::new("dhash", "production", at(second % 2)).unwrap();
        for store in [directory(folder), file(folder), database(folder)] {
            let replaced = vault.restore_in_place(&name, &store, at(second)).unwrap();
            let kept = path_of(replaced.kept);
            match store.kind() {
                StoreKind::File => fs::remove_file(kept).unwrap(),
                StoreKind::Directory => fs::remove_dir_all(kept).unwrap(),
                StoreKind::Sqlite => {
                    for end in ["", "-wal", "-shm"] {
                        let _ = fs::remove_file(format!("{}{end}", kept.display()));
                    }
                }
                StoreKind::Postgres | StoreKind::Redis => unreachable!("see their own tests"),
            }
        }
        say_round(second);
    }
}

#[test]
fn a_killed_restore_leaves_the_old_or_the_new_data() {
    let place = Place::new();
    let stores = [
        place.directory_store("one"),
        place.file_store("one"),
        fill_database(place.folder.path(), "one"),
    ];
    fs::write(stores[0].path().unwrap().join("noise"), noise(300_000)).unwrap();
    let one = place.back_up(0, &stores);
    place.directory_store("two");
    place.file_store("two");
    fill_database(place.folder.path(), "two");
    let two = place.back_up(1, &stores);
    for kill in 1..=5_u8 {
        let from = i64::from(kill) * 1_000;
        let rounds = usize::from(kill);
        run_and_kill(
            "killed::child_that_restores",
            place.folder.path(),
            from,
            rounds,
        );
        for store in &stores {
            let digest = store_digest(store).unwrap();
            let of = |backup: &portcullis_backup::Backup| {
                backup.manifest.store(&store.name).unwrap().digest.clone()
            };
            assert!(
                digest == of(&one) || digest == of(&two),
                "{} is whole",
                store.name
            );
            let replaced = place
                .vault
                .restore_in_place(&one.name, store, at(from + 999))
                .unwrap();
            assert_eq!(replaced.digest, store_digest(store).unwrap());
        }
    }
}
