//! A store that something emptied is told when it is backed up, with the newest backup that has something of it.

use std::fs;

use portcullis_backup::{Backup, BackupRequest, Emptied, PostgresAddress, RedisAddress, Store};
use rusqlite::Connection;

use crate::postgres_server::PostgresServer;
use crate::redis_server::RedisServer;
use crate::{Place, request};

/// What is told of a backup.
fn told(place: &Place, backup: &Backup) -> Vec<Emptied> {
    place.vault.emptied(&backup.manifest).unwrap()
}

/// Backs a store up when it is full, emptied, still empty, and full again: only the two in the middle are told, and each names the
/// backup that has the data.
fn is_told(store: &Store, empty: impl FnOnce(), fill: impl FnOnce()) {
    let place = Place::new();
    let back_up = |second| place.back_up(second, std::slice::from_ref(store));
    let full = back_up(1);
    assert_eq!(told(&place, &full), []);
    empty();
    for second in [2, 3] {
        let found = told(&place, &back_up(second));
        let wanted = Emptied {
            store: store.name.clone(),
            last: full.name.clone(),
        };
        assert_eq!(found, [wanted]);
        let sentence = found[0].to_string();
        let protect = format!("portcullis backup protect {} --reason", full.name);
        assert!(sentence.contains(&protect), "{sentence}");
    }
    fill();
    assert_eq!(told(&place, &back_up(4)), []);
}

#[test]
fn a_file_that_was_emptied_is_told() {
    let place = Place::new();
    let store = place.file_store("a");
    is_told(
        &store,
        || drop(place.file_store("")),
        || drop(place.file_store("b")),
    );
}

#[test]
fn a_folder_that_was_emptied_is_told_whatever_names_are_left_in_it() {
    let place = Place::new();
    let store = place.directory_store("a");
    is_told(
        &store,
        || {
            fs::write(place.path("photos/index"), "").unwrap();
            fs::remove_file(place.path("photos/2026/a.txt")).unwrap();
        },
        || drop(place.directory_store("b")),
    );
}

/// A program's table, and what its tools note about the database.
const TABLES: &str = "CREATE TABLE note (id INTEGER PRIMARY KEY);
    CREATE TABLE portcullis_migrations (version INTEGER);
    CREATE TABLE alembic_version (version_num TEXT);
    INSERT INTO portcullis_migrations VALUES (1);
    INSERT INTO alembic_version VALUES ('1a');
    CREATE TABLE user_content (id INTEGER);
    INSERT INTO note VALUES (1), (2);";

/// What SQLite itself keeps beside tables: the largest key that was ever given, and a text search.
const OWN: &str = "CREATE TABLE page (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
    INSERT INTO page (text) VALUES ('one'), ('two');
    CREATE VIRTUAL TABLE search USING fts5(text);
    INSERT INTO search VALUES ('one'), ('two');";

#[test]
fn databases_without_a_row_of_their_program_are_told() {
    let place = Place::new();
    let path = place.path("notes.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    connection.execute_batch(OWN).unwrap();
    let run = |sql: &str| connection.execute_batch(sql).unwrap();
    is_told(
        &Store::sqlite("notes", path),
        || run("DELETE FROM note; DELETE FROM page; DELETE FROM search"),
        || run("INSERT INTO note VALUES (3)"),
    );
    let server = PostgresServer::start();
    server.sql("postgres", "CREATE DATABASE notes");
    server.sql("notes", TABLES);
    let address = PostgresAddress::new(&server.url("notes")).unwrap();
    is_told(
        &Store::postgres("notes", address, 1),
        || drop(server.sql("notes", "TRUNCATE note")),
        // A large object is data too.
        || drop(server.sql("notes", "SELECT lo_from_bytea(0, 'a')")),
    );
}

/// A program's tables may be called as those are that SQLite keeps.
#[test]
fn a_table_with_rows_is_data_whatever_its_name_ends_with() {
    let place = Place::new();
    let path = place.path("notes.db");
    let connection = Connection::open(&path).unwrap();
    let tables = "CREATE TABLE user_data (id INTEGER); CREATE TABLE user_content (id INTEGER);
        INSERT INTO user_data VALUES (1); INSERT INTO user_content VALUES (1);";
    connection.execute_batch(tables).unwrap();
    let store = [Store::sqlite("notes", path)];
    place.back_up(1, &store);
    connection
        .execute_batch("DELETE FROM user_content")
        .unwrap();
    assert_eq!(told(&place, &place.back_up(2, &store)), []);
    connection.execute_batch("DELETE FROM user_data").unwrap();
    assert_eq!(told(&place, &place.back_up(3, &store)).len(), 1);
}

#[test]
fn a_redis_database_without_a_key_is_told() {
    let server = RedisServer::start();
    let run = |words: &[&str]| {
        let mut client = redis::Client::open(server.url()).unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.exec(&mut client).unwrap();
    };
    run(&["SET", "a", "1"]);
    let address = RedisAddress::new(&format!("{}/0", server.url())).unwrap();
    is_told(
        &Store::redis("cache", address),
        || run(&["FLUSHDB"]),
        || run(&["SET", "b", "1"]),
    );
}

/// One that is known to be damaged has nothing for anybody.
#[test]
fn a_damaged_backup_is_not_named() {
    let place = Place::new();
    let whole = place.back_up(1, &[place.file_store("a")]);
    let damaged = place.back_up(2, &[place.file_store("a")]);
    fs::write(&damaged.archive, "a").unwrap();
    let found = told(&place, &place.back_up(3, &[place.file_store("")]));
    assert_eq!(found[0].last, whole.name, "{found:?}");
}

#[test]
fn what_never_had_anything_or_is_of_others_is_not_told() {
    let place = Place::new();
    let other = BackupRequest {
        environment: "staging".to_owned(),
        ..request(1)
    };
    let store = place.file_store("a");
    place.vault.create(&other, &[store]).unwrap();
    let never = place.file_store("");
    assert_eq!(
        told(&place, &place.back_up(2, std::slice::from_ref(&never))),
        []
    );
    // One that is newer tells nothing of what was before.
    place.back_up(9, &[place.file_store("a")]);
    let empty = place.file_store("");
    assert_eq!(told(&place, &place.back_up(5, &[empty])), []);
}
