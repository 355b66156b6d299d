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

#[tokio::test]
async fn the_last_entries_are_those_that_a_whole_reading_ends_with() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteJournal::open(&folder.path().join("journal.db"))
        .await
        .unwrap();
    let memory = crate::MemoryJournal::new();
    let (scope, other) = (Scope::new("dhash").unwrap(), Scope::new("other").unwrap());
    for scope in [&scope, &other] {
        let epoch = sqlite.acquire(scope, "a", 0, 10).await.unwrap().epoch;
        memory.acquire(scope, "a", 0, 10).await.unwrap();
        for at_ms in 0..5 {
            let record = Record {
                at_ms,
                by: "a".to_owned(),
                body: format!("{scope} {at_ms}"),
            };
            sqlite.append(scope, epoch, record.clone()).await.unwrap();
            memory.append(scope, epoch, record).await.unwrap();
        }
    }
    let all = sqlite.read(&scope, 1).await.unwrap();
    for count in [0, 1, 3, 5, 6, u64::MAX] {
        let skipped = 5 - count.min(5) as usize;
        let last = sqlite.read_last(&scope, count).await.unwrap();
        assert_eq!(last, all[skipped..], "the last {count}");
        assert_eq!(memory.read_last(&scope, count).await.unwrap(), last);
        let page = sqlite.read_page(&scope, 2, count).await.unwrap();
        assert_eq!(page, all[1..1 + count.min(4) as usize], "{count} from 2");
        assert_eq!(memory.read_page(&scope, 2, count).await.unwrap(), page);
    }
}
