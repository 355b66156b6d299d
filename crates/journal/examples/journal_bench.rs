//! What the journal costs: appends, recovery, verification and a year's growth, beside a peer.
//!
//! ```text
//! cargo xtask bench journal
//! ```
//!
//! The peer writes the same bytes with the same durability through the same driver, as one plain `INSERT`
//! each: no lease, no chain, no head. The two take turns.
// A measurement for people at a terminal: it reads the clock, prints, and fails by panicking.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use portcullis_journal::{
    Entry, Epoch, Journal, PostgresJournal, Record, Scope, SqliteJournal, entry_hash, genesis_hash,
};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

#[allow(dead_code)]
#[path = "../tests/it/postgres_server.rs"]
mod postgres_server;

const ROUNDS: u32 = 5;
const APPENDS_A_ROUND: u64 = 1_000;
const BODY_BYTES: usize = 1_000;
/// A plan is long and most events are short; over many rollouts a body has about this length.
const BULK_BODY_BYTES: usize = 500;
const YEAR_ROLLOUTS: u64 = 730;
const YEAR_ENTRIES_A_ROLLOUT: u64 = 60;
const RENEWALS: u64 = 100_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(&parent).unwrap();
    println!("folder: {}", parent.display());
    sqlite_appends(folder.path()).await;
    postgres().await;
    sqlite_bulk(&folder.path().join("recovery.db"), 100_000, true).await;
    sqlite_bulk(&folder.path().join("verify.db"), 1_000_000, false).await;
    year().await;
}

fn scope() -> Scope {
    Scope::new("bench").unwrap()
}

