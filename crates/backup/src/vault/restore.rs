//! Restoring a store to a new copy.
//!
//! The copy is prepared in a folder beside its final place, so that the last step is a rename. The
//! paths come from the checked manifest, never from the archive. Folders are made first and links
//! last, and nothing is opened through a link, so no entry can lead out of the copy.

use std::cell::Cell;
use std::fs::{self, File, FileTimes};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Uid, chownat, fchmod, fchown, linkat, mkdirat,
    openat, renameat_with, symlinkat,
};
use rustix::io::Errno;

mod read_back;

use self::read_back::{ReadBack, Writing};
use super::Vault;
use crate::already_read::AlreadyRead;
use crate::capture::{Unsettled, capture_rest};
use crate::clock::Stopwatch;
use crate::durable::{PrivateFolder, RESTORE_PREFIX, clear_abandoned, folder_of, sync_folder};
use crate::hashing::{CopyFailed, copy};
use crate::holes::SparseWriter;
use crate::manifest::{FileEntry, StoreManifest};
use crate::on_disk::{OnDisk, Shape};
use crate::remote::InBackup;
use crate::scan::{open_beneath, open_beneath_with, open_folder_of};
use crate::store::Held;
use crate::{BackupError, BackupName, ExtendedAttributes, RelativePath, Store, StoreKind, sqlite};

/// A store that was restored to a new place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the copy is.
    pub path: PathBuf,
    /// The digest of its content, computed from what was read back; equal to that of the backup.
    pub digest: String,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many entries could not be given back to their owner, because this process may not.
    pub owners_not_set: u64,
    /// How many extended attributes could not be set, because this process or the file system may not.
    pub attributes_not_set: u64,
    /// How long it took.
    pub took: Duration,
}

/// A store that is no path and was restored to a copy of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredCopy {
    /// Where it is, as [`Store::place`] says it.
    pub place: String,
    /// The digest of its content, computed from what was read back; equal to that of the backup.
    pub digest: String,
    /// How long it took.
    pub took: Duration,
}

impl Vault {
    /// Restores a store that is no path to the place of `copy`, a store of the same name and kind, where nothing must
    /// be. The copy is marked as one, so that [`Store::drop_copy`] removes it and [`Store::leftovers`] names it.
    ///
    /// # Errors
    /// [`BackupError::KindDiffers`] if the copy is of another kind; [`BackupError::StoresRefused`] if it is a path; [`BackupError::Postgres`] with what is
    /// missing or in the way, and those of [`Vault::restore`]. If anything fails, nothing of the copy stays.
    pub fn restore_copy(
        &self,
        name: &BackupName,
        copy: &Store,
    ) -> Result<RestoredCopy, BackupError> {
        let watch = Stopwatch::start();
        let wanted = self.wanted(name, copy)?;
        let Held::Server(remote) = copy.held() else {
            return Err(BackupError::StoresRefused {
                why: format!("the copy of the store {} is a path", copy.name),
            });
        };
        remote.restore_copy(&InBackup {
            vault: self,
            name,
            wanted: &wanted,
            turn: None,
        })?;
        Ok(RestoredCopy {
            place: copy.place(),
            digest: wanted.digest,
            took: watch.elapsed(),
        })
    }

    /// Restores one store of a backup to `to`, where nothing must be; the folder of `to` must
    /// exist. Of a PostgreSQL database it is the dump that goes there; see [`Vault::restore_copy`].
    /// The whole backup is verified on the way, and the copy is read back from the disk and
    /// compared with the manifest before it appears under its name, complete.
    ///
    /// # Errors
    /// [`BackupError::TargetExists`]; [`BackupError::Damaged`] if the backup does not verify, in
    /// which case nothing is left behind; [`BackupError::UnknownStore`];
    /// [`BackupError::RestoredDiffers`] if the copy cannot be read back as written;
    /// [`BackupError::Target`] if it cannot be written.
    pub fn restore(
        &self,
        name: &BackupName,
        store_name: &str,
        to: &Path,
    ) -> Result<Restored, BackupError> {
        let watch = Stopwatch::start();
        let to: PathBuf = to.components().collect();
        if exists(&to)? {
            return Err(BackupError::TargetExists { path: to });
        }
        let staged = self.stage(name, store_name, folder_of(&to))?;
        if staged.manifest.kind == StoreKind::Sqlite {
            // The log of another database would be taken for that of the copy.
            for path in sqlite::all_beside(&to) {
                if exists(&path)? {
                    return Err(BackupError::TargetExists { path });
                }
            }
        }
        rename_to_free(&staged.data, &to)?;
        sync_folder(folder_of(&to)).map_err(|source| failed("sync", folder_of(&to), source))?;
        Ok(Restored {
            path: to,
            digest: staged.manifest.digest.clone(),
            files: staged.manifest.files.len() as u64,
            bytes: staged.manifest.bytes(),
            owners_not_set: staged.owners_not_set,
            attributes_not_set: staged.attributes_not_set,
            took: watch.elapsed(),
        })
    }

