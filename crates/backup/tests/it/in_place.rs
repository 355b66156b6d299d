//! Restoring in place: never a moment without the store, and the replaced data kept.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use portcullis_backup::{BackupError, Kept, Store, StoreKind, store_digest};

use crate::{Place, at, look, names, path_of};

fn kept_path(store: &Store) -> PathBuf {
    let name = store.path().unwrap().file_name().unwrap().to_str().unwrap();
    store
        .path()
        .unwrap()
        .with_file_name(format!("{name}.replaced-20261121T010100.123Z"))
}

fn stores(place: &Place) -> [Store; 2] {
    [place.file_store("old"), place.directory_store("old")]
}

/// Changes the store's content by writing in place, as a bad release would.
fn spoil(store: &Store) {
    match store.kind() {
        StoreKind::File => fs::write(store.path().unwrap(), "spoiled by the bad release").unwrap(),
        _ => {
            fs::write(store.path().unwrap().join("index"), "spoiled").unwrap();
            fs::remove_file(store.path().unwrap().join("2026/a.txt")).unwrap();
            fs::write(store.path().unwrap().join("added"), "new").unwrap();
        }
    }
}

#[test]
fn the_data_comes_back_and_what_it_replaced_is_kept() {
    for index in 0..2 {
        let place = Place::new();
        let store = stores(&place)[index].clone();
        let good = look(store.path().unwrap());
        let digest = store_digest(&store).unwrap();
        let backup = place.back_up(0, std::slice::from_ref(&store));
        spoil(&store);
        let spoiled = look(store.path().unwrap());
        let replaced = place
            .vault
            .restore_in_place(&backup.name, &store, at(60))
            .unwrap();
        assert_eq!(replaced.digest, digest);
        assert_eq!(replaced.kept, Some(Kept::Path(kept_path(&store))));
        assert_eq!(replaced.owners_not_set, 0);
        assert_eq!(look(store.path().unwrap()), good);
        assert_eq!(store_digest(&store).unwrap(), digest);
        assert_eq!(look(&kept_path(&store)), spoiled);

        // Calling again with the same time does nothing.
        let before = look(place.folder.path());
        let again = place
            .vault
            .restore_in_place(&backup.name, &store, at(60))
            .unwrap();
        assert_eq!(again, replaced);
        assert_eq!(look(place.folder.path()), before);

        // And the kept data can be used like any other: a way back.
        let kept = store.moved_to(kept_path(&store));
        let way_back = place.back_up(61, &[kept]);
        assert_ne!(way_back.manifest.stores[0].digest, digest);
    }
}

/// A reader opens and reads all the time, and sees the one content or the other, whole.
#[test]
fn a_reader_never_sees_it_missing_or_partial() {
    for index in 0..2 {
        let place = Place::new();
        let store = stores(&place)[index].clone();
        let probe = match store.kind() {
            StoreKind::File => store.path().unwrap().to_owned(),
            _ => store.path().unwrap().join("index"),
        };
        let contents = ["one".repeat(30_000), "two".repeat(40_000)];
        let backups = [0, 1].map(|round| {
            fs::write(&probe, &contents[round]).unwrap();
            let second = i64::try_from(round).unwrap();
            place.back_up(second, std::slice::from_ref(&store))
        });
        let stop = AtomicBool::new(false);
        let reads = AtomicU64::new(0);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let found = fs::read_to_string(&probe).expect("the store is always there");
                    assert!(contents.contains(&found), "{} bytes", found.len());
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
            for round in 0..30 {
                let name = &backups[round % 2].name;
                let now = at(60 + i64::try_from(round).unwrap());
                place.vault.restore_in_place(name, &store, now).unwrap();
                assert_eq!(fs::read_to_string(&probe).unwrap(), contents[round % 2]);
                if reader.is_finished() {
                    break;
                }
            }
            stop.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
        assert!(reads.load(Ordering::Relaxed) > 30);
        let kept = names(place.folder.path());
        assert_eq!(
            kept.iter()
                .filter(|name| name.contains(".replaced-"))
                .count(),
            30
        );
        assert!(
            !kept.iter().any(|name| name.starts_with(".portcullis")),
            "{kept:?}"
        );
    }
}

