//! Random damage to vaults: all of it is found, and none of it is put in place.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_backup::{Backup, BackupState, Encryption, NewKey, Store, Vault, store_digest};

use super::subjects::{Behind, Keys, Objects, Postgres, Subject, of, on_disk};
use super::{Chance, rounds};
use crate::postgres_server::PostgresServer;
use crate::{Place, at, names};

/// Two backups of all stores.
struct Stand {
    place: Place,
    stores: Vec<Store>,
    digests: Vec<String>,
    backups: [Backup; 2],
}

impl Stand {
    fn make(
        mut place: Place,
        encryption: Option<Encryption>,
        subjects: &[Box<dyn Subject>],
    ) -> Self {
        if let Some(encryption) = encryption {
            place.vault = place.vault.with_encryption(encryption);
        }
        let stores: Vec<Store> = subjects.iter().map(|subject| subject.store()).collect();
        let backups = [0, 1].map(|number| {
            for subject in subjects {
                subject.fill(number);
            }
            let made = place.back_up(i64::from(number), &stores);
            place.vault.verify(&made.name).unwrap();
            made
        });
        for subject in subjects {
            subject.fill(7);
        }
        let digests = stores
            .iter()
            .map(|store| store_digest(store).unwrap())
            .collect();
        Self {
            place,
            stores,
            digests,
            backups,
        }
    }

    fn vault(&self) -> &Vault {
        &self.place.vault
    }

    /// The files of a backup: archive, manifest, sums, record.
    fn files(&self, backup: usize) -> Vec<PathBuf> {
        let name = format!("{}.", self.backups[backup].name);
        let root = self.vault().root();
        let files = names(root)
            .into_iter()
            .filter(|file| file.starts_with(&name));
        files.map(|file| root.join(file)).collect()
    }
}

fn is_record(path: &Path) -> bool {
    path.to_str().unwrap().ends_with(".record.json")
}

/// Damages a file of the first backup, or two, and says how.
fn damage(stand: &Stand, chance: &mut Chance) -> (String, bool) {
    let files = stand.files(0);
    let path = chance.of(&files).clone();
    let bytes = fs::read(&path).unwrap();
    let file = path.file_name().unwrap().to_str().unwrap().to_owned();
    let at_random = chance.below(bytes.len());
    let changed = match chance.below(8) {
        // Most often what a disk does: a bit, and some in a row.
        0..=2 => {
            let mut changed = bytes.clone();
            changed[at_random] ^= 1 << chance.below(8);
            Some((format!("a bit at {at_random}"), changed))
        }
        3 => {
            let mut changed = bytes.clone();
            let end = changed.len().min(at_random + 1 + chance.below(5_000));
            for byte in &mut changed[at_random..end] {
                *byte = !*byte;
            }
            Some((format!("bytes {at_random} to {end}"), changed))
        }
        4 => Some((format!("cut at {at_random}"), bytes[..at_random].to_vec())),
        5 => {
            fs::remove_file(&path).unwrap();
            return (format!("{file} is gone"), is_record(&path));
        }
        6 => {
            // That of the other backup has the same end.
            let other = stand.files(1);
            let end = file.split_once('.').unwrap().1;
            let other = other
                .iter()
                .find(|other| other.to_str().unwrap().ends_with(end));
            let other = other.unwrap().clone();
            let theirs = fs::read(&other).unwrap();
            fs::write(&other, &bytes).unwrap();
            Some(("swapped with the other's".to_owned(), theirs))
        }
        _ => {
            let end = file.split_once('.').unwrap().1;
            fs::rename(
                &path,
                path.with_file_name(format!("dhash_production_20261130T000000Z.{end}")),
            )
            .unwrap();
            return (format!("{file} is renamed"), is_record(&path));
        }
    };
    if let Some((how, changed)) = changed {
        assert_ne!(changed, bytes);
        fs::write(&path, changed).unwrap();
        return (format!("{file}: {how}"), is_record(&path));
    }
    unreachable!()
}

/// A record is no part of a backup: whatever becomes of it, the backup is as good as it was, and once it was read through it is
/// listed so.
fn assert_usable(stand: &Stand, how: &str) {
    let name = &stand.backups[0].name;
    let verified = stand.vault().verify(name);
    assert!(verified.is_ok(), "{how}: {verified:?}");
    let list = stand.vault().list().unwrap();
    let listed = list.iter().find(|one| one.name == *name).unwrap();
    assert!(
        matches!(listed.state, BackupState::Complete { .. }) && listed.verified,
        "{how}: it was read through and is listed as {listed:?}"
    );
}

