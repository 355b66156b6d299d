//! A damaged backup is found, the damaged file is named, and nothing is restored from it.

use std::fs;
use std::path::PathBuf;

use portcullis_backup::{Backup, BackupError, Damage};
use sha2::{Digest, Sha256};

use crate::{Place, flip, names, noise};

struct Files {
    archive: PathBuf,
    manifest: PathBuf,
    sums: PathBuf,
}

fn files(place: &Place, backup: &Backup) -> Files {
    let root = place.vault.root();
    Files {
        archive: root.join(format!("{}.tar.zst", backup.name)),
        manifest: root.join(format!("{}.manifest.json", backup.name)),
        sums: root.join(format!("{}.sha256", backup.name)),
    }
}

fn backed_up(place: &Place) -> Backup {
    let photos = place.directory_store("b");
    fs::write(photos.path().unwrap().join("noise"), noise(3_000)).unwrap();
    place.back_up(0, &[place.file_store("a"), photos])
}

fn damages(place: &Place, backup: &Backup) -> Vec<Damage> {
    let error = place.vault.verify(&backup.name).unwrap_err();
    assert!(error.to_string().contains(backup.name.as_str()), "{error}");
    match error {
        BackupError::Damaged { damages, .. } => damages,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flipped_bit_anywhere_names_the_file_it_is_in() {
    let place = Place::new();
    let backup = backed_up(&place);
    let Files {
        archive,
        manifest,
        sums,
    } = files(&place, &backup);
    for (path, step) in [(&archive, 61), (&manifest, 17), (&sums, 1)] {
        let bytes = fs::read(path).unwrap();
        for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            flip(path, at);
            let damages = damages(&place, &backup);
            let names = |wanted: fn(&Damage) -> bool| damages.iter().any(wanted);
            let archive_named = names(|d| matches!(d, Damage::ArchiveDigest { .. }));
            let manifest_named = names(|d| {
                matches!(
                    d,
                    Damage::ManifestDigest { .. } | Damage::ManifestUnreadable { .. }
                )
            });
            let sums_named =
                names(|d| matches!(d, Damage::SumsWrong { .. } | Damage::SumsUnreadable { .. }));
            assert_eq!(
                (archive_named, manifest_named, sums_named),
                (path == &archive, path == &manifest, path == &sums),
                "byte {at} of {}: {damages:?}",
                path.display()
            );
            fs::write(path, &bytes).unwrap();
        }
    }
    place.vault.verify(&backup.name).unwrap();
}

#[test]
fn nothing_is_restored_from_a_damaged_backup() {
    let place = Place::new();
    let backup = backed_up(&place);
    let Files {
        archive,
        manifest,
        sums,
    } = files(&place, &backup);
    let live = fs::read(place.path("library.json")).unwrap();
    let before = names(place.folder.path());
    for path in [archive, manifest, sums] {
        let bytes = fs::read(&path).unwrap();
        flip(&path, bytes.len() / 2);
        let outcome = place
            .vault
            .restore(&backup.name, "library", &place.path("copy"));
        assert!(
            matches!(outcome, Err(BackupError::Damaged { .. })),
            "{outcome:?}"
        );
        let store = place.file_store("a");
        let outcome = place
            .vault
            .restore_in_place(&backup.name, &store, crate::at(5));
        assert!(
            matches!(outcome, Err(BackupError::Damaged { .. })),
            "{outcome:?}"
        );
        assert_eq!(names(place.folder.path()), before);
        assert_eq!(fs::read(store.path().unwrap()).unwrap(), live);
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn a_truncated_archive_is_found_at_any_length() {
    let place = Place::new();
    let backup = backed_up(&place);
    let archive = files(&place, &backup).archive;
    let bytes = fs::read(&archive).unwrap();
    for keep in [
        0,
        1,
        4,
        100,
        bytes.len() / 2,
        bytes.len() - 4,
        bytes.len() - 1,
    ] {
        fs::write(&archive, &bytes[..keep]).unwrap();
        let damages = damages(&place, &backup);
        assert!(
            matches!(damages[0], Damage::ArchiveDigest { .. }),
            "{keep}: {damages:?}"
        );
        assert!(
            damages.len() > 1,
            "{keep}: what is lost is said too: {damages:?}"
        );
    }
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"more");
    fs::write(&archive, longer).unwrap();
    assert!(matches!(
        damages(&place, &backup)[0],
        Damage::ArchiveDigest { .. }
    ));
}

#[test]
fn a_manifest_that_is_not_the_one_in_the_archive_is_found() {
    let place = Place::new();
    let backup = backed_up(&place);
    let Files { manifest, sums, .. } = files(&place, &backup);
    let json = fs::read_to_string(&manifest).unwrap();
    let written = fs::read_to_string(&sums).unwrap();
    let old = format!(
        "\"portcullis_version\": \"{}\"",
        backup.manifest.portcullis_version
    );
    assert!(json.contains(&old));
    let same_length = "9".repeat(backup.manifest.portcullis_version.len());
    let others = [
        json.replace(&old, &format!("\"portcullis_version\": \"{same_length}\"")),
        json.replace(&old, "\"portcullis_version\": \"\""),
        format!("{json}\n"),
        json.trim_end().to_owned(),
    ];
    for other in others {
        assert_ne!(other, json);
        // In order with itself, so that the comparison alone can tell.
        let sum = hex::encode(Sha256::digest(&other));
        fs::write(&manifest, other).unwrap();
        fs::write(&sums, written.replace(&backup.manifest_sha256, &sum)).unwrap();
        assert_eq!(damages(&place, &backup), [Damage::ManifestsDiffer]);
    }
    fs::write(&manifest, &json).unwrap();
    fs::write(&sums, &written).unwrap();
    place.vault.verify(&backup.name).unwrap();
}

#[test]
fn a_missing_file_makes_the_backup_incomplete() {
    let place = Place::new();
    let backup = backed_up(&place);
    let Files {
        archive,
        manifest,
        sums,
    } = files(&place, &backup);
    for path in [archive, manifest, sums] {
        let aside = place.path("aside");
        fs::rename(&path, &aside).unwrap();
        match place.vault.verify(&backup.name) {
            Err(BackupError::Incomplete { missing, .. }) => {
                assert_eq!(missing, path.file_name().unwrap().to_str().unwrap());
            }
            other => panic!("{other:?}"),
        }
        // A link is not followed, and not called missing.
        std::os::unix::fs::symlink(&aside, &path).unwrap();
        let told = place.vault.verify(&backup.name).unwrap_err().to_string();
        assert!(told.contains(" is a link, which is not followed"), "{told}");
        fs::remove_file(&path).unwrap();
        assert!(
            place
                .vault
                .create(&crate::request(0), &[place.file_store("a")])
                .is_err()
        );
        fs::rename(&aside, &path).unwrap();
    }
}

#[test]
fn the_files_of_another_backup_do_not_pass() {
    let place = Place::new();
    let one = backed_up(&place);
    let two = place.back_up(1, &[place.file_store("other")]);
    for pick in [
        |f: &Files| f.archive.clone(),
        |f: &Files| f.manifest.clone(),
    ] {
        let (from, to) = (pick(&files(&place, &one)), pick(&files(&place, &two)));
        let bytes = fs::read(&to).unwrap();
        fs::copy(&from, &to).unwrap();
        damages(&place, &two);
        fs::write(&to, bytes).unwrap();
    }
    place.vault.verify(&two.name).unwrap();
}
