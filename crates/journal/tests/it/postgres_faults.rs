//! The server goes away, or the connection to it, in the middle of appends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_journal::{Entry, Journal, JournalError, PostgresJournal, Scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::postgres_server::PostgresServer;
use crate::{record, scope};

/// Long enough for any server to come back.
const PATIENCE: Duration = Duration::from_secs(60);

async fn open(url: &str) -> PostgresJournal {
    PostgresJournal::open(&url.parse().unwrap()).await.unwrap()
}

async fn check_all_there(journal: &PostgresJournal, dhash: &Scope, acknowledged: &[Entry]) {
    let entries = journal.read(dhash, 0).await.unwrap();
    for entry in acknowledged {
        assert_eq!(&entries[usize::try_from(entry.seq).unwrap() - 1], entry);
    }
    let mut numbers: Vec<u64> = entries.iter().map(|entry| entry.at_ms).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), entries.len(), "a record is there twice");
    let verified = journal.verify(dhash).await.unwrap();
    assert_eq!(verified.entries, entries.len() as u64);
}

/// One test for both, because every test that needs a server starts one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_or_is_killed_in_the_middle_of_appends_loses_nothing() {
    let mut server = PostgresServer::start();
    let journal = open(&server.url("postgres")).await;
    let dhash = scope("dhash");
    let lease = journal.acquire(&dhash, "a", 0, 60_000).await.unwrap();
    let (progress, mut seen) = watch::channel(0_u64);
    let (stop, stopped) = watch::channel(false);
    let (writing, scope_of_task) = (journal.clone(), dhash.clone());
    let writer = tokio::spawn(async move {
        let mut acknowledged: Vec<Entry> = Vec::new();
        for number in 0.. {
            if *stopped.borrow() {
                break;
            }
            // While the server is away the append waits, and then it goes on: no error is seen.
            let appended = writing
                .append(&scope_of_task, lease.epoch, record(number))
                .await;
            acknowledged.push(appended.unwrap());
            progress.send_replace(number);
        }
        acknowledged
    });
    for round in 0..4 {
        let go_on_to = *seen.borrow() + 40;
        let wait = seen.wait_for(|number| *number >= go_on_to);
        tokio::time::timeout(PATIENCE, wait).await.unwrap().unwrap();
        server = tokio::task::spawn_blocking(move || {
            if round % 2 == 0 {
                server.stop();
            } else {
                server.kill();
            }
            server.launch();
            server
        })
        .await
        .unwrap();
    }
    let go_on_to = *seen.borrow() + 10;
    let wait = seen.wait_for(|number| *number >= go_on_to);
    tokio::time::timeout(PATIENCE, wait).await.unwrap().unwrap();
    stop.send_replace(true);
    let acknowledged = writer.await.unwrap();
    assert!(acknowledged.len() > 160);
    check_all_there(&journal, &dhash, &acknowledged).await;

    // Away for longer than anybody waits: an error that names the place, within the bound.
    server.stop();
    let started = tokio::time::Instant::now();
    let error = journal
        .append(&dhash, lease.epoch, record(1_000_000))
        .await
        .unwrap_err();
    assert!(
        matches!(error, JournalError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(30));
    server.launch();
    let entry = journal
        .append(&dhash, lease.epoch, record(2_000_000))
        .await
        .unwrap();
    assert_eq!(entry.seq, acknowledged.len() as u64 + 1);
}

const PASS: u8 = 0;
const CUT_BEFORE_COMMIT: u8 = 1;
const CUT_AFTER_COMMIT: u8 = 2;

/// A wire that can be cut at a commit. It passes everything until it is told what to do with the next one.
struct Wire {
    port: u16,
    next_commit: Arc<AtomicU8>,
    cuts: Arc<AtomicU64>,
}

impl Wire {
    async fn to(port_of_server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            next_commit: Arc::new(AtomicU8::new(PASS)),
            cuts: Arc::default(),
        };
        let (next_commit, cuts) = (Arc::clone(&wire.next_commit), Arc::clone(&wire.cuts));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port_of_server))
                    .await
                    .unwrap();
                tokio::spawn(carry(
                    client,
                    server,
                    Arc::clone(&next_commit),
                    Arc::clone(&cuts),
                ));
            }
        });
        wire
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    next_commit: Arc<AtomicU8>,
    cuts: Arc<AtomicU64>,
) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(1..) = read else { return };
                let sent = &up[..read.unwrap()];
                let commits = sent.windows(7).any(|word| word == b"COMMIT\0");
                let order = if commits { next_commit.swap(PASS, Ordering::SeqCst) } else { PASS };
                if order == CUT_BEFORE_COMMIT {
                    cuts.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                server.write_all(sent).await.unwrap();
                if order == CUT_AFTER_COMMIT {
                    // The server has committed when it answers; the answer goes nowhere.
                    assert_ne!(server.read(&mut down).await.unwrap(), 0);
                    cuts.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(1..) = read else { return };
                if client.write_all(&down[..read.unwrap()]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_and_one_that_was_lost_is_repeated() {
    let server = PostgresServer::start();
    let wire = Wire::to(server.port()).await;
    let journal = open(&format!(
        "postgres://postgres@127.0.0.1:{}/postgres",
        wire.port
    ))
    .await;
    let dhash = scope("dhash");
    let lease = journal.acquire(&dhash, "a", 0, 60_000).await.unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..12_u64 {
        let order =
            [PASS, CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT][usize::try_from(number % 3).unwrap()];
        wire.next_commit.store(order, Ordering::SeqCst);
        let entry = journal
            .append(&dhash, lease.epoch, record(number))
            .await
            .unwrap();
        assert_eq!(entry.seq, number + 1, "neither twice nor left out");
        assert_eq!(entry.body, record(number).body);
        acknowledged.push(entry);
    }
    assert_eq!(wire.cuts.load(Ordering::SeqCst), 8);
    check_all_there(&journal, &dhash, &acknowledged).await;

    // The answer is lost and somebody else takes over before anybody looks: what was committed before
    // the take-over is still acknowledged, and the next append meets the fence.
    wire.next_commit.store(CUT_AFTER_COMMIT, Ordering::SeqCst);
    let appending = journal.append(&dhash, lease.epoch, record(100));
    let taking_over = async {
        let other = open(&server.url("postgres")).await;
        while wire.cuts.load(Ordering::SeqCst) < 9 {
            tokio::task::yield_now().await;
        }
        other.release(&lease).await.unwrap();
        other.acquire(&dhash, "b", 0, 60_000).await.unwrap();
    };
    let (appended, ()) = tokio::join!(appending, taking_over);
    assert_eq!(appended.unwrap().seq, 13);
    let outcome = journal.append(&dhash, lease.epoch, record(101)).await;
    assert!(
        matches!(outcome, Err(JournalError::Fenced { .. })),
        "{outcome:?}"
    );
    assert_eq!(journal.verify(&dhash).await.unwrap().entries, 13);

    // Leases survive a cut as well; an acquisition whose answer was lost leaves out a number.
    wire.next_commit.store(CUT_AFTER_COMMIT, Ordering::SeqCst);
    let lease = journal.acquire(&dhash, "b", 0, 60_000).await.unwrap();
    assert_eq!(lease.epoch.0, 4);
    for order in [CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT] {
        wire.next_commit.store(order, Ordering::SeqCst);
        journal.renew(&lease, 0, 60_000).await.unwrap();
    }
    for order in [CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT] {
        wire.next_commit.store(order, Ordering::SeqCst);
        journal.release(&lease).await.unwrap();
    }
    assert_eq!(wire.cuts.load(Ordering::SeqCst), 14);
}
