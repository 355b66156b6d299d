//! The files of the folder but for its database: looked at, copied, and looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags, fstat, readlinkat};
use rustix::io::Errno;

use super::DATABASE;
use super::index::{self, FILES, Header, LAST_WRITTEN};
use crate::archive::ArchiveWriter;
use crate::bounds::{CHROMA_QUIET_MS, CHROMA_SETTLE_MS};
use crate::clock::Stopwatch;
use crate::hashing::{CopyFailed, HashingReader, copy};
use crate::holes::hole_bytes;
use crate::manifest::{DirectoryEntry, FileEntry, LinkTarget, StoreManifest, SymlinkEntry};
use crate::on_disk::OnDisk;
use crate::scan::{
    Item, ItemKind, Scan, Stamp, location, open_beneath, open_folder_of, unreadable,
};
use crate::vault::failed_to;
use crate::{BackupError, ExtendedAttributes, RelativePath, StoreKind, sqlite};

/// Everything in the folder but the database, once it is in no index that is just being written, or in one that a crash
/// left so.
pub(super) fn settled(store: &OnDisk) -> Result<Scan, BackupError> {
    let waited = Stopwatch::start();
    let mut quiet: Option<(Vec<Item>, Stopwatch)> = None;
    loop {
        let scan = without_database(Scan::of(store)?);
        let Some(folder) = half_written(store, &scan)? else {
            return Ok(scan);
        };
        match &quiet {
            Some((items, since)) if difference(items, &scan.items).is_none() => {
                if since.is_over(CHROMA_QUIET_MS) {
                    return Ok(scan);
                }
            }
            _ => quiet = Some((scan.items.clone(), Stopwatch::start())),
        }
        if waited.is_over(CHROMA_SETTLE_MS) {
            return Err(BackupError::SegmentsChanging {
                store: store.name.clone(),
                path: location(store).join(folder),
                attempts: 1,
            });
        }
        sqlite::pause();
    }
}

/// Takes the database and what SQLite has beside it out: only SQLite may read it.
pub(super) fn without_database(mut scan: Scan) -> Scan {
    scan.items.retain(|item| {
        let path = item.path.as_path().as_os_str().as_encoded_bytes();
        !path.starts_with(DATABASE.as_bytes())
            || !["", "-journal", "-wal", "-shm"]
                .iter()
                .any(|end| path[DATABASE.len()..] == *end.as_bytes())
    });
    scan
}

/// The folder of an index of which a file is younger than the one that is written last, or that has vectors and not
/// that file.
fn half_written(store: &OnDisk, scan: &Scan) -> Result<Option<PathBuf>, BackupError> {
    let mut newest: BTreeMap<&Path, (i64, i32)> = BTreeMap::new();
    let mut last: BTreeMap<&Path, (i64, i32)> = BTreeMap::new();
    for item in &scan.items {
        let path = item.path.as_path();
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        let written = (item.stamp.mtime_seconds, item.stamp.mtime_nanoseconds);
        if FILES.iter().any(|file| name == *file) {
            let newest = newest.entry(folder).or_insert(written);
            *newest = written.max(*newest);
        } else if name == LAST_WRITTEN {
            last.insert(folder, written);
        }
    }
    for (folder, newest) in newest {
        let half = match last.get(folder) {
            Some(last) => newest > *last,
            None => {
                let at = location(store).join(folder).join(index::HEADER);
                let header = Header::read(&at).map_err(|error| unreadable(store, &at, error))?;
                header.is_some_and(|header| header.vectors > 0)
            }
        };
        if half {
            return Ok(Some(folder.to_owned()));
        }
    }
    Ok(None)
}

/// The first path at which two looks differ. When a folder was written does not count: the database's journal comes and
/// goes in the root, and what is in a folder is looked at itself.
fn difference(before: &[Item], after: &[Item]) -> Option<PathBuf> {
    let same = |one: &Item, other: &Item| {
        let seen = |item: &Item| (item.kind, item.mode, item.uid, item.gid);
        seen(one) == seen(other)
            && match one.kind {
                ItemKind::Directory => one.stamp.identity() == other.stamp.identity(),
                ItemKind::File | ItemKind::Symlink => one.stamp == other.stamp,
            }
    };
    let known: BTreeMap<_, _> = before.iter().map(|item| (&item.path, item)).collect();
    for item in after {
        match known.get(&item.path) {
            Some(other) if same(item, other) => {}
            _ => return Some(item.path.as_path().to_owned()),
        }
    }
    let left: BTreeSet<_> = after.iter().map(|item| &item.path).collect();
    let gone = before.iter().find(|item| !left.contains(&item.path));
    gone.map(|item| item.path.as_path().to_owned())
}

