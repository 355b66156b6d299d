//! What is in a store, found without following any link.
//!
//! Everything is opened relative to the root of the store, one component at a time and with
//! `O_NOFOLLOW`: a link that is put into a path while it is walked is an error and no way out.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat};

use crate::on_disk::{OnDisk, Shape};
use crate::{BackupError, RelativePath};

/// Everything in a store at one moment.
pub(crate) struct Scan {
    /// The store itself, or the folder of a file store.
    pub(crate) root: OwnedFd,
    /// In order of path; a parent comes before its children.
    pub(crate) items: Vec<Item>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) path: RelativePath,
    pub(crate) kind: ItemKind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) stamp: Stamp,
}

/// What an entry is; everything else is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    File,
    Directory,
    Symlink,
}

/// What changes when the content does: compared before and after reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    pub(crate) size: u64,
    pub(crate) mtime_seconds: i64,
    pub(crate) mtime_nanoseconds: i32,
}

impl Scan {
    /// Looks at everything in the store.
    pub(crate) fn of(store: &OnDisk) -> Result<Self, BackupError> {
        let mut items = Vec::new();
        let root = Self::each(store, &mut |item| items.push(item))?;
        Ok(Self {
            root,
            items: in_order(items),
        })
    }

    /// Where an item stands, if there is one of that path.
    pub(crate) fn position(&self, path: &RelativePath) -> Option<usize> {
        let found = self.items.binary_search_by(|item| order(&item.path, path));
        found.ok()
    }

    /// Looks at everything in the store, in no order, and keeps nothing of it. Gives what paths are relative to: the store
    /// itself, or the folder of a file store.
    pub(crate) fn each(
        store: &OnDisk,
        on_item: &mut dyn FnMut(Item),
    ) -> Result<OwnedFd, BackupError> {
        let path = location(store);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(refused(store, &path, "it does not exist".to_owned()));
            }
            Err(source) => return Err(unreadable(store, &path, source)),
        };
        let fits = match store.shape {
            Shape::File => metadata.is_file(),
            Shape::Directory => metadata.is_dir(),
        };
        if !fits {
            let found = describe(FileType::from_raw_mode(
                std::os::unix::fs::MetadataExt::mode(&metadata),
            ));
            let hint = if metadata.is_symlink() {
                "; name what it points to instead"
            } else {
                ""
            };
            let why = format!("it is a {found}, expected a {}{hint}", store.shape.word());
            return Err(refused(store, &path, why));
        }
        match store.shape {
            Shape::File => Self::file(store, &path, on_item),
            Shape::Directory => Self::directory(store, &path, on_item),
        }
    }

    fn file(
        store: &OnDisk,
        path: &Path,
        on_item: &mut dyn FnMut(Item),
    ) -> Result<OwnedFd, BackupError> {
        let failed = |error: rustix::io::Errno| unreadable(store, path, error.into());
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let root = openat(CWD, parent, FOLDER, Mode::empty()).map_err(failed)?;
        let name = path
            .file_name()
            .and_then(|name| RelativePath::new(name).ok())
            .ok_or_else(|| refused(store, path, "it has no file name".to_owned()))?;
        let stat = statat(&root, name.as_path(), AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        on_item(item(name, &stat).map_err(|found| special(store, path, found))?);
        Ok(root)
    }

    fn directory(
        store: &OnDisk,
        path: &Path,
        on_item: &mut dyn FnMut(Item),
    ) -> Result<OwnedFd, BackupError> {
        let failed = |at: &Path, error: rustix::io::Errno| unreadable(store, at, error.into());
        let root = openat(CWD, path, FOLDER | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|error| failed(path, error))?;
        let stat = rustix::fs::fstat(&root).map_err(|error| failed(path, error))?;
        let mut folders = vec![RelativePath::root()];
        on_item(item(RelativePath::root(), &stat).map_err(|found| special(store, path, found))?);
        while let Some(folder) = folders.pop() {
            let at = path.join(folder.as_path());
            let handle = match open_beneath(&root, &folder, FOLDER) {
                // Removed since it was listed: it is not part of the store any more.
                Err(rustix::io::Errno::NOENT) => continue,
                other => other.map_err(|error| failed(&at, error))?,
            };
            let listing = Dir::read_from(&handle).map_err(|error| failed(&at, error))?;
            for entry in listing {
                let entry = entry.map_err(|error| failed(&at, error))?;
                let name = entry.file_name();
                if name == c"." || name == c".." {
                    continue;
                }
                let child = folder.join(OsStr::from_bytes(name.to_bytes()));
                let stat = match statat(&handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(rustix::io::Errno::NOENT) => continue,
                    other => other.map_err(|error| failed(&path.join(child.as_path()), error))?,
                };
                let item = item(child, &stat)
                    .map_err(|(child, found)| special(store, path, (child, found)))?;
                if item.kind == ItemKind::Directory {
                    folders.push(item.path.clone());
                }
                on_item(item);
            }
        }
        Ok(root)
    }
}

