//! Makes a journal's past long: `grow_journal JOURNAL SERVICE ROLLOUT ENTRIES`.
//!
//! Repeats a rollout of the journal that is over, with its real plan and its real events under new names
//! and times, until the journal has about ENTRIES entries. The lease is taken as an engine would, so no
//! server may run on the journal. `cargo xtask bench serve` uses it.
#![allow(clippy::print_stdout)] // a program for a person

use std::error::Error;
use std::path::Path;

use portcullis_engine::{Body, Clock, History, WallClock};
use portcullis_journal::{Entry, Journal, Record, Scope, SqliteJournal};

/// How long the lease lasts, in milliseconds; it is released at the end.
const LEASE_TTL_MS: u64 = 600_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [journal, service, rollout, entries] = arguments.as_slice() else {
        return Err("usage: grow_journal JOURNAL SERVICE ROLLOUT ENTRIES".into());
    };
    let wanted: u64 = entries.parse()?;
    let scope = Scope::new(service.as_str())?;
    let journal = SqliteJournal::open(Path::new(journal)).await?;
    let now_ms = WallClock.now_ms();
    let lease = journal
        .acquire(&scope, "grow_journal", now_ms, LEASE_TTL_MS)
        .await?;
    let known = journal.read(&scope, 1).await?;
    let pattern = format!("\"{rollout}\"");
    let model: Vec<&Entry> = known
        .iter()
        .filter(|entry| entry.body.contains(&pattern))
        .collect();
    if model.is_empty() {
        return Err(format!("there is no rollout {rollout}").into());
    }
    let mut history = History::read(&known)?;
    while history.next_seq() <= wanted {
        let id = history.next_id(service);
        for entry in &model {
            let record = Record {
                at_ms: WallClock.now_ms(),
                by: entry.by.clone(),
                body: renamed(entry, &pattern, id.as_str())?,
            };
            history.push(&journal.append(&scope, lease.epoch, record).await?)?;
        }
    }
    if history.live().is_some() {
        return Err(format!("{rollout} is not over: it cannot be repeated").into());
    }
    journal.release(&lease).await?;
    journal.close().await;
    let (rollouts, entries) = (history.len(), history.next_seq() - 1);
    println!("{rollouts} rollouts in {entries} entries");
    Ok(())
}

/// An entry's body for another rollout; a plan gets the hash that belongs to it.
fn renamed(entry: &Entry, pattern: &str, id: &str) -> Result<String, Box<dyn Error>> {
    let mut other = entry.clone();
    other.body = entry.body.replace(pattern, &format!("\"{id}\""));
    let body = match Body::decode(&other)? {
        Body::Planned { plan, .. } => Body::Planned {
            plan_hash: plan.hash(),
            plan,
        },
        happened @ Body::Happened { .. } => happened,
    };
    Ok(body.encode()?)
}
