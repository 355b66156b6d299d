use std::fs;

use super::*;

fn database(folder: &Path, statements: &str) -> (OnDisk, Connection) {
    let path = folder.join("notes.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(statements).unwrap();
    let store = OnDisk {
        name: "notes".to_owned(),
        shape: crate::on_disk::Shape::File,
        path,
    };
    (store, connection)
}

const NOTES: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, weight REAL, picture BLOB);
    CREATE TABLE \"odd \"\"name\nof two lines\" (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE plain (a, doubled AS (a * 2));
    CREATE INDEX by_text ON note (text);
    CREATE VIRTUAL TABLE found USING fts5(text);
    INSERT INTO note VALUES (1, 'one', 1.5, x'00ff'), (2, NULL, -0.0, NULL), (3, '', 1e300, x'');
    INSERT INTO \"odd \"\"name\nof two lines\" VALUES (1, 'x'), ('1', 'x');
    INSERT INTO plain VALUES (1), (2), (2);
    INSERT INTO found VALUES ('a word'), ('another word');";

#[test]
fn how_the_content_lies_in_the_file_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (store, connection) = database(folder.path(), NOTES);
    let digest = live_digest(&store).unwrap();
    for change in [
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA page_size = 16384; VACUUM",
        "ANALYZE",
        "REINDEX",
        "UPDATE note SET text = 'other' WHERE id = 1; UPDATE note SET text = 'one' WHERE id = 1",
        "DELETE FROM plain WHERE a = 1; INSERT INTO plain VALUES (1)",
        "PRAGMA journal_mode = WAL",
    ] {
        connection.execute_batch(change).unwrap();
        assert_eq!(live_digest(&store).unwrap(), digest, "{change}");
    }
}

#[test]
fn every_difference_of_the_content_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (store, connection) = database(folder.path(), NOTES);
    let digest = live_digest(&store).unwrap();
    for change in [
        "UPDATE note SET text = 'One' WHERE id = 1",
        "UPDATE note SET text = x'6f6e65' WHERE id = 1",
        "UPDATE note SET weight = 0.5 WHERE id = 2",
        "UPDATE note SET picture = x'' WHERE id = 2",
        "UPDATE note SET id = 4 WHERE id = 3",
        "DELETE FROM note WHERE id = 3",
        "INSERT INTO plain VALUES (2)",
        "UPDATE plain SET a = '1' WHERE a = 1",
        "INSERT INTO found VALUES ('a third')",
        "CREATE TABLE more (a)",
        "DROP INDEX by_text",
        "CREATE VIEW seen AS SELECT 1",
        "ALTER TABLE note ADD COLUMN more",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 7",
    ] {
        connection.execute_batch("SAVEPOINT one").unwrap();
        connection.execute_batch(change).unwrap();
        let changed = SqliteContent::read_within(&connection).unwrap();
        assert_ne!(changed.digest(), digest, "{change}");
        connection
            .execute_batch("ROLLBACK TO one; RELEASE one")
            .unwrap();
        assert_eq!(live_digest(&store).unwrap(), digest, "after {change}");
    }
}

#[test]
fn rows_are_counted_in_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let (_, connection) = database(
        folder.path(),
        "PRAGMA foreign_keys = OFF; CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (parent INTEGER REFERENCES parent);
         INSERT INTO child VALUES (1), (2), (3); INSERT INTO parent VALUES (2);",
    );
    let content = SqliteContent::read(&connection).unwrap();
    let rows = |name| {
        content
            .tables
            .iter()
            .find(|table| table.name == name)
            .map(|t| t.rows)
    };
    assert_eq!(
        (rows("child"), rows("parent"), rows("none")),
        (Some(3), Some(1), None)
    );
    assert_eq!(content.foreign_key_violations, 2);
    assert!(content.pages >= 3 && content.page_size == 4096);
}

/// Reading changes nothing, and leaves nothing behind that was not there.
#[test]
fn nothing_of_a_database_changes_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (store, connection) = database(folder.path(), NOTES);
    let look = || {
        let mut all: Vec<(std::ffi::OsString, Vec<u8>)> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
            .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    };
    drop(connection.close());
    // As a killed program leaves it: its log is still there.
    let (_, killed) = database(
        folder.path(),
        "INSERT INTO note VALUES (9, 'in the log', 1, NULL)",
    );
    let before = look();
    assert_eq!(
        before.len(),
        2,
        "{:?}",
        before.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    live_digest(&store).unwrap();
    assert!(look() == before);
    drop(killed);
}

#[test]
fn a_database_that_stays_locked_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (store, connection) = database(folder.path(), "CREATE TABLE a (a)");
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = live_digest(&store).unwrap_err();
    assert!(matches!(error, BackupError::DatabaseBusy { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("was locked by another program"), "{text}");
    connection.execute_batch("COMMIT").unwrap();
    live_digest(&store).unwrap();
}
