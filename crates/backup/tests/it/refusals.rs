//! What is refused, with a reason and without side effects.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use portcullis_backup::{
    BackupError, BackupName, BackupRequest, Damage, Manifest, Store, store_digest,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use sha2::{Digest, Sha256};

use crate::{Place, at, look, names, request};

fn directory(path: &Path) -> Store {
    Store::directory("photos", path.to_owned())
}

fn file(path: &Path) -> Store {
    Store::file("library", path.to_owned())
}

/// Backing up, measuring and hashing refuse the same, naming the path and the reason.
fn refuses(place: &Place, store: &Store, path: &str, reason: &str) {
    let errors = [
        place
            .vault
            .create(&request(0), std::slice::from_ref(store))
            .map(drop)
            .unwrap_err(),
        store.size().map(drop).unwrap_err(),
        store_digest(store).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, BackupError::StoreRefused { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains(path) && text.contains(reason), "{text}");
    }
    assert!(
        names(place.vault.root()).is_empty(),
        "nothing is left in the vault"
    );
}

#[test]
fn stores_that_are_missing_or_of_another_kind() {
    let place = Place::new();
    let (a_file, a_folder) = (place.file_store("a"), place.directory_store("b"));
    refuses(
        &place,
        &file(&place.path("nothing")),
        "nothing",
        "does not exist",
    );
    refuses(
        &place,
        &file(a_folder.path().unwrap()),
        "photos",
        "is a directory, expected a file",
    );
    refuses(
        &place,
        &directory(a_file.path().unwrap()),
        "library.json",
        "is a file, expected a directory",
    );
}

#[test]
fn a_store_that_is_a_link_is_not_followed() {
    let place = Place::new();
    let (a_file, a_folder) = (place.file_store("a"), place.directory_store("b"));
    symlink(a_file.path().unwrap(), place.path("link-to-file")).unwrap();
    symlink(a_folder.path().unwrap(), place.path("link-to-folder")).unwrap();
    refuses(
        &place,
        &file(&place.path("link-to-file")),
        "link-to-file",
        "symbolic link",
    );
    for path in ["link-to-folder", "link-to-folder/"] {
        refuses(
            &place,
            &directory(&place.path(path)),
            "link-to-folder",
            "symbolic link",
        );
    }
}

