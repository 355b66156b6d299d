//! Files on a SQLite database, and whether what the lint says of SQLite is true.

use std::path::PathBuf;

use portcullis_driver::{MigrationError, Standing};
use portcullis_migration::{Dialect, LintOptions, MigrationSet, Phase, Severity, lint};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;

use super::{Site, order};

const NOTES: &str = "\
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
CREATE TABLE tag (note INTEGER REFERENCES notes (id) ON DELETE CASCADE, name TEXT);
INSERT INTO notes (body) VALUES ('one'), ('two'), ('three'), ('four'), ('five');
INSERT INTO tag VALUES (1, 'a'), (2, 'b');
";

/// A database with five notes.
async fn notes() -> (TempDir, PathBuf, Site) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = SqliteConnection::connect_with(&options.create_if_missing(true))
        .await
        .unwrap();
    connection.execute(NOTES).await.unwrap();
    connection.close().await.unwrap();
    let site = Site::new("sqlite:notes.db", folder.path()).await;
    (folder, path, site)
}

async fn open(path: &PathBuf) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    SqliteConnection::connect_with(&options.foreign_keys(false))
        .await
        .unwrap()
}

async fn number(path: &PathBuf, sql: &str) -> i64 {
    let mut connection = open(path).await;
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn files_are_applied_once_in_order_and_by_phase() {
    let (_folder, path, mut site) = notes().await;
    site.file("0001_add.sql", "ALTER TABLE notes ADD COLUMN title TEXT;")
        .file(
            "0002_fill.backfill.sql",
            "-- portcullis: batch = 2\nUPDATE notes SET title = body WHERE id IN (SELECT id FROM notes WHERE title IS NULL LIMIT 2);",
        )
        .file("0003_drop.contract.sql", "ALTER TABLE notes DROP COLUMN body;")
        .file(
            "0004_trigger.sql",
            "CREATE TRIGGER t AFTER DELETE ON notes BEGIN DELETE FROM tag WHERE note = OLD.id; END;",
        );
    assert_eq!(
        site.words().await,
        [
            (1, "pending"),
            (2, "pending"),
            (3, "pending"),
            (4, "pending")
        ]
    );
    let missing = site.refused(Phase::Contract).await;
    assert!(
        matches!(missing, MigrationError::EarlierPhase { .. }),
        "{missing}"
    );
    let applied = site.apply(Phase::Expand).await.unwrap();
    assert_eq!(applied.files, ["0001_add.sql", "0004_trigger.sql"]);
    assert!(site.apply(Phase::Expand).await.unwrap().files.is_empty());
    let missing = site.refused(Phase::Contract).await;
    assert_eq!(
        missing.to_string(),
        "0002_fill.backfill.sql (backfill) comes before 0003_drop.contract.sql and is not applied"
    );
    // A backfill and a contraction follow an expansion with a higher number: they wait for the rollout.
    let mut rounds = Vec::new();
    let mut tell = |event: portcullis_driver::MigrationEvent<'_>| {
        if let portcullis_driver::MigrationEvent::Round { rows, .. } = event {
            rounds.push(rows);
        }
    };
    site.apply_by(&order(Phase::Backfill), &mut tell)
        .await
        .unwrap();
    assert_eq!(rounds, [2, 4, 5]);
    assert_eq!(
        number(&path, "SELECT count(*) FROM notes WHERE title = body").await,
        5
    );
    site.apply(Phase::Contract).await.unwrap();
    let ledger = site.status().await;
    assert!(
        ledger
            .standings
            .iter()
            .all(|one| one.standing == Standing::Applied)
    );
    assert_eq!(ledger.standings[1].rows_changed, 5);
    assert!(
        ledger.standings[0]
            .applied_at
            .as_deref()
            .unwrap()
            .ends_with('Z')
    );
    let sum = "SELECT count(*) FROM portcullis_migrations WHERE length(sha256) = 64 AND duration_ms >= 0 AND phase <> ''";
    assert_eq!(number(&path, sum).await, 4);
}

#[tokio::test]
async fn changed_unknown_and_late_files_are_named() {
    let (_folder, _path, mut site) = notes().await;
    site.file("0002_a.sql", "CREATE TABLE a (b INTEGER);");
    site.apply(Phase::Expand).await.unwrap();
    site.file("0001_late.sql", "CREATE TABLE late (b INTEGER);");
    let late = site.refused(Phase::Expand).await;
    assert_eq!(
        late.to_string(),
        "0001_late.sql comes before 0002_a.sql, which is already applied"
    );
    let mut wanted = order(Phase::Expand);
    wanted.out_of_order = true;
    site.apply_by(&wanted, &mut |_| ()).await.unwrap();
    site.file("0002_a.sql", "CREATE TABLE a (b INTEGER, c INTEGER);")
        .file("0003_b.sql", "CREATE TABLE b (b INTEGER);");
    let changed = site.refused(Phase::Expand).await;
    assert_eq!(
        changed.to_string(),
        "0002_a.sql changed after it was applied"
    );
    assert_eq!(
        site.words().await,
        [(1, "applied"), (2, "changed"), (3, "pending")]
    );
    site.files.retain(|(name, _)| name.starts_with("0003"));
    assert_eq!(
        site.words().await,
        [(1, "unknown"), (2, "unknown"), (3, "pending")]
    );
}

