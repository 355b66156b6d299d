//! SQLite databases: copying one that is used, knowing what is in it, putting it aside.
//!
//! A database that is used is never copied as a file: what was committed last may be in its log (`-wal`) only,
//! and a page may be half written. It is copied by SQLite's online backup (`copy`), which reads like any other
//! reader. `VACUUM INTO` would do as well but for two things: it may give new numbers to rows of tables without
//! a primary key of whole numbers, on which full-text indexes rely, and it holds the database for the whole
//! time where there is no log.
//!
//! The copy is checked by SQLite's own `integrity_check` before it is packed: a backup of a damaged database
//! would be none. It lies in the archive as one file, which any SQLite opens.
//!
//! No file of a live database is opened but by SQLite, until it is to be replaced: when a process closes any handle of a file, the system drops
//! all locks that the process has on it (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::archive::ArchiveWriter;
use crate::bounds::{
    FINDINGS_MAX, OPENERS_MAX, SQLITE_BUSY_MS, SQLITE_CLOSED_WITHIN_MS, SQLITE_PATIENCE_MS,
    SQLITE_PAUSE_MS,
};
use crate::clock::Stopwatch;
use crate::durable::{PrivateFolder, TEMPORARY_PREFIX};
use crate::hashing::HashingReader;
use crate::manifest::{FileEntry, StoreManifest};
use crate::on_disk::OnDisk;
use crate::scan::{Scan, location};
use crate::since::TableNow;
use crate::vault::{exists, failed_to, rename_to_free};
use crate::{BackupError, StoreKind, TableEntry};

mod content;
mod copy;
mod openers;

pub use content::SqliteContent;
pub(crate) use copy::{Held, copy};

/// What SQLite puts beside a database, in the order in which it is moved away with it: the logs first, which
/// would spoil another database under the old name.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// How a database begins (<https://www.sqlite.org/fileformat2.html>, section 1.2).
const HEAD: &[u8; 16] = b"SQLite format 3\0";

/// A file that SQLite has beside a database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Everything that SQLite may have beside a database.
pub(crate) fn all_beside(path: &Path) -> impl Iterator<Item = PathBuf> {
    BESIDE.iter().map(|suffix| beside(path, suffix))
}

/// Copies the database as it is at one moment, checks the copy and writes it to the archive. Until it is
/// packed, the copy lies in a private folder in `vault`.
pub(crate) fn capture(
    store: &OnDisk,
    archive: &mut ArchiveWriter,
    vault: &Path,
) -> Result<StoreManifest, BackupError> {
    let scan = Scan::of(store)?;
    let private = PrivateFolder::new(vault, TEMPORARY_PREFIX)
        .map_err(|source| failed_to("create a folder in", vault, source))?;
    let copied = private.path().join("copy");
    copy(store, &copied)?;
    let content = check(store, &copied)?;
    Ok(StoreManifest {
        digest: content.digest(),
        files: pack(&scan, &copied, &store.name, archive)?,
        sqlite: Some(content),
        ..StoreManifest::empty(&store.name, StoreKind::Sqlite)
    })
}

/// Writes a copy to the archive as what was found of the database.
pub(crate) fn pack(
    found: &Scan,
    copied: &Path,
    store: &str,
    archive: &mut ArchiveWriter,
) -> Result<Vec<FileEntry>, BackupError> {
    let unreadable = |source| failed_to("read", copied, source);
    let file = File::open(copied).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut files = Vec::new();
    for item in &found.items {
        let mut entry = FileEntry::unread(item, size);
        let mut reader = HashingReader::new((&file).take(size));
        archive.file(store, &entry, &mut reader)?;
        entry.sha256 = reader.sha256();
        files.push(entry);
    }
    Ok(files)
}

/// Whether the database can be read now.
pub(crate) fn examine(store: &OnDisk) -> Result<(), BackupError> {
    open_live(store).map(drop)
}

/// The digest of what is in the database now.
pub(crate) fn live_digest(store: &OnDisk) -> Result<String, BackupError> {
    live_content(store).map(|content| content.digest())
}

