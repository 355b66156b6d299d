//! Databases in a folder that is copied file by file: SQLite keeps what was committed last in a log beside the database, and moves it
//! over now and then. Database and log are copied one after the other, so a copy is of one moment only if neither changed from
//! when it was read until all of it was: otherwise both may be whole, and together something that never was.
//!
//! A database without a log beside it is one file, which is noticed when it changes while it is read.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::RelativePath;
use crate::scan::{Item, ItemKind, Scan, Stamp};

/// How the names of logs end: of a write-ahead log, and of one for going back.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// The files of databases that have a log, with what each was when it was read; nothing for one that was not.
#[derive(Default)]
pub(super) struct Read(BTreeMap<RelativePath, Option<Stamp>>);

impl Read {
    /// A file was read whole.
    pub(super) fn note(&mut self, path: &RelativePath, stamp: Stamp) {
        if let Some(read) = self.0.get_mut(path) {
            *read = Some(stamp);
        }
    }

    /// The same files, of which nothing is known yet.
    pub(super) fn unread(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), None)).collect())
    }
}

/// The databases of a folder that have a log, and their logs.
pub(super) fn with_logs(scan: &Scan) -> Read {
    let is_file = |item: &&Item| item.kind == ItemKind::File;
    let mut read = BTreeMap::new();
    for log in scan.items.iter().filter(is_file) {
        let database = database_of(&log.path).and_then(|path| scan.position(&path));
        let database = database.map(|at| &scan.items[at]);
        if let Some(database) = database.filter(is_file) {
            read.insert(log.path.clone(), None);
            read.insert(database.path.clone(), None);
        }
    }
    Read(read)
}

/// A file of a database that is another one now than when it was read.
pub(super) fn torn(read: &Read, now: &Read) -> Option<RelativePath> {
    let mut files = read.0.iter();
    files
        .find(|(path, stamp)| now.0.get(*path) != Some(*stamp))
        .map(|(path, _)| path.clone())
}

fn database_of(log: &RelativePath) -> Option<RelativePath> {
    let path = log.as_path();
    let name = path.file_name()?.as_bytes();
    let mut ends = LOGS.iter();
    let database = ends.find_map(|end| name.strip_suffix(end.as_bytes()))?;
    if database.is_empty() {
        return None;
    }
    RelativePath::new(path.with_file_name(OsStr::from_bytes(database)).as_os_str()).ok()
}