#[tokio::test]
async fn a_file_that_fails_leaves_nothing_and_one_in_steps_goes_on_where_it_stopped() {
    let (_folder, path, mut site) = notes().await;
    site.file(
        "0001_a.sql",
        "CREATE TABLE a (b INTEGER);\nINSERT INTO nowhere VALUES ('jo@example.com');",
    );
    let failed = site.refused(Phase::Expand).await;
    let expected =
        "0001_a.sql:2: `INSERT INTO nowhere VALUES ('...')` failed: no such table: nowhere (1)";
    assert_eq!(failed.to_string(), expected);
    assert_eq!(
        number(&path, "SELECT count(*) FROM sqlite_schema WHERE name = 'a'").await,
        0
    );
    assert_eq!(site.words().await, [(1, "pending")]);
    // In steps, what is done stays done, and the rest may be mended.
    site.file("0001_a.sql", "-- portcullis: no-transaction\nINSERT INTO notes (body) VALUES ('six');\nVACUUM;\nINSERT INTO nowhere VALUES (1);");
    let failed = site.refused(Phase::Expand).await;
    assert!(
        matches!(&failed, MigrationError::Statement(failed) if failed.done == Some(2)),
        "{failed:?}"
    );
    assert_eq!(site.words().await, [(1, "half way")]);
    site.file("0001_a.sql", "-- portcullis: no-transaction\nINSERT INTO notes (body) VALUES ('SIX');\nVACUUM;\nSELECT 1;");
    let changed = site.refused(Phase::Expand).await;
    assert_eq!(
        changed.to_string(),
        "0001_a.sql changed in its first 2 statements, which are already carried out"
    );
    site.file("0001_a.sql", "-- portcullis: no-transaction\nINSERT INTO notes (body) VALUES ('six');\nVACUUM;\nINSERT INTO notes (body) VALUES ('seven');");
    site.apply(Phase::Expand).await.unwrap();
    assert_eq!(number(&path, "SELECT count(*) FROM notes").await, 7);
    assert_eq!(site.words().await, [(1, "applied")]);
}

#[tokio::test]
async fn a_batch_is_bounded_in_rows_and_in_rounds() {
    let (_folder, path, mut site) = notes().await;
    site.file(
        "0001_a.backfill.sql",
        "-- portcullis: batch = 2\nUPDATE notes SET body = 'x';",
    );
    let large = site.refused(Phase::Backfill).await;
    assert!(
        matches!(
            large,
            MigrationError::BatchTooLarge {
                rows: 5,
                batch: 2,
                ..
            }
        ),
        "{large:?}"
    );
    assert_eq!(
        number(&path, "SELECT count(*) FROM notes WHERE body = 'x'").await,
        0
    );
    let endless = "-- portcullis: batch = 2, rounds = 3\nUPDATE notes SET body = 'x' WHERE id IN (SELECT id FROM notes LIMIT 2);";
    site.file("0001_a.backfill.sql", endless);
    let endless = site.refused(Phase::Backfill).await;
    assert!(
        matches!(endless, MigrationError::TooManyRounds { rounds: 3, .. }),
        "{endless:?}"
    );
    assert_eq!(site.status().await.standings[0].rows_changed, 6);
}

#[tokio::test]
async fn two_never_run_at_once_and_transactions_are_ours() {
    let (folder, _path, mut site) = notes().await;
    site.file("0001_a.sql", "CREATE TABLE a (b INTEGER);");
    let lock = std::fs::File::create(folder.path().join("notes.db.migrate-lock")).unwrap();
    lock.lock().unwrap();
    let busy = site.refused(Phase::Expand).await;
    assert!(matches!(busy, MigrationError::Busy { .. }), "{busy}");
    assert_eq!(site.words().await, [(1, "pending")]);
    drop(lock);
    site.apply(Phase::Expand).await.unwrap();
    site.file("0002_b.sql", "CREATE TABLE b (b INTEGER);\nCOMMIT;");
    let own = site.refused(Phase::Expand).await;
    assert!(
        matches!(own, MigrationError::OwnTransaction { line: 2, .. }),
        "{own}"
    );
    site.file("0002_b.sql", "-- portcullis: contarct\nDROP TABLE notes;");
    let unread = site.refused(Phase::Expand).await;
    assert!(matches!(unread, MigrationError::Files(_)), "{unread}");
    let missing = Site::new("sqlite:nowhere.db", folder.path()).await;
    let missing = missing.refused(Phase::Expand).await;
    assert!(
        matches!(missing, MigrationError::Unreachable { .. }),
        "{missing}"
    );
    assert!(!folder.path().join("nowhere.db").exists());
}