#[test]
fn a_store_that_is_gone_comes_back_too() {
    for index in 0..2 {
        let place = Place::new();
        let store = stores(&place)[index].clone();
        let good = look(store.path().unwrap());
        let backup = place.back_up(0, std::slice::from_ref(&store));
        match store.kind() {
            StoreKind::File => fs::remove_file(store.path().unwrap()).unwrap(),
            _ => fs::remove_dir_all(store.path().unwrap()).unwrap(),
        }
        let replaced = place
            .vault
            .restore_in_place(&backup.name, &store, at(60))
            .unwrap();
        assert_eq!(replaced.kept, None);
        assert_eq!(look(store.path().unwrap()), good);
    }
}

/// On a new machine not even the folder of the store is there.
#[test]
fn folders_above_a_store_that_are_missing_are_made_and_go_again_if_nothing_comes_into_them() {
    let place = Place::new();
    let (outer, inner) = (place.path("data"), place.path("data/shop"));
    let path = inner.join("library.json");
    fs::create_dir_all(&inner).unwrap();
    let open = fs::metadata(&inner).unwrap().permissions().mode();
    fs::write(&path, "good").unwrap();
    let store = Store::file("library", path.clone());
    let backup = place.back_up(0, std::slice::from_ref(&store));
    let restore = |second| {
        place
            .vault
            .restore_in_place(&backup.name, &store, at(second))
    };
    fs::remove_dir_all(&outer).unwrap();
    let replaced = restore(60).unwrap();
    assert_eq!(replaced.folders_made, [outer.clone(), inner.clone()]);
    assert_eq!(replaced.kept, None);
    assert_eq!(fs::read_to_string(&path).unwrap(), "good");
    assert_eq!(names(&inner), ["library.json"]);
    for folder in [&outer, &inner] {
        let mode = fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, open & 0o755);
    }
    // Those that are there are not made.
    assert_eq!(restore(61).unwrap().folders_made, Vec::<PathBuf>::new());
    // Of a backup that is no good nothing stays.
    fs::remove_dir_all(&outer).unwrap();
    crate::flip(&backup.archive, 60);
    let error = restore(62).unwrap_err();
    assert!(matches!(error, BackupError::Damaged { .. }), "{error:?}");
    assert!(!outer.exists());
}

/// Every state that a crash can leave is completed by a second call with the same time.
#[test]
fn an_interrupted_restore_is_completed_by_the_next_call() {
    let complete = |place: &Place, store: &Store, name, good: &_, spoiled: &_| {
        let replaced = place.vault.restore_in_place(name, store, at(60)).unwrap();
        assert_eq!(replaced.kept, Some(Kept::Path(kept_path(store))));
        assert_eq!(&look(store.path().unwrap()), good);
        assert_eq!(&look(&kept_path(store)), spoiled);
    };
    // A file whose old data has both names already.
    let place = Place::new();
    let store = place.file_store("old");
    let good = look(store.path().unwrap());
    let backup = place.back_up(0, std::slice::from_ref(&store));
    spoil(&store);
    let spoiled = look(store.path().unwrap());
    fs::hard_link(store.path().unwrap(), kept_path(&store)).unwrap();
    complete(&place, &store, &backup.name, &good, &spoiled);

    // A directory whose new data waits under the kept name.
    let place = Place::new();
    let store = place.directory_store("old");
    let good = look(store.path().unwrap());
    let backup = place.back_up(0, std::slice::from_ref(&store));
    spoil(&store);
    let spoiled = look(store.path().unwrap());
    place
        .vault
        .restore(&backup.name, "photos", &kept_path(&store))
        .unwrap();
    complete(&place, &store, &backup.name, &good, &spoiled);

    // Between two renames, on a file system that cannot exchange names.
    let place = Place::new();
    let store = place.directory_store("old");
    let good = look(store.path().unwrap());
    let backup = place.back_up(0, std::slice::from_ref(&store));
    spoil(&store);
    let spoiled = look(store.path().unwrap());
    fs::rename(store.path().unwrap(), kept_path(&store)).unwrap();
    complete(&place, &store, &backup.name, &good, &spoiled);
}

