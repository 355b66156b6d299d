//! Somebody edits the file with another program.

use std::path::Path;
use std::str::FromStr;

use portcullis_journal::{Breakage, Broken, Journal, JournalError, SqliteJournal};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::{record, scope};

const ENTRIES: u64 = 6;

/// Runs one statement on the file, with a connection that knows nothing of journals.
async fn edit(path: &Path, statement: &str) {
    let url = format!("sqlite://{}", path.display());
    let options = SqliteConnectOptions::from_str(&url)
        .unwrap()
        .foreign_keys(false);
    let mut connection = options.connect().await.unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    let done = sqlx::query(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    assert_ne!(done.rows_affected(), 0, "the edit must hit something");
    connection.close().await.unwrap();
}

/// Writes a journal, edits it, and returns what verify finds.
async fn found_after(statement: &str) -> Result<(), Broken> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let dhash = scope("dhash");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    for number in 1..=ENTRIES {
        journal
            .append(&dhash, lease.epoch, record(number))
            .await
            .unwrap();
    }
    assert_eq!(journal.verify(&dhash).await.unwrap().entries, ENTRIES);
    edit(&path, statement).await;
    match journal.verify(&dhash).await {
        Ok(_) => Ok(()),
        Err(JournalError::Broken(broken)) => Err(broken),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_edit_is_found_where_it_was_made() {
    use Breakage::{EntryHash, PreviousHash, Sequence, Unreadable};
    let zeros = "0".repeat(64);
    let edits = [
        (
            "UPDATE entries SET body = '{\"number\":7}' WHERE seq = 3".to_owned(),
            3,
            EntryHash,
        ),
        (
            "UPDATE entries SET body = body || ' ' WHERE seq = 6".to_owned(),
            6,
            EntryHash,
        ),
        (
            "UPDATE entries SET written_by = 'somebody' WHERE seq = 2".to_owned(),
            2,
            EntryHash,
        ),
        (
            "UPDATE entries SET at_ms = at_ms + 1 WHERE seq = 1".to_owned(),
            1,
            EntryHash,
        ),
        (
            "UPDATE entries SET epoch = 2 WHERE seq = 4".to_owned(),
            4,
            EntryHash,
        ),
        (
            format!("UPDATE entries SET hash = '{zeros}' WHERE seq = 4"),
            4,
            EntryHash,
        ),
        (
            format!("UPDATE entries SET prev_hash = '{zeros}' WHERE seq = 4"),
            4,
            PreviousHash,
        ),
        (
            "UPDATE entries SET hash = 'nonsense' WHERE seq = 5".to_owned(),
            5,
            Unreadable,
        ),
        ("DELETE FROM entries WHERE seq = 3".to_owned(), 3, Sequence),
        ("DELETE FROM entries WHERE seq = 1".to_owned(), 1, Sequence),
        (
            "UPDATE entries SET seq = 9 WHERE seq = 6".to_owned(),
            6,
            Sequence,
        ),
        (
            "INSERT INTO entries SELECT scope, 7, epoch, at_ms, written_by, body, prev_hash, hash \
             FROM entries WHERE seq = 6"
                .to_owned(),
            7,
            PreviousHash,
        ),
    ];
    for (statement, seq, what) in edits {
        let broken = found_after(&statement).await.expect_err(&statement);
        assert_eq!((broken.seq, broken.what), (seq, what), "{statement}");
        let text = broken.to_string();
        assert!(
            text.contains("dhash") && text.contains(&format!("entry {seq}")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_cut_tail_is_found_by_the_head_beside_the_file_and_by_a_known_head() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let dhash = scope("dhash");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    for number in 1..=ENTRIES {
        journal
            .append(&dhash, lease.epoch, record(number))
            .await
            .unwrap();
    }
    let head = journal.verify(&dhash).await.unwrap().head;
    edit(&path, "DELETE FROM entries WHERE seq > 4").await;
    let outcome = journal.verify(&dhash).await;
    match outcome {
        Err(JournalError::Torn(torn)) => {
            assert_eq!((torn.known_seq, torn.known_hash), (ENTRIES, head));
        }
        other => panic!("expected a torn journal, got {other:?}"),
    }
    // Whoever moves the head away accepts the loss, unless another head is known.
    std::fs::remove_file(folder.path().join("journal.db.dhash.head")).unwrap();
    assert_eq!(journal.verify(&dhash).await.unwrap().entries, 4);
    match journal.verify_against(&dhash, head).await {
        Err(JournalError::Broken(broken)) => {
            assert_eq!((broken.seq, broken.what), (4, Breakage::KnownHead));
        }
        other => panic!("expected a cut tail, got {other:?}"),
    }
}

#[tokio::test]
async fn entries_of_a_scope_without_a_lease_are_still_listed_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let zeros = "0".repeat(64);
    let insert =
        format!("INSERT INTO entries VALUES ('ghost', 1, 1, 0, 'x', 'null', '{zeros}', '{zeros}')");
    edit(&path, &insert).await;
    assert_eq!(journal.scopes().await.unwrap(), [scope("ghost")]);
    assert!(journal.verify(&scope("ghost")).await.is_err());
}
