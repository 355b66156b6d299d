//! The digest of rows: what it tells apart, and in how many sessions it is read.

use std::thread;
use std::time::Duration;

use portcullis_backup::{PostgresAddress, Store, store_digest};

use super::{Psql, store};
use crate::Place;
use crate::postgres_server::PostgresServer;

#[test]
fn rows_are_told_apart_by_each_value_and_each_null() {
    let server = PostgresServer::start();
    server.create_database("wide");
    // More columns than one call takes, and the names of some are no plain ones.
    let columns: Vec<String> = (0..250).map(|n| format!("\"C {n}\" text")).collect();
    let columns = columns.join(", ");
    server.sql("wide", &format!("CREATE TABLE wide (id int, {columns})"));
    server.sql("wide", "CREATE TABLE narrow (a text, b text)");
    server.sql("wide", "CREATE TABLE none ()");
    server.sql("wide", "CREATE TABLE flag (is_set bool)");
    server.sql("wide", "CREATE TYPE pair AS (x int, y int)");
    server.sql("wide", "CREATE TABLE pairs (a pair, b pair)");
    server.sql(
        "wide",
        "INSERT INTO wide (id) SELECT generate_series(1, 1000)",
    );
    let [alone, several] = [1, 3].map(|jobs| store(&server, "wide", jobs));
    let mut seen = vec![store_digest(&alone).unwrap()];
    for different in [
        "UPDATE wide SET \"C 0\" = '' WHERE id = 1",
        "UPDATE wide SET \"C 0\" = NULL, \"C 1\" = '' WHERE id = 1",
        "UPDATE wide SET \"C 1\" = NULL, \"C 249\" = '' WHERE id = 1",
        "UPDATE wide SET \"C 249\" = 'f' WHERE id = 1",
        "UPDATE wide SET \"C 249\" = NULL, \"C 97\" = 'f' WHERE id = 1",
        "INSERT INTO narrow VALUES ('a', NULL), ('b', 'c')",
        "UPDATE narrow SET a = CASE a WHEN 'a' THEN 'b' ELSE 'a' END",
        "UPDATE narrow SET a = b, b = a",
        "INSERT INTO narrow VALUES (NULL, NULL)",
        "UPDATE narrow SET a = '', b = '' WHERE a IS NULL AND b IS NULL",
        "INSERT INTO none DEFAULT VALUES",
        // What says which values are NULL is no value.
        "INSERT INTO flag VALUES (NULL)",
        "UPDATE flag SET is_set = true",
        "INSERT INTO narrow VALUES ('x', NULL)",
        "UPDATE narrow SET b = 'ft' WHERE a = 'x'",
        // A record of NULLs is none.
        "INSERT INTO pairs VALUES (ROW(NULL, NULL), NULL)",
        "UPDATE pairs SET a = NULL, b = ROW(NULL, NULL)",
    ] {
        server.sql("wide", different);
        let digest = store_digest(&several).unwrap();
        assert_eq!(digest, store_digest(&alone).unwrap(), "{different}");
        assert!(!seen.contains(&digest), "{different}");
        seen.push(digest);
    }
}

/// A server whose database `parts` has tables of some rows.
fn parts(tables: u32) -> PostgresServer {
    let server = PostgresServer::start();
    server.create_database("parts");
    for number in 0..tables {
        let rows = format!("SELECT n, n * {number} AS m FROM generate_series(1, 1000) AS n");
        server.sql("parts", &format!("CREATE TABLE part_{number} AS {rows}"));
    }
    server
}

#[test]
fn tables_are_read_in_as_many_sessions_as_jobs_and_no_more_than_there_are_tables() {
    let server = parts(4);
    for (jobs, wanted) in [(1, "1"), (3, "3"), (9, "4")] {
        let mut blocker = Psql::open(&server.url("parts"));
        let lock = "BEGIN; LOCK TABLE part_0, part_1, part_2, part_3;";
        assert!(blocker.ask(lock));
        let parts = store(&server, "parts", jobs);
        thread::scope(|scope| {
            let reading = scope.spawn(|| store_digest(&parts));
            let waiting = "SELECT count(*) FROM pg_stat_activity \
                 WHERE application_name = 'portcullis' AND wait_event_type = 'Lock'";
            let patience = 500;
            let waits = || server.sql("postgres", waiting) == wanted;
            let all_wait = (0..patience).any(|_| {
                thread::sleep(Duration::from_millis(50));
                waits()
            });
            assert!(all_wait, "{jobs} jobs");
            // What is committed now comes after the moment for all of them.
            assert!(blocker.ask("INSERT INTO part_3 VALUES (0, 0); COMMIT;"));
            let seen = reading.join().unwrap().unwrap();
            assert_ne!(seen, store_digest(&parts).unwrap(), "{jobs} jobs");
        });
        server.sql("parts", "DELETE FROM part_3 WHERE n = 0");
    }
}

#[test]
fn sessions_that_read_take_no_room_from_those_that_dump() {
    let server = parts(5);
    server.sql("postgres", "CREATE ROLE archivist LOGIN CONNECTION LIMIT 6");
    server.sql("postgres", "GRANT pg_read_all_data TO archivist");
    server.prepend("pg_hba.conf", "host all archivist 127.0.0.1/32 trust");
    server.reload();
    let url = format!("postgres://archivist@127.0.0.1:{}/parts", server.port());
    let parts = Store::postgres("parts", PostgresAddress::new(&url).unwrap(), 4);
    let place = Place::new();
    let made = place
        .vault
        .create(&crate::request(0), std::slice::from_ref(&parts))
        .unwrap();
    place.vault.verify(&made.name).unwrap();
    assert_eq!(
        made.manifest.stores[0].digest,
        store_digest(&store(&server, "parts", 1)).unwrap()
    );
}