/// What was read of the folder.
pub(super) struct Segments<'a> {
    store: &'a OnDisk,
    /// Where copies go; without it the files are only read.
    copies: Option<PathBuf>,
    scan: Option<Scan>,
    taken: BTreeMap<RelativePath, Taken>,
    count: u64,
}

/// A file that was read.
struct Taken {
    stamp: Stamp,
    entry: FileEntry,
    /// The copy of it, if one was made.
    copy: Option<PathBuf>,
}

impl<'a> Segments<'a> {
    /// Copies go to `folder`.
    pub(super) fn kept_in(store: &'a OnDisk, folder: &Path) -> Self {
        Self {
            copies: Some(folder.to_owned()),
            ..Self::only_read(store)
        }
    }

    /// Files are only read, for their digests.
    pub(super) fn only_read(store: &'a OnDisk) -> Self {
        Self {
            store,
            copies: None,
            scan: None,
            taken: BTreeMap::new(),
            count: 0,
        }
    }

    /// Reads every file of `scan` that was not read as it is. Says which one changed meanwhile.
    pub(super) fn take(&mut self, scan: Scan) -> Result<Option<PathBuf>, BackupError> {
        let files = scan.items.iter().filter(|item| item.kind == ItemKind::File);
        let files: BTreeMap<_, _> = files.map(|item| (&item.path, item)).collect();
        self.taken.retain(|path, taken| {
            let same = files
                .get(path)
                .is_some_and(|item| item.stamp == taken.stamp);
            if let (false, Some(copy)) = (same, &taken.copy) {
                // What stays goes with the folder.
                let _ = std::fs::remove_file(copy);
            }
            same
        });
        for (path, item) in files {
            if self.taken.contains_key(path) {
                continue;
            }
            let Some(taken) = self.read(&scan, item)? else {
                return Ok(Some(self.at(path)));
            };
            self.taken.insert(path.clone(), taken);
        }
        self.scan = Some(scan);
        Ok(None)
    }

    /// What is now another than what was read.
    pub(super) fn changed(&self) -> Result<Option<PathBuf>, BackupError> {
        let now = without_database(Scan::of(self.store)?);
        let before = self.scan.as_ref().map_or(&[][..], |scan| &scan.items);
        let changed = difference(before, &now.items);
        Ok(changed.map(|path| location(self.store).join(path)))
    }

