//! Several tasks and several openings of the same file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_journal::{Epoch, Journal, JournalError, MemoryJournal, SqliteJournal};

use crate::{record, scope};

const EACH: u64 = 60;

async fn append_from_two_tasks<J: Journal + 'static>(one: Arc<J>, two: Arc<J>) {
    let dhash = scope("dhash");
    let lease = one.acquire(&dhash, "a", 0, 1_000).await.unwrap();
    let tasks: Vec<_> = [Arc::clone(&one), two]
        .into_iter()
        .map(|journal| {
            let (dhash, epoch) = (dhash.clone(), lease.epoch);
            tokio::spawn(async move {
                let mut seqs = Vec::new();
                for number in 0..EACH {
                    seqs.push(
                        journal
                            .append(&dhash, epoch, record(number))
                            .await
                            .unwrap()
                            .seq,
                    );
                }
                seqs
            })
        })
        .collect();
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.extend(task.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=2 * EACH).collect::<Vec<_>>());
    assert_eq!(one.verify(&dhash).await.unwrap().entries, 2 * EACH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tasks_on_one_opening_keep_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db"))
        .await
        .unwrap();
    let journal = Arc::new(journal);
    append_from_two_tasks(Arc::clone(&journal), journal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_openings_of_one_file_keep_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let one = Arc::new(SqliteJournal::open(&path).await.unwrap());
    let two = Arc::new(SqliteJournal::open(&path).await.unwrap());
    append_from_two_tasks(one, two).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tasks_in_memory_keep_one_chain() {
    let journal = Arc::new(MemoryJournal::new());
    append_from_two_tasks(Arc::clone(&journal), journal).await;
}

/// Takes over while the former holder appends as fast as it can, and looks at the result: every
/// entry of the old epoch lies before the first of the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_take_over_in_the_middle_of_appends_fences_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let old = SqliteJournal::open(&path).await.unwrap();
    let new = SqliteJournal::open(&path).await.unwrap();
    let dhash = scope("dhash");
    let lease = old.acquire(&dhash, "a", 0, 10).await.unwrap();
    let (first_written, wait_for_first) = tokio::sync::oneshot::channel();
    let taken_over = Arc::new(AtomicBool::new(false));
    let (scope_of_task, taken_over_seen) = (dhash.clone(), Arc::clone(&taken_over));
    let former = tokio::spawn(async move {
        let mut written = 0;
        let mut first_written = Some(first_written);
        loop {
            let too_late = taken_over_seen.load(Ordering::SeqCst);
            match old
                .append(&scope_of_task, lease.epoch, record(written))
                .await
            {
                Ok(entry) if too_late => panic!("{entry:?} passed the fence"),
                Ok(_) => written += 1,
                Err(JournalError::Fenced {
                    current: Epoch(2),
                    given: Epoch(1),
                    ..
                }) => {
                    return written;
                }
                Err(other) => panic!("{other:?}"),
            }
            if let Some(first_written) = first_written.take() {
                first_written.send(()).unwrap();
            }
        }
    });
    wait_for_first.await.unwrap();
    let taken = new.acquire(&dhash, "b", 10, 10).await.unwrap();
    taken_over.store(true, Ordering::SeqCst);
    for number in 0..10 {
        new.append(&dhash, taken.epoch, record(number))
            .await
            .unwrap();
    }
    let written = former.await.unwrap();
    let epochs: Vec<u64> = new
        .read(&dhash, 0)
        .await
        .unwrap()
        .iter()
        .map(|entry| entry.epoch.0)
        .collect();
    assert_eq!(
        epochs.iter().filter(|epoch| **epoch == 1).count() as u64,
        written
    );
    assert!(epochs.is_sorted());
    assert_eq!(new.verify(&dhash).await.unwrap().entries, written + 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_acquire_at_once_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let one = SqliteJournal::open(&path).await.unwrap();
    let two = SqliteJournal::open(&path).await.unwrap();
    for round in 0..20 {
        let name = scope(&format!("service-{round}"));
        let (a, b) = tokio::join!(
            one.acquire(&name, "a", 0, 10),
            two.acquire(&name, "b", 0, 10)
        );
        let held = |outcome: &Result<_, _>| matches!(outcome, Err(JournalError::LeaseHeld { .. }));
        assert!(
            (a.is_ok() && held(&b)) || (b.is_ok() && held(&a)),
            "{a:?} {b:?}"
        );
    }
}
