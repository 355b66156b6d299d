//! SQLite databases: copied while they are written to, and put back.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use portcullis_backup::{BackupError, Store, StoreKind, store_digest};
use rusqlite::Connection;

use crate::{Place, at, flip, names, path_of};

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_secs(60))
        .unwrap();
    connection
}

fn number(connection: &Connection, query: &str) -> i64 {
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

/// A database with some notes.
fn notes(place: &Place, mode: &str) -> Store {
    let path = place.path("notes.db");
    let connection = open(&path);
    let made = format!(
        "PRAGMA journal_mode = {mode}; CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
         INSERT INTO note (text) VALUES ('one'), ('two'), ('three');"
    );
    connection.execute_batch(&made).unwrap();
    Store::sqlite("notes", path)
}

/// Several writers, each of which notes what was committed; in each transaction as much is taken from one
/// account as is given to another.
struct Writers {
    /// Set by hand, and by a panic of the test.
    stop: AtomicBool,
    committed: [AtomicU64; 4],
}

struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Writers {
    fn write(&self, writer: usize, path: &Path) {
        let connection = open(path);
        let mut done = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let amount = done % 97;
            let (from, to) = (done % 8, (done + 3) % 8);
            let batch = format!(
                "BEGIN IMMEDIATE;
                 UPDATE account SET balance = balance - {amount} WHERE id = {from};
                 INSERT INTO entry VALUES ({writer}, {done}, hex(randomblob(200)));
                 UPDATE account SET balance = balance + {amount} WHERE id = {to};
                 COMMIT;"
            );
            // Whoever holds the lock for longer than is waited for is not at fault here.
            if connection.execute_batch(&batch).is_err() {
                let _ = connection.execute_batch("ROLLBACK");
                continue;
            }
            done += 1;
            // Without a log only one may write at a time, and SQLite gives nobody a turn.
            thread::sleep(std::time::Duration::from_millis(2));
            self.committed[writer].store(done, Ordering::SeqCst);
        }
    }

    fn committed(&self) -> [u64; 4] {
        std::array::from_fn(|writer| self.committed[writer].load(Ordering::SeqCst))
    }
}

/// What was committed before a backup began is in it, and of what came later each transaction is in it whole
/// or not at all.
fn under_load(mode: &str) {
    let place = Place::new();
    let path = place.path("bank.db");
    let made = format!(
        "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
         CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
         CREATE TABLE entry (writer INTEGER, number INTEGER, text TEXT, PRIMARY KEY (writer, number));
         CREATE TABLE ballast (text TEXT);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
         INSERT INTO ballast SELECT hex(randomblob(1000)) FROM n;
         INSERT INTO account VALUES (0,0),(1,0),(2,0),(3,0),(4,0),(5,0),(6,0),(7,0);"
    );
    open(&path).execute_batch(&made).unwrap();
    let store = Store::sqlite("bank", path.clone());
    let writers = Writers {
        stop: AtomicBool::new(false),
        committed: Default::default(),
    };
    thread::scope(|scope| {
        let _stopping = Stopping(&writers.stop);
        for writer in 0..4 {
            let (writers, path) = (&writers, &path);
            scope.spawn(move || writers.write(writer, path));
        }
        while writers.committed().iter().any(|committed| *committed < 5) {
            thread::yield_now();
        }
        for round in 0..3 {
            let before = writers.committed();
            let backup = place.back_up(round, std::slice::from_ref(&store));
            let after = writers.committed();
            place.vault.verify(&backup.name).unwrap();
            let copy = place.path(&format!("copy-{round}"));
            place.vault.restore(&backup.name, "bank", &copy).unwrap();
            let copied = open(&copy);
            assert_eq!(number(&copied, "SELECT sum(balance) FROM account"), 0);
            for (writer, before) in before.into_iter().enumerate() {
                let count = number(
                    &copied,
                    &format!("SELECT count(*) FROM entry WHERE writer = {writer}"),
                );
                let last = number(
                    &copied,
                    &format!("SELECT max(number) FROM entry WHERE writer = {writer}"),
                );
                assert_eq!(count, last + 1, "writer {writer} has a hole");
                assert!(
                    count as u64 >= before,
                    "{mode}: {count} of {before} commits of {writer}"
                );
                assert!(
                    count as u64 <= after[writer] + 1,
                    "{mode}: {count} of {writer}"
                );
            }
            let content = backup.manifest.stores[0].sqlite.as_ref().unwrap();
            let entries = content
                .tables
                .iter()
                .find(|table| table.name == "entry")
                .unwrap();
            assert_eq!(
                entries.rows as i64,
                number(&copied, "SELECT count(*) FROM entry")
            );
            assert_eq!(content.foreign_key_violations, 0);
            assert_eq!(
                store_digest(&store.moved_to(copy)).unwrap(),
                backup.manifest.stores[0].digest
            );
        }
    });
    assert_eq!(place.vault.leftovers().unwrap(), Vec::<PathBuf>::new());
}

