//! Two engines on one database: one acts, the other takes over when it dies or freezes.
//!
//! The engines' clocks are hours apart in both directions; only the server's clock counts.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use portcullis_journal::{Journal, JournalError, Lease, PostgresJournal};
use tokio::time::{Instant, sleep, timeout};

use crate::postgres_server::PostgresServer;
use crate::{record, scope};

const URL_VARIABLE: &str = "PORTCULLIS_TEST_JOURNAL_URL";
const MARK: &str = "acknowledged ";
const TTL_MS: u64 = 1_500;
/// What the take-over may need beyond the time of the lease on a busy machine.
const SLACK: Duration = Duration::from_secs(6);
/// The clock of the writer is far ahead of that of the engine that waits.
const WRITERS_NOW_MS: u64 = 2_000_000_000_000;
const OUR_NOW_MS: u64 = 1_000;

/// The body of the child process: acquires, then appends and renews until it is killed or fenced.
#[test]
#[ignore = "the child process of the tests below"]
fn child_that_writes_until_it_is_fenced() {
    let Ok(url) = std::env::var(URL_VARIABLE) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = PostgresJournal::open(&url.parse().unwrap()).await.unwrap();
        let dhash = scope("dhash");
        let lease = journal
            .acquire(&dhash, "writer", WRITERS_NOW_MS, TTL_MS)
            .await
            .unwrap();
        for number in 0.. {
            match journal.append(&dhash, lease.epoch, record(number)).await {
                Ok(entry) => say(&format!("{MARK}{}", entry.seq)),
                Err(JournalError::Fenced { .. }) => break,
                Err(other) => panic!("{other:?}"),
            }
            match journal.renew(&lease, WRITERS_NOW_MS, TTL_MS).await {
                Ok(_) => {}
                Err(JournalError::Fenced { .. }) => break,
                Err(other) => panic!("{other:?}"),
            }
        }
        say("fenced off");
    });
}

fn say(words: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{words}").unwrap();
    out.flush().unwrap();
}

fn start_writer(url: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "postgres_take_over::child_that_writes_until_it_is_fenced",
        ])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env(URL_VARIABLE, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

/// Reads until an entry of at least this number is acknowledged.
fn wait_for_entry(out: &mut BufReader<ChildStdout>, number: u64) -> u64 {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(
            out.read_line(&mut line).unwrap(),
            0,
            "the writer ended early"
        );
        let entry = line
            .split_once(MARK)
            .map(|(_, entry)| entry.trim().parse::<u64>().unwrap());
        if let Some(entry) = entry.filter(|entry| *entry >= number) {
            return entry;
        }
    }
}

/// Asks for the lease until it is given, as a waiting engine does.
async fn take_over(journal: &PostgresJournal) -> Lease {
    loop {
        match journal
            .acquire(&scope("dhash"), "waiting", OUR_NOW_MS, TTL_MS)
            .await
        {
            Ok(lease) => return lease,
            Err(JournalError::LeaseHeld {
                holder, expires_ms, ..
            }) => {
                assert_eq!(holder, "writer");
                let left = expires_ms - OUR_NOW_MS;
                assert!(
                    (1..=TTL_MS).contains(&left),
                    "said in our own time: {left} ms"
                );
                sleep(Duration::from_millis(left.min(50))).await;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// One test for both, because every test that needs a server starts one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_engine_takes_over_within_the_lease_when_the_first_dies_or_freezes() {
    let server = PostgresServer::start();
    let url = server.url("postgres");
    let waiting = PostgresJournal::open(&url.parse().unwrap()).await.unwrap();
    let dhash = scope("dhash");

    // Killed in the middle of its appends.
    let (mut writer, mut out) = start_writer(&url);
    wait_for_entry(&mut out, 1);
    let outcome = waiting.acquire(&dhash, "waiting", OUR_NOW_MS, TTL_MS).await;
    assert!(
        matches!(outcome, Err(JournalError::LeaseHeld { .. })),
        "{outcome:?}"
    );
    wait_for_entry(&mut out, 30);
    writer.kill().unwrap();
    let died = Instant::now();
    let within = Duration::from_millis(TTL_MS) + SLACK;
    let lease = timeout(within, take_over(&waiting)).await.unwrap();
    assert_eq!(lease.epoch.0, 2);
    assert!(died.elapsed() <= within);
    writer.wait().unwrap();
    let mut last = 30;
    for line in out.lines() {
        let line = line.unwrap();
        if let Some((_, entry)) = line.split_once(MARK) {
            last = entry.trim().parse().unwrap_or(last);
        }
    }
    let entry = waiting
        .append(&dhash, lease.epoch, record(1))
        .await
        .unwrap();
    assert!(
        entry.seq > last,
        "every acknowledged entry is there: {last}"
    );
    waiting.verify(&dhash).await.unwrap();
    waiting.release(&lease).await.unwrap();

    // Frozen, wherever it was, and fenced off when it wakes up.
    let (mut writer, mut out) = start_writer(&url);
    wait_for_entry(&mut out, entry.seq + 20);
    signal("-STOP", &writer);
    let lease = timeout(within, take_over(&waiting)).await.unwrap();
    assert_eq!(lease.epoch.0, 4);
    let first = waiting
        .append(&dhash, lease.epoch, record(2))
        .await
        .unwrap();
    signal("-CONT", &writer);
    let status = tokio::task::spawn_blocking(move || {
        let lines: Vec<String> = out.lines().map(Result::unwrap).collect();
        let fenced = lines.iter().any(|line| line.contains("fenced off"));
        (fenced, writer.wait().unwrap())
    });
    let (fenced, status) = timeout(Duration::from_secs(60), status)
        .await
        .unwrap()
        .unwrap();
    assert!(fenced && status.success(), "{status:?}");
    let entries = waiting.read(&dhash, first.seq).await.unwrap();
    assert_eq!(entries, [first], "nothing of the old epoch follows");
    waiting.verify(&dhash).await.unwrap();
}

fn signal(name: &str, process: &Child) {
    let sent = Command::new("kill")
        .args([name, &process.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}
