//! Slots that are dropped, lost or given up, and servers that go on with a new timeline.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use portcullis_backup::ContinuousProblem;

use super::{Archived, entries, filled, problem, recovered_rows};
use crate::waiting::until;

/// The stream breaks in the middle of a segment and what follows is lost: what was announced until then stays recoverable.
#[test]
fn what_was_received_of_a_segment_can_be_recovered_to_after_the_stream_broke() {
    let archived = filled();
    let slot = "SELECT pg_drop_replication_slot('portcullis_bank')";
    let announced = archived.while_receiving(|receiver| {
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 0), (0, 1)");
        archived.caught_up(receiver)
    });
    archived.server.sql("bank", slot);
    let lost = archived.now();
    archived
        .server
        .sql("bank", "INSERT INTO entry VALUES (0, 2)");
    for _ in 0..4 {
        archived.switch();
        archived.server.sql("bank", "CHECKPOINT");
    }
    archived.while_receiving(|receiver| {
        let began = archived.now();
        until("it goes on", || {
            receiver.last.lock().unwrap().until > Some(began)
        });
        let ended = receiver.ended.lock().unwrap().clone();
        let removed =
            |problem: &&ContinuousProblem| matches!(problem, ContinuousProblem::LogRemoved { .. });
        // Once: servers let a slot go back to what is removed, and then it was asked for again and again.
        assert_eq!(ended.iter().filter(removed).count(), 1, "{ended:?}");
    });
    let archive = &archived.archive;
    let ranges = archive.ranges().unwrap();
    let [range] = ranges.as_slice() else {
        panic!("{ranges:?}")
    };
    assert!(range.has(announced) && !range.has(lost), "{range}");
    assert!(!range.open);
    // Before there is a new copy it is known that something is missing.
    let gaps = archive.gaps().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!((gaps[0].after, gaps[0].until), (range.to, None));
    let at = archive.recover(&archived.order(Some(announced))).unwrap();
    assert_eq!((entries(&at), at.reaches), (2, announced));
    drop(at);
    let last = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((entries(&last), last.reaches), (2, range.to));
    assert_eq!(last.gap.as_ref(), gaps.first());
    drop(last);
    archived.while_receiving(|receiver| {
        archived.base(2);
        archived.caught_up(receiver);
    });
    let verified = archive.verify().unwrap();
    assert_eq!(verified.ranges, archive.ranges().unwrap());
    assert_eq!(verified.ranges[0].to, range.to);
    assert_eq!(verified.gaps[0].until, Some(verified.ranges[1].from));
    assert!(verified.damages.is_empty(), "{verified:?}");
    let now = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((entries(&now), now.gap.clone()), (3, None));
}

/// The server removes what was not received, or the slot holds too much: the archive begins anew, and what is missing is
/// named.
#[test]
fn a_slot_that_was_lost_or_holds_too_much_is_given_up_and_begun_anew() {
    let mut archived = filled();
    let keep = "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'";
    archived.server.sql("bank", keep);
    archived.server.reload();
    let slot = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'portcullis_bank'";
    assert_eq!(archived.server.sql("bank", slot), "reserved");
    until("the slot is lost", || {
        archived.switch();
        archived.server.sql("bank", "CHECKPOINT");
        archived.server.sql("bank", slot) == "lost"
    });
    archived.while_receiving(|receiver| {
        let began = archived.now();
        until("it goes on", || {
            receiver.last.lock().unwrap().until > Some(began)
        });
        let ended = receiver.ended.lock().unwrap().clone();
        let removed =
            |problem: &&ContinuousProblem| matches!(problem, ContinuousProblem::LogRemoved { .. });
        assert_eq!(ended.iter().filter(removed).count(), 1, "{ended:?}");
        assert!(receiver.last.lock().unwrap().bounded_by_server);
        archived.base(2);
        archived.caught_up(receiver);
    });
    let verified = archived.archive.verify().unwrap();
    assert_eq!(verified.gaps.len(), 1, "{verified:?}");
    assert_eq!(verified.ranges.len(), 2, "{verified:?}");
    assert_eq!(verified.gaps[0].until, Some(verified.ranges[1].from));
    assert!(verified.damages.is_empty(), "{verified:?}");
    assert!(
        archived
            .refused(Some(verified.gaps[0].after + Duration::from_secs(1)))
            .to_string()
            .contains(" and ")
    );
    // What is on both sides of the gap can be recovered to.
    recovered_rows(&archived, Some(verified.ranges[0].from), 5);
    recovered_rows(&archived, None, 6);

    archived
        .server
        .sql("bank", "ALTER SYSTEM RESET max_slot_wal_keep_size");
    archived.server.reload();
    archived.source.slot_bytes_max = 1 << 20;
    archived.switch();
    archived.switch();
    let stop = AtomicBool::new(false);
    let refused = problem(archived.archive.receive(&archived.source, &stop, &|_| {}));
    assert!(
        matches!(&refused, ContinuousProblem::SlotGivenUp { limit_bytes, .. } if *limit_bytes == 1 << 20),
        "{refused}"
    );
    assert_eq!(archived.server.sql("bank", slot), "");

    // Old base backups go, and with them what only they need.
    let pruned = archived.archive.prune(1).unwrap();
    assert_eq!(pruned.bases.len(), 1, "{pruned:?}");
    assert!(pruned.segments >= 4, "{pruned:?}");
    let verified = archived.archive.verify().unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    assert_eq!(verified.ranges.len(), 1);
    assert_eq!(archived.archive.prune(1).unwrap().bases.len(), 0);
}

/// A server that was recovered itself goes on with a new timeline.
#[test]
fn a_new_timeline_is_followed() {
    let mut archived = Archived::new();
    archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 0)");
        archived.caught_up(receiver);
    });
    archived.server.stop();
    let data = archived.server.data();
    archived
        .server
        .prepend("postgresql.conf", "restore_command = 'false'");
    fs::write(archived.place.path("recovery.signal"), "").unwrap();
    archived
        .server
        .install(&archived.place.path("recovery.signal"), "recovery.signal");
    assert!(data.join("recovery.signal").exists());
    archived.server.launch();
    until("the new timeline has begun", || {
        archived.server.sql("bank", "SELECT pg_is_in_recovery()") == "f"
    });
    archived.while_receiving(|receiver| {
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 1)");
        archived.switch();
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 2)");
        archived.caught_up(receiver);
    });
    let verified = archived.archive.verify().unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    let names: Vec<String> = archived
        .sealed()
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("00000002.history-")),
        "{names:?}"
    );
    assert!(
        names.iter().any(|name| name.starts_with("000000020000")),
        "{names:?}"
    );
    assert_eq!(recovered_rows(&archived, None, 7)[0], 3);

    // Without the history nobody knows that the timelines belong together.
    let history = archived
        .sealed()
        .into_iter()
        .find(|path| path.to_str().unwrap().contains(".history"));
    fs::remove_file(history.unwrap()).unwrap();
    let _ = fs::remove_file(archived.archive.root().join("incoming/00000002.history"));
    let found = archived.archive.verify().unwrap();
    assert!(
        found.damages[0].contains("00000002.history is missing"),
        "{found:?}"
    );
}