#[test]
fn a_database_with_a_log_is_copied_while_it_is_written_to() {
    under_load("WAL");
}

#[test]
fn a_database_without_a_log_is_copied_while_it_is_written_to() {
    under_load("DELETE");
}

#[test]
fn what_is_only_in_the_log_is_in_the_backup() {
    let place = Place::new();
    let store = notes(&place, "WAL");
    let connection = open(store.path().unwrap());
    connection
        .execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO note (text) VALUES ('four')")
        .unwrap();
    let backup = place.back_up(0, std::slice::from_ref(&store));
    let entry = &backup.manifest.stores[0];
    assert_eq!(
        (entry.kind, entry.files.len(), entry.steady),
        (StoreKind::Sqlite, 1, true)
    );
    assert_eq!(entry.digest, store_digest(&store).unwrap());
    assert_eq!(entry.sqlite.as_ref().unwrap().tables[0].rows, 4);
    let copy = place.path("copy.db");
    let restored = place.vault.restore(&backup.name, "notes", &copy).unwrap();
    assert_eq!(restored.digest, entry.digest);
    // A log that lies there already would be taken for the copy's.
    fs::write(place.path("other.db-wal"), "a log").unwrap();
    let error = place
        .vault
        .restore(&backup.name, "notes", &place.path("other.db"))
        .unwrap_err();
    assert!(matches!(error, BackupError::TargetExists { .. }), "{error}");
    assert!(!place.path("other.db").exists());
    let copied = open(&copy);
    assert_eq!(number(&copied, "SELECT count(*) FROM note"), 4);
    let mode: String = copied
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal", "as the application set it");
    let size = store.size().unwrap();
    assert!(
        size.bytes > fs::metadata(store.path().unwrap()).unwrap().len(),
        "the log counts too"
    );
}

/// A program that was killed in the middle of a transaction leaves a journal with which its changes are undone.
#[test]
fn a_transaction_that_was_cut_off_is_not_in_the_backup() {
    let place = Place::new();
    let store = notes(&place, "DELETE");
    let connection = open(store.path().unwrap());
    connection
        .execute_batch(
            "PRAGMA cache_size = 2; BEGIN; UPDATE note SET text = 'half';
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
             INSERT INTO note (text) SELECT hex(randomblob(500)) FROM n;",
        )
        .unwrap();
    // What the disk has now is what a killed program leaves.
    let killed = place.path("killed.db");
    fs::copy(
        place.path("notes.db-journal"),
        place.path("killed.db-journal"),
    )
    .unwrap();
    fs::copy(store.path().unwrap(), &killed).unwrap();
    drop(connection);
    assert!(
        fs::metadata(&killed).unwrap().len() > 100_000,
        "it was written half"
    );
    let killed = Store::sqlite("notes", killed);
    let backup = place.back_up(0, std::slice::from_ref(&killed));
    place
        .vault
        .restore(&backup.name, "notes", &place.path("copy"))
        .unwrap();
    let copied = open(&place.path("copy"));
    assert_eq!(
        number(&copied, "SELECT count(*) FROM note WHERE text <> 'half'"),
        3
    );
}

