//! Journals whose files were cut off, emptied, replaced or damaged: nobody goes on with fewer entries than
//! were acknowledged.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_journal::{
    Entry, Journal, JournalError, JournalLocation, SqliteJournal, StoredJournal,
};

use crate::{record, scope};

const PAGE_BYTES: usize = 4096;

/// The files of a journal with some entries, as they are after a clean close or after a crash.
struct Files {
    database: Vec<u8>,
    log: Option<Vec<u8>>,
    head: Vec<u8>,
    entries: Vec<Entry>,
}

async fn write(count: u64, body_bytes: usize, closed: bool) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let dhash = scope("dhash");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    let mut entries = Vec::new();
    for number in 1..=count {
        let mut record = record(number);
        record.body = format!("{{\"text\":\"{}\"}}", "x".repeat(body_bytes));
        entries.push(journal.append(&dhash, lease.epoch, record).await.unwrap());
    }
    if closed {
        journal.close().await;
    }
    Files {
        database: fs::read(&path).unwrap(),
        log: fs::read(folder.path().join("journal.db-wal")).ok(),
        head: fs::read(folder.path().join("journal.db.dhash.head")).unwrap(),
        entries,
    }
}

impl Files {
    fn lay_out(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        fs::write(&path, &self.database).unwrap();
        if let Some(log) = &self.log {
            fs::write(folder.path().join("journal.db-wal"), log).unwrap();
        }
        fs::write(folder.path().join("journal.db.dhash.head"), &self.head).unwrap();
        (folder, path)
    }

    /// What a reader and then a writer find: the entries, or the error of whoever noticed.
    async fn outcome(&self) -> Result<Vec<Entry>, JournalError> {
        let (_folder, path) = self.lay_out();
        let reader = StoredJournal::open_read_only(&JournalLocation::File(path.clone())).await?;
        let reader = reader.expect("a head says that there is a journal");
        reader.verify(&scope("dhash")).await?;
        reader.close().await;
        let journal = SqliteJournal::open(&path).await?;
        journal.verify(&scope("dhash")).await?;
        let entries = journal.read(&scope("dhash"), 1).await;
        journal.close().await;
        entries
    }

    /// The damage is either noticed or did not hit anything.
    async fn check(&self, what: &str) -> bool {
        match self.outcome().await {
            Ok(entries) => {
                assert_eq!(entries, self.entries, "{what}: silently something else");
                false
            }
            Err(
                error @ (JournalError::Torn { .. }
                | JournalError::Damaged { .. }
                | JournalError::Broken(_)
                | JournalError::NotAJournal { .. }
                | JournalError::SchemaTooNew { .. }
                | JournalError::Storage { .. }),
            ) => {
                let words = error.to_string();
                assert!(words.contains("journal"), "{what}: {words}");
                true
            }
            Err(other) => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_database_cut_at_any_page_is_noticed() {
    let mut files = write(40, 700, true).await;
    assert!(files.log.is_none(), "a clean close leaves no log");
    let whole = files.database.clone();
    assert!(!files.check("whole").await);
    let pages = whole.len() / PAGE_BYTES;
    assert!(pages >= 8);
    for page in 0..pages {
        for off in [0, 1, 100, 2048] {
            let length = page * PAGE_BYTES + off;
            files.database = whole[..length].to_vec();
            assert!(
                files.check(&format!("cut at {length}")).await,
                "cut at {length}"
            );
        }
    }
}

#[tokio::test]
async fn a_log_that_was_cut_or_lost_is_noticed() {
    let mut files = write(12, 300, false).await;
    let whole = files.log.clone().unwrap();
    assert!(!files.check("whole").await);
    // The last frame ends the last commit, so every cut loses it.
    for length in (0..whole.len())
        .step_by(PAGE_BYTES)
        .chain([whole.len() - 1])
    {
        files.log = Some(whole[..length].to_vec());
        let outcome = files.outcome().await;
        assert!(
            matches!(
                outcome,
                Err(JournalError::Torn { .. } | JournalError::NotAJournal { .. })
            ),
            "cut at {length}: {outcome:?}"
        );
    }
    files.log = None;
    assert!(files.check("lost").await);
}

#[tokio::test]
async fn flipped_bytes_are_noticed_or_hit_nothing() {
    let mut closed = write(40, 700, true).await;
    let whole = closed.database.clone();
    // A fixed sequence of places that covers the file: the same on every run.
    let mut noticed = 0;
    for round in 0..120_usize {
        let place = (round * 7_919 + round * round * 31) % whole.len();
        closed.database = whole.clone();
        closed.database[place] ^= 0x55;
        noticed += u32::from(closed.check(&format!("byte {place} of the database")).await);
    }
    assert!(noticed > 60, "most bytes are in use: {noticed}");
    let mut open = write(12, 300, false).await;
    let whole = open.log.clone().unwrap();
    for round in 0..60_usize {
        let place = (round * 7_919 + round * round * 31) % whole.len();
        let mut log = whole.clone();
        log[place] ^= 0x55;
        open.log = Some(log);
        open.check(&format!("byte {place} of the log")).await;
    }
}

#[tokio::test]
async fn an_older_copy_or_an_empty_file_is_torn_and_names_both_heads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let dhash = scope("dhash");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    let old = journal
        .append(&dhash, lease.epoch, record(1))
        .await
        .unwrap();
    journal.close().await;
    let copy = fs::read(&path).unwrap();
    let journal = SqliteJournal::open(&path).await.unwrap();
    let new = journal
        .append(&dhash, lease.epoch, record(2))
        .await
        .unwrap();
    journal.close().await;

    fs::write(&path, copy).unwrap();
    for outcome in [
        SqliteJournal::open(&path).await,
        SqliteJournal::open_read_only(&path).await,
    ] {
        let words = outcome.unwrap_err().to_string();
        for part in [
            "entry 2 of dhash".to_owned(),
            new.hash.to_string(),
            format!("entry 1 with hash {}", old.hash),
            head_of(&path).display().to_string(),
        ] {
            assert!(words.contains(&part), "{part} is not in: {words}");
        }
    }

    fs::write(&path, "").unwrap();
    let error = SqliteJournal::open(&path).await.unwrap_err();
    assert!(matches!(error, JournalError::Torn { .. }), "{error:?}");
    assert_eq!(
        fs::metadata(&path).unwrap().len(),
        0,
        "left as it was found"
    );
    fs::remove_file(&path).unwrap();
    let error = SqliteJournal::open(&path).await.unwrap_err();
    assert!(matches!(error, JournalError::Torn { .. }), "{error:?}");
    assert!(!path.exists(), "not created anew");
    let location = JournalLocation::File(path.clone());
    let outcome = StoredJournal::open_read_only(&location).await;
    assert!(
        matches!(outcome, Err(JournalError::Torn { .. })),
        "{outcome:?}"
    );

    fs::write(head_of(&path), "x".repeat(1024)).unwrap();
    let error = SqliteJournal::open(&path).await.unwrap_err();
    assert!(
        matches!(error, JournalError::HeadUnreadable { .. }),
        "{error:?}"
    );

    // The advice of the message helps.
    fs::rename(head_of(&path), folder.path().join("moved away")).unwrap();
    assert!(
        StoredJournal::open_read_only(&location)
            .await
            .unwrap()
            .is_none()
    );
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    journal
        .append(&dhash, lease.epoch, record(1))
        .await
        .unwrap();
    journal.verify(&dhash).await.unwrap();
}

fn head_of(journal: &Path) -> PathBuf {
    journal.with_file_name("journal.db.dhash.head")
}
