//! Locks that migrations hold, on real databases.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use portcullis_driver::{
    HeldLock, LockMode, LockReport, LockWatch, SqlMigrationDriver, read_migration_files,
};
use portcullis_migration::Dialect;
use portcullis_rollout::{
    Action, Direction, MigrationOrder, MigrationPhase, SqlFile, SqlMigration, SqlOrder,
    StoreLocation, StoreRef,
};

use crate::postgres_server::PostgresServer;
use crate::world::op;

fn postgres(url: &str) -> StoreRef {
    let location = StoreLocation::Postgres {
        url: url.to_owned(),
        folder: "/".into(),
        database: None,
        jobs: 1,
    };
    store("main", location)
}

fn sqlite(path: &Path) -> StoreRef {
    store("entries", StoreLocation::Sqlite { path: path.into() })
}

fn store(name: &str, location: StoreLocation) -> StoreRef {
    StoreRef {
        name: name.to_owned(),
        location,
    }
}

/// Carries out the files of a folder's phase `expand`, and says which locks that took.
async fn applied(folder: &Path, store: StoreRef) -> LockReport {
    let dialect = match &store.location {
        StoreLocation::Sqlite { .. } => Dialect::Sqlite,
        _ => Dialect::Postgres,
    };
    let read = read_migration_files(&[folder.to_owned()], dialect, None).unwrap();
    let files = read.set.migrations.iter().map(|file| SqlFile {
        name: file.file.clone(),
        sha256: file.sha256.clone(),
        phase: MigrationPhase::Expand,
        reverse: None,
    });
    let migration = SqlMigration {
        folder: folder.to_owned(),
        through: None,
        store: store.clone(),
        files: files.collect(),
        lock_timeout_ms: 5_000,
        statement_timeout_ms: 60_000,
        pause_ms: 0,
        server_version: None,
    };
    let phase = MigrationPhase::Expand;
    let order = MigrationOrder::Sql(SqlOrder { phase, migration });
    let op = op(Direction::Do, Action::Migrate(order));
    let watch = LockWatch::begin(&store, true).await.unwrap().unwrap();
    let ran = SqlMigrationDriver::new().rehearse(&op, Some(&watch)).await;
    ran.unwrap();
    watch.end().await
}

fn lock(report: &LockReport, table: &str, mode: LockMode) -> HeldLock {
    let mut locks = report.locks.iter();
    let found = locks.find(|lock| lock.table == table && lock.mode == mode);
    found.unwrap_or_else(|| panic!("{report:#?}")).clone()
}

const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test]
async fn a_lock_of_a_file_is_held_from_its_statement_to_the_commit_however_short_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    server.sql(
        "notes",
        "CREATE SCHEMA old; CREATE TABLE notes (id int PRIMARY KEY, body text); CREATE TABLE old.tags (id int); \
         CREATE TABLE users (name text); INSERT INTO notes SELECT n, n::text FROM generate_series(1, 1000) n",
    );
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    // The lock is taken by the first statement, and kept while the second one sleeps.
    write(
        "0001_title.sql",
        "ALTER TABLE notes ADD COLUMN title text DEFAULT 'mine';\nSELECT pg_sleep(0.3);\nUPDATE users SET name = 'Jo' WHERE name = 'Al';",
    );
    // Nothing of this takes long enough for a poll.
    write(
        "0002_short.sql",
        "CREATE TABLE new (id int);\nALTER TABLE old.tags ADD COLUMN name text;\nALTER TABLE new ADD COLUMN b int;",
    );
    write(
        "0003_index.sql",
        "-- portcullis: no-transaction\nCREATE INDEX CONCURRENTLY notes_body ON notes (body);",
    );
    let report = applied(folder.path(), postgres(&url)).await;
    assert_eq!(report.unknown, None);
    let notes = lock(&report, "notes", LockMode::AccessExclusive);
    assert!(
        notes.seen_for >= MS(295) && notes.at_most >= notes.seen_for,
        "{notes:?}"
    );
    assert!(notes.at_most < MS(5_000), "{notes:?}");
    assert_eq!(
        notes.statement,
        "ALTER TABLE notes ADD COLUMN title text DEFAULT '...'"
    );
    assert!(
        notes.table_bytes.is_some_and(|bytes| bytes > 8192),
        "{notes:?}"
    );
    let users = lock(&report, "users", LockMode::RowExclusive);
    assert!(users.statement.starts_with("UPDATE users"), "{users:?}");
    assert!(!users.statement.contains("Al"), "values are not told");
    let short = lock(&report, "old.tags", LockMode::AccessExclusive);
    assert!(short.at_most < notes.at_most, "{short:?}");
    assert!(
        report.locks.iter().all(|lock| lock.table != "new"),
        "{report:#?}"
    );
    assert!(
        report
            .locks
            .iter()
            .all(|lock| !lock.table.contains("portcullis")),
        "{report:#?}"
    );
    // What stops reads comes first, the longest before the others.
    assert_eq!(report.locks[0], notes);
}