#[test]
fn the_old_database_comes_back_and_the_replaced_one_is_kept_with_its_log() {
    for mode in ["WAL", "DELETE"] {
        let place = Place::new();
        let store = notes(&place, mode);
        let digest = store_digest(&store).unwrap();
        let backup = place.back_up(0, std::slice::from_ref(&store));
        // A bad release changes data, and its last changes are in the log only when it is killed.
        let path = store.path().unwrap().to_owned();
        let bad = open(&path);
        bad.execute_batch(
            "PRAGMA wal_autocheckpoint = 0; DELETE FROM note WHERE id = 1; PRAGMA user_version = 2",
        )
        .unwrap();
        let (live, log) = (
            fs::read(&path).unwrap(),
            fs::read(place.path("notes.db-wal")).ok(),
        );
        drop(bad);
        fs::write(&path, live).unwrap();
        log.iter()
            .for_each(|log| fs::write(place.path("notes.db-wal"), log).unwrap());

        let replaced = place
            .vault
            .restore_in_place(&backup.name, &store, at(60))
            .unwrap();
        assert!(
            !place.path("notes.db-wal").exists(),
            "the old log was not left behind"
        );
        assert_eq!(replaced.digest, digest);
        assert_eq!(store_digest(&store).unwrap(), digest);
        let kept = path_of(replaced.kept.clone());
        assert_eq!(number(&open(&kept), "SELECT count(*) FROM note"), 2);
        assert_eq!(number(&open(&kept), "PRAGMA user_version"), 2);
        assert_eq!(number(&open(&path), "SELECT count(*) FROM note"), 3);
        // Once more with the same time: it is done.
        let again = place
            .vault
            .restore_in_place(&backup.name, &store, at(60))
            .unwrap();
        assert_eq!(again, replaced);
        assert_eq!(number(&open(&path), "SELECT count(*) FROM note"), 3);
    }
}

/// The log of the old database must never be taken for that of the restored one.
#[test]
fn a_damaged_database_is_replaced_and_kept_with_all_that_lies_beside_it() {
    let place = Place::new();
    let store = notes(&place, "WAL");
    let digest = store_digest(&store).unwrap();
    let backup = place.back_up(0, std::slice::from_ref(&store));
    fs::write(store.path().unwrap(), "no database any more").unwrap();
    fs::write(place.path("notes.db-wal"), "its log").unwrap();
    fs::write(place.path("notes.db-journal"), "its journal").unwrap();
    let replaced = place
        .vault
        .restore_in_place(&backup.name, &store, at(60))
        .unwrap();
    let kept = path_of(replaced.kept);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "no database any more");
    let beside = |suffix: &str| fs::read_to_string(format!("{}{suffix}", kept.display())).unwrap();
    assert_eq!(
        (beside("-wal"), beside("-journal")),
        ("its log".to_owned(), "its journal".to_owned())
    );
    assert!(!place.path("notes.db-journal").exists() && !place.path("notes.db-wal").exists());
    assert_eq!(store_digest(&store).unwrap(), digest);

    // And one that is gone comes back, too, whatever log it left.
    fs::remove_file(store.path().unwrap()).unwrap();
    fs::write(place.path("notes.db-wal"), "its log").unwrap();
    let replaced = place
        .vault
        .restore_in_place(&backup.name, &store, at(61))
        .unwrap();
    assert_eq!(replaced.kept, None);
    assert_eq!(store_digest(&store).unwrap(), digest);
}

