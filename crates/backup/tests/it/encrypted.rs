//! Encrypted backups: nothing of them can be read without a key, and everything that is wrong with them is found.

use std::fs;
use std::process::{Command, Stdio};

use age::secrecy::ExposeSecret;
use portcullis_backup::{Backup, BackupError, BackupState, Encryption, NewKey, Vault};

use crate::{Place, flip, names, noise, request};

fn key() -> NewKey {
    NewKey::generate("2026-11-22T15:00:00Z")
}

/// The vault of a place with these keys: recipients to write for, and identities to read with.
pub(crate) fn keyed(place: &Place, for_: &[&NewKey], with: &[&NewKey]) -> Vault {
    let recipients: Vec<String> = for_.iter().map(|key| key.recipient.clone()).collect();
    let mut encryption = Encryption::for_recipients(&recipients).unwrap();
    for key in with {
        let text = key.identity_file.expose_secret();
        encryption = encryption.with_identities(text).unwrap();
    }
    Vault::open(place.vault.root())
        .unwrap()
        .with_encryption(encryption)
}

fn sealed(place: &Place, key: &NewKey) -> Backup {
    let photos = place.directory_store("b");
    fs::write(photos.path().unwrap().join("anna-schmidt"), noise(200_000)).unwrap();
    let stores = [place.file_store("a"), photos];
    let vault = keyed(place, &[key], &[]);
    vault.create(&request(0), &stores).unwrap()
}

#[test]
fn nothing_is_in_clear_and_everything_comes_back() {
    let (place, key) = (Place::new(), key());
    let backup = sealed(&place, &key);
    let name = backup.name.as_str();
    let expected = [
        format!("{name}.manifest.json.age"),
        format!("{name}.record.json"),
        format!("{name}.sha256"),
        format!("{name}.tar.zst.age"),
    ];
    assert_eq!(names(place.vault.root()), expected);
    for file in names(place.vault.root()) {
        let bytes = fs::read(place.vault.root().join(&file)).unwrap();
        for word in [
            "anna-schmidt",
            "library.json",
            "before the release",
            "manifest.json\"",
        ] {
            let found = bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes());
            assert!(!found, "{file} has {word} in it");
        }
    }
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", &format!("{name}.sha256")])
        .current_dir(place.vault.root())
        .status();
    assert!(sums.unwrap().success());
    let vault = keyed(&place, &[], &[&key]);
    let verified = vault.verify(&backup.name).unwrap();
    assert_eq!(verified.archive_sha256, backup.archive_sha256);
    assert_eq!(verified.manifest_sha256, backup.manifest_sha256);
    let to = place.path("copy");
    vault.restore(&backup.name, "photos", &to).unwrap();
    assert_eq!(fs::read(to.join("anna-schmidt")).unwrap(), noise(200_000));
}

