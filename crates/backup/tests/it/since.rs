//! What a store has now that a backup of it does not, told before anybody puts the backup back.

use portcullis_backup::{PostgresAddress, Since, Store, TableSince};
use rusqlite::Connection;

use crate::postgres_server::PostgresServer;
use crate::{Place, request};

const TABLES: &str = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
    CREATE TABLE tag (name TEXT PRIMARY KEY, uses INTEGER NOT NULL);
    CREATE TABLE still (id INTEGER PRIMARY KEY);
    INSERT INTO note VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four'), (5, 'five');
    INSERT INTO tag VALUES ('a', 1), ('b', 2);
    INSERT INTO still VALUES (7);";

/// As many rows as before in each table, and yet others.
const CHANGES: &str = "DELETE FROM note WHERE id < 4;
    INSERT INTO note VALUES (6, 'six'), (7, 'seven'), (8, 'eight');
    UPDATE note SET text = 'other' WHERE id = 4;
    DELETE FROM tag WHERE name = 'a';
    INSERT INTO tag VALUES ('c', 1);
    CREATE TABLE no_rows (id INTEGER);
    CREATE TABLE portcullis_migrations (version INTEGER);
    INSERT INTO portcullis_migrations VALUES (1);";

fn table(name: &str, (then, now): (u64, u64), keyed_later: Option<u64>) -> TableSince {
    TableSince {
        name: name.to_owned(),
        then: Some(then),
        now: Some(now),
        keyed_later,
        compared: true,
    }
}

/// What is told before and after the changes.
fn told(store: &Store, change: impl FnOnce()) -> (Since, Since) {
    let place = Place::new();
    let name = place.vault.create(&request(1), std::slice::from_ref(store));
    let name = name.unwrap().name;
    let before = place.vault.since(&name, store).unwrap();
    change();
    (before, place.vault.since(&name, store).unwrap())
}

fn assert_told((before, after): (Since, Since), [note, tag]: [&str; 2]) {
    assert_eq!(before, Since::Tables(Vec::new()));
    // Three rows of `note` are new; of `tag` only that it differs can be told. What we noted ourselves, or has no rows, is no loss.
    let wanted = [table(note, (5, 5), Some(3)), table(tag, (2, 2), None)];
    assert_eq!(after, Since::Tables(wanted.to_vec()));
    assert_eq!(after.added(), 3);
    let Since::Tables(tables) = &after else {
        panic!("{after:?}");
    };
    assert_eq!(tables[0].removed(), 3);
}

#[test]
fn rows_that_were_added_to_a_database_in_a_file_are_told_though_as_many_are_gone() {
    let place = Place::new();
    let path = place.path("notes.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    let store = Store::sqlite("notes", path);
    let told = told(&store, || connection.execute_batch(CHANGES).unwrap());
    assert_told(told, ["note", "tag"]);
}

#[test]
fn rows_that_were_added_to_a_database_on_a_server_are_told_though_as_many_are_gone() {
    let server = PostgresServer::start();
    server.sql("postgres", "CREATE DATABASE notes");
    server.sql("notes", TABLES);
    let address = PostgresAddress::new(&server.url("notes")).unwrap();
    let store = Store::postgres("notes", address, 1);
    let told = told(&store, || {
        server.sql("notes", CHANGES);
    });
    assert_told(told, ["public.note", "public.tag"]);
}