    /// Reads one file, to its copy if there is to be one. Nothing if it is another one by now.
    fn read(&mut self, scan: &Scan, item: &Item) -> Result<Option<Taken>, BackupError> {
        let at = self.at(&item.path);
        let failed = |source: io::Error| unreadable(self.store, &at, source);
        // NONBLOCK: if a named pipe takes the file's place, opening it must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = match open_beneath(&scan.root, &item.path, flags) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        };
        let stat = fstat(&file).map_err(|error| failed(error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile
            || Stamp::of(&stat) != item.stamp
        {
            return Ok(None);
        }
        let mut entry = FileEntry {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            xattrs: ExtendedAttributes::of(&file).map_err(|error| failed(error.into()))?,
            hole_bytes: hole_bytes(&file, item.stamp.size).map_err(failed)?,
            ..FileEntry::unread(item, item.stamp.size)
        };
        let mut reader = HashingReader::new((&file).take(item.stamp.size));
        let to = self.copies.as_ref().map(|folder| {
            self.count += 1;
            folder.join(self.count.to_string())
        });
        let mut into: Box<dyn Write> = match &to {
            Some(path) => {
                let made = File::create_new(path);
                Box::new(made.map_err(|source| failed_to("write", path, source))?)
            }
            None => Box::new(io::sink()),
        };
        match copy(&mut reader, &mut into) {
            Ok(()) => {}
            Err(CopyFailed::Read(source)) => return Err(failed(source)),
            Err(CopyFailed::Write(source)) => {
                let path = to.as_deref().unwrap_or(&at);
                return Err(failed_to("write", path, source));
            }
        }
        let after = fstat(&file).map_err(|error| failed(error.into()))?;
        if reader.bytes != item.stamp.size || Stamp::of(&after) != item.stamp {
            return Ok(None);
        }
        entry.sha256 = reader.sha256();
        Ok(Some(Taken {
            stamp: item.stamp,
            entry,
            copy: to,
        }))
    }

    /// Describes what was read, and writes the copies to `archive` if there is one.
    pub(super) fn pack(
        &mut self,
        mut archive: Option<&mut ArchiveWriter>,
    ) -> Result<StoreManifest, BackupError> {
        let mut manifest = StoreManifest::empty(&self.store.name, StoreKind::Chroma);
        let name = &self.store.name;
        let Some(scan) = &self.scan else {
            return Ok(manifest);
        };
        for item in &scan.items {
            match item.kind {
                ItemKind::Directory => {
                    let entry = self.directory(scan, item)?;
                    if let Some(archive) = &mut archive {
                        archive.directory(name, &entry)?;
                    }
                    manifest.directories.push(entry);
                }
                ItemKind::Symlink => {
                    let entry = self.symlink(scan, item)?;
                    if let Some(archive) = &mut archive {
                        archive.symlink(name, &entry)?;
                    }
                    manifest.symlinks.push(entry);
                }
                ItemKind::File => {
                    let Some(taken) = self.taken.get(&item.path) else {
                        continue;
                    };
                    let mut entry = taken.entry.clone();
                    if let (Some(archive), Some(path)) = (&mut archive, &taken.copy) {
                        let file = File::open(path);
                        let file = file.map_err(|source| failed_to("read", path, source))?;
                        let mut reader = HashingReader::new(file.take(entry.size));
                        archive.file(name, &entry, &mut reader)?;
                        entry.sha256 = reader.sha256();
                    }
                    manifest.files.push(entry);
                }
            }
        }
        Ok(manifest)
    }

    fn directory(&self, scan: &Scan, item: &Item) -> Result<DirectoryEntry, BackupError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let xattrs = match open_beneath(&scan.root, &item.path, flags) {
            Ok(folder) => ExtendedAttributes::of(&folder),
            // Removed since: it was there at the moment of the copy.
            Err(Errno::NOENT) => Ok(ExtendedAttributes::default()),
            Err(error) => Err(error),
        };
        let failed = |error: Errno| unreadable(self.store, &self.at(&item.path), error.into());
        Ok(DirectoryEntry {
            path: item.path.clone(),
            mode: item.mode,
            uid: item.uid,
            gid: item.gid,
            xattrs: xattrs.map_err(failed)?,
        })
    }

    fn symlink(&self, scan: &Scan, item: &Item) -> Result<SymlinkEntry, BackupError> {
        let target = open_folder_of(&scan.root, &item.path).and_then(|(folder, name)| {
            readlinkat(folder.as_ref().unwrap_or(&scan.root), name, Vec::new())
        });
        let failed = |error: Errno| unreadable(self.store, &self.at(&item.path), error.into());
        let target = target.map_err(failed)?.into_bytes();
        let target = std::os::unix::ffi::OsStringExt::from_vec(target);
        Ok(SymlinkEntry {
            path: item.path.clone(),
            target: LinkTarget::new(target),
            uid: item.uid,
            gid: item.gid,
        })
    }

    /// What is wrong with an index, as far as the sizes of its files tell.
    pub(super) fn flaws(&self) -> Result<Vec<String>, BackupError> {
        let mut found = Vec::new();
        for (path, taken) in &self.taken {
            if path.as_path().file_name() != Some(index::HEADER.as_ref()) {
                continue;
            }
            let folder = path.parent();
            let sizes = |name: &str| {
                let path = folder.join(name.as_ref());
                self.taken.get(&path).map_or(0, |taken| taken.entry.size)
            };
            let header = taken.copy.clone().unwrap_or_else(|| self.at(path));
            let header =
                Header::read(&header).map_err(|error| failed_to("read", &header, error))?;
            if let Some(flaw) = header.and_then(|header| header.flaw(sizes)) {
                found.push(format!("index {folder}: {flaw}"));
            }
        }
        Ok(found)
    }

    /// Those of these indexes that are not there, or of which what is written last is not.
    pub(super) fn missing(&self, indexes: &[String]) -> Vec<String> {
        let is_there = |index: &&String| {
            let path = RelativePath::root().join(index.as_str().as_ref());
            self.taken.contains_key(&path.join(LAST_WRITTEN.as_ref()))
        };
        let missing = indexes.iter().filter(|index| !is_there(index));
        let words = |index: &String| format!("index {index}: {LAST_WRITTEN} is missing");
        missing.map(words).collect()
    }

    fn at(&self, path: &RelativePath) -> PathBuf {
        location(self.store).join(path.as_path())
    }
}
