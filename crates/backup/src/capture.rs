//! Reading a store once: into an archive, or only to know its digests.
//!
//! A file is opened once and its size and modification time are compared before and after, on the
//! open file: a file that is replaced by renaming is read whole in its old or new form, one that is
//! written in place is noticed. What can be missed is a write in place that keeps the size and
//! follows another one within the resolution of the file system's clock, some milliseconds on
//! older kernels; programs that replace their files by renaming are never affected.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use rustix::fs::{FileType, OFlags, fstat, readlinkat};
use rustix::io::Errno;

use crate::already_read::AlreadyRead;
use crate::archive::ArchiveWriter;
use crate::hashing::{HashingReader, drain};
use crate::holes::hole_bytes;
use crate::manifest::{
    DirectoryEntry, FileEntry, HardLinkEntry, LinkTarget, StoreManifest, SymlinkEntry,
};
use crate::on_disk::{OnDisk, Shape};
use crate::scan::{
    Item, ItemKind, Scan, Stamp, location, open_beneath, open_folder_of, unreadable,
};
use crate::{BackupError, ExtendedAttributes, RelativePath};

mod databases;
mod second_look;

use self::second_look::SecondLook;

/// Why a capture gave nothing.
pub(crate) enum Unsettled {
    /// This file was written to while it was read; another attempt may succeed.
    Changed(PathBuf),
    /// Another attempt would fail too.
    Failed(BackupError),
}

impl From<BackupError> for Unsettled {
    fn from(error: BackupError) -> Self {
        Self::Failed(error)
    }
}

/// Reads the whole store, and writes it to `archive` if there is one.
pub(crate) fn capture(
    store: &OnDisk,
    archive: Option<&mut ArchiveWriter>,
) -> Result<StoreManifest, Unsettled> {
    capture_but(store, archive, &AlreadyRead::default())
}

/// The same without an archive and without reading the files again that were read already and have not changed since.
pub(crate) fn capture_rest(store: &OnDisk, read: &AlreadyRead) -> Result<StoreManifest, Unsettled> {
    capture_but(store, None, read)
}

fn capture_but(
    store: &OnDisk,
    archive: Option<&mut ArchiveWriter>,
    read: &AlreadyRead,
) -> Result<StoreManifest, Unsettled> {
    let scan = Scan::of(store)?;
    let mut capture = Capture {
        store,
        root: location(store),
        scan: &scan,
        archive,
        read,
        manifest: StoreManifest::empty(&store.name, store.shape.kind()),
        named: BTreeMap::new(),
        databases: databases::with_logs(&scan),
    };
    for item in &scan.items {
        match item.kind {
            ItemKind::File => capture.file(item)?,
            ItemKind::Directory => capture.directory(item)?,
            ItemKind::Symlink => capture.symlink(item)?,
        }
    }
    let (mut manifest, databases) = (capture.manifest, capture.databases);
    if store.shape == Shape::Directory {
        let (mut second, mut now) = (SecondLook::after(&scan), databases.unread());
        Scan::each(store, &mut |item| {
            second.item(&item);
            now.note(&item.path, item.stamp);
        })?;
        if let Some(torn) = databases::torn(&databases, &now) {
            return Err(Unsettled::Changed(location(store).join(torn.as_path())));
        }
        manifest.steady = second.is_the_same();
    }
    manifest.digest = manifest.content_digest();
    Ok(manifest)
}

struct Capture<'a> {
    store: &'a OnDisk,
    root: PathBuf,
    scan: &'a Scan,
    archive: Option<&'a mut ArchiveWriter>,
    read: &'a AlreadyRead,
    manifest: StoreManifest,
    /// Files with several names that were read, by what they are on the disk.
    named: BTreeMap<(u64, u64), (RelativePath, Stamp)>,
    /// What databases with a log were when they were read.
    databases: databases::Read,
}