#[test]
fn a_database_that_a_program_has_open_is_not_replaced() {
    let place = Place::new();
    let store = notes(&place, "WAL");
    let backup = place.back_up(0, std::slice::from_ref(&store));
    open(store.path().unwrap())
        .execute_batch("DELETE FROM note")
        .unwrap();
    let spoiled = store_digest(&store).unwrap();
    let mut program = Command::new("sh")
        .args(["-c", "exec 3<\"$0\"; echo open; read _"])
        .arg(store.path().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let error = place
        .vault
        .restore_in_place(&backup.name, &store, at(60))
        .unwrap_err();
    let named = format!("sh (process {})", program.id());
    assert!(matches!(error, BackupError::StoreInUse { .. }), "{error}");
    assert!(error.to_string().contains(&named), "{error}");
    assert_eq!(store_digest(&store).unwrap(), spoiled, "nothing was done");
    drop(program.stdin.take());
    program.wait().unwrap();

    // One that cannot be seen, but holds a lock.
    let writer = open(store.path().unwrap());
    writer
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO note (text) VALUES ('x')")
        .unwrap();
    let error = place
        .vault
        .restore_in_place(&backup.name, &store, at(60))
        .unwrap_err();
    assert!(matches!(error, BackupError::StoreInUse { .. }), "{error}");
    writer.execute_batch("ROLLBACK").unwrap();
    drop(writer);
    assert_eq!(store_digest(&store).unwrap(), spoiled, "nothing was done");
    place
        .vault
        .restore_in_place(&backup.name, &store, at(60))
        .unwrap();
    assert_eq!(
        number(&open(store.path().unwrap()), "SELECT count(*) FROM note"),
        3
    );
    let left: Vec<String> = names(place.folder.path());
    assert!(
        !left.iter().any(|name| name.starts_with(".portcullis")),
        "{left:?}"
    );
}

#[test]
fn a_damaged_database_is_no_backup() {
    let place = Place::new();
    let store = notes(&place, "DELETE");
    open(store.path().unwrap())
        .execute_batch(
            "CREATE INDEX by_text ON note (text);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
             INSERT INTO note (text) SELECT hex(randomblob(50)) FROM n;",
        )
        .unwrap();
    let good = fs::read(store.path().unwrap()).unwrap();
    let mut found = 0;
    for page in 2..12 {
        let mut bad = good.clone();
        bad[page * 4096 + 1..page * 4096 + 9].fill(0xee);
        fs::write(store.path().unwrap(), bad).unwrap();
        let error = place
            .vault
            .create(&crate::request(0), std::slice::from_ref(&store))
            .unwrap_err();
        assert!(
            matches!(error, BackupError::DatabaseDamaged { .. }),
            "page {page}: {error}"
        );
        assert!(error.to_string().contains(".recover"), "{error}");
        found += 1;
    }
    assert_eq!(found, 10);
    assert!(
        names(&place.path("vault")).is_empty(),
        "nothing is left of them"
    );
}

#[test]
fn what_is_no_database_is_refused() {
    let place = Place::new();
    fs::write(
        place.path("text"),
        "no database at all, and long enough to have a header. ".repeat(4),
    )
    .unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    let notes = notes(&place, "WAL");
    std::os::unix::fs::symlink(notes.path().unwrap(), place.path("link")).unwrap();
    for (name, words) in [
        ("text", "it is not an SQLite database"),
        ("folder", "expected a file"),
        ("link", "name what it points to"),
        ("missing", "it does not exist"),
    ] {
        let store = Store::sqlite("notes", place.path(name));
        for error in [
            place
                .vault
                .space(std::slice::from_ref(&store))
                .map(drop)
                .unwrap_err(),
            place
                .vault
                .create(&crate::request(0), std::slice::from_ref(&store))
                .map(drop)
                .unwrap_err(),
            store_digest(&store).map(drop).unwrap_err(),
        ] {
            assert!(
                matches!(error, BackupError::StoreRefused { .. }),
                "{name}: {error:?}"
            );
            assert!(error.to_string().contains(words), "{name}: {error}");
        }
        assert!(!place.path("missing").exists(), "it must not be made");
    }
    let backup = place.back_up(0, std::slice::from_ref(&notes));
    let as_file = Store::file("notes", notes.path().unwrap().to_owned());
    let error = place
        .vault
        .restore_in_place(&backup.name, &as_file, at(60))
        .unwrap_err();
    assert!(matches!(error, BackupError::KindDiffers { .. }), "{error}");
    assert!(error.to_string().contains("sqlite database"), "{error}");
}

#[test]
fn damage_of_the_backup_of_a_database_is_found() {
    let place = Place::new();
    let store = notes(&place, "WAL");
    let backup = place.back_up(0, std::slice::from_ref(&store));
    let good = fs::read(&backup.archive).unwrap();
    for part in 0..40 {
        flip(&backup.archive, part * (good.len() - 1) / 39);
        let error = place.vault.verify(&backup.name).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
        fs::write(&backup.archive, &good).unwrap();
    }
    // A manifest that says other things of the database is not believed, even with the right sums.
    let manifest = place.path(&format!("vault/{}.manifest.json", backup.name));
    let text = fs::read_to_string(&manifest).unwrap();
    for (from, to) in [
        ("\"rows\": 3", "\"rows\": 4"),
        ("\"kind\": \"sqlite\"", "\"kind\": \"file\""),
    ] {
        assert!(text.contains(from));
        fs::write(&manifest, text.replace(from, to)).unwrap();
        let error = place.vault.verify(&backup.name).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
    }
    fs::write(&manifest, &text).unwrap();
    place.vault.verify(&backup.name).unwrap();
}

#[test]
fn a_backup_may_need_room_for_the_copy_of_a_database_and_for_the_archive() {
    let place = Place::new();
    let store = notes(&place, "DELETE");
    let bytes = store.size().unwrap().bytes;
    let needed = place
        .vault
        .space(std::slice::from_ref(&store))
        .unwrap()
        .needed_bytes;
    assert!(needed >= 2 * bytes, "{needed} for {bytes}");
}
