//! Stores that change while they are read.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use portcullis_backup::{BackupError, Store, store_digest};

use crate::{Place, names, noise, request};

/// Runs `act` again and again beside `body`, beginning before it and ending after it.
fn meanwhile<T>(mut act: impl FnMut(u64) + Send, body: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    let (started, wait) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                act(round);
                if round == 0 {
                    started.send(()).unwrap();
                }
                round += 1;
            }
        });
        wait.recv().unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        stop.store(true, Ordering::Relaxed);
        result.unwrap()
    })
}

/// How often it is tried to meet the writer at each of three attempts in a row. The reader takes
/// long and the writer writes all the time, so the first time is nearly always enough.
const TRIES_MAX: i64 = 50;

#[test]
fn a_file_that_is_written_in_place_is_named_after_three_attempts() {
    let place = Place::new();
    let photos = place.directory_store("b");
    let grows = photos.path().unwrap().join("2026/grows");
    fs::write(&grows, noise(4_000_000)).unwrap();
    let mut writer = File::options().append(true).open(&grows).unwrap();
    let single = Store::file("grows", grows.clone());
    let is_named = |error: &BackupError| match error {
        BackupError::StoreChanged {
            path, attempts: 3, ..
        } => path == &grows,
        other => panic!("{other:?}"),
    };
    meanwhile(
        |_| writer.write_all(b"x").unwrap(),
        || {
            for store in [photos, single] {
                let stores = std::slice::from_ref(&store);
                let create = |second| place.vault.create(&request(second), stores).err();
                assert!(
                    (0..TRIES_MAX)
                        .filter_map(create)
                        .any(|error| is_named(&error))
                );
                let digest = |_| store_digest(&store).err();
                assert!(
                    (0..TRIES_MAX)
                        .filter_map(digest)
                        .any(|error| is_named(&error))
                );
                clear(&place);
            }
        },
    );
}

/// Removes complete backups and makes sure that nothing else is in the vault.
fn clear(place: &Place) {
    for summary in place.vault.list().unwrap() {
        place.vault.remove(&summary).unwrap();
    }
    assert!(
        names(place.vault.root()).is_empty(),
        "no half backup is left"
    );
}

/// A program that replaces its file by renaming is backed up at any time, whole.
#[test]
fn a_file_that_is_replaced_by_renaming_is_read_whole() {
    let place = Place::new();
    let content = |round: u64| format!("{:020}", round % 10).repeat(20_000);
    let store = place.file_store(&content(0));
    let (path, next) = (
        store.path().unwrap().to_owned(),
        place.path("library.json.next"),
    );
    meanwhile(
        |round| {
            fs::write(&next, content(round)).unwrap();
            fs::rename(&next, &path).unwrap();
        },
        || {
            for second in 0..15 {
                let backup = place.back_up(second, std::slice::from_ref(&store));
                let copy = place.path(&format!("copy-{second}"));
                place.vault.restore(&backup.name, "library", &copy).unwrap();
                let copy = fs::read_to_string(copy).unwrap();
                assert!((0..10).any(|round| copy == content(round)));
            }
        },
    );
}

#[test]
fn a_directory_that_changes_between_files_is_backed_up_and_not_steady() {
    let place = Place::new();
    let store = place.directory_store("b");
    for number in 0..200 {
        fs::write(
            store.path().unwrap().join(format!("{number}")),
            noise(20_000),
        )
        .unwrap();
    }
    let folder = store.path().unwrap().to_owned();
    let toggle = move |round: u64| {
        let path = folder.join(format!("zz-{}", round % 7));
        if path.exists() {
            fs::remove_file(path).unwrap()
        } else {
            fs::write(path, "").unwrap()
        }
    };
    let backup = meanwhile(toggle, || {
        let back_up = |second| place.back_up(second, std::slice::from_ref(&store));
        (0..TRIES_MAX)
            .map(back_up)
            .find(|backup| !backup.manifest.stores[0].steady)
            .unwrap()
    });
    place.vault.verify(&backup.name).unwrap();
    place
        .vault
        .restore(&backup.name, "photos", &place.path("copy"))
        .unwrap();

    let quiet = place.back_up(TRIES_MAX, &[store]);
    assert!(quiet.manifest.stores[0].steady);
    assert!(Path::new(&quiet.archive).exists());
}

/// A database and its log are each whole, and of two moments: that is no backup. The log is read last, and begun anew in between.
#[test]
fn a_database_in_a_folder_is_never_put_together_from_two_moments() {
    use rusqlite::Connection;
    let place = crate::Place::new();
    let folder = place.path("data");
    std::fs::create_dir(&folder).unwrap();
    let open = || {
        let database = Connection::open(folder.join("notes.db")).unwrap();
        database.pragma_update(None, "journal_mode", "wal").unwrap();
        database
            .pragma_update(None, "wal_autocheckpoint", 0)
            .unwrap();
        database
    };
    let database = open();
    database
        .execute_batch("CREATE TABLE n (v int); INSERT INTO n VALUES (1), (1)")
        .unwrap();
    // What is read between the database and its log.
    std::fs::write(folder.join("notes.db-between"), vec![7; 64 << 20]).unwrap();
    let store = portcullis_backup::Store::directory("data", folder.clone());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let (stop, folder) = (&stop, &folder);
        scope.spawn(move || {
            let writer = Connection::open(folder.join("notes.db")).unwrap();
            for value in 2.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                // Both rows always say the same; the log is moved over and begun anew between them.
                let change = format!(
                    "BEGIN; UPDATE n SET v = {value}; COMMIT; PRAGMA wal_checkpoint(restart);"
                );
                writer.execute_batch(&change).unwrap();
            }
        });
        let rounds = (0..3).map(|second| {
            place
                .vault
                .create(&crate::request(second), std::slice::from_ref(&store))
        });
        let rounds: Vec<_> = rounds.collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        rounds
    });
    for made in rounds {
        match made {
            Err(error) => assert!(error.to_string().contains("of kind \"sqlite\""), "{error}"),
            Ok(backup) => {
                let to = place.path(backup.name.as_str());
                place.vault.restore(&backup.name, "data", &to).unwrap();
                let copy = Connection::open(to.join("notes.db")).unwrap();
                let same: i64 = copy
                    .query_row("SELECT count(DISTINCT v) FROM n", [], |row| row.get(0))
                    .unwrap();
                assert_eq!(same, 1);
            }
        }
    }
    // Once nobody writes, it can be backed up.
    place.vault.create(&crate::request(9), &[store]).unwrap();
    drop(database);
}