impl Capture<'_> {
    fn directory(&mut self, item: &Item) -> Result<(), Unsettled> {
        let Item {
            path,
            mode,
            uid,
            gid,
            ..
        } = item.clone();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let xattrs = match open_beneath(&self.scan.root, &path, flags) {
            Ok(folder) => ExtendedAttributes::of(&folder)
                .map_err(|error| self.unreadable(item, error.into()))?,
            // Removed meanwhile; the second scan notices.
            Err(Errno::NOENT) => ExtendedAttributes::default(),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(self.changed(item)),
            Err(error) => return Err(self.unreadable(item, error.into())),
        };
        let entry = DirectoryEntry {
            path,
            mode,
            uid,
            gid,
            xattrs,
        };
        if let Some(archive) = &mut self.archive {
            archive.directory(&self.store.name, &entry)?;
        }
        self.manifest.directories.push(entry);
        Ok(())
    }

    fn symlink(&mut self, item: &Item) -> Result<(), Unsettled> {
        let target = open_folder_of(&self.scan.root, &item.path).and_then(|(folder, name)| {
            readlinkat(folder.as_ref().unwrap_or(&self.scan.root), name, Vec::new())
        });
        let target = match target {
            Ok(target) => std::os::unix::ffi::OsStringExt::from_vec(target.into_bytes()),
            Err(Errno::NOENT) => return Ok(()), // removed meanwhile; the second scan notices
            Err(Errno::INVAL | Errno::LOOP | Errno::NOTDIR) => return Err(self.changed(item)),
            Err(error) => return Err(self.unreadable(item, error.into())),
        };
        let Item { path, uid, gid, .. } = item.clone();
        let entry = SymlinkEntry {
            path,
            target: LinkTarget::new(target),
            uid,
            gid,
        };
        if let Some(archive) = &mut self.archive {
            archive.symlink(&self.store.name, &entry)?;
        }
        self.manifest.symlinks.push(entry);
        Ok(())
    }

    fn file(&mut self, item: &Item) -> Result<(), Unsettled> {
        // NONBLOCK: if a named pipe takes the file's place, opening it must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let mut file = match open_beneath(&self.scan.root, &item.path, flags) {
            Ok(file) => File::from(file),
            // Removed meanwhile: in a directory the second scan notices, a file store is retried.
            Err(Errno::NOENT) if self.store.shape == Shape::Directory => return Ok(()),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Err(self.changed(item)),
            Err(error) => return Err(self.unreadable(item, error.into())),
        };
        let stat = fstat(&file).map_err(|error| self.unreadable(item, error.into()))?;
        let before = Stamp::of(&stat);
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.changed(item));
        }
        if stat.st_nlink > 1 && self.store.shape == Shape::Directory {
            match self.named.get(&before.identity()) {
                Some((first, known)) if *known == before => {
                    let to = first.clone();
                    self.databases.note(&item.path, before);
                    return self.hard_link(item, to);
                }
                Some(_) => return Err(self.changed(item)),
                None => {}
            }
        }
        let failed_to_read = |error: std::io::Error| self.unreadable(item, error);
        let xattrs = ExtendedAttributes::of(&file).map_err(|error| failed_to_read(error.into()))?;
        let hole_bytes = hole_bytes(&file, before.size).map_err(failed_to_read)?;
        let mut entry = FileEntry {
            mode: stat.st_mode & 0o7777,
            mtime: before.mtime(),
            uid: stat.st_uid,
            gid: stat.st_gid,
            xattrs,
            hole_bytes,
            ..FileEntry::unread(item, before.size)
        };
        let (bytes, sha256) = match (&self.archive, self.read.sha256(&before)) {
            (None, Some(sha256)) => (before.size, hex::encode(sha256)),
            _ => self.content(item, &entry, &mut file)?,
        };
        let after = fstat(&file).map_err(|error| self.unreadable(item, error.into()))?;
        if bytes != before.size || Stamp::of(&after) != before {
            return Err(self.changed(item));
        }
        entry.sha256 = sha256;
        self.databases.note(&item.path, before);
        if stat.st_nlink > 1 {
            let named = (entry.path.clone(), before);
            self.named.insert(before.identity(), named);
        }
        self.manifest.files.push(entry);
        Ok(())
    }

    /// Reads a file, and says how long it was and what its SHA-256 is.
    fn content(
        &mut self,
        item: &Item,
        entry: &FileEntry,
        file: &mut File,
    ) -> Result<(u64, String), Unsettled> {
        let mut reader = HashingReader::new(file.take(entry.size));
        let outcome = match &mut self.archive {
            Some(archive) => archive.file(&self.store.name, entry, &mut reader),
            None => drain(&mut reader).map_err(|source| unreadable(self.store, &self.root, source)),
        };
        let (failed, bytes, sha256) = (reader.failed, reader.bytes, reader.sha256());
        match outcome {
            Err(
                BackupError::Vault { source, .. } | BackupError::StoreUnreadable { source, .. },
            ) if failed => Err(self.unreadable(item, source)),
            other => Ok(other.map(|()| (bytes, sha256))?),
        }
    }

    /// A further name of a file that was read.
    fn hard_link(&mut self, item: &Item, to: RelativePath) -> Result<(), Unsettled> {
        let entry = HardLinkEntry {
            path: item.path.clone(),
            to,
        };
        if let Some(archive) = &mut self.archive {
            archive.hard_link(&self.store.name, &entry)?;
        }
        self.manifest.hard_links.push(entry);
        Ok(())
    }

    fn changed(&self, item: &Item) -> Unsettled {
        Unsettled::Changed(self.at(item))
    }

    fn unreadable(&self, item: &Item, source: std::io::Error) -> Unsettled {
        Unsettled::Failed(unreadable(self.store, &self.at(item), source))
    }

    fn at(&self, item: &Item) -> PathBuf {
        match self.store.shape {
            Shape::File => self.root.clone(),
            Shape::Directory => self.root.join(item.path.as_path()),
        }
    }
}

#[cfg(test)]
mod tests;