/// One database is one lock, whatever leads to it; and a number is one file's.
#[tokio::test]
async fn a_link_is_the_same_database_and_a_number_is_taken_once() {
    let (folder, _path, mut site) = notes().await;
    site.file("0001_a.sql", "CREATE TABLE a (b INTEGER);");
    std::os::unix::fs::symlink("notes.db", folder.path().join("link.db")).unwrap();
    let mut linked = Site::new("sqlite:link.db", folder.path()).await;
    linked.file("0001_a.sql", "CREATE TABLE a (b INTEGER);");
    let lock = std::fs::File::create(folder.path().join("notes.db.migrate-lock")).unwrap();
    lock.lock().unwrap();
    let busy = linked.refused(Phase::Expand).await;
    assert!(matches!(busy, MigrationError::Busy { .. }), "{busy}");
    drop(lock);
    site.apply(Phase::Expand).await.unwrap();
    let mut other = Site::new("sqlite:notes.db", folder.path()).await;
    other.file("0001_zzz.sql", "CREATE TABLE z (b INTEGER);");
    let taken = other.refused(Phase::Expand).await;
    assert_eq!(
        taken.to_string(),
        "0001_zzz.sql has the number of 0001_a.sql, which is applied"
    );
}

/// What the lint of one statement finds.
fn errors(sql: &str) -> Vec<String> {
    let files = [("0001_a.sql".to_owned(), sql.as_bytes().to_vec())];
    let (set, problems) = MigrationSet::read(Dialect::Sqlite, files);
    let found = lint(&set, &problems, LintOptions::default()).into_iter();
    let found = found.filter(|one| one.severity == Severity::Error);
    found.map(|one| one.rule).collect()
}

#[tokio::test]
async fn what_the_lint_says_fails_fails() {
    let (_folder, path, _) = notes().await;
    for sql in [
        "ALTER TABLE notes ADD COLUMN a TEXT NOT NULL;",
        "ALTER TABLE notes ADD COLUMN a TEXT NOT NULL DEFAULT NULL;",
        "ALTER TABLE notes ADD COLUMN a TEXT UNIQUE;",
        "ALTER TABLE notes ADD COLUMN a INTEGER PRIMARY KEY;",
        "ALTER TABLE notes ADD COLUMN a TEXT DEFAULT CURRENT_TIMESTAMP;",
        "ALTER TABLE notes ADD COLUMN a TEXT DEFAULT (random());",
        "VACUUM;",
        "BEGIN;",
    ] {
        assert_eq!(errors(sql).len(), 1, "{sql}");
        let mut connection = open(&path).await;
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        let done = connection.execute(AssertSqlSafe(sql.to_owned())).await;
        assert!(done.is_err(), "{sql} does not fail");
    }
    for sql in [
        "ALTER TABLE notes ADD COLUMN b TEXT NOT NULL DEFAULT '';",
        "ALTER TABLE notes ADD COLUMN c TEXT;",
        "CREATE INDEX i ON notes (body);",
    ] {
        assert_eq!(errors(sql), [""; 0], "{sql}");
        open(&path)
            .await
            .execute(AssertSqlSafe(sql.to_owned()))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn making_a_table_anew_with_foreign_keys_on_loses_rows_and_a_pragma_in_a_transaction_is_silent()
 {
    const ANEW: &str = "\
CREATE TABLE notes_new (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
INSERT INTO notes_new SELECT id, body FROM notes;
DROP TABLE notes;
ALTER TABLE notes_new RENAME TO notes;
PRAGMA foreign_key_check;";
    let (_folder, path, mut site) = notes().await;
    // As an application does it that has foreign keys on.
    let mut connection = open(&path).await;
    connection
        .execute("PRAGMA foreign_keys = ON; BEGIN; PRAGMA foreign_keys = OFF")
        .await
        .unwrap();
    connection.execute(ANEW).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM tag")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(left, 0, "the rows that refer to the table are gone");
    connection.execute("ROLLBACK").await.unwrap();
    connection.close().await.unwrap();
    // As we do it.
    site.file("0001_anew.sql", ANEW);
    site.apply(Phase::Expand).await.unwrap();
    assert_eq!(number(&path, "SELECT count(*) FROM tag").await, 2);
    // What would break a reference is found by the check at the end, and nothing is left of it.
    for check in [
        "PRAGMA foreign_key_check;",
        "PRAGMA main.foreign_key_check;",
        "pragma  foreign_key_check(tag);",
    ] {
        let text = format!("DELETE FROM notes WHERE id = 1;\n{check}");
        site.file("0002_break.sql", &text);
        let broken = site.refused(Phase::Expand).await.to_string();
        let told = "1 rows refer to rows that are not there";
        assert!(broken.contains(told), "{check}: {broken}");
    }
    assert_eq!(number(&path, "SELECT count(*) FROM notes").await, 5);
}
