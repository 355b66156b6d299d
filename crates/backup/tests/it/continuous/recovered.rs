//! Recovered clusters: what a killed recovery leaves of one, whom it lets in, and what `pg_amcheck` reads in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use portcullis_backup::{
    Amcheck, PostgresAddress, RecoveredCluster, RecoveryOrder, RecoveryPlace, Vault,
};

use super::{Archived, ask, filled};
use crate::killed::{FOLDER_VARIABLE, run_and_kill, say_round};
use crate::waiting::until;

/// A recovery that is killed leaves a server on its scratch folder. The next one in the same folder ends and removes both.
#[test]
fn what_a_killed_recovery_left_is_cleared_away() {
    let archived = filled();
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), mode).unwrap();
    let scratch = folder.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let vault = folder.path().join("vault");
    fs::rename(archived.place.vault.root(), &vault).unwrap();
    run_and_kill(
        "continuous::recovered::recovers_until_it_is_killed",
        folder.path(),
        1,
        1,
    );
    let left: Vec<PathBuf> = fs::read_dir(&scratch)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [left] = left.as_slice() else {
        panic!("{left:?}")
    };
    let pid = fs::read_to_string(left.join("data/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().to_owned();
    assert!(Path::new("/proc").join(&pid).exists(), "its server goes on");
    let cluster = recover_in(folder.path());
    assert!(!left.exists());
    assert!(!Path::new("/proc").join(&pid).exists());
    // That of somebody who is at work is left alone.
    let second = recover_in(folder.path());
    assert!(cluster.data().exists() && second.data().exists());
    cluster.stop().unwrap();
    second.stop().unwrap();
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
}

fn recover_in(folder: &Path) -> RecoveredCluster {
    let vault = Vault::open(&folder.join("vault")).unwrap();
    let archive = vault.continuous("bank", "production", "ledger");
    let order = RecoveryOrder {
        at: None,
        place: RecoveryPlace::Scratch(folder.join("scratch")),
    };
    archive.recover(&order).unwrap()
}

#[test]
#[ignore = "is run and killed by another test"]
fn recovers_until_it_is_killed() {
    let folder = PathBuf::from(std::env::var_os(FOLDER_VARIABLE).unwrap());
    for round in 1.. {
        let _cluster = recover_in(&folder);
        say_round(round);
        // It is killed before this is over.
        thread::sleep(Duration::from_secs(120));
    }
}

/// A free port of the loopback address.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_recovered_cluster_lets_one_user_into_one_database_and_says_how_far_it_is() {
    let archived = Archived::new();
    archived.server.sql("bank", "CREATE ROLE \"a clerk\"");
    let moment = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.server.sql(
            "bank",
            "GRANT SELECT ON entry TO \"a clerk\"; INSERT INTO entry VALUES (1, 1), (1, 2)",
        );
        let moment = archived.caught_up(receiver);
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (1, 3)");
        archived.caught_up(receiver);
        moment
    });
    let standing = archived.archive.standing();
    assert!(standing.received_lsn.is_some(), "{standing:?}");

    let fetched = archived.archive.fetch(&archived.order(None)).unwrap();
    assert!(fetched.segments > 0 && fetched.standing == standing);
    let port = free_port();
    let cluster = fetched.listening_on(port).recover().unwrap();
    assert!(!cluster.stopped_at_moment);
    assert!(cluster.last_lsn >= standing.received_lsn, "{cluster:?}");
    assert!(cluster.last_commit.unwrap() > moment);
    let live = PostgresAddress::new(&archived.server.url("bank")).unwrap();
    let closed = PostgresAddress::new(&format!("postgres://{}@127.0.0.1:{port}/bank", live.user()));
    assert!(
        ask(&closed.unwrap(), "SELECT 1").is_err(),
        "nobody is let in"
    );
    let clerk = cluster.admit("a clerk", "bank").unwrap();
    assert_eq!(
        ask(&clerk, "SELECT count(*) FROM entry"),
        Ok("3".to_owned())
    );
    assert!(ask(&clerk.with_database("postgres"), "SELECT 1").is_err());
    let url = format!("postgres://a%20clerk:other@127.0.0.1:{port}/bank");
    let refused = ask(&PostgresAddress::new(&url).unwrap(), "SELECT 1").unwrap_err();
    assert!(
        refused.contains("password authentication failed"),
        "{refused}"
    );
    let refused = cluster.admit("nobody", "bank").unwrap_err();
    assert!(format!("{refused:?}").contains("nobody"), "{refused:?}");
    let examined = cluster.examine("bank").unwrap();
    assert_eq!(examined.rows, 3);
    let is_read = matches!(examined.amcheck, Amcheck::Read { tables, indexes } if tables > 10 && indexes > 10);
    assert_eq!(is_read, archived.server.offers("amcheck"), "{examined:?}");
    drop(cluster);

    // At a moment after which something was committed.
    let cluster = archived
        .archive
        .recover(&archived.order(Some(moment)))
        .unwrap();
    assert!(cluster.stopped_at_moment);
    assert_eq!(cluster.examine("bank").unwrap().rows, 2);
    assert!(cluster.last_commit.unwrap() <= moment);
}