#[test]
fn the_program_age_reads_it() {
    let (place, key) = (Place::new(), key());
    let backup = sealed(&place, &key);
    fs::write(place.path("key.txt"), key.identity_file.expose_secret()).unwrap();
    fs::create_dir(place.path("by-hand")).unwrap();
    let script = format!(
        "age --decrypt --identity key.txt vault/{0}.tar.zst.age | zstd --decompress --stdout | \
         tar --extract --directory by-hand && \
         age --decrypt --identity key.txt vault/{0}.manifest.json.age | cmp - by-hand/manifest.json",
        backup.name
    );
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-ec", &script])
        .current_dir(place.folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let back = fs::read(place.path("by-hand/stores/photos/anna-schmidt")).unwrap();
    assert_eq!(back, noise(200_000));
}

#[test]
fn without_the_key_it_is_whole_and_never_verified() {
    let (place, owner, other) = (Place::new(), key(), key());
    let backup = sealed(&place, &owner);
    for (vault, why) in [
        (keyed(&place, &[&owner], &[]), "no identity is configured"),
        (
            keyed(&place, &[], &[&other]),
            "none of the keys that are configured",
        ),
    ] {
        let error = vault.verify(&backup.name).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        let BackupError::NotReadThrough {
            archive_sha256,
            manifest_sha256,
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(archive_sha256, backup.archive_sha256);
        assert_eq!(manifest_sha256, backup.manifest_sha256);
        let listed = vault.list().unwrap();
        assert!(matches!(listed[0].state, BackupState::Complete { .. }));
        assert!(!listed[0].verified, "nobody read it through");
        let sealed = listed[0].sealed.clone().unwrap();
        assert_eq!(sealed.recipients, std::slice::from_ref(&owner.recipient));
        assert!(!sealed.opens);
        assert!(vault.was_made_for(&backup.name, "before the release of 1.1"));
        assert!(!vault.was_made_for(&backup.name, "another reason"));
        let latest = vault.latest("dhash", "production", true).unwrap();
        assert_eq!(latest, None, "an unread backup is none that was verified");
        let restored = vault.restore(&backup.name, "photos", &place.path("copy"));
        let error = restored.unwrap_err();
        assert!(matches!(error, BackupError::NoKey { .. }), "{error:?}");
        assert!(error.to_string().contains(&owner.recipient), "{error}");
        assert!(!place.path("copy").exists());
    }
    let vault = keyed(&place, &[], &[&other, &owner]);
    vault.verify(&backup.name).unwrap();
    let listed = vault.list().unwrap();
    assert!(listed[0].verified && listed[0].sealed.as_ref().unwrap().opens);
}

#[test]
fn keys_change_and_old_backups_are_read_with_old_ones() {
    let (place, old, new) = (Place::new(), key(), key());
    let store = place.file_store("a");
    let plain = place.back_up(0, std::slice::from_ref(&store));
    let first = keyed(&place, &[&old], &[]);
    let first = first
        .create(&request(1), std::slice::from_ref(&store))
        .unwrap();
    let second = keyed(&place, &[&new, &old], &[]);
    let second = second
        .create(&request(2), std::slice::from_ref(&store))
        .unwrap();
    let third = keyed(&place, &[&new], &[]);
    let third = third
        .create(&request(3), std::slice::from_ref(&store))
        .unwrap();
    let opened_by = |key: &NewKey| -> Vec<bool> {
        let vault = keyed(&place, &[], &[key]);
        let all = [&plain, &first, &second, &third];
        all.map(|backup| vault.verify(&backup.name).is_ok())
            .to_vec()
    };
    assert_eq!(opened_by(&old), [true, true, true, false]);
    assert_eq!(opened_by(&new), [true, false, true, true]);
    let both = keyed(&place, &[], &[&old, &new]);
    for backup in [&plain, &first, &second, &third] {
        both.verify(&backup.name).unwrap();
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_with_and_without_the_key() {
    let (place, key) = (Place::new(), key());
    let store = place.file_store("some content of a file");
    let writer = keyed(&place, &[&key], &[]);
    let backup = writer.create(&request(0), &[store]).unwrap();
    let reader = keyed(&place, &[], &[&key]);
    let root = place.vault.root();
    let files = [
        root.join(format!("{}.tar.zst.age", backup.name)),
        root.join(format!("{}.manifest.json.age", backup.name)),
    ];
    for file in &files {
        let length = fs::metadata(file).unwrap().len() as usize;
        for at in (0..length).step_by(7).chain([length - 1]) {
            flip(file, at);
            for vault in [&reader, &writer] {
                let error = vault.verify(&backup.name).unwrap_err();
                let found = matches!(error, BackupError::Damaged { .. });
                assert!(found, "{} at {at}: {error}", file.display());
            }
            flip(file, at);
        }
    }
    reader.verify(&backup.name).unwrap();
}

#[test]
fn a_file_that_was_cut_off_or_belongs_to_another_backup_is_found() {
    let (place, key) = (Place::new(), key());
    let backup = sealed(&place, &key);
    let reader = keyed(&place, &[&key], &[&key]);
    let other = reader
        .create(&request(1), &[place.file_store("x")])
        .unwrap();
    let root = place.vault.root();
    for end in [".tar.zst.age", ".manifest.json.age"] {
        let file = root.join(format!("{}{end}", backup.name));
        let bytes = fs::read(&file).unwrap();
        for length in [
            0,
            1,
            21,
            100,
            250,
            bytes.len() / 2,
            bytes.len() - 17,
            bytes.len() - 1,
        ] {
            fs::write(&file, &bytes[..length]).unwrap();
            let error = reader.verify(&backup.name).unwrap_err();
            assert!(
                matches!(error, BackupError::Damaged { .. }),
                "{length}: {error}"
            );
            let restored = reader.restore(&backup.name, "photos", &place.path("copy"));
            restored.unwrap_err();
            assert!(!place.path("copy").exists());
        }
        fs::copy(root.join(format!("{}{end}", other.name)), &file).unwrap();
        let error = reader.verify(&backup.name).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
        fs::write(&file, &bytes).unwrap();
    }
    reader.verify(&backup.name).unwrap();
}

#[test]
fn a_damaged_header_is_named_as_such() {
    let (place, key) = (Place::new(), key());
    let backup = sealed(&place, &key);
    let reader = keyed(&place, &[], &[&key]);
    let file = place
        .vault
        .root()
        .join(format!("{}.manifest.json.age", backup.name));
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, [b"not of age\n", &bytes[..]].concat()).unwrap();
    let error = reader.verify(&backup.name).unwrap_err().to_string();
    assert!(error.contains("its header is not one of age"), "{error}");
    let mut changed = bytes.clone();
    let mac = bytes.windows(4).position(|part| part == b"\n---").unwrap();
    changed[mac + 10] = if changed[mac + 10] == b'A' {
        b'B'
    } else {
        b'A'
    };
    fs::write(&file, changed).unwrap();
    let error = reader.verify(&backup.name).unwrap_err().to_string();
    assert!(error.contains("its header was changed"), "{error}");
}