fn assert_found(stand: &Stand, how: &str, chance: &mut Chance) {
    let name = &stand.backups[0].name;
    let verified = stand.vault().verify(name);
    assert!(verified.is_err(), "{how}: verify found nothing");
    let store = chance.of(&stand.stores);
    let before = names(stand.place.folder.path());
    let restored = stand.vault().restore_in_place(name, store, at(500));
    assert!(restored.is_err(), "{how}: {} was restored", store.name);
    let copied = stand
        .vault()
        .restore(name, &store.name, &stand.place.path("copy"));
    assert!(
        copied.is_err(),
        "{how}: {} was restored to a copy",
        store.name
    );
    assert_eq!(names(stand.place.folder.path()), before, "{how}");
    let index = stand
        .stores
        .iter()
        .position(|one| one.name == store.name)
        .unwrap();
    assert_eq!(
        store_digest(store).unwrap(),
        stand.digests[index],
        "{how}: the store was touched"
    );
}

fn all_found(stand: &Stand, count: usize) {
    let mut chance = Chance::new();
    let root = stand.vault().root();
    let whole: Vec<(PathBuf, Vec<u8>)> = names(root)
        .into_iter()
        .map(|file| (root.join(&file), fs::read(root.join(file)).unwrap()))
        .collect();
    let mut records = 0;
    for round in 0..count {
        let (how, of_a_record) = damage(stand, &mut chance);
        let how = format!("round {round}, {how}");
        match of_a_record {
            true => assert_usable(stand, &how),
            false => assert_found(stand, &how, &mut chance),
        }
        records += usize::from(of_a_record);
        for file in names(root) {
            fs::remove_file(root.join(file)).unwrap();
        }
        for (path, bytes) in &whole {
            fs::write(path, bytes).unwrap();
        }
    }
    stand.vault().verify(&stand.backups[0].name).unwrap();
    println!("{count} damages, {records} of them to records; all were found");
}

fn key() -> Encryption {
    use age::secrecy::ExposeSecret;
    let key = NewKey::generate("today");
    let encryption = Encryption::for_recipients(&[key.recipient]).unwrap();
    encryption
        .with_identities(key.identity_file.expose_secret())
        .unwrap()
}

#[test]
fn random_damage_to_files_and_databases_is_found() {
    for encryption in [None, Some(key())] {
        let place = Place::new();
        let subjects = on_disk(place.folder.path());
        let stand = Stand::make(place, encryption, &subjects);
        all_found(&stand, rounds(20, 400));
    }
}

#[test]
fn random_damage_to_dumps_is_found() {
    let server = PostgresServer::start();
    for (index, encryption) in [None, Some(key())].into_iter().enumerate() {
        if index > 0 {
            server.sql("postgres", "DROP DATABASE notes");
        }
        let place = Place::new();
        let subjects = [Postgres::make(&server, place.folder.path())];
        let stand = Stand::make(place, encryption, &subjects);
        all_found(&stand, rounds(4, 100));
        assert_eq!(subjects[0].around(), Vec::<String>::new());
    }
}

/// All kinds that are behind a server or a tool, in one backup.
#[test]
fn random_damage_to_what_servers_and_tools_hold_is_found() {
    let servers = Behind::start();
    for encryption in [None, Some(key())] {
        let place = Place::new();
        let subjects = servers.subjects(place.folder.path());
        let stand = Stand::make(place, encryption, &subjects);
        all_found(&stand, rounds(8, 250));
        for subject in &subjects {
            assert_eq!(subject.around(), Vec::<String>::new());
        }
    }
}

/// One kind in a backup: a damage is more often in its own files than in those of a large neighbour.
fn damage_to_one_is_found(make: impl Fn(&Path) -> Box<dyn Subject>) {
    for encryption in [None, Some(key())] {
        let place = Place::new();
        let subjects = [make(place.folder.path())];
        let stand = Stand::make(place, encryption, &subjects);
        all_found(&stand, rounds(4, 125));
        assert_eq!(subjects[0].around(), Vec::<String>::new());
    }
}

#[test]
fn random_damage_to_a_chroma_database_is_found() {
    damage_to_one_is_found(|folder| of("chroma", folder));
}

#[test]
fn random_damage_to_the_keys_of_redis_is_found() {
    let server = Keys::start();
    damage_to_one_is_found(|folder| server.make(folder));
}

#[test]
fn random_damage_to_objects_is_found() {
    let server = Objects::start();
    damage_to_one_is_found(|folder| server.make(folder));
}

#[test]
fn random_damage_to_what_a_tool_wrote_is_found() {
    damage_to_one_is_found(|folder| of("command", folder));
}
