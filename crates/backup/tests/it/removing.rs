//! Removing a backup: never one that is in use, and never leaving something that passes for one.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_backup::{Backup, BackupError, BackupState, Removed};

use crate::{Place, at, names, noise};

#[test]
fn a_removed_backup_is_gone_with_all_its_files() {
    let place = Place::new();
    let store = place.file_store("a");
    let first = place.back_up(0, std::slice::from_ref(&store));
    let second = place.back_up(1, std::slice::from_ref(&store));
    let before: u64 = sizes(&place);
    let listed = place.vault.list().unwrap().pop().unwrap();
    let announced = place.vault.bytes_of(&first.name);
    let removed = place.vault.remove(&listed).unwrap();
    assert_eq!(removed.bytes, announced);
    assert_eq!(removed.bytes, before - sizes(&place));
    assert!(removed.bytes > first.bytes);
    let left = names(place.vault.root());
    assert!(
        left.iter()
            .all(|file| file.starts_with(second.name.as_str()))
    );
    place.vault.verify(&second.name).unwrap();
    let error = place.vault.remove(&listed).unwrap_err();
    assert!(
        matches!(error, BackupError::UnknownBackup { .. }),
        "{error:?}"
    );
}

fn remove(place: &Place, backup: &Backup) -> Result<Removed, BackupError> {
    let list = place.vault.list().unwrap();
    let listed = list.iter().find(|listed| listed.name == backup.name);
    place.vault.remove(listed.unwrap())
}

fn sizes(place: &Place) -> u64 {
    let sizes = names(place.vault.root());
    sizes
        .iter()
        .map(|name| fs::metadata(place.vault.root().join(name)).unwrap().len())
        .sum()
}

/// A crash may come after each of the removals; they are in this order.
#[test]
fn what_a_crash_leaves_is_no_backup_and_goes_with_the_next_removal() {
    for files_gone in 1..4 {
        let place = Place::new();
        let store = place.file_store("a");
        let backup = place.back_up(0, std::slice::from_ref(&store));
        for suffix in &[".sha256", ".record.json", ".manifest.json"][..files_gone] {
            fs::remove_file(place.vault.root().join(format!("{}{suffix}", backup.name))).unwrap();
        }
        let list = place.vault.list().unwrap();
        assert_eq!(list.len(), 1, "after {files_gone}");
        assert!(matches!(list[0].state, BackupState::Broken { .. }));
        let target = place.path("copy");
        place
            .vault
            .restore(&backup.name, "library", &target)
            .unwrap_err();
        assert!(!target.exists());
        remove(&place, &backup).unwrap();
        assert!(names(place.vault.root()).is_empty(), "after {files_gone}");
    }
}

#[test]
fn a_backup_that_somebody_holds_is_not_removed() {
    let place = Place::new();
    let backup = place.back_up(0, &[place.file_store("a")]);
    let holds = [
        place.vault.hold(&backup.name).unwrap(),
        place.vault.hold(&backup.name).unwrap(),
    ];
    for hold in holds {
        assert!(place.vault.is_in_use(&backup.name));
        let error = remove(&place, &backup).unwrap_err();
        assert!(matches!(error, BackupError::InUse { .. }), "{error:?}");
        place.vault.verify(&backup.name).unwrap();
        drop(hold);
    }
    assert!(!place.vault.is_in_use(&backup.name));
    remove(&place, &backup).unwrap();
    place.vault.hold(&backup.name).unwrap_err();
}

/// Whoever removes everything that looks like rubble, all the time, never spoils a backup in the making.
#[test]
fn a_backup_in_the_making_is_never_taken_for_rubble() {
    let place = Place::new();
    let store = place.directory_store("b");
    fs::write(store.path().unwrap().join("noise"), noise(200_000)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for summary in place.vault.list().unwrap() {
                    if matches!(summary.state, BackupState::Broken { .. })
                        && let Err(error) = place.vault.remove(&summary)
                    {
                        let fine = matches!(
                            error,
                            BackupError::InUse { .. } | BackupError::UnknownBackup { .. }
                        );
                        assert!(fine, "{error:?}");
                    }
                }
            }
        });
        for second in 0..40 {
            let backup = place.back_up(second, std::slice::from_ref(&store));
            place.vault.verify(&backup.name).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(place.vault.list().unwrap().len(), 40);
    assert_eq!(
        place.vault.list().unwrap()[0].created_at.as_second(),
        at(39).as_second()
    );
}