/// What is in the database now, thing by thing.
pub(crate) fn things(store: &OnDisk) -> Result<BTreeMap<String, String>, BackupError> {
    Scan::of(store)?;
    let live = open_live(store)?;
    patiently(store, "read the content of", || content::things(&live))
}

/// The tables as they are now, of one moment, with how many rows have larger keys than those of `then`.
pub(crate) fn tables_now(
    store: &OnDisk,
    then: &[TableEntry],
) -> Result<Vec<TableNow>, BackupError> {
    Scan::of(store)?;
    let live = open_live(store)?;
    patiently(store, "count the rows of", || {
        content::tables_now(&live, then)
    })
}

/// Makes the old database ready to be replaced: nobody may have it open, what is in its log is put into its
/// file, and whatever still lies beside it gets a name beside `kept`, which the file itself is given next.
pub(crate) fn put_aside(store: &OnDisk, kept: &Path) -> Result<(), BackupError> {
    let live = location(store);
    closed(store, &[])?;
    for suffix in BESIDE {
        let from = beside(&live, suffix);
        if exists(&from)? {
            rename_to_free(&from, &beside(kept, suffix))?;
        }
    }
    Ok(())
}

/// Waits until nobody has the database or one of `more` open, and puts what is in its log into its file. Without a
/// database only the others are looked at.
pub(crate) fn closed(store: &OnDisk, more: &[PathBuf]) -> Result<(), BackupError> {
    unopened(store, more)?;
    let live = location(store);
    match exists(&live)? {
        true => settle(store, &live),
        false => Ok(()),
    }
}

/// Waits until nobody has the database or one of `more` open, and changes nothing.
pub(crate) fn unopened(store: &OnDisk, more: &[PathBuf]) -> Result<(), BackupError> {
    let live = location(store);
    let mut files: Vec<PathBuf> = all_beside(&live).collect();
    files.push(live);
    files.extend(more.iter().cloned());
    let watch = Stopwatch::start();
    // Whoever opens it for each request only has it closed soon.
    while let Some(by) = in_words(&openers::openers(&files)) {
        if watch.is_over(SQLITE_CLOSED_WITHIN_MS) {
            return Err(in_use(store, by));
        }
        pause();
    }
    Ok(())
}

fn in_words(openers: &[String]) -> Option<String> {
    let (named, more) = openers.split_at(openers.len().min(OPENERS_MAX));
    match (named, more.len()) {
        ([], _) => None,
        (named, 0) => Some(named.join(", ")),
        (named, more) => Some(format!("{} and {more} more", named.join(", "))),
    }
}

/// Puts what is in the log of the database into its file, as the only one who has it open, and has it do
/// without a log from now on. Whoever opens it between now and the swap then finds nothing beside it that could
/// be taken for the restored database's, and SQLite refuses to write to a database that was moved. A database
/// that SQLite cannot read is left as it is, with its log: it is being replaced, maybe for that.
fn settle(store: &OnDisk, live: &Path) -> Result<(), BackupError> {
    let mut head = [0; HEAD.len()];
    let read = File::open(live).and_then(|mut file| file.read_exact(&mut head));
    if read.is_err() || &head != HEAD {
        return Ok(());
    }
    let alone = || -> rusqlite::Result<String> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(live, flags)?;
        connection.busy_timeout(Duration::from_millis(SQLITE_BUSY_MS))?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")?;
        let mode = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        connection.close().map_err(|(_, error)| error)?;
        Ok(mode)
    };
    let unseen = || {
        in_use(
            store,
            "a program that this one may not look into".to_owned(),
        )
    };
    match alone() {
        Err(error) if is_busy(&error) => Err(unseen()),
        Ok(mode) if mode == "wal" => Err(unseen()),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn in_use(store: &OnDisk, by: String) -> BackupError {
    BackupError::StoreInUse {
        store: store.name.clone(),
        path: store.path.clone(),
        by,
    }
}

/// Opens the database for reading only: then nothing of it is changed, not even when this was the last program
/// that had it open. One that was left in the middle of a write has to be put right first, which is writing;
/// any program that opened it would do the same.
fn open_live(store: &OnDisk) -> Result<Connection, BackupError> {
    let open = |access| -> rusqlite::Result<Connection> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(location(store), flags)?;
        connection.busy_timeout(Duration::from_millis(SQLITE_BUSY_MS))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // Functions that only the application has are not run while its data is read.
        connection.execute_batch("PRAGMA trusted_schema = OFF")?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    patiently(store, "open", || {
        match open(OpenFlags::SQLITE_OPEN_READ_ONLY) {
            Err(error) if wants_writing(&error) => open(OpenFlags::SQLITE_OPEN_READ_WRITE),
            other => other,
        }
    })
}

/// Whether a database cannot be read before it was put right, or before its log has an index.
fn wants_writing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)
    )
}

