//! What the manifest says is in an archive, ticked off while the archive is read.
//!
//! There may be hundreds of thousands of entries, so of each only where it stands in the manifest is kept: a path in the
//! archive is taken apart to be found, and put together for messages alone.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{MANIFEST_PATH, STORES_PATH, archive_path};
use crate::RelativePath;
use crate::manifest::{DirectoryEntry, FileEntry, HardLinkEntry, StoreManifest, SymlinkEntry};
use crate::relative_path::escape;

/// What the manifest says is at a path of the archive, with the store that it is in.
#[derive(Clone, Copy)]
pub(super) enum Expected<'a> {
    File(&'a StoreManifest, &'a FileEntry),
    Directory(&'a StoreManifest, &'a DirectoryEntry),
    Symlink(&'a StoreManifest, &'a SymlinkEntry),
    /// A further name of a file of the same store.
    HardLink(&'a StoreManifest, &'a HardLinkEntry),
    Manifest,
}

impl<'a> Expected<'a> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::File(..) => "regular",
            Self::Directory(..) => "directory",
            Self::Symlink(..) => "symlink",
            Self::HardLink(..) => "link",
            Self::Manifest => "the manifest",
        }
    }

    /// The store and the path below it; nothing for the manifest.
    fn place(self) -> Option<(&'a StoreManifest, &'a RelativePath)> {
        match self {
            Self::File(store, entry) => Some((store, &entry.path)),
            Self::Directory(store, entry) => Some((store, &entry.path)),
            Self::Symlink(store, entry) => Some((store, &entry.path)),
            Self::HardLink(store, entry) => Some((store, &entry.path)),
            Self::Manifest => None,
        }
    }

    fn key(self) -> Key<'a> {
        let Some((store, path)) = self.place() else {
            return Key::Manifest;
        };
        let path = match path.is_root() {
            true => b"".as_slice(),
            false => path.as_path().as_os_str().as_bytes(),
        };
        Key::InStore(store.name.as_bytes(), path)
    }

    fn archive_path(self) -> PathBuf {
        match self.place() {
            Some((store, path)) => archive_path(&store.name, path),
            None => Path::new(MANIFEST_PATH).to_owned(),
        }
    }
}

/// A path in the archive, taken apart.
#[derive(Clone, Copy)]
enum Key<'a> {
    Manifest,
    /// The name of a store, which has no slash, and the path below it, which is empty for its root.
    InStore(&'a [u8], &'a [u8]),
}

impl<'a> Key<'a> {
    /// Nothing for a path that no archive has.
    fn of(archive_path: &'a OsStr) -> Option<Self> {
        let path = archive_path.as_bytes();
        if path == MANIFEST_PATH.as_bytes() {
            return Some(Self::Manifest);
        }
        let path = path.strip_prefix(STORES_PATH.as_bytes())?;
        let path = path.strip_prefix(b"/")?;
        let Some(slash) = path.iter().position(|byte| *byte == b'/') else {
            return Some(Self::InStore(path, b""));
        };
        let (store, below) = (&path[..slash], &path[slash + 1..]);
        // The root of a store is written without a slash, and in no other way.
        (!below.is_empty()).then_some(Self::InStore(store, below))
    }

    /// The order of the bytes of the paths in the archive.
    fn order(self, other: Key<'_>) -> Ordering {
        match (self, other) {
            (Self::Manifest, Key::Manifest) => Ordering::Equal,
            (Self::Manifest, Key::InStore(..)) => Ordering::Less,
            (Self::InStore(..), Key::Manifest) => Ordering::Greater,
            (Self::InStore(store, path), Key::InStore(other_store, other_path)) => {
                match store == other_store {
                    true => path.cmp(other_path),
                    // Not that of the names alone: `a-b` comes before `a/b`.
                    false => whole(store, path).cmp(whole(other_store, other_path)),
                }
            }
        }
    }
}

/// The bytes of a path in the archive, behind what all of them begin with.
fn whole<'k>(store: &'k [u8], path: &'k [u8]) -> impl Iterator<Item = &'k u8> {
    let slash = path.first().map(|_| &b'/');
    store.iter().chain(slash).chain(path)
}

/// Everything that the manifest says is in the archive, in order of path.
pub(super) struct Expectations<'a>(Vec<Expectation<'a>>);

struct Expectation<'a> {
    expected: Expected<'a>,
    is_met: bool,
}

impl<'a> Expectations<'a> {
    pub(super) fn of(stores: &'a [StoreManifest]) -> Self {
        let entries: usize = stores.iter().map(StoreManifest::entries).sum();
        let mut all = Vec::with_capacity(entries + 1);
        let mut expect = |expected| {
            all.push(Expectation {
                expected,
                is_met: false,
            });
        };
        expect(Expected::Manifest);
        for store in stores {
            for entry in &store.files {
                expect(Expected::File(store, entry));
            }
            for entry in &store.directories {
                expect(Expected::Directory(store, entry));
            }
            for entry in &store.symlinks {
                expect(Expected::Symlink(store, entry));
            }
            for entry in &store.hard_links {
                expect(Expected::HardLink(store, entry));
            }
        }
        all.sort_unstable_by(|one, other| one.expected.key().order(other.expected.key()));
        Self(all)
    }

    /// What is expected at that path of the archive, once.
    pub(super) fn meet(&mut self, archive_path: &OsStr) -> Option<Expected<'a>> {
        let key = Key::of(archive_path)?;
        let found = self.0.binary_search_by(|one| one.expected.key().order(key));
        let found = self.0.get_mut(found.ok()?)?;
        let met_before = std::mem::replace(&mut found.is_met, true);
        (!met_before).then_some(found.expected)
    }

    /// The paths in the archive, as text, of what was not met.
    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        let missing = self.0.iter().filter(|one| !one.is_met);
        missing.map(|one| escape(one.expected.archive_path().as_os_str()))
    }
}

#[cfg(test)]
mod tests;