/// `pg_amcheck` takes a name for a pattern, in which letters and dots mean more than themselves.
#[test]
fn pg_amcheck_reads_a_database_whatever_its_name_is() {
    const NAMES: [&str; 3] = ["notes Db", "a.B*\"c|", "host=nowhere"];
    let archived = Archived::new();
    if !archived.server.offers("amcheck") {
        return;
    }
    for name in NAMES {
        let quoted = name.replace('"', "\"\"");
        archived.server.sql(
            "bank",
            &format!("CREATE DATABASE \"{quoted}\" TEMPLATE bank"),
        );
    }
    archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.caught_up(receiver);
    });
    let cluster = archived.archive.recover(&archived.order(None)).unwrap();
    for name in NAMES {
        let checked = cluster.check(name);
        assert!(
            matches!(&checked, Ok(Amcheck::Read { indexes, .. }) if *indexes > 0),
            "{name}: {checked:?}"
        );
    }
}

/// An index whose order is not the one that it says (as PostgreSQL's own tests of `pg_amcheck` make one) is found, and the
/// extension that this needs is gone afterwards.
#[test]
fn a_damaged_index_is_found_by_pg_amcheck_in_a_database_without_the_extension() {
    let archived = Archived::new();
    if !archived.server.offers("amcheck") {
        // A server without PostgreSQL's own extensions: there is nothing to run.
        return;
    }
    archived.server.sql(
        "bank",
        "DROP EXTENSION IF EXISTS amcheck; \
         CREATE FUNCTION up(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($1, $2)'; \
         CREATE FUNCTION down(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($2, $1)'; \
         CREATE OPERATOR CLASS fickle FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, \
         OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 up(int, int); \
         CREATE TABLE counted (n int); INSERT INTO counted SELECT generate_series(1, 1000); \
         CREATE INDEX counted_n ON counted USING btree (n fickle)",
    );
    archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.caught_up(receiver);
    });
    let cluster = archived.archive.recover(&archived.order(None)).unwrap();
    let order = cluster.check("bank").unwrap();
    assert!(
        matches!(&order, Amcheck::NotRun { why } if why.contains("no extension amcheck")),
        "{order:?}"
    );
    assert!(matches!(
        cluster.examine("bank").unwrap().amcheck,
        Amcheck::Read { .. }
    ));
    let superuser = cluster.address("bank").unwrap();
    ask(
        &superuser,
        "UPDATE pg_amproc SET amproc = 'down(int, int)'::regprocedure WHERE amproc = 'up(int, int)'::regprocedure",
    )
    .unwrap();
    let damaged = cluster.examine("bank").unwrap_err();
    let words = format!("{damaged:?}");
    assert!(
        words.contains("counted_n") && words.contains("Damaged"),
        "{words}"
    );
    let left = "SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'";
    assert_eq!(ask(&superuser, left), Ok("0".to_owned()));
}
