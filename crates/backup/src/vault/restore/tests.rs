//! What is read back is compared: a disk that does not keep what it was given is found out.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::capture::capture;
use crate::manifest::DirectoryEntry;

fn manifest(folder: &Path) -> StoreManifest {
    let path = folder.join("store");
    fs::create_dir_all(path.join("d")).unwrap();
    fs::write(path.join("d/one"), "first").unwrap();
    fs::write(path.join("two"), "second").unwrap();
    std::os::unix::fs::symlink("two", path.join("link")).unwrap();
    let store = OnDisk {
        name: "store".to_owned(),
        shape: Shape::Directory,
        path,
    };
    match capture(&store, None) {
        Ok(manifest) => manifest,
        Err(_) => panic!("a quiet store can be read"),
    }
}

/// Writes the copy, lets `spoil` change it, and reads it back.
fn check_after(spoil: fn(&Path)) -> Result<(), BackupError> {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest(folder.path());
    let private = tempfile::tempdir().unwrap();
    let writer = Writer::new(private.path(), &manifest).unwrap();
    let copied = read_back(|copies| {
        for file in &manifest.files {
            let content = fs::read(folder.path().join("store").join(file.path.as_path())).unwrap();
            writer.file(file, &mut &content[..], copies).unwrap();
        }
    });
    writer.symlinks().unwrap();
    spoil(&writer.data);
    writer.check(&copied)
}

/// What is written meanwhile is read back.
fn read_back(write: impl FnOnce(&ReadBack<'_>)) -> AlreadyRead {
    thread::scope(|scope| {
        let copies = ReadBack::start(scope).unwrap();
        write(&copies);
        copies.finish().unwrap()
    })
}

/// What a disk has made of a file counts, and not what it was given.
#[test]
fn a_file_is_read_back_from_the_disk_also_behind_whoever_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let piece = vec![7; 1024 * 1024];
    let options = || {
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        options
    };
    // Of a large file the piece that is written last: those before may have been read back by then.
    for (pieces, lost) in [(1, 0), (40, 39 * 1024 * 1024 + 5)] {
        let _ = fs::remove_file(&path);
        let file = options().open(&path).unwrap();
        let (copied, stamp) = thread::scope(|scope| {
            let copies = ReadBack::start(scope).unwrap();
            let mut writing = copies.begin(path.clone(), file);
            for _ in 0..pieces {
                io::Write::write_all(&mut writing, &piece).unwrap();
            }
            let changed = options().open(&path).unwrap();
            std::os::unix::fs::FileExt::write_at(&changed, b"x", lost).unwrap();
            let stamp = crate::scan::Stamp::of(&rustix::fs::fstat(&changed).unwrap());
            writing.complete();
            (copies.finish().unwrap(), stamp)
        });
        let on_disk = fs::read(&path).unwrap();
        let expected = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&on_disk));
        let found = copied.sha256(&stamp).unwrap();
        assert_eq!(hex::encode(found), expected, "{pieces} pieces");
        assert_eq!(stamp.size, on_disk.len() as u64);
    }
}

#[test]
fn a_copy_that_is_not_what_was_written_is_refused() {
    check_after(|_| {}).unwrap();
    let spoilers: [fn(&Path); 7] = [
        |copy| fs::write(copy.join("two"), "sEcond").unwrap(),
        |copy| fs::write(copy.join("two"), "").unwrap(),
        |copy| fs::write(copy.join("more"), "").unwrap(),
        |copy| fs::create_dir(copy.join("d/more")).unwrap(),
        |copy| fs::rename(copy.join("d/one"), copy.join("d/two")).unwrap(),
        |copy| fs::set_permissions(copy.join("two"), fs::Permissions::from_mode(0o666)).unwrap(),
        |copy| {
            fs::remove_file(copy.join("link")).unwrap();
            std::os::unix::fs::symlink("d", copy.join("link")).unwrap();
        },
    ];
    for (index, spoil) in spoilers.into_iter().enumerate() {
        match check_after(spoil) {
            Err(BackupError::RestoredDiffers { .. } | BackupError::Target { .. }) => {}
            other => panic!("{index}: {other:?}"),
        }
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest(folder.path());
    let private = tempfile::tempdir().unwrap();
    let writer = Writer::new(private.path(), &manifest).unwrap();
    fs::remove_dir(writer.data.join("d")).unwrap();
    std::os::unix::fs::symlink(outside.path(), writer.data.join("d")).unwrap();
    let file = &manifest.files[0];
    assert_eq!(file.path.to_string(), "d/one");
    read_back(|copies| {
        assert!(matches!(
            writer.file(file, &mut &b"first"[..], copies),
            Err(BackupError::Target { .. })
        ));
    });
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn folders_get_their_modes_last_so_that_they_may_be_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = manifest(folder.path());
    for DirectoryEntry { mode, .. } in &mut manifest.directories {
        *mode = 0o500;
    }
    let private = tempfile::tempdir().unwrap();
    let writer = Writer::new(private.path(), &manifest).unwrap();
    read_back(|copies| {
        for file in &manifest.files {
            writer
                .file(file, &mut io::repeat(b'x').take(file.size), copies)
                .unwrap();
        }
    });
    writer.finish_directories().unwrap();
    for path in [writer.data.clone(), writer.data.join("d")] {
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(
            metadata.permissions().mode() & 0o7777,
            0o500,
            "{}",
            path.display()
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
}
