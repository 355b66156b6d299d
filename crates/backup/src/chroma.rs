//! Chroma vector databases: the folder of one that is used, taken so that all of it fits together.
//!
//! In the folder are `chroma.sqlite3` and a folder for each index (Chroma calls it a segment). A write is acknowledged
//! once it is in the database, in a queue. Chroma applies it to the index in memory, and writes the index out now and
//! then (`hnsw:sync_threshold`, every 1,000 writes): the files of the index first, then in the database up to where they go
//! (`max_seq_id`), and then it deletes that much of the queue. When it opens the folder, it applies the rest of the
//! queue to the index that it finds (Chroma 1.5, `rust/segment/src/local_hnsw.rs`,
//! `rust/log/src/local_compaction_manager.rs`). So in a copy
//!
//! * an index that is older than its database lacks vectors for good: they are not in the queue any more;
//! * an index that is newer has vectors that the database does not know, which are found as answers without a content.
//!
//! So the files of all indexes are copied first, the database after them, by SQLite, and then it is looked whether an
//! index was written meanwhile. If none was, the copy is what the folder was at the moment of the database's copy. If
//! one was, its files and the database are copied again. When that was in vain some times, the copies are made while a
//! transaction reads the database: where it has no write-ahead log, as Chroma's has none, no write is acknowledged
//! meanwhile, and so no index is written that was not being written already.
//!
//! An index that is just being written has a file that is younger than its `index_metadata.pickle`, which comes last.
//! That is waited for, for as long as the files change: what a crash left half written stays so.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::archive::ArchiveWriter;
use crate::bounds::{CHROMA_ATTEMPTS_FREE, CHROMA_ATTEMPTS_MAX, FINDINGS_MAX};
use crate::durable::{PrivateFolder, TEMPORARY_PREFIX};
use crate::manifest::{FileEntry, StoreManifest};
use crate::on_disk::{OnDisk, Shape};
use crate::scan::{ItemKind, Scan, location};
use crate::since::TableNow;
use crate::vault::failed_to;
use crate::{BackupError, RelativePath, SqliteContent, StoreKind, TableEntry, sqlite};

mod index;
mod segments;

use segments::{Segments, settled};

/// Chroma's database, in its folder.
const DATABASE: &str = "chroma.sqlite3";

/// Tables that people know: how many collections there are, and how many records.
const KNOWN_TABLES: [&str; 2] = ["collections", RECORDS];
/// The table with a row for each record.
const RECORDS: &str = "embeddings";

/// Whether a path below the store is that of its database.
pub(crate) fn is_database(path: &RelativePath) -> bool {
    path.as_path() == Path::new(DATABASE)
}

/// A copy that was checked.
pub(crate) struct Checked {
    pub(crate) content: SqliteContent,
    pub(crate) digest: String,
}

/// Copies the folder as it is at one moment, checks the copy and writes it to the archive. Until it is packed, it lies
/// in a private folder in `vault`.
pub(crate) fn capture(
    store: &OnDisk,
    archive: &mut ArchiveWriter,
    vault: &Path,
) -> Result<StoreManifest, BackupError> {
    let private = PrivateFolder::new(vault, TEMPORARY_PREFIX)
        .map_err(|source| failed_to("create a folder in", vault, source))?;
    let copied = private.path().join(DATABASE);
    let mut segments = Segments::kept_in(store, private.path());
    take(store, &mut segments, &copied)?;
    let database = database_of(store);
    let content = sqlite::check(&database, &copied)?;
    check_fit(&database, &copied, &segments)?;
    let mut manifest = segments.pack(Some(archive))?;
    let packed = sqlite::pack(&Scan::of(&database)?, &copied, &store.name, archive)?;
    manifest.files.extend(packed);
    manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(with_content(manifest, content))
}

/// Copies the indexes and then the database until no index was written between the two.
fn take(store: &OnDisk, segments: &mut Segments<'_>, copied: &Path) -> Result<(), BackupError> {
    let database = database_of(store);
    let mut changed = store.path.clone();
    for attempt in 1..=CHROMA_ATTEMPTS_MAX {
        let before = settled(store)?;
        let held = match attempt > CHROMA_ATTEMPTS_FREE {
            true => Some(sqlite::Held::new(&database)?),
            false => None,
        };
        if let Some(path) = segments.take(before)? {
            changed = path;
            continue;
        }
        match held {
            Some(held) => held.copy(copied)?,
            None => sqlite::copy(&database, copied)?,
        }
        match segments.changed()? {
            None => return Ok(()),
            Some(path) => changed = path,
        }
    }
    Err(BackupError::SegmentsChanging {
        store: store.name.clone(),
        path: changed,
        attempts: CHROMA_ATTEMPTS_MAX,
    })
}

/// Whether the database can be read now, and is one of Chroma's.
pub(crate) fn examine(store: &OnDisk) -> Result<(), BackupError> {
    let database = database_of(store);
    let tables = sqlite::tables_now(&database, &[])?;
    match tables
        .iter()
        .any(|table| table.entry.name == "embeddings_queue")
    {
        true => Ok(()),
        false => Err(BackupError::StoreRefused {
            store: store.name.clone(),
            path: database.path,
            why: "it has no table embeddings_queue, so it is not a database of Chroma's".to_owned(),
        }),
    }
}