fn body(bytes: usize) -> String {
    let rest = bytes.saturating_sub(32);
    format!(r#"{{"event":"Measured","e":"{}"}}"#, "x".repeat(rest))
}

fn record(number: u64, bytes: usize) -> Record {
    Record {
        at_ms: number,
        by: "engine".to_owned(),
        body: body(bytes),
    }
}

/// Appends of one round per second.
async fn append_round(journal: &impl Journal, epoch: Epoch) -> f64 {
    let started = Instant::now();
    for number in 0..APPENDS_A_ROUND {
        journal
            .append(&scope(), epoch, record(number, BODY_BYTES))
            .await
            .unwrap();
    }
    APPENDS_A_ROUND as f64 / started.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn report(name: &str, ours: Vec<f64>, peer: Vec<f64>) {
    let (ours, peer) = (median(ours), median(peer));
    println!(
        "{name}: {ours:.0} durable appends/s of {BODY_BYTES} bytes; plain INSERT {peer:.0}/s; \
         ours is {:.2} of the peer (medians of {ROUNDS} rounds of {APPENDS_A_ROUND} in turn)",
        ours / peer
    );
}

async fn sqlite_appends(folder: &Path) {
    const INSERT: &str = "INSERT INTO plain VALUES ($1, $2, $3, $4)";
    let journal = SqliteJournal::open(&folder.join("journal.db"))
        .await
        .unwrap();
    let lease = journal.acquire(&scope(), "bench", 0, 60_000).await.unwrap();
    let mut peer = SqliteConnectOptions::new()
        .filename(folder.join("peer.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .unwrap();
    let table = "CREATE TABLE plain (seq INTEGER PRIMARY KEY, at_ms INTEGER, by TEXT, body TEXT)";
    sqlx::query(table).execute(&mut peer).await.unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(append_round(&journal, lease.epoch).await);
        let started = Instant::now();
        for number in 0..APPENDS_A_ROUND {
            let record = record(number, BODY_BYTES);
            sqlx::query(INSERT)
                .bind(None::<i64>)
                .bind(number as i64)
                .bind(record.by)
                .bind(record.body)
                .execute(&mut peer)
                .await
                .unwrap();
        }
        theirs.push(APPENDS_A_ROUND as f64 / started.elapsed().as_secs_f64());
    }
    report("SQLite", ours, theirs);
    journal.close().await;
}

async fn postgres() {
    const INSERT: &str = "INSERT INTO plain (at_ms, by, body) VALUES ($1, $2, $3)";
    let server = postgres_server::PostgresServer::start();
    let url = server.url("postgres");
    let journal = PostgresJournal::open(&url.parse().unwrap()).await.unwrap();
    let lease = journal.acquire(&scope(), "bench", 0, 60_000).await.unwrap();
    let mut peer = PgConnection::connect(&url).await.unwrap();
    let table = "CREATE TABLE plain (seq BIGSERIAL PRIMARY KEY, at_ms BIGINT, by TEXT, body TEXT)";
    sqlx::query(table).execute(&mut peer).await.unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(append_round(&journal, lease.epoch).await);
        let started = Instant::now();
        for number in 0..APPENDS_A_ROUND {
            let record = record(number, BODY_BYTES);
            sqlx::query(INSERT)
                .bind(number as i64)
                .bind(record.by)
                .bind(record.body)
                .execute(&mut peer)
                .await
                .unwrap();
        }
        theirs.push(APPENDS_A_ROUND as f64 / started.elapsed().as_secs_f64());
    }
    report("PostgreSQL on loopback", ours, theirs);
    let bulk = Scope::new("bulk").unwrap();
    let entries = 100_000;
    journal.acquire(&bulk, "bench", 0, 60_000).await.unwrap();
    let mut transaction = peer.begin().await.unwrap();
    for entry in chain(&bulk, entries) {
        let insert = "INSERT INTO portcullis.entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        sqlx::query(insert)
            .bind(bulk.as_str())
            .bind(entry.seq as i64)
            .bind(entry.epoch.0 as i64)
            .bind(entry.at_ms as i64)
            .bind(entry.by)
            .bind(entry.body)
            .bind(entry.prev_hash.to_string())
            .bind(entry.hash.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    recover("PostgreSQL", &journal, &bulk).await;
    verify("PostgreSQL", &journal, &bulk).await;
}

/// A valid chain of entries, made without the journal.
fn chain(scope: &Scope, entries: u64) -> impl Iterator<Item = Entry> + '_ {
    let mut last = genesis_hash(scope);
    (1..=entries).map(move |seq| {
        let record = record(seq, BULK_BODY_BYTES);
        let mut entry = Entry {
            seq,
            epoch: Epoch(1),
            at_ms: record.at_ms,
            by: record.by,
            body: record.body,
            prev_hash: last,
            hash: last,
        };
        entry.hash = entry_hash(scope, &entry);
        last = entry.hash;
        entry
    })
}

/// Fills a file with a valid chain in few transactions.
async fn fill(path: &Path, entries: u64) {
    let journal = SqliteJournal::open(path).await.unwrap();
    journal.acquire(&scope(), "bench", 0, 60_000).await.unwrap();
    journal.close().await;
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection: SqliteConnection = options
        .synchronous(SqliteSynchronous::Off)
        .connect()
        .await
        .unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let scope = scope();
    for entry in chain(&scope, entries) {
        sqlx::query("INSERT INTO entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(scope.as_str())
            .bind(entry.seq as i64)
            .bind(entry.epoch.0 as i64)
            .bind(entry.at_ms as i64)
            .bind(entry.by)
            .bind(entry.body)
            .bind(entry.prev_hash.to_string())
            .bind(entry.hash.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        if entry.seq % 50_000 == 0 {
            transaction.commit().await.unwrap();
            transaction = connection.begin().await.unwrap();
        }
    }
    transaction.commit().await.unwrap();
    connection.close().await.unwrap();
    // Or the disk would still be busy with it while reading is measured.
    fs::File::open(path).unwrap().sync_all().unwrap();
}

async fn sqlite_bulk(path: &Path, entries: u64, recovery: bool) {
    fill(path, entries).await;
    let journal = SqliteJournal::open(path).await.unwrap();
    if recovery {
        recover("SQLite", &journal, &scope()).await;
    }
    verify("SQLite", &journal, &scope()).await;
    journal.close().await;
    fs::remove_file(path).unwrap();
}

async fn recover(name: &str, journal: &impl Journal, scope: &Scope) {
    let started = Instant::now();
    let entries = journal.read(scope, 1).await.unwrap();
    let read = started.elapsed().as_secs_f64();
    for entry in &entries {
        let value: serde_json::Value = serde_json::from_str(&entry.body).unwrap();
        assert!(value.is_object());
    }
    println!(
        "{name}: recovery of {} entries of {BULK_BODY_BYTES} bytes: {:.2} s (read {read:.2} s, the rest \
         decoding)",
        entries.len(),
        started.elapsed().as_secs_f64()
    );
}

async fn verify(name: &str, journal: &impl Journal, scope: &Scope) {
    let started = Instant::now();
    let verified = journal.verify(scope).await.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{name}: verify of {} entries of {BULK_BODY_BYTES} bytes: {seconds:.2} s ({:.0}/s)",
        verified.entries,
        verified.entries as f64 / seconds
    );
}

/// A year of two rollouts a day, and the renewals of six days; the others would overwrite the same row.
async fn year() {
    // In memory if possible: what is measured is space, not time.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.unwrap();
    let path = folder.path().join("journal.db");
    let log = folder.path().join("journal.db-wal");
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&scope(), "bench", 0, 60_000).await.unwrap();
    let (mut bodies, mut log_bytes) = (0, 0);
    for number in 0..YEAR_ROLLOUTS * YEAR_ENTRIES_A_ROLLOUT {
        // 0.5 to 4 KiB, most of them short.
        let bytes = 512 + usize::try_from((number * number) % 8).unwrap() * 512;
        bodies += bytes as u64;
        journal
            .append(&scope(), lease.epoch, record(number, bytes))
            .await
            .unwrap();
        log_bytes = log_bytes.max(size(&log));
    }
    let before = size(&path);
    for number in 0..RENEWALS {
        journal.renew(&lease, number * 5_000, 15_000).await.unwrap();
        log_bytes = log_bytes.max(size(&log));
    }
    let after = size(&path);
    journal.close().await;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "SQLite: a year of {} entries with {:.1} MiB of bodies is a file of {:.1} MiB; \
         {RENEWALS} renewals made it {:.1} MiB larger than {:.1} MiB; the log never exceeded {:.1} MiB",
        YEAR_ROLLOUTS * YEAR_ENTRIES_A_ROLLOUT,
        mib(bodies),
        mib(size(&path)),
        mib(after.saturating_sub(before)),
        mib(before),
        mib(log_bytes),
    );
}
