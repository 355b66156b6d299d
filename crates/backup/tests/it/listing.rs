//! Finding backups: by the time in the name, for exactly one service and environment.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use portcullis_backup::{BackupError, BackupRequest, BackupState, Vault};

use crate::{Place, at, flip, request};

fn make(place: &Place, service: &str, environment: &str, second: i64) -> String {
    let request = BackupRequest {
        service: service.to_owned(),
        environment: environment.to_owned(),
        ..request(second)
    };
    place
        .vault
        .create(&request, &[place.file_store("a")])
        .unwrap()
        .name
        .to_string()
}

fn listed(place: &Place) -> Vec<String> {
    place
        .vault
        .list()
        .unwrap()
        .iter()
        .map(|summary| summary.name.to_string())
        .collect()
}

fn latest(place: &Place, environment: &str, verified_only: bool) -> Option<String> {
    let latest = place
        .vault
        .latest("dhash", environment, verified_only)
        .unwrap();
    latest.map(|summary| summary.name.to_string())
}

#[test]
fn newest_first_by_the_time_in_the_name() {
    let place = Place::new();
    assert!(listed(&place).is_empty());
    let middle = make(&place, "dhash", "production", 5);
    let newest = make(&place, "dhash", "production", 9);
    let oldest = make(&place, "dhash", "production", 1);
    // The oldest was written last, and its files say so even more.
    let times =
        FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 32));
    for name in [&oldest] {
        for suffix in [".tar.zst", ".manifest.json", ".sha256"] {
            let path = place.vault.root().join(format!("{name}{suffix}"));
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_times(times)
                .unwrap();
        }
    }
    assert_eq!(listed(&place), [newest.clone(), middle, oldest]);
    assert_eq!(latest(&place, "production", false), Some(newest));
    let list = place.vault.list().unwrap();
    assert!(list[0].bytes > 0);
    assert_eq!(list[0].created_at.as_second(), at(9).as_second());
    match &list[0].state {
        BackupState::Complete {
            release,
            reason,
            stores,
        } => {
            assert_eq!(release.as_deref(), Some("1.0"));
            assert_eq!(reason, "before the release of 1.1");
            assert_eq!(stores, &["library"]);
        }
        BackupState::Broken { why } => panic!("{why}"),
    }
}

#[test]
fn the_latest_is_never_of_another_environment_or_service() {
    let place = Place::new();
    make(&place, "dhash", "staging", 9);
    make(&place, "dhash-two", "production", 9);
    assert_eq!(latest(&place, "production", false), None);
    let own = make(&place, "dhash", "production", 1);
    assert_eq!(latest(&place, "production", false), Some(own));
}

#[test]
fn a_broken_backup_is_listed_as_such_and_passed_over() {
    let place = Place::new();
    let good = make(&place, "dhash", "production", 1);
    let damaged = make(&place, "dhash", "production", 2);
    let incomplete = make(&place, "dhash", "production", 3);
    let archive = place.vault.root().join(format!("{damaged}.tar.zst"));
    let length = fs::metadata(&archive).unwrap().len();
    flip(&archive, usize::try_from(length / 2).unwrap());
    fs::remove_file(place.vault.root().join(format!("{incomplete}.sha256"))).unwrap();

    let list = place.vault.list().unwrap();
    assert_eq!(list.len(), 3);
    match &list[0].state {
        BackupState::Broken { why } => assert!(why.contains(".sha256 is missing"), "{why}"),
        BackupState::Complete { .. } => panic!("it is not complete"),
    }
    // What only reading the archive shows is found when asked for.
    assert_eq!(latest(&place, "production", false), Some(damaged));
    assert_eq!(latest(&place, "production", true), Some(good));
}

