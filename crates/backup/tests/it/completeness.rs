//! What a folder has beside contents and modes: extended attributes, further names, holes.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use portcullis_backup::{BackupError, Damage, Store};
use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::{Place, look, noise, path_of};

fn set(path: &Path, name: &str, value: &[u8]) {
    setxattr(path, name, value, XattrFlags::empty()).unwrap();
}

fn get(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1024];
    let length = getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// A folder with attributes on files and folders, further names, and a file that is mostly a hole.
fn photos(place: &Place) -> Store {
    let root = place.path("photos");
    let deep = root.join("d".repeat(120));
    fs::create_dir_all(&deep).unwrap();
    fs::write(root.join("first"), "content").unwrap();
    fs::hard_link(root.join("first"), deep.join("second")).unwrap();
    fs::hard_link(root.join("first"), root.join("third name")).unwrap();
    fs::write(deep.join("long target"), "x").unwrap();
    fs::hard_link(deep.join("long target"), root.join("z")).unwrap();
    set(&root.join("first"), "user.color", b"red");
    set(&root.join("first"), "user.a=b%c", b"\0\xffline\n");
    set(&root.join("first"), "user.empty", b"");
    set(&deep, "user.of folder", b"yes");
    set(&deep.join("long target"), "user.deep", &[7; 300]);
    set(&root, "user.root", b"root");
    let mut sparse = File::create(root.join("sparse")).unwrap();
    sparse.write_all(&noise(100_000)).unwrap();
    sparse.seek(SeekFrom::Start(48 * 1024 * 1024)).unwrap();
    sparse.write_all(&noise(100_000)).unwrap();
    sparse.set_len(64 * 1024 * 1024).unwrap();
    fs::set_permissions(
        root.join("first"),
        std::os::unix::fs::PermissionsExt::from_mode(0o400),
    )
    .unwrap();
    Store::directory("photos", root)
}

fn assert_complete(root: &Path, is_sparse: bool) {
    let deep = root.join("d".repeat(120));
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    for name in [deep.join("second"), root.join("third name")] {
        assert_eq!(
            inode(&name),
            inode(&root.join("first")),
            "{}",
            name.display()
        );
    }
    assert_eq!(inode(&deep.join("long target")), inode(&root.join("z")));
    assert_eq!(fs::metadata(root.join("first")).unwrap().nlink(), 3);
    for (path, name, value) in [
        (root.join("third name"), "user.color", b"red".as_slice()),
        (root.join("first"), "user.a=b%c", b"\0\xffline\n"),
        (root.join("first"), "user.empty", b""),
        (deep.clone(), "user.of folder", b"yes"),
        (root.join("z"), "user.deep", &[7; 300]),
        (root.to_owned(), "user.root", b"root"),
    ] {
        assert_eq!(
            get(&path, name).as_deref(),
            Some(value),
            "{name} of {}",
            path.display()
        );
    }
    let sparse = fs::metadata(root.join("sparse")).unwrap();
    assert_eq!(sparse.len(), 64 * 1024 * 1024);
    if is_sparse {
        assert!(
            sparse.blocks() * 512 < 1024 * 1024,
            "{} blocks",
            sparse.blocks()
        );
    }
}

#[test]
fn attributes_further_names_and_holes_come_back() {
    let place = Place::new();
    let store = photos(&place);
    let before = look(store.path().unwrap());
    let backup = place.back_up(0, std::slice::from_ref(&store));
    let manifest = &backup.manifest.stores[0];
    let links: Vec<String> = manifest
        .hard_links
        .iter()
        .map(|link| link.path.to_string())
        .collect();
    assert_eq!(links.len(), 3, "{links:?}");
    let holes: u64 = manifest.files.iter().map(|file| file.hole_bytes).sum();
    assert!(holes > 60 * 1024 * 1024, "{holes}");
    assert!(backup.bytes < 1024 * 1024, "{}", backup.bytes);
    place.vault.verify(&backup.name).unwrap();

    let copy = place.path("copy");
    let restored = place.vault.restore(&backup.name, "photos", &copy).unwrap();
    assert_eq!(restored.attributes_not_set, 0);
    assert_eq!(look(&copy), before);
    assert_complete(&copy, true);

    fs::write(store.path().unwrap().join("later"), "later").unwrap();
    let replaced = place
        .vault
        .restore_in_place(&backup.name, &store, crate::at(1))
        .unwrap();
    assert_eq!(look(store.path().unwrap()), before);
    assert_complete(store.path().unwrap(), true);
    assert!(path_of(replaced.kept).join("later").is_file());
}

/// The runbook's way: GNU tar, with `--xattrs` for what people have set.
#[test]
fn tar_alone_brings_them_back() {
    let place = Place::new();
    let store = photos(&place);
    let before = look(store.path().unwrap());
    let backup = place.back_up(0, std::slice::from_ref(&store));
    let out = place.path("out");
    fs::create_dir(&out).unwrap();
    let script = "zstd --decompress --stdout \"$1\" | tar --extract --preserve-permissions --xattrs --directory \"$2\"";
    let output = Command::new("sh")
        .args(["-ec", script, "sh"])
        .args([&backup.archive, &out])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    let root = out.join("stores/photos");
    assert_complete(&root, false);
    let content =
        |seen: &std::collections::BTreeMap<_, _>| seen.keys().cloned().collect::<Vec<_>>();
    assert_eq!(content(&look(&root)), content(&before));
    // Holes are made anew from the zeros.
    let dug = Command::new("fallocate")
        .arg("--dig-holes")
        .arg(root.join("sparse"))
        .status()
        .unwrap();
    assert!(dug.success());
    assert_complete(&root, true);
}

/// An attribute or a further name in the archive that is not that of the manifest is found, whatever its checksums say.
#[test]
fn a_changed_attribute_or_name_is_found() {
    for (from, to) in [
        ("SCHILY.xattr.user.color=red", "SCHILY.xattr.user.color=bad"),
        ("SCHILY.xattr.user.color=red", "SCHILY.xattr.user.xolor=red"),
    ] {
        let place = Place::new();
        let store = photos(&place);
        let backup = place.back_up(0, std::slice::from_ref(&store));
        let script = "zstd -dc \"$1\" > \"$1.tar\"; \
                      python3 -c 'import sys; p, a, b = sys.argv[1:]; d = open(p, \"rb\").read(); assert d.count(a.encode()) == 1; \
                      open(p, \"wb\").write(d.replace(a.encode(), b.encode()))' \"$1.tar\" \"$2\" \"$3\"; \
                      zstd -qf \"$1.tar\" -o \"$1\"; rm \"$1.tar\"; cd \"$(dirname \"$1\")\"; n=$(basename \"$1\" .tar.zst); \
                      sha256sum \"$n.tar.zst\" \"$n.manifest.json\" > \"$n.sha256\"";
        let output = Command::new("sh")
            .args(["-ec", script, "sh"])
            .arg(&backup.archive)
            .args([from, to])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        match place.vault.verify(&backup.name) {
            Err(BackupError::Damaged { damages, .. }) => {
                assert!(
                    damages.iter().any(|damage| matches!(damage,
                        Damage::Attributes { path, expected, .. }
                            if path == "stores/photos/first" && expected.contains("user.color"))),
                    "{damages:?}"
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(
            place
                .vault
                .restore(&backup.name, "photos", &place.path("copy"))
                .is_err()
        );
        assert!(!place.path("copy").exists());
    }
}