/// Reads what is in the database now, of one moment.
pub(crate) fn live_content(store: &OnDisk) -> Result<SqliteContent, BackupError> {
    Scan::of(store)?;
    let live = open_live(store)?;
    patiently(store, "read the content of", || SqliteContent::read(&live))
}

/// Opens a copy in the private folder, checks it by SQLite's own means, and reads what is in it.
pub(crate) fn check(store: &OnDisk, copied: &Path) -> Result<SqliteContent, BackupError> {
    let look = || -> rusqlite::Result<(Vec<String>, SqliteContent)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(copied, flags)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF")?;
        let mut checked = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS_MAX})"))?;
        let found = checked.query_map([], |row| row.get::<_, String>(0))?;
        let mut found: Vec<String> = found.collect::<Result<_, _>>()?;
        found.retain(|line| line != "ok");
        Ok((found, SqliteContent::read(&connection)?))
    };
    let (findings, content) = look().map_err(|error| failed(store, "check the copy of", &error))?;
    if findings.is_empty() {
        Ok(content)
    } else {
        Err(BackupError::DatabaseDamaged {
            store: store.name.clone(),
            path: store.path.clone(),
            findings,
        })
    }
}

/// Checks a restored copy by SQLite's own means, and reads what is in it.
pub(crate) fn check_copy(copy: &OnDisk) -> Result<SqliteContent, BackupError> {
    check(copy, &copy.path)
}

/// Does something again as long as another program has the database locked, up to a bound.
fn patiently<T>(
    store: &OnDisk,
    doing: &'static str,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> Result<T, BackupError> {
    let watch = Stopwatch::start();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && !watch.is_over(SQLITE_PATIENCE_MS) => pause(),
            other => return other.map_err(|error| failed(store, doing, &error)),
        }
    }
}

pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(SQLITE_PAUSE_MS));
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// What SQLite's failure means for the store.
pub(crate) fn failed(store: &OnDisk, doing: &'static str, error: &rusqlite::Error) -> BackupError {
    let (name, path) = (store.name.clone(), store.path.clone());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => BackupError::DatabaseBusy {
            store: name,
            path,
            waited_s: SQLITE_PATIENCE_MS / 1000,
        },
        Some(ErrorCode::NotADatabase) => BackupError::StoreRefused {
            store: name,
            path,
            why: "it is not an SQLite database, or one that only its program can read".to_owned(),
        },
        Some(ErrorCode::DatabaseCorrupt) => BackupError::DatabaseDamaged {
            store: name,
            path,
            findings: vec![error.to_string()],
        },
        Some(ErrorCode::DiskFull) => BackupError::Vault {
            doing: "write",
            path,
            source: io::Error::from(io::ErrorKind::StorageFull),
        },
        _ => BackupError::DatabaseFailed {
            store: name,
            doing,
            path,
            why: words(error),
        },
    }
}

/// What SQLite says of a failure, with its number: the number tells more than the words.
fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(ffi::Error { extended_code, .. }, _) => {
            format!("{error} (SQLite error {extended_code})")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