#[test]
fn sockets_pipes_and_devices() {
    let place = Place::new();
    let store = place.directory_store("b");
    let socket = store.path().unwrap().join("2026/service.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    refuses(&place, &store, "2026/service.sock", "is a socket");
    drop(listener);
    fs::remove_file(&socket).unwrap();

    let pipe = store.path().unwrap().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    refuses(&place, &store, "photos/pipe", "is a named pipe");
    refuses(&place, &file(&pipe), "pipe", "is a named pipe");
    refuses(
        &place,
        &file(Path::new("/dev/null")),
        "/dev/null",
        "is a device",
    );
}

#[test]
fn store_names_and_requests() {
    let place = Place::new();
    let store = place.file_store("a");
    let named = |name: &str| Store {
        name: name.to_owned(),
        ..store.clone()
    };
    for stores in [
        vec![],
        vec![store.clone(), store.clone()],
        vec![named("")],
        vec![named("../x")],
    ] {
        let error = place.vault.create(&request(0), &stores).unwrap_err();
        assert!(
            matches!(error, BackupError::StoresRefused { .. }),
            "{error:?}"
        );
    }
    for (service, environment) in [
        ("", "p"),
        ("d_h", "p"),
        ("d", "../p"),
        ("D", "p"),
        ("d", ""),
    ] {
        let request = BackupRequest {
            service: service.to_owned(),
            environment: environment.to_owned(),
            ..request(0)
        };
        let error = place
            .vault
            .create(&request, std::slice::from_ref(&store))
            .unwrap_err();
        assert!(matches!(error, BackupError::Name(_)), "{error:?}");
    }
    assert!(names(place.vault.root()).is_empty());
}

#[test]
fn a_vault_in_a_store_and_a_store_in_the_vault() {
    let place = Place::new();
    let around = directory(place.folder.path());
    let inside = place.vault.root().join("data");
    fs::create_dir(&inside).unwrap();
    symlink(&inside, place.path("by-link")).unwrap();
    for store in [
        around,
        directory(&inside),
        directory(&place.path("by-link")),
    ] {
        let error = place.vault.create(&request(0), &[store]).unwrap_err();
        assert!(
            matches!(error, BackupError::VaultOverlaps { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_restore_goes_only_where_nothing_is() {
    let place = Place::new();
    let store = place.file_store("a");
    let backup = place.back_up(0, &[store]);
    let taken = place.path("taken");
    fs::write(&taken, "precious").unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    for name in ["taken", "dangling", "taken/"] {
        let error = place
            .vault
            .restore(&backup.name, "library", &place.path(name))
            .unwrap_err();
        assert!(
            matches!(error, BackupError::TargetExists { .. }),
            "{error:?}"
        );
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "precious");
    let error = place
        .vault
        .restore(&backup.name, "library", &place.path("no/folder"))
        .unwrap_err();
    assert!(matches!(error, BackupError::Target { .. }), "{error:?}");
    let error = place
        .vault
        .restore(&backup.name, "other", &place.path("x"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the backup {} has no store \"other\"; it has library",
            backup.name
        )
    );
}

/// Writes a backup by hand, in order with itself, as somebody who wants to do harm would.
fn forge(place: &Place, stores: &str, entries: &[(&str, tar::EntryType, &str)]) -> BackupName {
    let name = BackupName::new("dhash", "production", at(0)).unwrap();
    let manifest = format!(
        "{{\"format\":1,\"name\":\"{name}\",\"service\":\"dhash\",\
         \"environment\":\"production\",\"created_at\":\"2026-11-21T01:00:00Z\",\
         \"release\":null,\"reason\":\"\",\"portcullis_version\":\"0\",\"stores\":[{stores}]}}"
    );
    let mut builder = tar::Builder::new(Vec::new());
    let all = entries
        .iter()
        .chain([&("manifest.json", tar::EntryType::Regular, "")]);
    for (path, kind, content) in all {
        let is_manifest = *path == "manifest.json";
        let content = if is_manifest {
            manifest.as_str()
        } else {
            content
        };
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if *kind == tar::EntryType::Directory {
            0o755
        } else {
            0o644
        });
        header.set_size(0);
        // By hand: the library refuses to write such names.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        if *kind == tar::EntryType::Regular {
            header.set_size(content.len() as u64);
        } else {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_cksum();
        let data = if *kind == tar::EntryType::Regular {
            content
        } else {
            ""
        };
        builder.append(&header, data.as_bytes()).unwrap();
    }
    let archive = zstd::encode_all(&builder.into_inner().unwrap()[..], 1).unwrap();
    let root = place.vault.root();
    let sum = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let sums = format!(
        "{}  {name}.tar.zst\n{}  {name}.manifest.json\n",
        sum(&archive),
        sum(manifest.as_bytes())
    );
    fs::write(root.join(format!("{name}.tar.zst")), archive).unwrap();
    fs::write(root.join(format!("{name}.manifest.json")), manifest).unwrap();
    fs::write(root.join(format!("{name}.sha256")), sums).unwrap();
    name
}

fn digest_of(lines: &str) -> String {
    hex::encode(Sha256::digest(lines))
}

const EVIL: &str = "evil";

fn file_json(path: &str) -> String {
    let sha256 = digest_of(EVIL);
    format!(
        "{{\"path\":\"{path}\",\"size\":4,\"sha256\":\"{sha256}\",\"mode\":\"0644\",\
         \"mtime\":\"2026-11-21T01:00:00Z\",\"uid\":0,\"gid\":0}}"
    )
}

fn directory_json(path: &str) -> String {
    format!("{{\"path\":\"{path}\",\"mode\":\"0755\",\"uid\":0,\"gid\":0}}")
}

fn store_json(lines: &str, directories: &[&str], files: &[&str], links: &str) -> String {
    let directories: Vec<_> = directories
        .iter()
        .map(|path| directory_json(path))
        .collect();
    let files: Vec<_> = files.iter().map(|path| file_json(path)).collect();
    format!(
        "{{\"name\":\"photos\",\"kind\":\"directory\",\"digest\":\"{}\",\"steady\":true,\
         \"files\":[{}],\"directories\":[{}],\"symlinks\":[{links}]}}",
        digest_of(lines),
        files.join(","),
        directories.join(",")
    )
}

/// Tries to restore a forged backup and checks that nothing was written anywhere.
fn cannot_be_restored(place: &Place, name: &BackupName) -> Vec<Damage> {
    let before = look(place.folder.path());
    let target = place.path("copy");
    let error = place.vault.restore(name, "photos", &target).unwrap_err();
    assert_eq!(look(place.folder.path()), before, "nothing was written");
    match error {
        BackupError::Damaged { damages, .. } => damages,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_forger_can_make_an_honest_backup() {
    use tar::EntryType::{Directory, Regular};
    let place = Place::new();
    let lines = format!("file 4 {} good\n", digest_of(EVIL));
    let store = store_json(&lines, &["."], &["good"], "");
    let entries = [
        ("stores/photos", Directory, ""),
        ("stores/photos/good", Regular, EVIL),
    ];
    let name = forge(&place, &store, &entries);
    place.vault.verify(&name).unwrap();
    place
        .vault
        .restore(&name, "photos", &place.path("copy"))
        .unwrap();
    assert_eq!(fs::read_to_string(place.path("copy/good")).unwrap(), EVIL);
}

#[test]
fn archives_that_lead_out_of_the_copy_are_refused() {
    use tar::EntryType::{Directory, Regular, Symlink};
    for path in [
        "../evil",
        "/tmp/evil",
        "stores/photos/../../evil",
        "stores/photos/./x",
        "evil",
    ] {
        let place = Place::new();
        let store = store_json("", &["."], &[], "");
        let entries = [("stores/photos", Directory, ""), (path, Regular, EVIL)];
        let name = forge(&place, &store, &entries);
        let damages = cannot_be_restored(&place, &name);
        assert_eq!(
            damages,
            [Damage::Unexpected {
                path: path.to_owned()
            }]
        );
    }

    // A link takes the place of a folder, and a file goes through it.
    let place = Place::new();
    let lines = format!("directory 0 - d\nfile 4 {} d/evil\n", digest_of(EVIL));
    let store = store_json(&lines, &[".", "d"], &["d/evil"], "");
    let outside = place.folder.path().to_str().unwrap().to_owned();
    let entries = [
        ("stores/photos", Directory, ""),
        ("stores/photos/d", Symlink, outside.as_str()),
        ("stores/photos/d/evil", Regular, EVIL),
    ];
    let name = forge(&place, &store, &entries);
    let damages = cannot_be_restored(&place, &name);
    assert!(matches!(&damages[0], Damage::Attributes { path, .. } if path == "stores/photos/d"));
}

#[test]
fn an_entry_that_is_twice_in_an_archive_is_refused() {
    use tar::EntryType::{Directory, Regular};
    let lines = format!("file 4 {} good\n", digest_of(EVIL));
    let store = store_json(&lines, &["."], &["good"], "");
    let entries = [
        ("stores/photos", Directory, ""),
        ("stores/photos/good", Regular, EVIL),
    ];
    let again = [
        entries[0],
        entries[1],
        // Even if nothing of it would fit.
        ("stores/photos/good", Directory, ""),
        // The manifest comes again at the end.
        ("manifest.json", Regular, ""),
    ];
    for more in again {
        let place = Place::new();
        let name = forge(&place, &store, &[&entries[..], &[more]].concat());
        let path = more.0.to_owned();
        let damages = cannot_be_restored(&place, &name);
        assert_eq!(damages, [Damage::Unexpected { path }]);
    }
}

#[test]
fn what_is_not_in_an_archive_is_missing() {
    use tar::EntryType::{Directory, Regular};
    let place = Place::new();
    let lines = format!("file 4 {0} good\nfile 4 {0} more\n", digest_of(EVIL));
    let store = store_json(&lines, &["."], &["good", "more"], "");
    let entries = [("stores/photos/more", Regular, EVIL)];
    let name = forge(&place, &store, &entries);
    let missing = |path: &str| Damage::Missing {
        path: path.to_owned(),
    };
    let wanted = [missing("stores/photos"), missing("stores/photos/good")];
    assert_eq!(cannot_be_restored(&place, &name), wanted);

    // The root of a store is not told by another spelling of it.
    let place = Place::new();
    let entries = [
        ("stores/photos/.", Directory, ""),
        ("stores/photos/good", Regular, EVIL),
        ("stores/photos//", Directory, ""),
        ("stores/photos/more", Regular, EVIL),
    ];
    let name = forge(&place, &store, &entries);
    let unexpected = |path: &str| Damage::Unexpected {
        path: path.to_owned(),
    };
    let wanted = [
        unexpected("stores/photos/."),
        unexpected("stores/photos/"),
        missing("stores/photos"),
    ];
    assert_eq!(cannot_be_restored(&place, &name), wanted);
}

#[test]
fn manifests_that_lead_out_of_the_copy_are_refused() {
    let evil_link = "{\"path\":\"d\",\"target\":\"/tmp\",\"uid\":0,\"gid\":0}".to_owned();
    let stores = [
        store_json("", &["."], &["../evil"], ""),
        store_json("", &["."], &["/tmp/evil"], ""),
        store_json("", &["."], &["a//b"], ""),
        store_json("", &["."], &["d/evil"], &evil_link), // through a link
        store_json("", &[".", "d"], &["d/evil"], &evil_link), // listed as both
        store_json("", &["."], &["d/evil"], ""),         // folder not listed
        store_json("", &["."], &["."], ""),
        store_json("", &["."], &["x\\x2fy"], ""), // an escape that `escape` never writes
        store_json("wrong digest", &["."], &[], ""),
        store_json("", &["."], &[], "").replace("\"photos\"", "\"../photos\""),
        store_json("", &["."], &[], "").replace("\"directory\",\"digest", "\"file\",\"digest"),
    ];
    for store in stores {
        let place = Place::new();
        let name = forge(&place, &store, &[]);
        let damages = cannot_be_restored(&place, &name);
        assert!(
            matches!(damages[0], Damage::ManifestUnreadable { .. }),
            "{store}: {damages:?}"
        );
    }
}

#[test]
fn a_manifest_of_a_newer_format_says_so() {
    let place = Place::new();
    let backup = place.back_up(0, &[place.file_store("a")]);
    let path = place
        .vault
        .root()
        .join(format!("{}.manifest.json", backup.name));
    let json = fs::read_to_string(&path).unwrap();
    assert!(serde_json::from_str::<Manifest>(&json).is_ok());
    fs::write(&path, json.replacen("\"format\": 1", "\"format\": 2", 1)).unwrap();
    let error = place.vault.manifest(&backup.name).unwrap_err();
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn a_vault_that_went_away_is_named() {
    let place = Place::new();
    let store = place.file_store("a");
    fs::remove_dir(place.vault.root()).unwrap();
    File::create(place.vault.root()).unwrap();
    let error = place.vault.create(&request(0), &[store]).unwrap_err();
    assert!(matches!(error, BackupError::Vault { .. }), "{error:?}");
    assert!(error.to_string().contains("vault"), "{error}");
}
