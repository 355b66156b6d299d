//! The journals from outside: one conformance suite for all of them, and what only a file can do.

// Helpers outside of test functions may unwrap too: a panic is how a test fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod conformance;
mod crash;
mod full_disk;
mod growth;
mod postgres_conformance;
mod postgres_faults;
mod postgres_open;
#[allow(dead_code)] // tests of other crates use the rest
mod postgres_server;
mod postgres_take_over;
mod sqlite_file;
mod tampering;
mod torn;
mod two_writers;

use portcullis_journal::{Record, Scope};

fn scope(name: &str) -> Scope {
    Scope::new(name).unwrap()
}

fn record(number: u64) -> Record {
    Record {
        at_ms: 1_000 + number,
        by: "tester".to_owned(),
        body: format!(r#"{{"number":{number}}}"#),
    }
}
