//! Copying a database that is used, with SQLite's online backup.
//!
//! With a write-ahead log the copy is that of one transaction, and writers go on. Without one, a reader keeps
//! writers from committing. So the pages are copied some at a time and writers may commit in between; SQLite
//! begins the copy anew then. When that happened a few times, the rest is copied in one transaction and the
//! writers wait.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{failed, open_live, patiently, pause};
use crate::BackupError;
use crate::bounds::{SQLITE_PAGES_AT_ONCE, SQLITE_PATIENCE_MS, SQLITE_RESTARTS_MAX};
use crate::clock::Stopwatch;
use crate::on_disk::OnDisk;

const DOING: &str = "copy";

/// Copies the database of `store` to `to`, where nothing is. What was committed before this was called is in
/// the copy.
pub(crate) fn copy(store: &OnDisk, to: &Path) -> Result<(), BackupError> {
    let source = open_live(store)?;
    let mode: String = patiently(store, DOING, || {
        source.query_row("PRAGMA journal_mode", [], |row| row.get(0))
    })?;
    if mode != "wal" && pages(store, &source, to, false)? {
        return Ok(());
    }
    Held::begun(store, source)?.copy(to)
}

/// A transaction that reads a database. Where there is no write-ahead log, nobody else can commit until it is dropped.
pub(crate) struct Held<'a> {
    store: &'a OnDisk,
    source: Connection,
}

impl<'a> Held<'a> {
    /// Opens the database and begins to read it.
    pub(crate) fn new(store: &'a OnDisk) -> Result<Self, BackupError> {
        Self::begun(store, open_live(store)?)
    }

    fn begun(store: &'a OnDisk, source: Connection) -> Result<Self, BackupError> {
        patiently(store, DOING, || {
            source.execute_batch("BEGIN")?;
            let read = source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
            if read.is_err() {
                source.execute_batch("ROLLBACK")?;
            }
            read
        })?;
        Ok(Self { store, source })
    }

    /// Copies the database to `to` as the transaction sees it.
    pub(crate) fn copy(self, to: &Path) -> Result<(), BackupError> {
        pages(self.store, &self.source, to, true)?;
        let ended = self.source.execute_batch("ROLLBACK");
        ended.map_err(|error| failed(self.store, DOING, &error))
    }
}

/// A new database in the place of whatever an earlier attempt left there. It is packed and thrown away, so it
/// need not survive a crash.
fn target(to: &Path) -> rusqlite::Result<Connection> {
    // If it cannot be removed, opening or copying says why.
    let _ = std::fs::remove_file(to);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let target = Connection::open_with_flags(to, flags)?;
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    Ok(target)
}

/// Copies all pages. Without a transaction on the source (`held`) it gives up and says `false` when writers
/// made it begin anew too often.
fn pages(store: &OnDisk, source: &Connection, to: &Path, held: bool) -> Result<bool, BackupError> {
    let told = |error: rusqlite::Error| failed(store, DOING, &error);
    let mut target = target(to).map_err(told)?;
    let backup = Backup::new(source, &mut target).map_err(told)?;
    let mut locked: Option<Stopwatch> = None;
    let mut copied: u64 = 0;
    loop {
        match backup.step(SQLITE_PAGES_AT_ONCE).map_err(told)? {
            StepResult::Done => break,
            StepResult::More => {
                locked = None;
                if held {
                    continue;
                }
                copied += u64::from(SQLITE_PAGES_AT_ONCE.unsigned_abs());
                let all = u64::try_from(backup.progress().pagecount).unwrap_or(0);
                if copied > all.saturating_mul(SQLITE_RESTARTS_MAX) {
                    return Ok(false);
                }
                // Whoever waits to write gets a turn.
                pause();
            }
            // Locked by a writer, or anything that a later version of SQLite may say.
            _ => {
                let watch = locked.get_or_insert_with(Stopwatch::start);
                if watch.is_over(SQLITE_PATIENCE_MS) {
                    return Err(BackupError::DatabaseBusy {
                        store: store.name.clone(),
                        path: store.path.clone(),
                        waited_s: SQLITE_PATIENCE_MS / 1000,
                    });
                }
                pause();
            }
        }
    }
    drop(backup);
    target.close().map_err(|(_, error)| told(error))?;
    Ok(true)
}
