//! A disk that is full in the middle of a restore, a removal or a verification, for every kind that is a path. That of a backup is
//! in `full_disk`. Really full: a small tmpfs in a namespace of its own where that is allowed, and a limit on the size of
//! files in any case.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output};

use portcullis_backup::{BackupError, Store, Vault, store_digest};

use super::subjects::{BEHIND, Behind, Postgres, of, on_disk};
use crate::postgres_server::PostgresServer;
use crate::{at, names, noise, request};

const FOLDER_VARIABLE: &str = "PORTCULLIS_TEST_FULL_STORE";
const DONE: &str = "the child is done";
/// What is on the disk in the end takes all of it.
const FILLER: &str = "filler";

/// Writes until nothing more fits.
fn fill_disk(disk: &Path) {
    let mut filler = fs::File::create(disk.join(FILLER)).unwrap();
    let block = noise(4096);
    loop {
        match filler.write_all(&block) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn is_full(error: &BackupError) -> bool {
    let mut source = Some(error as &dyn std::error::Error);
    while let Some(error) = source {
        let full = error
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        if matches!(full, Some(ErrorKind::StorageFull | ErrorKind::FileTooLarge)) {
            return true;
        }
        source = error.source();
    }
    false
}

/// In the child: `disk` is small, or files may not be large; `make_room` ends that.
fn restores_when_there_is_room(folder: &Path, fill: impl Fn(), make_room: impl Fn()) {
    let vault = Vault::open_or_create(&folder.join("vault")).unwrap();
    let subjects = on_disk(&folder.join("disk"));
    for (index, subject) in subjects.iter().enumerate() {
        let second = 10 * i64::try_from(index).unwrap();
        let store = subject.store();
        subject.fill(1);
        let made = vault
            .create(&request(second), std::slice::from_ref(&store))
            .unwrap();
        subject.fill(2);
        let before = store_digest(&store).unwrap();
        fill();
        let error = vault
            .restore_in_place(&made.name, &store, at(second))
            .unwrap_err();
        assert!(is_full(&error), "{}: {error:?}", store.name);
        assert_eq!(store_digest(&store).unwrap(), before, "{}", store.name);
        assert_eq!(subject.around(), Vec::<String>::new(), "{}", store.name);
        make_room();
        let replaced = vault
            .restore_in_place(&made.name, &store, at(second))
            .unwrap();
        assert_eq!(replaced.digest, made.manifest.stores[0].digest);
        subject.forget(&replaced.kept.unwrap());
    }
}

/// In the child: the vault is on the small disk, or files may not be large. What is behind a server or a tool passes through the
/// vault when it is put back.
fn passes_through_the_vault(folder: &Path, vault: &Path, fill: impl Fn(), make_room: impl Fn()) {
    let vault = Vault::open_or_create(vault).unwrap();
    for (index, kind) in BEHIND.iter().chain(&["postgres"]).enumerate() {
        let second = 10 * i64::try_from(index).unwrap();
        let subject = of(kind, folder);
        let store = subject.store();
        subject.fill(1);
        let made = vault
            .create(&request(second), std::slice::from_ref(&store))
            .unwrap();
        subject.fill(2);
        let before = store_digest(&store).unwrap();
        fill();
        let error = vault.create(&request(second + 1), std::slice::from_ref(&store));
        let error = error.unwrap_err();
        assert!(tells_of_room(&error), "{kind}: {error:?}");
        let error = vault.restore_in_place(&made.name, &store, at(second));
        let error = error.unwrap_err();
        assert!(tells_of_room(&error), "{kind}: {error:?}");
        assert_eq!(store_digest(&store).unwrap(), before, "{kind}");
        assert_eq!(subject.around(), Vec::<String>::new(), "{kind}");
        assert_eq!(vault.leftovers().unwrap(), Vec::<std::path::PathBuf>::new());
        make_room();
        let replaced = vault
            .restore_in_place(&made.name, &store, at(second))
            .unwrap();
        assert_eq!(replaced.digest, made.manifest.stores[0].digest);
        assert_eq!(store_digest(&store).unwrap(), replaced.digest);
        subject.forget(&replaced.kept.unwrap());
        for one in vault.list().unwrap() {
            vault.remove(&one).unwrap();
        }
    }
}

/// In the child: where a tool's data is kept is on the small disk, and the vault is not.
fn keeps_nothing_half(disk: &Path, vault: &Path, fill: impl Fn(), make_room: impl Fn()) {
    let vault = Vault::open_or_create(vault).unwrap();
    let subject = of("command", disk);
    let store = subject.store();
    subject.fill(1);
    let made = vault
        .create(&request(0), std::slice::from_ref(&store))
        .unwrap();
    subject.fill(2);
    let before = store_digest(&store).unwrap();
    fill();
    let error = vault
        .restore_in_place(&made.name, &store, at(1))
        .unwrap_err();
    assert!(tells_of_room(&error), "{error:?}");
    assert_eq!(subject.around(), Vec::<String>::new());
    assert_eq!(store_digest(&store).unwrap(), before);
    make_room();
    let replaced = vault.restore_in_place(&made.name, &store, at(1)).unwrap();
    assert_eq!(store_digest(&store).unwrap(), replaced.digest);
}

/// Whether a person learns that there was no room.
fn tells_of_room(error: &BackupError) -> bool {
    let (mut text, mut source) = (error.to_string(), std::error::Error::source(error));
    while let Some(error) = source {
        text.push_str(&error.to_string());
        source = error.source();
    }
    let words = [
        "is full",
        "No space left",
        "no storage space",
        "File too large",
        "file too large",
        "free",
        "room",
    ];
    words.iter().any(|word| text.contains(word))
}

/// In the child: the vault is on the small disk.
fn removes_without_room(folder: &Path) {
    let disk = folder.join("disk");
    let vault = Vault::open_or_create(&disk.join("vault")).unwrap();
    let path = folder.join("one.bin");
    fs::write(&path, noise(20_000)).unwrap();
    let store = Store::file("one", path);
    let [old, new] = [0, 1].map(|second| {
        vault
            .create(&request(second), std::slice::from_ref(&store))
            .unwrap()
    });
    fill_disk(&disk);
    let error = vault
        .create(&request(2), std::slice::from_ref(&store))
        .unwrap_err();
    assert!(matches!(error, BackupError::VaultFull { .. }), "{error:?}");
    // It cannot be noted, and is true all the same.
    vault.verify(&new.name).unwrap();
    let listed = vault.list().unwrap();
    let listed_old = listed.iter().find(|one| one.name == old.name).unwrap();
    vault.remove(listed_old).unwrap();
    let left = vault.list().unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].name, new.name);
    assert_eq!(vault.leftovers().unwrap(), Vec::<std::path::PathBuf>::new());
    vault.verify(&new.name).unwrap();
    // What was removed made room.
    fs::remove_file(disk.join(FILLER)).unwrap();
    vault
        .create(&request(3), std::slice::from_ref(&store))
        .unwrap();
    assert_eq!(
        names(vault.root())
            .iter()
            .filter(|name| name.ends_with(".sha256"))
            .count(),
        2
    );
}

