//! Commits under load: each that was acknowledged is there, through kills of the receiver and restarts of the server.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{Kept, Store};

use super::{Archived, Stopping, WRITERS, find_receiving, receiving_process, recovered_rows, rows};
use crate::request;
use crate::waiting::until;

/// When each commit of each writer was acknowledged.
#[derive(Default)]
struct Acknowledged([Mutex<Vec<Timestamp>>; WRITERS]);

impl Acknowledged {
    /// One row in each transaction, and a note once the server has said that it is committed. A server that is gone is
    /// waited for; then it asks what became of the last one.
    fn write(&self, writer: usize, url: &str, stop: &AtomicBool) {
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut psql = Command::new("/usr/lib/postgresql/15/bin/psql")
                .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut to = psql.stdin.take().unwrap();
            let mut lines = BufReader::new(psql.stdout.take().unwrap()).lines();
            while !stop.load(Ordering::Relaxed) {
                let statement = format!(
                    "INSERT INTO entry VALUES ({writer}, {number}) ON CONFLICT DO NOTHING; SELECT 'done {number}';\n"
                );
                if to.write_all(statement.as_bytes()).is_err() {
                    break;
                }
                match lines.next() {
                    Some(Ok(line)) if line == format!("done {number}") => {
                        self.0[writer].lock().unwrap().push(Timestamp::now());
                        number += 1;
                    }
                    _ => break,
                }
            }
            drop(to);
            let _ = psql.kill();
            psql.wait().unwrap();
        }
    }

    fn counts(&self) -> Vec<usize> {
        let counts = self.0.iter().map(|one| one.lock().unwrap().len());
        counts.collect()
    }

    fn by(&self, writer: usize, moment: Timestamp) -> usize {
        let all = self.0[writer].lock().unwrap();
        all.iter().filter(|at| **at <= moment).count()
    }

    fn wait_for_more(&self, each: usize) {
        let before = self.counts();
        until("the writers write", || {
            let now = self.counts();
            now.iter()
                .zip(&before)
                .all(|(now, before)| *now >= before + each)
        });
    }
}

/// Commits are acknowledged all the time, through the base backup and beyond the moment: every one that was acknowledged
/// before the moment is there, and none that was begun after it. It is measured how far behind the archive is meanwhile.
#[test]
fn every_acknowledged_commit_before_the_moment_is_there_and_none_after() {
    let archived = Archived::new();
    let (acknowledged, stop) = (Acknowledged::default(), AtomicBool::new(false));
    let url = archived.server.url("bank");
    let moments = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        thread::scope(|scope| {
            let _stopping = Stopping(&stop);
            for writer in 0..WRITERS {
                let (acknowledged, url, stop) = (&acknowledged, &url, &stop);
                scope.spawn(move || acknowledged.write(writer, url, stop));
            }
            acknowledged.wait_for_more(20);
            let base = archived.base(1);
            assert!(base.stopped_at > base.started_at);
            acknowledged.wait_for_more(50);
            let early = archived.now();
            acknowledged.wait_for_more(20);
            archived.switch();
            acknowledged.wait_for_more(50);
            let late = archived.now();
            acknowledged.wait_for_more(20);
            let mut behind = Vec::new();
            until("the stream is looked at", || {
                behind.extend(receiver.last.lock().unwrap().behind);
                behind.len() > 20
            });
            let worst = behind.iter().max().unwrap();
            println!("under load the archive was behind by at most {worst:?}");
            assert!(*worst < Duration::from_secs(60), "{worst:?}");
            archived.caught_up(receiver);
            (early, late)
        })
    });
    let verified = archived.archive.verify().unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    let [range] = verified.ranges.as_slice() else {
        panic!("{verified:?}")
    };
    assert!(range.open && range.has(moments.0) && range.has(moments.1));
    for (second, moment) in [(1, moments.0), (2, moments.1)] {
        let found = recovered_rows(&archived, Some(moment), second);
        for (writer, found) in found.iter().enumerate() {
            let before = acknowledged.by(writer, moment);
            // The next one was sent before the moment, or it was not.
            assert!(
                *found == before || *found == before + 1,
                "writer {writer}: {found}, and {before} were acknowledged until {moment}"
            );
        }
    }

    // In place of the live database, which is kept.
    archived.server.sql("bank", "DELETE FROM entry");
    let live = Store::postgres("ledger", archived.source.address.clone(), 1);
    let backups = archived.place.vault.list().unwrap();
    let replaced = archived
        .place
        .vault
        .restore_in_place(&backups[0].name, &live, crate::at(9))
        .unwrap();
    assert!(matches!(replaced.kept, Some(Kept::Database(_))));
    assert_eq!(rows(&url), rows(&archived.server.url("recovered_2")));
}

/// The receiver is killed, and the server stopped and started again: nothing that was acknowledged is missing.
#[test]
fn a_killed_receiver_and_a_restarted_server_leave_no_gap() {
    let mut archived = Archived::new();
    let (acknowledged, stop) = (Acknowledged::default(), AtomicBool::new(false));
    let url = archived.server.url("bank");
    archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        thread::scope(|scope| {
            let _stopping = Stopping(&stop);
            for writer in 0..WRITERS {
                let (acknowledged, url, stop) = (&acknowledged, &url, &stop);
                scope.spawn(move || acknowledged.write(writer, url, stop));
            }
            for _ in 0..4 {
                acknowledged.wait_for_more(5);
                let pid = receiving_process(archived.archive.root());
                let killed = Command::new("kill").args(["-KILL", &pid]).status();
                assert!(killed.unwrap().success());
                archived.switch();
                acknowledged.wait_for_more(5);
                until("another one receives", || {
                    find_receiving(archived.archive.root()).is_some_and(|now| now != pid)
                });
            }
            let ended = receiver.ended.lock().unwrap();
            assert!(ended.len() >= 4, "{ended:?}");
        });
        archived.caught_up(receiver);
    });
    archived.server.stop();
    archived.server.launch();
    archived.switch();
    archived.while_receiving(|receiver| {
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 1000000)");
        archived.caught_up(receiver);
    });
    archived
        .server
        .sql("bank", "DELETE FROM entry WHERE number = 1000000");
    let verified = archived.archive.verify().unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    assert!(verified.segments >= 5, "{verified:?}");
    let order = archived.order(None);
    let cluster = archived.archive.recover(&order).unwrap();
    assert!(cluster.last_commit.is_some());
    let scratch = cluster.data().to_owned();
    let store = cluster.store("bank", 1).unwrap();
    let backup = archived.place.vault.create(&request(3), &[store]).unwrap();
    let content = backup.manifest.stores[0].postgres.as_ref().unwrap();
    let entry = content
        .tables
        .iter()
        .find(|table| table.name == "public.entry");
    let wanted: usize = acknowledged.counts().iter().sum();
    // The row that was written at the end, and what was committed and not acknowledged any more.
    let found = entry.unwrap().rows as usize;
    assert!(
        (wanted + 1..=wanted + 1 + WRITERS).contains(&found),
        "{found} of {wanted}"
    );
    // A shared server would have been stopped with it.
    drop(cluster);
    assert!(!scratch.exists(), "a scratch folder is removed");
}
