//! Moments, places and servers that are refused, and what is said of them.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use portcullis_backup::{
    ContinuousProblem, PostgresAddress, PostgresProblem, RecoveryOrder, RecoveryPlace,
};

use super::{Archived, problem, receiving_process, recovered_rows};
use crate::postgres_server::PostgresServer;
use crate::waiting::until;

#[test]
fn moments_that_cannot_be_recovered_to_are_refused_with_those_that_can() {
    let archived = Archived::new();
    let refused = archived.refused(None);
    assert!(
        matches!(&refused, ContinuousProblem::NoArchive { .. }),
        "{refused}"
    );
    let (before, base, end) = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        let before = archived.now();
        let base = archived.base(1);
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 0)");
        (before, base, archived.caught_up(receiver))
    });
    let ranges = archived.archive.ranges().unwrap();
    assert_eq!(ranges[0].from, base.stopped_at);
    assert!(ranges[0].to >= end);
    let later = archived.now() + Duration::from_secs(3600);
    for moment in [before, later] {
        let refused = archived.refused(Some(moment));
        let told = refused.to_string();
        assert!(
            told.contains(&moment.to_string()) && told.contains(&base.stopped_at.to_string()),
            "{told}"
        );
    }
    // Nothing was committed after this moment, so that the log ends before it: it is recovered all the same.
    assert_eq!(recovered_rows(&archived, Some(end), 4)[0], 1);

    // A folder that stays is left as after a shutdown; one that has something in it is not touched.
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), mode).unwrap();
    let to = folder.path().join("cluster");
    let order = RecoveryOrder {
        at: None,
        place: RecoveryPlace::Folder(to.clone()),
    };
    archived.archive.recover(&order).unwrap().stop().unwrap();
    assert!(to.join("PG_VERSION").exists() && !to.join("postmaster.pid").exists());
    assert!(!to.join("recovery.signal").exists() && to.join("postgresql.auto.conf").exists());
    let refused = problem(archived.archive.recover(&order));
    assert!(
        matches!(&refused, ContinuousProblem::PlaceRefused { why, .. } if why == "it is not empty"),
        "{refused}"
    );
}

#[test]
fn what_keeps_a_server_from_being_archived_is_said_and_no_password_is_shown() {
    const PASSWORD: &str = "8461937-hush";
    let mut archived = Archived::new();
    let role =
        format!("CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'; GRANT pg_read_all_data TO app");
    archived.server.sql("bank", &role);
    archived
        .server
        .prepend("pg_hba.conf", "host all app 127.0.0.1/32 scram-sha-256");
    archived.server.prepend(
        "pg_hba.conf",
        "host replication app 127.0.0.1/32 scram-sha-256",
    );
    archived.server.reload();
    let url = format!(
        "postgres://app:{PASSWORD}@127.0.0.1:{}/bank",
        archived.server.port()
    );
    let postgres = std::mem::replace(
        &mut archived.source.address,
        PostgresAddress::new(&url).unwrap(),
    );
    let stop = AtomicBool::new(false);
    let receive =
        |archived: &Archived| problem(archived.archive.receive(&archived.source, &stop, &|_| {}));
    let refused = receive(&archived);
    let told = refused.to_string();
    assert!(
        told.contains("ALTER ROLE ... REPLICATION") && !told.contains(PASSWORD),
        "{told}"
    );

    archived.server.sql("bank", "ALTER ROLE app REPLICATION");
    archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        let pid = receiving_process(archived.archive.root());
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&line).contains(PASSWORD));
        archived.base(1);
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 0)");
        archived.caught_up(receiver);
        // The lock: one at a time receives.
        let refused = receive(&archived);
        assert!(
            matches!(refused, ContinuousProblem::Busy { .. }),
            "{refused}"
        );
    });
    assert_eq!(recovered_rows(&archived, None, 8)[0], 1);
    let notes = ["archive.json", "standing.json"].map(|name| archived.archive.root().join(name));
    let bases = archived.archive.bases().unwrap();
    let note = archived
        .archive
        .root()
        .join("base")
        .join(&bases[0].id)
        .join("base.json");
    for file in notes.iter().chain([&note]) {
        assert!(
            !fs::read_to_string(file).unwrap().contains(PASSWORD),
            "{file:?}"
        );
    }

    // Another cluster.
    let other = PostgresServer::start();
    other.create_database("bank");
    archived.source.address = PostgresAddress::new(&other.url("bank")).unwrap();
    let refused = receive(&archived);
    assert!(
        matches!(refused, ContinuousProblem::OtherCluster { .. }),
        "{refused}"
    );
    let refused = problem(
        archived
            .archive
            .take_base(&archived.source, crate::at(2), &stop),
    );
    assert!(
        matches!(refused, ContinuousProblem::OtherCluster { .. }),
        "{refused}"
    );
    // And none.
    archived.source.address = postgres;
    archived.server.stop();
    let refused = receive(&archived);
    assert!(
        matches!(
            &refused,
            ContinuousProblem::Postgres(PostgresProblem::Unreachable { .. })
        ),
        "{refused}"
    );
    assert!(refused.is_passing());
}
