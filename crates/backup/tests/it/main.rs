//! Backups from outside, on real files.

// Helpers outside of test functions may unwrap too: a panic is how a test fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../driver/tests/it/authority.rs"]
#[allow(dead_code)]
mod authority;
mod bucket;
mod changing;
mod chroma;
mod cloud;
mod command;
mod completeness;
mod continuous;
mod copies;
mod copies_locked;
mod copies_tls;
mod damage;
mod emptied;
mod encrypted;
mod faults;
mod full_disk;
mod in_place;
mod killed;
mod listing;
mod outline;
mod pgbench;
mod postgres;
#[path = "../../../journal/tests/it/postgres_server.rs"]
#[allow(dead_code)]
mod postgres_server;
mod postgres_versions;
mod random_trees;
mod redis;
#[path = "../../../gateway/src/shared/tests/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod refusals;
mod removing;
mod round_trip;
mod since;
mod small_disk;
mod sqlite;
mod waiting;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis_backup::{Backup, BackupRequest, Kept, Store, Vault};
use tempfile::TempDir;

/// A folder with a vault in it and room for stores.
struct Place {
    folder: TempDir,
    vault: Vault,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(&folder.path().join("vault")).unwrap();
        Self { folder, vault }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file_store(&self, content: &str) -> Store {
        let path = self.path("library.json");
        fs::write(&path, content).unwrap();
        Store::file("library", path)
    }

    /// A directory store with two files, one in a folder.
    fn directory_store(&self, content: &str) -> Store {
        let path = self.path("photos");
        fs::create_dir_all(path.join("2026")).unwrap();
        fs::write(path.join("index"), content).unwrap();
        fs::write(path.join("2026/a.txt"), content.repeat(3)).unwrap();
        Store::directory("photos", path)
    }

    fn back_up(&self, second: i64, stores: &[Store]) -> Backup {
        self.vault.create(&request(second), stores).unwrap()
    }
}

/// Where replaced data is kept that lies on the disk.
fn path_of(kept: Option<Kept>) -> PathBuf {
    kept.unwrap().path().unwrap().to_owned()
}

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_795_222_800 + second, 123_000_000).unwrap()
}

fn request(second: i64) -> BackupRequest {
    BackupRequest {
        service: "dhash".to_owned(),
        environment: "production".to_owned(),
        created_at: at(second),
        release: Some("1.0".to_owned()),
        reason: "before the release of 1.1".to_owned(),
    }
}

/// What is at a path, as a person with `find` would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    File {
        content: Vec<u8>,
        mode: u32,
        mtime: (i64, i64),
    },
    Directory {
        mode: u32,
    },
    Symlink {
        target: OsString,
    },
}

/// Everything below `root`, read by other means than the code under test.
fn look(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut all = BTreeMap::new();
    let mut paths = vec![PathBuf::new()];
    while let Some(path) = paths.pop() {
        let at = if path.as_os_str().is_empty() {
            root.to_owned()
        } else {
            root.join(&path)
        };
        let metadata = fs::symlink_metadata(&at).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let seen = if metadata.is_symlink() {
            Seen::Symlink {
                target: fs::read_link(&at).unwrap().into_os_string(),
            }
        } else if metadata.is_dir() {
            for entry in fs::read_dir(&at).unwrap() {
                paths.push(path.join(entry.unwrap().file_name()));
            }
            Seen::Directory { mode }
        } else {
            let mtime = (metadata.mtime(), metadata.mtime_nsec());
            Seen::File {
                content: fs::read(&at).unwrap(),
                mode,
                mtime,
            }
        };
        all.insert(path, seen);
    }
    all
}

/// Bytes that do not compress, always the same.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}