/// The digest of what is in the folder now.
pub(crate) fn live_digest(store: &OnDisk) -> Result<String, BackupError> {
    let database = database_of(store);
    let mut changed = store.path.clone();
    for _ in 0..CHROMA_ATTEMPTS_MAX {
        let mut segments = Segments::only_read(store);
        if let Some(path) = segments.take(settled(store)?)? {
            changed = path;
            continue;
        }
        let content = sqlite::live_content(&database)?;
        match segments.changed()? {
            None => return digest(segments, &database, content),
            Some(path) => changed = path,
        }
    }
    Err(BackupError::SegmentsChanging {
        store: store.name.clone(),
        path: changed,
        attempts: CHROMA_ATTEMPTS_MAX,
    })
}

/// The tables of collections and records as they are now, beside those of `then`.
pub(crate) fn tables_now(
    store: &OnDisk,
    then: &[TableEntry],
) -> Result<Vec<TableNow>, BackupError> {
    let mut tables = sqlite::tables_now(&database_of(store), then)?;
    tables.retain(|table| is_known(&table.entry.name));
    Ok(tables)
}

/// Whether people know a table by its name; the others are Chroma's own business.
pub(crate) fn is_known(table: &str) -> bool {
    KNOWN_TABLES.contains(&table)
}

/// Whether no collection has a record. Whatever else is in its tables, Chroma notes about itself.
pub(crate) fn has_no_records(tables: &[TableEntry]) -> bool {
    tables
        .iter()
        .any(|table| table.name == RECORDS && table.rows == 0)
}

/// Makes the folder ready to be replaced: nobody may have its database or a file of an index open.
pub(crate) fn put_aside(store: &OnDisk) -> Result<(), BackupError> {
    if !crate::vault::exists(&location(store))? {
        return Ok(());
    }
    sqlite::closed(&database_of(store), &files_of(store)?)
}

/// Waits until nobody has its database or a file of an index open, and changes nothing.
pub(crate) fn unopened(store: &OnDisk) -> Result<(), BackupError> {
    sqlite::unopened(&database_of(store), &files_of(store)?)
}

/// Every file of the folder.
fn files_of(store: &OnDisk) -> Result<Vec<PathBuf>, BackupError> {
    let root = location(store);
    let items = Scan::of(store)?.items;
    let files = items.iter().filter(|item| item.kind == ItemKind::File);
    Ok(files.map(|item| root.join(item.path.as_path())).collect())
}

/// Checks a restored copy by SQLite's own means, its indexes by their sizes, and reads what is in it.
pub(crate) fn check_copy(copy: &OnDisk) -> Result<Checked, BackupError> {
    let database = database_of(copy);
    let content = sqlite::check_copy(&database)?;
    let mut segments = Segments::only_read(copy);
    let scan = Scan::of(copy)?;
    if let Some(path) = segments.take(segments::without_database(scan))? {
        return Err(BackupError::StoreChanged {
            store: copy.name.clone(),
            path,
            attempts: 1,
        });
    }
    check_fit(&database, &database.path, &segments)?;
    let digest = digest(segments, &database, content.clone())?;
    Ok(Checked { content, digest })
}

/// What the indexes and the database say of each other, in a copy that lies still.
fn check_fit(database: &OnDisk, copied: &Path, segments: &Segments<'_>) -> Result<(), BackupError> {
    // Indexes that were written out: those of which the database says up to where they go.
    const WRITTEN: &str = "SELECT s.id FROM segments s JOIN max_seq_id m ON m.segment_id = s.id \
         WHERE s.scope = 'VECTOR' ORDER BY 1";
    let written = || -> rusqlite::Result<Vec<String>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(copied, flags)?;
        let mut statement = connection.prepare(WRITTEN)?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let written =
        written().map_err(|error| sqlite::failed(database, "look for the indexes of", &error))?;
    let mut findings = segments.flaws()?;
    findings.extend(segments.missing(&written));
    findings.truncate(FINDINGS_MAX);
    match findings.is_empty() {
        true => Ok(()),
        false => Err(BackupError::IndexDamaged {
            store: database.name.clone(),
            path: database.path.clone(),
            findings,
        }),
    }
}

fn digest(
    mut segments: Segments<'_>,
    database: &OnDisk,
    content: SqliteContent,
) -> Result<String, BackupError> {
    let mut manifest = segments.pack(None)?;
    // Of the database only the name counts: what is in it is in `content`.
    let found = Scan::of(database)?;
    let entries = found.items.iter();
    let entries = entries.map(|item| FileEntry::unread(item, item.stamp.size));
    manifest.files.extend(entries);
    Ok(with_content(manifest, content).digest)
}

fn with_content(manifest: StoreManifest, content: SqliteContent) -> StoreManifest {
    let mut manifest = StoreManifest {
        kind: StoreKind::Chroma,
        sqlite: Some(content),
        ..manifest
    };
    manifest.digest = manifest.content_digest();
    manifest
}

/// The database of the folder, as a store of its own.
fn database_of(store: &OnDisk) -> OnDisk {
    OnDisk {
        name: store.name.clone(),
        shape: Shape::File,
        path: location(store).join(DATABASE),
    }
}
