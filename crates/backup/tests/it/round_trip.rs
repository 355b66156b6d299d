//! What goes in comes out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use portcullis_backup::{BackupError, BackupName, Store, store_digest};

use crate::{Place, Seen, at, look, names, noise, request};

fn sha256sum(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new("sha256sum")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_file_comes_back_and_its_digest_is_that_of_sha256sum() {
    let place = Place::new();
    let store = place.file_store("{\"version\":\"1.0\"}\n");
    fs::set_permissions(store.path().unwrap(), fs::Permissions::from_mode(0o640)).unwrap();
    let backup = place.back_up(0, std::slice::from_ref(&store));
    assert_eq!(backup.name.as_str(), "dhash_production_20261121T010000Z");
    assert_eq!(backup.manifest.release.as_deref(), Some("1.0"));
    assert_eq!(backup.manifest.created_at, at(0));

    let printed = sha256sum(&["library.json"], place.folder.path());
    let digest = store_digest(&store).unwrap();
    assert_eq!(printed.split(' ').next().unwrap(), digest);
    assert_eq!(backup.manifest.stores[0].digest, digest);
    assert!(backup.manifest.stores[0].steady);

    let verified = place.vault.verify(&backup.name).unwrap();
    assert_eq!((verified.files, verified.bytes), (1, 18));
    assert_eq!(verified.archive_sha256, backup.archive_sha256);
    assert_eq!(verified.manifest_sha256, backup.manifest_sha256);

    let copy = place.path("copy.json");
    let restored = place.vault.restore(&backup.name, "library", &copy).unwrap();
    assert_eq!(restored.digest, digest);
    assert_eq!(
        (restored.files, restored.bytes, restored.owners_not_set),
        (1, 18, 0)
    );
    assert_eq!(look(&copy), look(store.path().unwrap()));
    let left = names(place.folder.path());
    assert_eq!(
        left,
        ["copy.json", "library.json", "vault"],
        "nothing else is left behind"
    );
}

#[test]
fn sha256sum_accepts_the_sums_file_in_its_own_folder() {
    let place = Place::new();
    let stores = [place.file_store("a"), place.directory_store("b")];
    let backup = place.back_up(0, &stores);
    let printed = sha256sum(
        &["--strict", "-c", &format!("{}.sha256", backup.name)],
        place.vault.root(),
    );
    let expected = format!("{0}.tar.zst: OK\n{0}.manifest.json: OK\n", backup.name);
    assert_eq!(printed, expected);
}

#[test]
fn the_vault_is_for_its_owner_only() {
    let place = Place::new();
    place.back_up(0, &[place.file_store("a")]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.vault.root()), 0o700);
    let files = names(place.vault.root());
    assert_eq!(files.len(), 4);
    for file in files {
        assert_eq!(mode(&place.vault.root().join(&file)), 0o600, "{file}");
    }
}

