use sqlx::{Row, Sqlite};

use super::*;

async fn pragma<T>(session: &mut Session<'_>, statement: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + Send + Unpin,
{
    sqlx::query(statement)
        .fetch_one(&mut session.connection)
        .await
        .unwrap()
        .get(0)
}

/// These belong to a connection, so only the journal's own can show them.
#[tokio::test]
async fn commits_are_logged_ahead_and_synced() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db"))
        .await
        .unwrap();
    let mut writer = journal.begin("test").await.unwrap();
    assert_eq!(
        pragma::<String>(&mut writer, "PRAGMA journal_mode").await,
        "wal"
    );
    assert_eq!(
        pragma::<i64>(&mut writer, "PRAGMA synchronous").await,
        2,
        "2 is FULL"
    );
    assert_eq!(pragma::<i64>(&mut writer, "PRAGMA foreign_keys").await, 1);
    assert_eq!(
        pragma::<i64>(&mut writer, "PRAGMA busy_timeout").await,
        10_000
    );
}

#[tokio::test]
async fn a_dropped_write_leaves_the_writer_usable() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db"))
        .await
        .unwrap();
    let scope = Scope::new("dhash").unwrap();
    let session = journal.begin("test").await.unwrap();
    drop(session);
    assert_eq!(
        journal.acquire(&scope, "a", 0, 10).await.unwrap().epoch,
        Epoch(1)
    );
}
