//! Bounds on how long locks are held.

use std::time::Duration;

use super::{Seen, Tracker};
use crate::lock_watch::LockMode;

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn seen(holder: &str, relation: i64, mode: LockMode) -> Seen {
    Seen {
        holder: holder.to_owned(),
        relation,
        mode,
        statement: "UPDATE notes SET body = 'secret' WHERE id = 7".to_owned(),
    }
}

#[test]
fn a_lock_was_held_at_most_from_the_look_before_it_until_the_look_without_it() {
    let mut tracker = Tracker::default();
    tracker.know(7, "notes", Some(8192));
    let exclusive = || seen("1 1/1", 7, LockMode::AccessExclusive);
    tracker.look(at(0), at(1), vec![]);
    tracker.look(at(10), at(11), vec![exclusive()]);
    tracker.look(at(20), at(22), vec![exclusive()]);
    tracker.look(at(40), at(43), vec![]);
    // Another transaction, shorter.
    tracker.look(
        at(50),
        at(51),
        vec![seen("1 1/2", 7, LockMode::AccessExclusive)],
    );
    tracker.look(at(60), at(61), vec![]);
    let report = tracker.report(at(70));
    let [lock] = report.locks.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!((lock.at_most, lock.seen_for), (at(43), at(9)));
    assert_eq!((lock.times, lock.table_bytes), (2, Some(8192)));
    assert!(
        lock.statement.starts_with("UPDATE notes SET body"),
        "{lock:?}"
    );
    assert!(!lock.statement.contains("secret"), "{lock:?}");
    // From the beginning of a look to the end of the next: a lock within it is seen by neither.
    assert_eq!((report.looks, report.widest_gap), (6, at(23)));
}

#[test]
fn what_is_new_or_keeps_nobody_waiting_is_not_told_and_what_stops_reads_comes_first() {
    let mut tracker = Tracker::default();
    tracker.know(7, "notes", None);
    tracker.know(8, "tags", None);
    tracker.look(at(0), at(0), vec![]);
    tracker.look(
        at(1),
        at(1),
        vec![
            seen("1 1/1", 9, LockMode::AccessExclusive),
            seen("1 1/1", 7, LockMode::AccessShare),
            seen("1 1/1", 7, LockMode::Share),
        ],
    );
    tracker.look(
        at(5),
        at(5),
        vec![
            seen("1 1/1", 7, LockMode::Share),
            seen("1 1/1", 8, LockMode::AccessExclusive),
        ],
    );
    let report = tracker.report(at(9));
    let told: Vec<_> = report
        .locks
        .iter()
        .map(|lock| (lock.table.as_str(), lock.mode, lock.at_most))
        .collect();
    let expected = [
        ("tags", LockMode::AccessExclusive, at(8)),
        ("notes", LockMode::Share, at(9)),
    ];
    assert_eq!(told, expected);
}
