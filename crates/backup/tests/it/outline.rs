//! What a store holds, thing by thing.

use portcullis_backup::{Store, StoreOutline};

fn sqlite(path: &std::path::Path, statements: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(statements).unwrap();
}

#[test]
fn there_and_back_is_the_same_and_what_is_left_or_lost_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    sqlite(
        &path,
        "CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
         CREATE INDEX note_text ON note (text);
         INSERT INTO note (text) VALUES ('a'), ('b');
         CREATE TABLE tag (name TEXT);",
    );
    let store = Store::sqlite("notes", path.clone());
    let before = StoreOutline::read(&store).unwrap();
    let differences = || before.differences(&StoreOutline::read(&store).unwrap());
    assert!(!before.is_empty());
    // There and back, with Portcullis's own notes of it.
    sqlite(
        &path,
        "ALTER TABLE note ADD COLUMN mood TEXT DEFAULT 'fine';
         CREATE TABLE portcullis_migrations (version INTEGER);
         INSERT INTO portcullis_migrations VALUES (1);
         INSERT INTO note (text) VALUES ('c'); DELETE FROM note WHERE text = 'c';
         ALTER TABLE note DROP COLUMN mood;",
    );
    assert_eq!(differences(), [""; 0]);
    sqlite(
        &path,
        "UPDATE note SET text = 'B' WHERE text = 'b'; DROP TABLE tag; DROP INDEX note_text;
         CREATE VIEW notes AS SELECT text FROM note;",
    );
    assert_eq!(
        differences(),
        [
            "index note_text is gone",
            "table tag is gone",
            "what is in the rows of note is another",
            "what is in the rows of tag is gone",
            "view notes is left",
        ]
    );
}
