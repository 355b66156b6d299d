//! How the file grows with use, at a small scale; `cargo xtask bench journal` shows a whole year.

use std::fs;
use std::path::Path;

use portcullis_journal::{Journal, Record, SqliteJournal};

use crate::scope;

/// What SQLite's log may grow to: 1,000 pages before a checkpoint, and what one commit adds.
const LOG_BYTES_MAX: u64 = 6 * 1024 * 1024;
const RENEWALS: u64 = 4_000;
const ENTRIES: u64 = 4_000;

fn bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The folder in memory, where syncing costs nothing, if there is one.
fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::tempdir_in(memory);
    made.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

#[tokio::test]
async fn renewals_do_not_grow_the_file_and_appends_grow_it_by_their_size() {
    let folder = fast_folder();
    let path = folder.path().join("journal.db");
    let log = folder.path().join("journal.db-wal");
    let dhash = scope("dhash");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 15_000).await.unwrap();
    let mut log_bytes = 0;
    let mut written = 0;
    for number in 0..ENTRIES {
        let body = "x".repeat(512 + usize::try_from(number % 8).unwrap() * 512);
        written += body.len() as u64;
        let record = Record {
            at_ms: number,
            by: "engine".to_owned(),
            body,
        };
        journal.append(&dhash, lease.epoch, record).await.unwrap();
        log_bytes = log_bytes.max(bytes(&log));
    }
    assert!(
        log_bytes <= LOG_BYTES_MAX,
        "the log grew to {log_bytes} bytes"
    );
    let before = bytes(&path);
    // Of each record the columns beside the body need about 180 bytes, and pages are not always full.
    assert!(
        before < written * 5 / 3 + ENTRIES * 250,
        "{written} bytes became {before}"
    );
    for number in 0..RENEWALS {
        journal.renew(&lease, number * 5_000, 15_000).await.unwrap();
        log_bytes = log_bytes.max(bytes(&log));
    }
    assert!(
        log_bytes <= LOG_BYTES_MAX,
        "the log grew to {log_bytes} bytes"
    );
    // What was in the log at the time may have been moved to the file since, and nothing else.
    assert!(bytes(&path) <= before + LOG_BYTES_MAX);
    journal.verify(&dhash).await.unwrap();
    journal.close().await;
    let closed = bytes(&path);
    assert_eq!(bytes(&log), 0, "a clean close leaves no log");

    let journal = SqliteJournal::open(&path).await.unwrap();
    for number in 0..RENEWALS {
        journal.renew(&lease, number * 5_000, 15_000).await.unwrap();
    }
    journal.close().await;
    assert_eq!(bytes(&path), closed, "renewals overwrite one row");
}