#[test]
fn an_archive_that_was_cut_off_or_is_gone_is_listed_as_damaged_without_reading_it() {
    let place = Place::new();
    let cut = make(&place, "dhash", "production", 2);
    let gone = make(&place, "dhash", "production", 1);
    place.vault.verify(&cut.parse().unwrap()).unwrap();
    assert!(place.vault.list().unwrap()[0].verified);
    let archive = |name: &str| place.vault.root().join(format!("{name}.tar.zst"));
    let length = fs::metadata(archive(&cut)).unwrap().len();
    let file = File::options().write(true).open(archive(&cut)).unwrap();
    file.set_len(length - 1).unwrap();
    fs::remove_file(archive(&gone)).unwrap();
    let list = place.vault.list().unwrap();
    let why = |index: usize| match &list[index].state {
        BackupState::Broken { why } => why.clone(),
        BackupState::Complete { .. } => panic!("it is damaged"),
    };
    assert!(why(0).contains("damaged"), "{}", why(0));
    assert!(
        why(0).contains(&format!("{length} were written")),
        "{}",
        why(0)
    );
    assert!(!list[0].verified);
    assert!(why(1).contains(".tar.zst is missing"), "{}", why(1));
}

#[test]
fn a_backup_counts_as_verified_until_it_is_found_damaged() {
    let place = Place::new();
    let name = make(&place, "dhash", "production", 1);
    let verified = || place.vault.list().unwrap()[0].verified;
    assert!(!verified(), "it was not read back yet");
    let parsed = name.parse().unwrap();
    place.vault.verify(&parsed).unwrap();
    assert!(verified());
    let archive = place.vault.root().join(format!("{name}.tar.zst"));
    flip(&archive, 20);
    place.vault.verify(&parsed).unwrap_err();
    assert!(!verified());
    // A backup of before there were records is whole, and can be verified.
    flip(&archive, 20);
    fs::remove_file(place.vault.root().join(format!("{name}.record.json"))).unwrap();
    assert!(!verified());
    place.vault.verify(&parsed).unwrap();
    assert!(verified());
}

#[test]
fn other_files_and_leftovers_are_not_backups() {
    let place = Place::new();
    let good = make(&place, "dhash", "production", 1);
    let leftover = place.vault.root().join(".portcullis-Ab12.tmp");
    for name in [
        "README",
        "dhash_production.tar.zst",
        "dhash_production_20261121T010203.sha256",
        "Dhash_production_20261121T010203Z.sha256",
        "dhash_production_20261399T010203Z.sha256",
        "dhash_production_20261121T010203Z.sha256.tmp",
    ] {
        fs::write(place.vault.root().join(name), "x").unwrap();
    }
    fs::write(&leftover, "half an archive").unwrap();
    assert_eq!(listed(&place), [good]);
    assert_eq!(place.vault.leftovers().unwrap(), [leftover]);
}

/// Whoever went on without a vault that was away writes nothing into it when it comes back open to others.
#[test]
fn a_vault_that_comes_back_open_to_others_gets_no_backup() {
    let place = Place::new();
    let root = place.path("away");
    let vault = Vault::absent(&root);
    let store = [place.file_store("a")];
    let made = |second| vault.create(&request(second), &store);
    let error = made(1).unwrap_err();
    assert!(matches!(error, BackupError::NoVault { .. }), "{error:?}");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o750)).unwrap();
    let error = made(1).unwrap_err();
    assert!(
        matches!(error, BackupError::VaultTooOpen { mode: 0o750, .. }),
        "{error:?}"
    );
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    made(1).unwrap();
}

#[test]
fn a_vault_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("vault");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    match Vault::open_or_create(&root) {
        Err(error @ BackupError::VaultTooOpen { mode: 0o755, .. }) => {
            assert!(error.to_string().contains("chmod 700"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    Vault::open_or_create(&root).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let missing = folder.path().join("none");
    let error = Vault::open(&missing).unwrap_err();
    assert!(matches!(error, BackupError::NoVault { .. }), "{error:?}");
    assert!(
        error.to_string().contains("there is no vault at"),
        "{error}"
    );
    assert!(!missing.exists(), "looking does not make one");
    let error = Vault::open_or_create(&folder.path().join("file")).unwrap_err();
    assert!(matches!(error, BackupError::Vault { .. }), "{error:?}");
    assert!(error.to_string().contains("file"), "{error}");
    let error = Vault::open_or_create(&folder.path().join("missing/vault")).unwrap_err();
    assert!(
        matches!(error, BackupError::NoFolderForVault { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("`portcullis init`"), "{error}");
}