#[test]
#[ignore = "the child process of a_store_on_a_disk_that_is_full"]
fn child_on_a_small_disk() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let disk = folder.join("disk");
    let fill = || fill_disk(&disk);
    restores_when_there_is_room(folder, fill, || fs::remove_file(disk.join(FILLER)).unwrap());
    for home in names(&disk) {
        fs::remove_dir_all(disk.join(home)).unwrap();
    }
    removes_without_room(folder);
    let make_room = || fs::remove_file(disk.join(FILLER)).unwrap();
    passes_through_the_vault(folder, &disk.join("through"), fill, make_room);
    keeps_nothing_half(&disk, &folder.join("vault-of-a-tool"), fill, make_room);
    writeln!(std::io::stdout(), "{DONE}").unwrap();
}

#[test]
#[ignore = "the child process of a_restore_with_a_limit_on_file_sizes"]
fn child_with_a_limit() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let limit = |bytes: u64| {
        let limit = rustix::process::Rlimit {
            current: Some(bytes),
            maximum: None,
        };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    };
    restores_when_there_is_room(folder, || limit(40_000), || limit(1 << 40));
    let vault = folder.join("through");
    passes_through_the_vault(folder, &vault, || limit(5_000), || limit(1 << 40));
    writeln!(std::io::stdout(), "{DONE}").unwrap();
}

fn run_child(program: &str, arguments: &[&str], child: &str, prepare: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("disk")).unwrap();
    let servers = Behind::start();
    servers.subjects(folder.path());
    let server = PostgresServer::start();
    Postgres::make(&server, folder.path());
    let script =
        format!("{prepare} && exec \"$1\" --exact faults::disks::{child} --ignored --nocapture");
    Command::new(program)
        .args(arguments)
        .args(["sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER_VARIABLE, folder.path())
        .output()
        .unwrap()
}

fn assert_done(output: &Output) {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(out.contains(DONE), "{out}{err}");
}

#[test]
fn a_store_on_a_disk_that_is_full() {
    let may_mount = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !may_mount {
        println!("skipped: no file system may be mounted here; the other test has a real limit");
        return;
    }
    let mount = format!("mount -t tmpfs -o size=16m,mode=700 tmpfs \"${FOLDER_VARIABLE}/disk\"");
    assert_done(&run_child(
        "unshare",
        &["-rm"],
        "child_on_a_small_disk",
        &mount,
    ));
}

#[test]
fn a_restore_with_a_limit_on_file_sizes() {
    assert_done(&run_child("env", &[], "child_with_a_limit", "trap '' XFSZ"));
}
