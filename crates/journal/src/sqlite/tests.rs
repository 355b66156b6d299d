use sqlx::Row;

use super::*;

async fn pragma<T>(pool: &SqlitePool, statement: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + Send + Unpin,
{
    sqlx::query(statement).fetch_one(pool).await.unwrap().get(0)
}

/// These belong to a connection, so only the journal's own can show them.
#[tokio::test]
async fn commits_are_logged_ahead_and_synced() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db"))
        .await
        .unwrap();
    let writer = journal.writer.clone().unwrap();
    assert_eq!(
        pragma::<String>(&writer, "PRAGMA journal_mode").await,
        "wal"
    );
    assert_eq!(
        pragma::<i64>(&writer, "PRAGMA synchronous").await,
        2,
        "2 is FULL"
    );
    assert_eq!(pragma::<i64>(&writer, "PRAGMA foreign_keys").await, 1);
    assert_eq!(pragma::<i64>(&writer, "PRAGMA busy_timeout").await, 10_000);
}

#[tokio::test]
async fn a_dropped_write_leaves_the_writer_usable() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db"))
        .await
        .unwrap();
    let scope = Scope::new("dhash").unwrap();
    let transaction = journal.begin("test").await.unwrap();
    drop(transaction);
    assert_eq!(
        journal.acquire(&scope, "a", 0, 10).await.unwrap().epoch,
        Epoch(1)
    );
}