    /// Prepares a verified copy in a private folder in `folder`, which is on the disk and was read back from there.
    pub(crate) fn stage(
        &self,
        name: &BackupName,
        store_name: &str,
        folder: &Path,
    ) -> Result<Staged, BackupError> {
        self.stage_as(name, store_name, folder, true)
    }

    /// The same for a copy that passes: what was written is neither synced nor read back, and folders keep the owner and
    /// the mode that they were made with.
    pub(crate) fn stage_passing(
        &self,
        name: &BackupName,
        store_name: &str,
        folder: &Path,
    ) -> Result<Staged, BackupError> {
        self.stage_as(name, store_name, folder, false)
    }

    fn stage_as(
        &self,
        name: &BackupName,
        store_name: &str,
        folder: &Path,
        stays: bool,
    ) -> Result<Staged, BackupError> {
        let prepared = self.prepare_reading(name)?;
        let stores = &prepared.manifest.stores;
        let Some(at) = stores.iter().position(|store| store.name == store_name) else {
            return Err(BackupError::UnknownStore {
                name: name.clone(),
                store: store_name.to_owned(),
                known: stores.iter().map(|store| store.name.clone()).collect(),
            });
        };
        let store = &stores[at];
        // What an earlier restore left here that was killed; one that cannot be removed is in nobody's way.
        let _ = clear_abandoned(folder);
        let private = PrivateFolder::new(folder, RESTORE_PREFIX)
            .map_err(|source| failed("create a folder in", folder, source))?;
        let writer = Writer::new(private.path(), store)?;
        // The archive is read and verified as a whole while it is unpacked; if anything in it is
        // wrong, the copy goes away again.
        let copied = thread::scope(|scope| {
            let copies = match stays {
                true => ReadBack::start(scope)
                    .map_err(|source| failed("read back", private.path(), source))?,
                false => ReadBack::none(),
            };
            self.read_prepared(name, &prepared, &mut |of, file, reader| {
                if of.name == store_name {
                    writer.file(file, reader, &copies)
                } else {
                    Ok(())
                }
            })?;
            copies.finish()
        })?;
        writer.symlinks()?;
        writer.hard_links()?;
        if stays {
            writer.check(&copied)?;
            writer.finish_directories()?;
        }
        let owners_not_set = writer.owners_not_set.get();
        let attributes_not_set = writer.attributes_not_set.get();
        let data = writer.data.clone();
        let mut stores = prepared.manifest.stores;
        let manifest = stores.swap_remove(at);
        Ok(Staged {
            _private: private,
            data,
            manifest,
            owners_not_set,
            attributes_not_set,
        })
    }
}

/// A verified copy that waits to be put in place. Dropping it removes what was not moved away.
pub(crate) struct Staged {
    _private: PrivateFolder,
    /// The copy: a file or a directory.
    pub(crate) data: PathBuf,
    pub(super) manifest: StoreManifest,
    pub(super) owners_not_set: u64,
    pub(super) attributes_not_set: u64,
}

impl Staged {
    /// The copy: a file or a directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }
}

/// Writes one store.
struct Writer<'a> {
    store: &'a StoreManifest,
    /// What paths are relative to: the copy itself, or the folder of a file store.
    root: OwnedFd,
    root_path: PathBuf,
    data: PathBuf,
    owners_not_set: Cell<u64>,
    attributes_not_set: Cell<u64>,
}

