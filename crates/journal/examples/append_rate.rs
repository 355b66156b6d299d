//! How many entries a second the journal takes and verifies, on the disk of a folder.
//!
//! ```text
//! cargo run --release -p portcullis-journal --example append_rate [FOLDER] [ENTRIES]
//! ```
// A measurement for people at a terminal: it reads the clock and prints.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use portcullis_journal::{Journal, MemoryJournal, Record, Scope, SqliteJournal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let entries = arguments
        .next()
        .map_or(Ok(5_000), |entries| entries.parse::<u64>())?;

    let folder = tempfile::tempdir_in(&parent)?;
    let sqlite = SqliteJournal::open(&folder.path().join("journal.db")).await?;
    measure(&format!("SQLite in {}", parent.display()), &sqlite, entries).await?;
    sqlite.close().await;
    measure("memory", &MemoryJournal::new(), entries).await
}

async fn measure(name: &str, journal: &impl Journal, entries: u64) -> Result<(), Box<dyn Error>> {
    let scope = Scope::new("append-rate")?;
    let lease = journal.acquire(&scope, "example", 0, 60_000).await?;
    let body = format!(r#"{{"event":"Measured","evidence":"{}"}}"#, "x".repeat(400));
    let started = Instant::now();
    for at_ms in 0..entries {
        let record = Record {
            at_ms,
            by: "example".to_owned(),
            body: body.clone(),
        };
        journal.append(&scope, lease.epoch, record).await?;
    }
    let appending = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let verified = journal.verify(&scope).await?;
    let verifying = started.elapsed().as_secs_f64();
    println!(
        "{name}: {} entries of {} bytes: {:.0} appends/s, {:.0} verified/s",
        verified.entries,
        body.len(),
        entries as f64 / appending,
        entries as f64 / verifying,
    );
    Ok(())
}
