//! Transactions of others, for which a migration would wait.

use std::thread;
use std::time::Duration;

use portcullis_backup::{PostgresAddress, Store};

use super::{Psql, store};
use crate::postgres_server::PostgresServer;

/// For how long a transaction of these tests must have been open to be told, in milliseconds.
const OPEN_MS: u64 = 400;

#[test]
fn a_transaction_that_somebody_forgot_is_named_and_what_it_ran_is_not() {
    let server = PostgresServer::start();
    server.create_database("notes");
    server.create_database("other");
    server.sql("notes", "CREATE TABLE note (text text)");
    let notes = store(&server, "notes", 1);
    let open = || notes.open_transactions(OPEN_MS).unwrap();
    assert_eq!(open(), []);
    let mut forgotten = Psql::open(&server.url("notes"));
    let mut elsewhere = Psql::open(&server.url("other"));
    assert!(forgotten.ask(
        "SET application_name = 'the shell'; BEGIN; INSERT INTO note VALUES ('of Ada Lovelace');"
    ));
    assert!(elsewhere.ask("BEGIN; CREATE TABLE other ();"));
    // One that has just begun is one of a service.
    assert_eq!(open(), []);
    thread::sleep(Duration::from_millis(OPEN_MS + 100));
    let found = open();
    assert_eq!(found.len(), 1, "{found:?}");
    let of = &found[0].of;
    assert!(
        of.starts_with("session ") && of.ends_with("(the shell), idle in a transaction"),
        "{of}"
    );
    assert!(found[0].open_ms >= OPEN_MS, "{found:?}");
    assert!(forgotten.ask("COMMIT;"));
    assert_eq!(open(), []);
    drop(elsewhere);
}

/// It has no session that somebody could end, and holds its locks over restarts of the server.
#[test]
fn a_prepared_transaction_is_named_too() {
    let mut server = PostgresServer::start();
    server.sql("postgres", "ALTER SYSTEM SET max_prepared_transactions = 4");
    server.stop();
    server.launch();
    server.create_database("notes");
    server.sql("notes", "CREATE TABLE note (text text)");
    let begun = "BEGIN; INSERT INTO note VALUES ('x'); PREPARE TRANSACTION 'half done'";
    server.sql("notes", begun);
    thread::sleep(Duration::from_millis(OPEN_MS + 100));
    let notes = store(&server, "notes", 1);
    let found = notes.open_transactions(OPEN_MS).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].of,
        "the prepared transaction 'half done' of postgres"
    );
}

#[test]
fn a_plain_user_is_told_of_what_it_may_see() {
    let server = PostgresServer::start();
    server.create_database("notes");
    server.sql("postgres", "CREATE ROLE plain LOGIN");
    server.prepend("pg_hba.conf", "host all plain 127.0.0.1/32 trust");
    server.reload();
    let mut forgotten = Psql::open(&server.url("notes"));
    assert!(forgotten.ask("BEGIN; CREATE TEMP TABLE mine ();"));
    thread::sleep(Duration::from_millis(OPEN_MS + 100));
    let url = format!("postgres://plain@127.0.0.1:{}/notes", server.port());
    let plain = Store::postgres("notes", PostgresAddress::new(&url).unwrap(), 1);
    assert_eq!(plain.open_transactions(OPEN_MS).unwrap(), []);
    server.sql("postgres", "GRANT pg_read_all_stats TO plain");
    assert_eq!(plain.open_transactions(OPEN_MS).unwrap().len(), 1);
}