impl<'a> Writer<'a> {
    /// Makes all folders, so that every file and link has a place.
    fn new(private: &Path, store: &'a StoreManifest) -> Result<Self, BackupError> {
        let (root_path, data) = match (store.kind.shape(), store.files.first()) {
            (Shape::File, Some(file)) => (private.to_owned(), private.join(file.path.as_path())),
            _ => (private.join("data"), private.join("data")),
        };
        if store.kind.shape() == Shape::Directory {
            fs::create_dir(&root_path).map_err(|source| failed("create", &root_path, source))?;
        }
        let root = openat(
            CWD,
            &root_path,
            OFlags::RDONLY | OFlags::DIRECTORY,
            Mode::empty(),
        )
        .map_err(|error| failed("open", &root_path, error.into()))?;
        let writer = Self {
            store,
            root,
            root_path,
            data,
            owners_not_set: Cell::new(0),
            attributes_not_set: Cell::new(0),
        };
        let mut paths: Vec<_> = store.directories.iter().map(|entry| &entry.path).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| !path.is_root()) {
            // Private and writable until everything is in it.
            writer.at(path, "create", |folder, name| {
                mkdirat(folder, name, Mode::RWXU)
            })?;
        }
        Ok(writer)
    }

    fn file(
        &self,
        entry: &FileEntry,
        reader: &mut dyn io::Read,
        copies: &ReadBack<'_>,
    ) -> Result<(), BackupError> {
        // To be read too: it is read back by the same handle.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = open_beneath_with(&self.root, &entry.path, flags, mode)
            .map(File::from)
            .map_err(|error| self.failed("create", &entry.path, error.into()))?;
        let mut writing = copies.begin(self.root_path.join(entry.path.as_path()), file);
        match written(entry, reader, &mut writing) {
            // A failed read is the archive's fault and reported by who reads it.
            Ok(()) | Err(CopyFailed::Read(_)) => {}
            Err(CopyFailed::Write(source)) => {
                return Err(self.failed("write", &entry.path, source));
            }
        }
        let file = writing.file();
        let owner = fchown(
            file,
            Some(Uid::from_raw(entry.uid)),
            Some(Gid::from_raw(entry.gid)),
        );
        self.note_owner(&entry.path, owner)?;
        // After the owner, whose change clears capabilities, and before the mode, which may forbid to write.
        self.attributes(&entry.path, &entry.xattrs, file)?;
        // After the owner, whose change clears the set-user-id bit.
        fchmod(file, Mode::from_raw_mode(entry.mode))
            .map_err(|error| self.failed("set the mode of", &entry.path, error.into()))?;
        let times = FileTimes::new().set_modified(SystemTime::from(entry.mtime));
        file.set_times(times)
            .map_err(|source| self.failed("set the time of", &entry.path, source))?;
        writing.complete();
        Ok(())
    }

    fn symlinks(&self) -> Result<(), BackupError> {
        for entry in &self.store.symlinks {
            let target = entry.target.as_os_str();
            self.at(&entry.path, "create", |folder, name| {
                symlinkat(target, folder, name)
            })?;
            let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
            let (folder, name) = open_folder_of(&self.root, &entry.path)
                .map_err(|error| self.failed("open", &entry.path, error.into()))?;
            let folder = folder.as_ref().unwrap_or(&self.root);
            let owner = chownat(
                folder,
                name,
                Some(uid),
                Some(gid),
                AtFlags::SYMLINK_NOFOLLOW,
            );
            self.note_owner(&entry.path, owner)?;
        }
        Ok(())
    }

    fn hard_links(&self) -> Result<(), BackupError> {
        for entry in &self.store.hard_links {
            let (from, from_name) = open_folder_of(&self.root, &entry.to)
                .map_err(|error| self.failed("open", &entry.to, error.into()))?;
            let from = from.as_ref().unwrap_or(&self.root);
            self.at(&entry.path, "link", |folder, name| {
                linkat(from, from_name, folder, name, AtFlags::empty())
            })?;
        }
        Ok(())
    }

    fn attributes(
        &self,
        path: &RelativePath,
        attributes: &ExtendedAttributes,
        file: impl AsFd,
    ) -> Result<(), BackupError> {
        let refused = attributes
            .set_on(file)
            .map_err(|error| self.failed("set the extended attributes of", path, error.into()))?;
        self.attributes_not_set
            .set(self.attributes_not_set.get() + refused);
        Ok(())
    }

    /// Compares the copy with the manifest. Its files were read back from the disk when they were written; whatever changed since
    /// is read again.
    fn check(&self, copied: &AlreadyRead) -> Result<(), BackupError> {
        let copy = OnDisk {
            name: self.store.name.clone(),
            shape: self.store.kind.shape(),
            path: self.data.clone(),
        };
        let found = match capture_rest(&copy, copied) {
            Ok(found) => found,
            Err(Unsettled::Failed(error)) => return Err(error),
            Err(Unsettled::Changed(path)) => {
                return Err(BackupError::RestoredDiffers {
                    path: path.display().to_string(),
                    expected: "a file that nobody else writes to".to_owned(),
                    found: "one that changed while it was read back".to_owned(),
                });
            }
        };
        compare(self.store, &found, self.attributes_not_set.get() == 0)
    }

    /// Gives the folders their owners and modes, the deepest first: a folder may not be writable.
    fn finish_directories(&self) -> Result<(), BackupError> {
        let mut entries: Vec<_> = self.store.directories.iter().collect();
        entries.sort_by(|a, b| b.path.cmp(&a.path));
        // The root, written ".", last.
        entries.sort_by_key(|entry| entry.path.is_root());
        for entry in entries {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let folder = open_beneath(&self.root, &entry.path, flags)
                .map_err(|error| self.failed("open", &entry.path, error.into()))?;
            let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
            self.note_owner(&entry.path, fchown(&folder, Some(uid), Some(gid)))?;
            self.attributes(&entry.path, &entry.xattrs, &folder)?;
            fchmod(&folder, Mode::from_raw_mode(entry.mode))
                .map_err(|error| self.failed("set the mode of", &entry.path, error.into()))?;
            File::from(folder)
                .sync_all()
                .map_err(|source| self.failed("sync", &entry.path, source))?;
        }
        Ok(())
    }

    /// Does something in the folder of `path`, opened without following links.
    fn at(
        &self,
        path: &RelativePath,
        doing: &'static str,
        act: impl FnOnce(std::os::fd::BorrowedFd<'_>, &std::ffi::OsStr) -> rustix::io::Result<()>,
    ) -> Result<(), BackupError> {
        open_folder_of(&self.root, path)
            .and_then(|(folder, name)| act(folder.as_ref().unwrap_or(&self.root).as_fd(), name))
            .map_err(|error| self.failed(doing, path, error.into()))
    }

    /// Only a privileged process may give files away; others keep them, and the report says so.
    fn note_owner(
        &self,
        path: &RelativePath,
        outcome: rustix::io::Result<()>,
    ) -> Result<(), BackupError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Errno::PERM | Errno::INVAL | Errno::NOTSUP) => {
                self.owners_not_set.set(self.owners_not_set.get() + 1);
                Ok(())
            }
            Err(error) => Err(self.failed("set the owner of", path, error.into())),
        }
    }

    fn failed(&self, doing: &'static str, path: &RelativePath, source: io::Error) -> BackupError {
        failed(doing, &self.root_path.join(path.as_path()), source)
    }
}