/// Everything in order of path, and once: a folder that changes while it is listed may list one name twice.
fn in_order(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by(|a, b| order(&a.path, &b.path));
    items.dedup_by(|later, earlier| later.path == earlier.path);
    items
}

/// The order of items. The root is written "." and must stay first even before names like "!".
fn order(one: &RelativePath, other: &RelativePath) -> Ordering {
    (!one.is_root(), one).cmp(&(!other.is_root(), other))
}

/// The path without a trailing slash, which would make the system follow a link.
pub(crate) fn location(store: &OnDisk) -> PathBuf {
    store.path.components().collect()
}

/// Opens `path` below `root` without following a link at any component.
pub(crate) fn open_beneath(
    root: &OwnedFd,
    path: &RelativePath,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    open_beneath_with(root, path, flags, Mode::empty())
}

/// As [`open_beneath`], with the mode of a file to be created.
pub(crate) fn open_beneath_with(
    root: &OwnedFd,
    path: &RelativePath,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    let (folder, name) = open_folder_of(root, path)?;
    let folder = folder.as_ref().unwrap_or(root);
    openat(
        folder,
        name,
        flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        mode,
    )
}

/// Opens the folder that holds `path` (None for `root` itself) and gives the last component.
pub(crate) fn open_folder_of<'p>(
    root: &OwnedFd,
    path: &'p RelativePath,
) -> rustix::io::Result<(Option<OwnedFd>, &'p OsStr)> {
    let mut folder: Option<OwnedFd> = None;
    let mut components = path.components().peekable();
    let mut name = OsStr::new(".");
    while let Some(component) = components.next() {
        name = component;
        if components.peek().is_some() {
            let above = folder.as_ref().unwrap_or(root).as_fd();
            folder = Some(openat(
                above,
                component,
                FOLDER | OFlags::NOFOLLOW,
                Mode::empty(),
            )?);
        }
    }
    Ok((folder, name))
}

/// Describes what was found in words.
pub(crate) fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symbolic link",
        FileType::Fifo => "named pipe",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        FileType::Unknown => "thing of unknown kind",
    }
}

impl Stamp {
    // The types of these fields differ between platforms, so some conversions are none on Linux.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    pub(crate) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino,
            size: stat.st_size as u64,
            mtime_seconds: stat.st_mtime as i64,
            mtime_nanoseconds: i32::try_from(stat.st_mtime_nsec).unwrap_or(0),
        }
    }

    /// What it is on the disk, whatever name it has.
    pub(crate) fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    pub(crate) fn mtime(&self) -> jiff::Timestamp {
        let edge = if self.mtime_seconds < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        };
        jiff::Timestamp::new(self.mtime_seconds, self.mtime_nanoseconds).unwrap_or(edge)
    }
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

fn item(path: RelativePath, stat: &Stat) -> Result<Item, (RelativePath, FileType)> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => ItemKind::File,
        FileType::Directory => ItemKind::Directory,
        FileType::Symlink => ItemKind::Symlink,
        other => return Err((path, other)),
    };
    let mode = stat.st_mode & 0o7777;
    Ok(Item {
        path,
        kind,
        mode,
        uid: stat.st_uid,
        gid: stat.st_gid,
        stamp: Stamp::of(stat),
    })
}

fn special(store: &OnDisk, root: &Path, (path, found): (RelativePath, FileType)) -> BackupError {
    let at = match store.shape {
        Shape::File => root.to_owned(),
        Shape::Directory => root.join(path.as_path()),
    };
    let why = format!(
        "it is a {}; a store holds files, directories and symbolic links, so move it elsewhere",
        describe(found)
    );
    refused(store, &at, why)
}

fn refused(store: &OnDisk, path: &Path, why: String) -> BackupError {
    BackupError::StoreRefused {
        store: store.name.clone(),
        path: path.to_owned(),
        why,
    }
}

pub(crate) fn unreadable(store: &OnDisk, path: &Path, source: io::Error) -> BackupError {
    BackupError::StoreUnreadable {
        store: store.name.clone(),
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