#[test]
fn the_remains_of_a_crash_are_in_nobodys_way() {
    let place = Place::new();
    let store = place.file_store("old");
    let backup = place.back_up(0, std::slice::from_ref(&store));
    fs::create_dir(place.path(".portcullis-restore-Ab12")).unwrap();
    fs::write(place.path(".portcullis-restore-Ab12/library.json"), "half").unwrap();
    fs::write(place.vault.root().join(".portcullis-Cd34.tmp"), "half").unwrap();
    spoil(&store);
    place
        .vault
        .restore_in_place(&backup.name, &store, at(60))
        .unwrap();
    assert_eq!(fs::read_to_string(store.path().unwrap()).unwrap(), "old");
    place.back_up(1, &[store]);
    assert_eq!(place.vault.list().unwrap().len(), 2);
}

#[test]
fn two_restores_in_one_second_keep_what_they_replaced_apart() {
    let place = Place::new();
    let store = place.file_store("one");
    let backup = place.back_up(0, std::slice::from_ref(&store));
    let mut kept = Vec::new();
    for (content, millisecond) in [("two", 0), ("three", 1)] {
        std::fs::write(store.path().unwrap(), content).unwrap();
        let now = at(60) + jiff::SignedDuration::from_millis(millisecond);
        let replaced = place
            .vault
            .restore_in_place(&backup.name, &store, now)
            .unwrap();
        kept.push(path_of(replaced.kept));
    }
    let contents: Vec<_> = kept
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(contents, ["two", "three"]);
}

#[test]
fn a_kept_name_that_is_used_for_something_else_is_not_touched() {
    for index in 0..2 {
        let place = Place::new();
        let store = stores(&place)[index].clone();
        let backup = place.back_up(0, std::slice::from_ref(&store));
        spoil(&store);
        fs::write(kept_path(&store), "something else").unwrap();
        let before = look(place.folder.path());
        let error = place
            .vault
            .restore_in_place(&backup.name, &store, at(60))
            .unwrap_err();
        assert!(
            matches!(error, BackupError::KeptNameTaken { .. }),
            "{error:?}"
        );
        assert_eq!(look(place.folder.path()), before);
    }
}

#[test]
fn links_other_kinds_and_other_stores_are_refused() {
    let place = Place::new();
    let [file, directory] = stores(&place);
    let backup = place.back_up(0, &[file.clone(), directory.clone()]);
    let refused = |store: &Store| {
        let before = look(place.folder.path());
        let error = place
            .vault
            .restore_in_place(&backup.name, store, at(60))
            .unwrap_err();
        assert_eq!(look(place.folder.path()), before);
        error
    };
    let link = place.path("link");
    symlink(file.path().unwrap(), &link).unwrap();
    let error = refused(&file.moved_to(link));
    assert!(
        matches!(error, BackupError::StoreRefused { .. }),
        "{error:?}"
    );
    let error = refused(&Store::directory(
        &file.name,
        file.path().unwrap().to_owned(),
    ));
    assert!(
        matches!(error, BackupError::KindDiffers { .. }),
        "{error:?}"
    );
    let error = refused(&file.moved_to(directory.path().unwrap().to_owned()));
    assert!(
        matches!(error, BackupError::StoreRefused { .. }),
        "{error:?}"
    );
    let error = refused(&Store {
        name: "else".to_owned(),
        ..file
    });
    assert!(
        matches!(error, BackupError::UnknownStore { .. }),
        "{error:?}"
    );
}

#[test]
fn a_relative_path_of_one_component_works() {
    // In a child, because the current folder belongs to the whole process.
    let place = Place::new();
    let store = place.file_store("old");
    let backup = place.back_up(0, std::slice::from_ref(&store));
    spoil(&store);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "in_place::child_with_a_relative_path",
            "--ignored",
        ])
        .current_dir(place.folder.path())
        .env(RELATIVE_VARIABLE, backup.name.as_str())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(fs::read_to_string(store.path().unwrap()).unwrap(), "old");
    assert!(kept_path(&store).exists());
}

const RELATIVE_VARIABLE: &str = "PORTCULLIS_TEST_RELATIVE";

#[test]
#[ignore = "the child process of a_relative_path_of_one_component_works"]
fn child_with_a_relative_path() {
    let Ok(name) = std::env::var(RELATIVE_VARIABLE) else {
        return;
    };
    let name = name.parse().unwrap();
    let vault = portcullis_backup::Vault::open_or_create(Path::new("vault")).unwrap();
    let path = PathBuf::from("library.json");
    let store = Store::file("library", path);
    vault.restore_in_place(&name, &store, at(60)).unwrap();
    vault.restore(&name, "library", Path::new("copy")).unwrap();
    let missing = fs::symlink_metadata("nothing").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}
