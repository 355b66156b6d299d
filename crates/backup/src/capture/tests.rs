//! Changes at a certain moment: the archive is written into a pipe, so that the capture stands
//! still in the middle of a file until the test reads on.

use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;

use super::*;

/// More than a pipe and all pieces on their way hold, and of no pattern that zstd finds.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..24_000_000).map(|_| next()).collect()
}

/// Captures the store, runs `change` when a part of it was read, and lets it go on.
fn capture_with(store: &OnDisk, change: impl FnOnce()) -> Result<StoreManifest, Unsettled> {
    let (mut reader, writer) = std::io::pipe().unwrap();
    thread::scope(|scope| {
        let capturing = scope.spawn(|| {
            let pipe = File::from(OwnedFd::from(writer));
            let mut archive =
                ArchiveWriter::new(pipe, Path::new("pipe"), &crate::Encryption::default())?;
            capture(store, Some(&mut archive))
        });
        reader.read_exact(&mut [0; 200_000]).unwrap();
        change();
        drain(&mut reader).unwrap();
        capturing.join().unwrap()
    })
}

fn directory(folder: &Path) -> OnDisk {
    let path = folder.join("store");
    fs::create_dir(&path).unwrap();
    write_long_ago(&path.join("large"));
    fs::write(path.join("later"), "small").unwrap();
    OnDisk {
        name: "store".to_owned(),
        shape: Shape::Directory,
        path,
    }
}

/// So that a change in the same tick of the clock cannot go unseen.
fn write_long_ago(path: &Path) {
    fs::write(path, noise()).unwrap();
    let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_times(times)
        .unwrap();
}

fn changed(outcome: Result<StoreManifest, Unsettled>) -> PathBuf {
    match outcome {
        Err(Unsettled::Changed(path)) => path,
        Err(Unsettled::Failed(error)) => panic!("{error}"),
        Ok(_) => panic!("the change was not noticed"),
    }
}

fn captured(outcome: Result<StoreManifest, Unsettled>) -> StoreManifest {
    match outcome {
        Ok(manifest) => manifest,
        Err(Unsettled::Changed(path)) => panic!("{} changed", path.display()),
        Err(Unsettled::Failed(error)) => panic!("{error}"),
    }
}

#[test]
fn a_file_that_grows_shrinks_or_is_overwritten_while_it_is_read_has_changed() {
    let changes: [fn(&Path); 3] = [
        |path| {
            File::options()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"x")
                .unwrap()
        },
        |path| {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(10)
                .unwrap()
        },
        |path| {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .write_all(b"x")
                .unwrap()
        },
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let store = directory(folder.path());
        let large = store.path.join("large");
        assert_eq!(changed(capture_with(&store, || change(&large))), large);
        let single = OnDisk {
            shape: Shape::File,
            path: large.clone(),
            ..store
        };
        write_long_ago(&large);
        assert_eq!(changed(capture_with(&single, || change(&large))), large);
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = directory(folder.path());
    let large = store.path.join("large");
    let single = OnDisk {
        shape: Shape::File,
        path: large.clone(),
        ..store
    };
    let replace = || {
        fs::write(folder.path().join("next"), "new").unwrap();
        fs::rename(folder.path().join("next"), &large).unwrap();
    };
    let manifest = captured(capture_with(&single, replace));
    assert_eq!(manifest.files[0].size, 24_000_000);
    assert!(manifest.steady);
}

#[test]
fn a_directory_whose_other_entries_change_is_not_steady() {
    let changes: [fn(&Path); 5] = [
        |path| fs::write(path.join("added"), "").unwrap(),
        |path| fs::remove_file(path.join("later")).unwrap(),
        |path| fs::write(path.join("later"), "longer").unwrap(),
        |path| fs::create_dir(path.join("folder")).unwrap(),
        |path| {
            fs::write(path.join("next"), "SMALL").unwrap();
            fs::rename(path.join("next"), path.join("later")).unwrap();
        },
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let store = directory(folder.path());
        let manifest = captured(capture_with(&store, || change(&store.path)));
        assert!(!manifest.steady);
        assert!(
            manifest
                .files
                .iter()
                .any(|file| file.path.to_string() == "large")
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let store = directory(folder.path());
    assert!(captured(capture_with(&store, || {})).steady);
}

/// Names before, at and behind that of the root, which is written `.`.
fn scanned(folder: &Path) -> Scan {
    let path = folder.join("store");
    fs::create_dir_all(path.join("folder")).unwrap();
    for name in ["!", "a", "folder/one", "folder/two", "z"] {
        fs::write(path.join(name), name).unwrap();
    }
    std::os::unix::fs::symlink("a", path.join("link")).unwrap();
    let store = OnDisk {
        name: "store".to_owned(),
        shape: Shape::Directory,
        path,
    };
    let scan = Scan::of(&store).unwrap();
    let paths: Vec<_> = scan
        .items
        .iter()
        .map(|item| item.path.to_string())
        .collect();
    let in_order = [
        ".",
        "!",
        "a",
        "folder",
        "folder/one",
        "folder/two",
        "link",
        "z",
    ];
    assert_eq!(paths, in_order);
    scan
}

fn looks_the_same<'i>(first: &Scan, now: impl IntoIterator<Item = &'i Item>) -> bool {
    let mut second = SecondLook::after(first);
    for item in now {
        second.item(item);
    }
    second.is_the_same()
}

/// Each item alone tells: what the folder it is in says of itself does not change here.
#[test]
fn a_second_look_tells_what_was_added_removed_or_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let first = scanned(folder.path());
    let items = &first.items;
    assert!(looks_the_same(&first, items));
    assert!(looks_the_same(&first, items.iter().rev()), "in any order");

    for name in ["-", "added", "folder/added", "zz"] {
        let added = Item {
            path: name.parse().unwrap(),
            ..items[2].clone()
        };
        assert!(!looks_the_same(&first, items.iter().chain([&added])));
    }
    for (at, item) in items.iter().enumerate() {
        let others = || items.iter().filter(move |other| *other != item);
        assert!(!looks_the_same(&first, others()), "{} is gone", item.path);
        let another = &items[(at + 1) % items.len()];
        assert!(
            !looks_the_same(&first, others().chain([another])),
            "{} is gone and another is there twice",
            item.path
        );
        assert!(
            !looks_the_same(&first, items.iter().chain([item])),
            "{} is there twice",
            item.path
        );
        let replaced = [
            Item {
                stamp: another.stamp,
                ..item.clone()
            },
            Item {
                mode: item.mode ^ 0o001,
                ..item.clone()
            },
            Item {
                uid: item.uid + 1,
                ..item.clone()
            },
        ];
        for replaced in &replaced {
            assert!(
                !looks_the_same(&first, others().chain([replaced])),
                "{} is another one",
                item.path
            );
        }
    }
}

#[test]
fn a_link_that_takes_the_place_of_a_file_or_folder_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();

    let store = directory(folder.path());
    let later = store.path.join("later");
    let path = changed(capture_with(&store, || {
        fs::remove_file(&later).unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), &later).unwrap();
    }));
    assert_eq!(path, later);

    fs::remove_file(&later).unwrap();
    let nested = store.path.join("nested");
    fs::create_dir(&nested).unwrap();
    fs::write(nested.join("secret"), "harmless").unwrap();
    let path = changed(capture_with(&store, || {
        fs::rename(&nested, folder.path().join("aside")).unwrap();
        std::os::unix::fs::symlink(&outside, &nested).unwrap();
    }));
    // Its attributes are asked for before anything in it is read.
    assert_eq!(path, nested);
}