/// Names that need escaping in JSON, long ones that tar splits, and kinds that are easily lost.
#[test]
fn a_directory_comes_back_with_everything_in_it() {
    let place = Place::new();
    let root = place.path("photos");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("read-only/inside")).unwrap();
    fs::create_dir_all(root.join("d".repeat(200)).join("e".repeat(200))).unwrap();
    fs::write(root.join("empty file"), "").unwrap();
    fs::write(root.join("large"), noise(700_000)).unwrap();
    fs::write(root.join("read-only/inside/file"), "x").unwrap();
    fs::write(
        root.join("d".repeat(200))
            .join("e".repeat(200))
            .join("f".repeat(255)),
        "deep",
    )
    .unwrap();
    for name in [
        "Zoë 猫 🐈",
        "new\nline",
        "back\\slash",
        "quote\"'",
        " ",
        "!",
        "-rf",
        "a.b",
        "tab\t",
    ] {
        fs::write(root.join(name), name).unwrap();
    }
    fs::write(
        root.join(OsStr::from_bytes(b"not \xff utf-8 \xc3")),
        "bytes",
    )
    .unwrap();
    fs::write(root.join("looks\\xff"), "looks escaped").unwrap();
    symlink("large", root.join("link")).unwrap();
    symlink("/nowhere/at all", root.join("absolute link")).unwrap();
    symlink("..", root.join("link to parent")).unwrap();
    symlink(OsStr::from_bytes(b"\xfe\n"), root.join("odd link")).unwrap();
    symlink("x".repeat(300), root.join("long link")).unwrap();
    fs::hard_link(root.join("a.b"), root.join("second name")).unwrap();
    mode(&root.join("large"), 0o4751);
    mode(&root.join("a.b"), 0o400);
    mode(&root.join("read-only/inside/file"), 0o000);
    mode(&root.join("read-only/inside"), 0o511);
    mode(&root.join("read-only"), 0o555);
    mode(&root, 0o750);
    let old = SystemTime::UNIX_EPOCH - Duration::new(86_400 * 400, 5);
    let times = FileTimes::new().set_modified(old);
    File::options()
        .write(true)
        .open(root.join("empty file"))
        .unwrap()
        .set_times(times)
        .unwrap();

    let store = Store::directory("photos", root.clone());
    if !rustix::process::geteuid().is_root() {
        // Only root may read it; others are told which file it is.
        let error = place
            .vault
            .create(&request(0), std::slice::from_ref(&store))
            .unwrap_err();
        assert!(
            matches!(error, BackupError::StoreUnreadable { .. }),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("photos/read-only/inside/file"),
            "{error}"
        );
        mode(&root.join("read-only"), 0o755);
        mode(&root.join("read-only/inside"), 0o755);
        mode(&root.join("read-only/inside/file"), 0o400);
    }
    let before = look(&root);
    let backup = place.back_up(0, std::slice::from_ref(&store));
    assert!(backup.manifest.stores[0].steady);
    place.vault.verify(&backup.name).unwrap();
    let copy = place.path("copy");
    let restored = place.vault.restore(&backup.name, "photos", &copy).unwrap();
    assert_eq!(look(&copy), before);
    assert_eq!(look(&root), before, "the store itself was not touched");
    let copied = store.moved_to(copy.clone());
    assert_eq!(store_digest(&copied).unwrap(), restored.digest);
    assert_eq!(store_digest(&store).unwrap(), restored.digest);

    // So that the folder can be removed without being root.
    for folder in [root, copy] {
        mode(&folder.join("read-only"), 0o755);
        mode(&folder.join("read-only/inside"), 0o755);
    }
}

/// A link's target is its content: `a//b` must not come back as `a/b`.
#[test]
fn link_targets_come_back_byte_for_byte() {
    let place = Place::new();
    let store = place.directory_store("b");
    let long = |length: usize| format!("//{}", "x".repeat(length - 2));
    let targets = [
        "//a", "/", "./b/", "a/../b", "..//", ".", "a/./b", " ", "a\\",
    ];
    let targets = targets
        .map(str::to_owned)
        .into_iter()
        .chain([99, 100, 101, 4_000].map(long));
    for (number, target) in targets.enumerate() {
        symlink(target, store.path().unwrap().join(format!("link-{number}"))).unwrap();
        let deep = store.path().unwrap().join("d".repeat(120));
        fs::create_dir_all(&deep).unwrap();
        symlink(long(150 + number), deep.join(format!("link-{number}"))).unwrap();
    }
    let backup = place.back_up(0, std::slice::from_ref(&store));
    place.vault.verify(&backup.name).unwrap();
    place
        .vault
        .restore(&backup.name, "photos", &place.path("copy"))
        .unwrap();
    assert_eq!(look(&place.path("copy")), look(store.path().unwrap()));
    assert_eq!(unpacked_by_tar(&place, &backup.archive), {
        let mut seen = look(store.path().unwrap());
        drop_fractions(&mut seen);
        seen
    });
}

