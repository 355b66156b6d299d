//! What only a file has: permissions, schema versions, opening again, reading only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use portcullis_journal::{Journal, JournalError, SqliteJournal};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::{record, scope};

async fn execute(path: &Path, statement: &str) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    for round in 0..2 {
        if round == 1 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        }
        let journal = SqliteJournal::open(&path).await.unwrap();
        let lease = journal.acquire(&scope("dhash"), "a", 0, 10).await.unwrap();
        journal
            .append(&scope("dhash"), lease.epoch, record(1))
            .await
            .unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        journal.close().await;
    }
}

#[tokio::test]
async fn opening_again_continues_chain_and_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let dhash = scope("dhash");
    for round in 1..=3 {
        let journal = SqliteJournal::open(&path).await.unwrap();
        let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
        assert_eq!(lease.epoch.0, round);
        assert_eq!(
            journal
                .append(&dhash, lease.epoch, record(1))
                .await
                .unwrap()
                .seq,
            round
        );
        if round != 2 {
            journal.close().await; // and once without
        }
    }
    let journal = SqliteJournal::open(&path).await.unwrap();
    assert_eq!(journal.verify(&dhash).await.unwrap().entries, 3);
}

#[tokio::test]
async fn reading_only_sees_what_a_writer_does_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let dhash = scope("dhash");
    let missing = SqliteJournal::open_read_only(&path).await;
    assert!(
        matches!(missing, Err(JournalError::Storage { .. })),
        "{missing:?}"
    );
    assert!(
        !path.exists(),
        "opening for reading does not create the file"
    );

    let writer = SqliteJournal::open(&path).await.unwrap();
    let lease = writer.acquire(&dhash, "a", 0, 10).await.unwrap();
    let reader = SqliteJournal::open_read_only(&path).await.unwrap();
    writer.append(&dhash, lease.epoch, record(1)).await.unwrap();
    assert_eq!(reader.verify(&dhash).await.unwrap().entries, 1);
    writer.append(&dhash, lease.epoch, record(2)).await.unwrap();
    assert_eq!(reader.read(&dhash, 0).await.unwrap().len(), 2);
    let refused = [
        reader.acquire(&dhash, "b", 99, 10).await.map(drop),
        reader.renew(&lease, 1, 10).await.map(drop),
        reader.release(&lease).await,
        reader
            .append(&dhash, lease.epoch, record(3))
            .await
            .map(drop),
    ];
    for outcome in refused {
        assert!(
            matches!(outcome, Err(JournalError::ReadOnly { .. })),
            "{outcome:?}"
        );
    }
    writer.close().await;
    reader.close().await;

    // Without a writer, after a clean close.
    let reader = SqliteJournal::open_read_only(&path).await.unwrap();
    assert_eq!(reader.verify(&dhash).await.unwrap().entries, 2);
}

#[tokio::test]
async fn other_databases_and_newer_schemas_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.db");
    execute(&other, "CREATE TABLE users (name TEXT)").await;
    match SqliteJournal::open(&other).await {
        Err(error @ JournalError::NotAJournal { .. }) => {
            assert!(error.to_string().contains("users"), "{error}");
        }
        other => panic!("{other:?}"),
    }

    let text = folder.path().join("text.db");
    fs::write(
        &text,
        "this is not a database, but it is long enough to be looked at",
    )
    .unwrap();
    assert!(matches!(
        SqliteJournal::open(&text).await,
        Err(JournalError::Damaged { .. })
    ));

    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let outcome = SqliteJournal::open_read_only(&empty).await;
    assert!(
        matches!(outcome, Err(JournalError::NotAJournal { .. })),
        "{outcome:?}"
    );

    let newer = folder.path().join("newer.db");
    SqliteJournal::open(&newer).await.unwrap().close().await;
    execute(&newer, "UPDATE schema_version SET version = 99").await;
    for outcome in [
        SqliteJournal::open(&newer).await,
        SqliteJournal::open_read_only(&newer).await,
    ] {
        assert!(
            matches!(
                outcome,
                Err(JournalError::SchemaTooNew {
                    found: 99,
                    known: 1,
                    ..
                })
            ),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("journal.db");
    let error = SqliteJournal::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("missing/journal.db"), "{error}");
}