#[tokio::test]
async fn locks_of_a_command_are_seen_with_what_took_them_and_how_far_apart_the_looks_were() {
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    server.sql("notes", "CREATE TABLE notes (id int, body text)");
    let watch = LockWatch::begin(&postgres(&url), false).await;
    let watch = watch.unwrap().unwrap();
    let mut psql = tokio::process::Command::new("psql");
    psql.args(["-X", "-q", "-d", &url, "-c", "BEGIN", "-c"]);
    psql.args(["LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE", "-c"]);
    psql.args(["SELECT pg_sleep(0.4), 'a secret'", "-c", "COMMIT"]);
    let ran = psql.stdout(Stdio::null()).status().await.unwrap();
    assert!(ran.success());
    let report = watch.end().await;
    assert_eq!(report.unknown, None);
    let held = lock(&report, "notes", LockMode::ShareRowExclusive);
    assert!(
        held.seen_for >= MS(300) && held.at_most >= MS(400),
        "{report:#?}"
    );
    assert!(report.looks > 5 && report.widest_gap > MS(9), "{report:#?}");
    assert!(!held.statement.contains("secret"), "{held:?}");
    // The session is gone: the copy can be dropped at once.
    server.sql("postgres", "DROP DATABASE notes");
}

#[tokio::test]
async fn a_server_that_goes_away_makes_the_locks_unknown_and_not_none() {
    let mut server = PostgresServer::start();
    let url = server.create_database("notes");
    let watch = LockWatch::begin(&postgres(&url), false).await;
    let watch = watch.unwrap().unwrap();
    server.kill();
    let report = watch.end().await;
    assert!(report.unknown.is_some(), "{report:?}");
    let refused = LockWatch::begin(&postgres(&url), false).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn sqlites_right_to_write_is_timed_for_files_and_seen_for_commands() {
    for journal in ["delete", "wal"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("entries.db");
        let made =
            format!("PRAGMA journal_mode = {journal}; CREATE TABLE entries (id int, body text)");
        let sql = async |statements: &str| {
            let mut shell = tokio::process::Command::new("sqlite3");
            let ran = shell.arg(&path).arg(statements).output().await.unwrap();
            assert!(ran.status.success(), "{ran:?}");
        };
        sql(&made).await;
        let files = folder.path().join("migrations");
        std::fs::create_dir(&files).unwrap();
        let long = "CREATE TABLE more AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
                    SELECT i FROM n;";
        std::fs::write(
            files.join("0001_more.sql"),
            format!("{long}\nDROP TABLE more;"),
        )
        .unwrap();
        let report = applied(&files, sqlite(&path)).await;
        let held = lock(&report, "entries", LockMode::SqliteWrite);
        assert!(
            held.at_most > MS(20) && held.statement.starts_with("CREATE TABLE more"),
            "{held:?}"
        );
        assert!(held.table_bytes.is_some_and(|bytes| bytes > 0), "{held:?}");

        let watch = LockWatch::begin(&sqlite(&path), false).await;
        let watch = watch.unwrap().unwrap();
        sql(&format!("BEGIN IMMEDIATE; {long} DROP TABLE more; COMMIT")).await;
        let report = watch.end().await;
        let held = lock(&report, "entries", LockMode::SqliteWrite);
        assert!(
            held.seen_for > MS(5) && held.at_most >= held.seen_for,
            "{journal}: {report:#?}"
        );
        assert!(report.widest_gap >= MS(10), "{report:#?}");
        assert_eq!(report.unknown, None);
    }
}