#[test]
fn several_stores_in_one_backup_are_restored_apart() {
    let place = Place::new();
    let stores = [place.directory_store("b"), place.file_store("a")];
    let backup = place.back_up(0, &stores);
    assert_eq!(place.vault.verify(&backup.name).unwrap().files, 3);
    for store in &stores {
        let copy = place.path(&format!("copy-{}", store.name));
        place
            .vault
            .restore(&backup.name, &store.name, &copy)
            .unwrap();
        assert_eq!(look(&copy), look(store.path().unwrap()));
    }
    assert_eq!(place.vault.manifest(&backup.name).unwrap(), backup.manifest);
}

#[test]
fn the_digest_of_a_directory_is_the_documented_one() {
    let place = Place::new();
    let root = place.path("d");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::write(root.join("sub/b"), "abc").unwrap();
    fs::write(root.join("sub.txt"), "").unwrap();
    symlink("b", root.join("z")).unwrap();
    // `sha256sum` of "abc", "" and "b"; '.' sorts before '/'.
    let lines = "directory 0 - sub\n\
        file 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 sub.txt\n\
        file 3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad sub/b\n\
        symlink 1 3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d z\n";
    fs::write(place.path("lines"), lines).unwrap();
    let printed = sha256sum(&["lines"], place.folder.path());
    let store = Store::directory("d", root.clone());
    let digest = store_digest(&store).unwrap();
    assert_eq!(printed.split(' ').next().unwrap(), digest);

    // Modes and times do not count, names and content do.
    fs::set_permissions(root.join("sub/b"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(root.join("sub/b"), "abc").unwrap();
    assert_eq!(store_digest(&store).unwrap(), digest);
    fs::rename(root.join("sub/b"), root.join("sub/c")).unwrap();
    assert_ne!(store_digest(&store).unwrap(), digest);
}

#[test]
fn ordinary_tools_can_unpack_the_archive() {
    let place = Place::new();
    let store = place.directory_store("b");
    let backup = place.back_up(0, std::slice::from_ref(&store));
    let mut seen = look(store.path().unwrap());
    drop_fractions(&mut seen);
    assert_eq!(unpacked_by_tar(&place, &backup.archive), seen);
    let inside = fs::read(place.path("out/manifest.json")).unwrap();
    let beside = fs::read(
        place
            .vault
            .root()
            .join(format!("{}.manifest.json", backup.name)),
    )
    .unwrap();
    assert_eq!(inside, beside);
}

/// Unpacks the archive with the system's tar and looks at the store in it.
fn unpacked_by_tar(place: &Place, archive: &Path) -> BTreeMap<PathBuf, Seen> {
    let (out, plain) = (place.path("out"), place.path("plain.tar"));
    fs::create_dir(&out).unwrap();
    let archive = File::open(archive).unwrap();
    zstd::stream::copy_decode(archive, File::create(&plain).unwrap()).unwrap();
    let status = Command::new("tar")
        .arg("-xpf")
        .arg(&plain)
        .arg("-C")
        .arg(&out)
        .status()
        .unwrap();
    assert!(status.success());
    look(&out.join("stores/photos"))
}

/// tar keeps whole seconds only.
fn drop_fractions(seen: &mut BTreeMap<PathBuf, Seen>) {
    for seen in seen.values_mut() {
        if let Seen::File { mtime, .. } = seen {
            mtime.1 = 0;
        }
    }
}

#[test]
fn the_needed_space_is_an_upper_estimate() {
    let place = Place::new();
    let root = place.path("photos");
    fs::create_dir(&root).unwrap();
    for number in 0..40 {
        fs::write(root.join(format!("{number:0>60}")), noise(number * 777)).unwrap();
    }
    let store = Store::directory("photos", root);
    let size = store.size().unwrap();
    assert_eq!(
        (size.entries, size.bytes),
        (41, (0..40).map(|n| n * 777).sum::<u64>())
    );
    let stores = [store, place.file_store("a")];
    let space = place.vault.space(&stores).unwrap();
    let backup = place.back_up(0, &stores);
    let used: u64 = names(place.vault.root())
        .iter()
        .map(|name| fs::metadata(place.vault.root().join(name)).unwrap().len())
        .sum();
    assert!(
        used <= space.needed_bytes,
        "{used} > {}",
        space.needed_bytes
    );
    assert!(backup.bytes < used && space.free_bytes > 0);
}

#[test]
fn a_name_is_given_once() {
    let place = Place::new();
    let store = place.file_store("a");
    let first = place.back_up(0, std::slice::from_ref(&store));
    let before = look(place.vault.root());
    let error = place
        .vault
        .create(&request(0), std::slice::from_ref(&store))
        .unwrap_err();
    assert!(matches!(error, BackupError::NameTaken { .. }), "{error:?}");
    assert_eq!(
        look(place.vault.root()),
        before,
        "the first one was not touched"
    );
    let second = place.back_up(1, &[store]);
    assert_ne!(first.name, second.name);
    let unknown: BackupName = "dhash_production_20200101T000000Z".parse().unwrap();
    for error in [
        place.vault.verify(&unknown).map(drop).unwrap_err(),
        place.vault.manifest(&unknown).map(drop).unwrap_err(),
        place
            .vault
            .restore(&unknown, "library", &place.path("x"))
            .map(drop)
            .unwrap_err(),
    ] {
        let unknown = BackupError::UnknownBackup {
            name: unknown.clone(),
            vault: place.vault.root().to_owned(),
        };
        assert_eq!(error.to_string(), unknown.to_string());
    }
}

#[test]
fn of_several_that_want_the_same_name_one_gets_it() {
    let place = Place::new();
    let store = place.directory_store("b");
    let outcomes: Vec<_> = thread::scope(|scope| {
        let create = || {
            place
                .vault
                .create(&request(0), std::slice::from_ref(&store))
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let made: Vec<_> = outcomes.iter().flatten().collect();
    assert_eq!(made.len(), 1, "{outcomes:?}");
    let taken = |outcome: &&Result<_, _>| matches!(outcome, Err(BackupError::NameTaken { .. }));
    assert_eq!(outcomes.iter().filter(taken).count(), 3, "{outcomes:?}");
    let verified = place.vault.verify(&made[0].name).unwrap();
    assert_eq!(verified.archive_sha256, made[0].archive_sha256);
    assert_eq!(names(place.vault.root()).len(), 4);
}

/// Only root may give files away; `refusals` shows what others are told.
#[test]
fn owners_are_kept() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can make a file of somebody else");
        return;
    }
    let place = Place::new();
    let stores = [place.file_store("a"), place.directory_store("b")];
    symlink("index", stores[1].path().unwrap().join("link")).unwrap();
    let owned = |root: &Path, path: &str| {
        let metadata = fs::symlink_metadata(root.join(path)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    lchown(stores[0].path().unwrap(), Some(1001), Some(1002)).unwrap();
    let paths = ["", "index", "2026", "2026/a.txt", "link"];
    for (path, id) in paths.into_iter().zip(2001..) {
        lchown(
            stores[1].path().unwrap().join(path),
            Some(id),
            Some(id + 1000),
        )
        .unwrap();
    }
    fs::set_permissions(
        stores[1].path().unwrap().join("index"),
        fs::Permissions::from_mode(0o6755),
    )
    .unwrap();
    let backup = place.back_up(0, &stores);
    let copies = stores.each_ref().map(|store| {
        let copy = place.path(&format!("copy-{}", store.name));
        let restored = place
            .vault
            .restore(&backup.name, &store.name, &copy)
            .unwrap();
        assert_eq!(restored.owners_not_set, 0);
        assert_eq!(look(&copy), look(store.path().unwrap()));
        copy
    });
    assert_eq!(
        fs::metadata(&copies[0])
            .map(|m| (m.uid(), m.gid()))
            .unwrap(),
        (1001, 1002)
    );
    for (path, id) in paths.into_iter().zip(2001..) {
        assert_eq!(owned(&copies[1], path), (id, id + 1000), "{path}");
    }
}