/// Writes the content of a file: one that had holes gets holes again.
fn written(
    entry: &FileEntry,
    reader: &mut dyn io::Read,
    writing: &mut Writing<'_, '_>,
) -> Result<(), CopyFailed> {
    if entry.hole_bytes == 0 {
        return copy(reader, writing);
    }
    let mut sparse = SparseWriter::new(writing.file());
    copy(reader, &mut sparse)?;
    sparse.finish().map_err(CopyFailed::Write)
}

/// Compares what was read back with the manifest and names the first difference. Extended attributes count unless some could not
/// be set.
fn compare(
    expected: &StoreManifest,
    found: &StoreManifest,
    with_attributes: bool,
) -> Result<(), BackupError> {
    let differs = |path: String, expected: String, found: String| {
        Err(BackupError::RestoredDiffers {
            path,
            expected,
            found,
        })
    };
    let text = |file: &FileEntry| {
        format!(
            "{} bytes, mode {:04o}, SHA-256 {}",
            file.size, file.mode, file.sha256
        )
    };
    for (wanted, got) in expected.files.iter().zip(&found.files) {
        if wanted.path != got.path || text(wanted) != text(got) {
            let got = format!("{} ({})", text(got), got.path);
            return differs(wanted.path.to_string(), text(wanted), got);
        }
        if with_attributes && wanted.xattrs != got.xattrs {
            let path = wanted.path.to_string();
            return differs(path, wanted.xattrs.words(), got.xattrs.words());
        }
    }
    if expected.hard_links != found.hard_links {
        let count = |links: usize| format!("{links} further names of files");
        let (wanted, got) = (expected.hard_links.len(), found.hard_links.len());
        return differs(".".to_owned(), count(wanted), count(got));
    }
    // A database was checked before it was packed, and its files are those files, byte for byte.
    let plain = matches!(expected.kind, StoreKind::File | StoreKind::Directory);
    if plain && expected.digest != found.digest {
        return differs(
            ".".to_owned(),
            expected.digest.clone(),
            found.digest.clone(),
        );
    }
    Ok(())
}

/// Renames to a name that nothing has, and never over something.
pub(crate) fn rename_to_free(from: &Path, to: &Path) -> Result<(), BackupError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(BackupError::TargetExists {
            path: to.to_owned(),
        }),
        // A file system that cannot promise it: look, then rename.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if exists(to)? {
                return Err(BackupError::TargetExists {
                    path: to.to_owned(),
                });
            }
            fs::rename(from, to).map_err(|source| failed("put in place", to, source))
        }
        Err(error) => Err(failed("put in place", to, error.into())),
    }
}

/// Whether anything has that name, be it a link that leads nowhere.
pub(crate) fn exists(path: &Path) -> Result<bool, BackupError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(failed("look at", path, source)),
    }
}

pub(super) fn failed(doing: &'static str, path: &Path, source: io::Error) -> BackupError {
    BackupError::Target {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
