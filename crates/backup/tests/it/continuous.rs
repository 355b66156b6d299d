//! Continuous archives of a real server: written under load, through kills and restarts, and recovered from.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{
    Amcheck, ArchivePoint, BackupError, BaseBackup, ContinuousArchive, ContinuousProblem,
    ContinuousSource, Kept, PointLimits, PostgresAddress, PostgresProblem, Received,
    RecoveredCluster, RecoveryOrder, RecoveryPlace, Store, Vault,
};

use crate::killed::{FOLDER_VARIABLE, run_and_kill, say_round};
use crate::postgres_server::PostgresServer;
use crate::waiting::until;
use crate::{Place, request};

const GIGABYTE: u64 = 1 << 30;
const WRITERS: usize = 3;

/// A server with a table for what writers note, and its archive.
pub(crate) struct Archived {
    pub(crate) server: PostgresServer,
    pub(crate) place: Place,
    pub(crate) archive: ContinuousArchive,
    pub(crate) source: ContinuousSource,
}

/// What receives, and what it said last.
#[derive(Default)]
pub(crate) struct Receiver {
    pub(crate) stop: AtomicBool,
    pub(crate) last: Mutex<Received>,
    pub(crate) ended: Mutex<Vec<ContinuousProblem>>,
}

impl Archived {
    pub(crate) fn new() -> Self {
        let server = PostgresServer::start();
        server.create_database("bank");
        server.sql(
            "bank",
            "CREATE TABLE entry (writer int, number int, PRIMARY KEY (writer, number))",
        );
        if server.offers("amcheck") {
            server.sql("bank", "CREATE EXTENSION amcheck");
        }
        let place = Place::new();
        let archive = place.vault.continuous("bank", "production", "ledger");
        let source = ContinuousSource {
            address: PostgresAddress::new(&server.url("bank")).unwrap(),
            slot: "portcullis_bank".to_owned(),
            synchronous: true,
            slot_bytes_max: GIGABYTE,
        };
        Self {
            server,
            place,
            archive,
            source,
        }
    }

    /// Receives as `serve` does: again and again until it is stopped.
    pub(crate) fn receive(&self, receiver: &Receiver) {
        while !receiver.stop.load(Ordering::Relaxed) {
            let tell = |received: &Received| *receiver.last.lock().unwrap() = received.clone();
            match self.archive.receive(&self.source, &receiver.stop, &tell) {
                Ok(()) => return,
                Err(BackupError::Continuous { problem, .. }) => {
                    receiver.ended.lock().unwrap().push(*problem);
                    thread::sleep(Duration::from_millis(100));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Does something while the log is received.
    pub(crate) fn while_receiving<T>(&self, work: impl FnOnce(&Receiver) -> T) -> T {
        let receiver = Receiver::default();
        thread::scope(|scope| {
            scope.spawn(|| self.receive(&receiver));
            let _stopping = Stopping(&receiver.stop);
            work(&receiver)
        })
    }

    pub(crate) fn base(&self, second: i64) -> BaseBackup {
        let now = Timestamp::from_second(1_795_000_000 + second).unwrap();
        let stop = AtomicBool::new(false);
        self.archive.take_base(&self.source, now, &stop).unwrap()
    }

    /// Fills a segment and begins the next one.
    pub(crate) fn switch(&self) {
        self.server.sql(
            "bank",
            "CREATE TABLE IF NOT EXISTS filler (n int); INSERT INTO filler VALUES (1)",
        );
        self.server.sql("bank", "SELECT pg_switch_wal()");
    }

    pub(crate) fn now(&self) -> Timestamp {
        let asked = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
        let clock = self.server.sql("bank", asked).parse().unwrap();
        Timestamp::from_microsecond(clock).unwrap()
    }

    /// Waits until everything that is committed now is in the archive.
    pub(crate) fn caught_up(&self, receiver: &Receiver) -> Timestamp {
        let now = self.now();
        until("everything is received", || {
            let ended = receiver.ended.lock().unwrap();
            let last = receiver.last.lock().unwrap();
            assert!(ended.len() < 60, "{:?} {last:?}", ended.last());
            last.until >= Some(now)
        });
        // It is noted a little later.
        until("it is noted", || {
            self.archive.standing().received_until >= Some(now)
        });
        now
    }

    pub(crate) fn order(&self, at: Option<Timestamp>) -> RecoveryOrder {
        RecoveryOrder {
            at,
            // Below it everybody may go, also the user that the server runs as.
            place: RecoveryPlace::Scratch(std::env::temp_dir()),
        }
    }

    pub(crate) fn refused(&self, at: Option<Timestamp>) -> ContinuousProblem {
        problem(self.archive.recover(&self.order(at)))
    }

    pub(crate) fn sealed(&self) -> Vec<PathBuf> {
        let listed = fs::read_dir(self.archive.root().join("wal")).unwrap();
        let mut files: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Has something stop when the test ends, also by a panic.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn problem<T: std::fmt::Debug>(outcome: Result<T, BackupError>) -> ContinuousProblem {
    match outcome.unwrap_err() {
        BackupError::Continuous { problem, store } => {
            assert_eq!(store, "ledger");
            *problem
        }
        other => panic!("{other}"),
    }
}

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

/// How many rows of each writer there are, which must be the first ones.
fn rows(address: &str) -> Vec<usize> {
    let one = |writer: usize| {
        let asked = format!(
            "SELECT count(*), coalesce(max(number), -1) + 1 FROM entry WHERE writer = {writer}"
        );
        let answer = psql(address, &asked);
        let (count, next) = answer.split_once('|').unwrap();
        assert_eq!(count, next, "one is missing in between");
        count.parse().unwrap()
    };
    (0..WRITERS).map(one).collect()
}

pub(crate) fn psql(address: &str, statement: &str) -> String {
    let output = Command::new("/usr/lib/postgresql/15/bin/psql")
        .args(["-X", "-q", "-A", "-t", "-d", address, "-c", statement])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The content of a recovered cluster, put into a database beside the live one by the usual way.
fn recovered_rows(archived: &Archived, at: Option<Timestamp>, second: i64) -> Vec<usize> {
    let cluster = archived.archive.recover(&archived.order(at)).unwrap();
    let checked = cluster.check("bank").unwrap();
    let is_read = matches!(checked, Amcheck::Read { indexes, .. } if indexes > 0);
    assert_eq!(is_read, archived.server.offers("amcheck"), "{checked:?}");
    let store = cluster.store("bank", 1).unwrap();
    let backup = archived.place.vault.create(&request(second), &[store]);
    let backup = backup.unwrap();
    cluster.stop().unwrap();
    let copy = format!("recovered_{second}");
    let address = PostgresAddress::new(&archived.server.url(&copy)).unwrap();
    let copy_store = Store::postgres("ledger", address, 1);
    archived
        .place
        .vault
        .restore_copy(&backup.name, &copy_store)
        .unwrap();
    rows(&archived.server.url(&copy))
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

/// The process that receives into an archive.
fn find_receiving(root: &Path) -> Option<String> {
    let folder = root.join("incoming").display().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words[0].ends_with(b"pg_receivewal") && words.contains(&folder.as_bytes())
        })
        .find_map(|process| process.file_name().into_string().ok())
}

fn receiving_process(root: &Path) -> String {
    let mut found = None;
    until("somebody receives", || {
        found = find_receiving(root);
        found.is_some()
    });
    found.unwrap()
}

/// An archive with a base backup and some complete segments after it.
fn filled() -> Archived {
    let archived = Archived::new();
    archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        for _ in 0..4 {
            archived.switch();
        }
        archived.caught_up(receiver);
    });
    archived
}

#[test]
fn what_is_missing_changed_renamed_or_swapped_is_found_and_named() {
    let archived = filled();
    let whole = archived.archive.verify().unwrap();
    assert!(whole.is_whole(), "{whole:?}");
    let now = whole.ranges[0].to;
    let files = archived.sealed();
    let middle = &files[files.len() - 2];
    let name = middle.file_name().unwrap().to_str().unwrap().to_owned();
    let aside = archived.place.path("aside");

    // Missing.
    fs::rename(middle, &aside).unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.gaps.len(), 1, "{found:?}");
    assert_eq!(found.gaps[0].first, name[..24]);
    assert_eq!(found.gaps[0].until, None);
    assert!(found.ranges[0].to < now && !found.ranges[0].open);
    let refused = archived.refused(Some(now));
    assert!(
        matches!(&refused, ContinuousProblem::OutOfRange { ranges, .. } if *ranges == found.ranges),
        "{refused}"
    );
    assert!(refused.to_string().contains("what can is"), "{refused}");
    fs::rename(&aside, middle).unwrap();

    // A bit.
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(middle)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100).unwrap();
    file.write_all_at(&[byte[0] ^ 4], 100).unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.damages.len(), 1, "{found:?}");
    assert!(found.damages[0].contains(&name) && found.damages[0].contains("SHA-256"));
    assert_eq!(found.gaps.len(), 1, "what is damaged is missing");
    let last = archived.archive.recover(&archived.order(None)).unwrap();
    let gap = last.gap.as_ref().unwrap();
    assert!(
        gap.first == name[..24] && last.reaches == found.ranges[0].to,
        "{gap:?}"
    );
    drop(last);
    file.write_all_at(&byte, 100).unwrap();
    assert!(archived.archive.verify().unwrap().is_whole());

    // Another name, with the right checksum in it.
    let (one, other) = (&files[files.len() - 3], &files[files.len() - 2]);
    let part = |path: &Path, range: std::ops::Range<usize>| {
        path.file_name().unwrap().to_str().unwrap()[range].to_owned()
    };
    let length = name.len();
    let crossed = [
        one.with_file_name(part(one, 0..24) + &part(other, 24..length)),
        one.with_file_name(part(other, 0..24) + &part(one, 24..length)),
    ];
    fs::rename(one, &crossed[1]).unwrap();
    fs::rename(other, &crossed[0]).unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.damages.len(), 2, "{found:?}");
    assert!(
        found.damages[0].contains("by its name it should from"),
        "{found:?}"
    );
    fs::rename(&crossed[1], one).unwrap();
    fs::rename(&crossed[0], other).unwrap();
    assert!(archived.archive.verify().unwrap().is_whole());

    // The base backup: it is not recovered from any more.
    let bases = archived.archive.bases().unwrap();
    let copy = archived
        .archive
        .root()
        .join("base")
        .join(&bases[0].id)
        .join("base.tar.zst");
    let length = fs::metadata(&copy).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&copy)
        .unwrap()
        .set_len(length - 100)
        .unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.damages.len(), 1, "{found:?}");
    assert!(found.damages[0].contains("base.tar.zst"), "{found:?}");
    assert!(found.ranges.is_empty());
    let refused = archived.refused(None);
    assert!(refused.to_string().contains("nothing can yet"), "{refused}");
}

/// How many rows of the first writer a recovered cluster has.
fn entries(cluster: &RecoveredCluster) -> usize {
    let address = cluster.address("bank").unwrap();
    let count = ask(&address, "SELECT count(*) FROM entry WHERE writer = 0").unwrap();
    count.parse().unwrap()
}

/// Rows in several segments, each with a moment before which it was committed and before which the next one was not.
fn rows_in_segments(archived: &Archived, receiver: &Receiver, count: usize) -> Vec<Timestamp> {
    let one = |number: usize| {
        let row = format!("INSERT INTO entry VALUES (0, {number})");
        archived.server.sql("bank", &row);
        let moment = archived.caught_up(receiver);
        archived.switch();
        moment
    };
    let moments = (0..count).map(one).collect();
    archived.caught_up(receiver);
    moments
}

/// The segment in which the row with a number was written, as it is sealed.
fn sealed_with(archived: &Archived, moment_of: &[Timestamp], number: usize) -> PathBuf {
    // It was filled right after the moment.
    let filled = |path: &PathBuf| {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        Timestamp::try_from(modified).unwrap() >= moment_of[number]
    };
    let mut files = archived.sealed();
    files.retain(|path| path.to_str().unwrap().contains("/0000"));
    files.into_iter().find(filled).unwrap()
}

/// A segment is missing or damaged and the log goes on after it: what was committed before it can be recovered to, and the
/// last moment is the one that is reached, with what is missing.
#[test]
fn a_missing_or_damaged_segment_ends_what_can_be_recovered_to_and_the_last_moment_says_so() {
    let archived = Archived::new();
    let moments = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.switch();
        archived.caught_up(receiver);
        rows_in_segments(&archived, receiver, 4)
    });
    let archive = &archived.archive;
    assert!(archive.verify().unwrap().is_whole());
    assert!(archive.gaps().unwrap().is_empty());
    let whole = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((entries(&whole), whole.gap.clone()), (4, None));
    assert_eq!(Some(whole.reaches), archive.standing().received_until);
    drop(whole);

    // The third row is in it.
    let third = sealed_with(&archived, &moments, 2);
    let name = third.file_name().unwrap().to_str().unwrap().to_owned();
    let aside = archived.place.path("aside");
    let check = |damaged: bool| {
        let ranges = archive.ranges().unwrap();
        let [range] = ranges.as_slice() else {
            panic!("{ranges:?}")
        };
        assert!(!range.open && range.has(moments[1]), "{range} {moments:?}");
        assert!(range.to < moments[2], "{range} {moments:?}");
        let gaps = archive.gaps().unwrap();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!((&*gaps[0].first, gaps[0].until), (&name[..24], None));
        // What was announced can be recovered to: the last moment, and one in between.
        for (moment, rows) in [(moments[0], 1), (range.to, 2)] {
            let cluster = archive.recover(&archived.order(Some(moment))).unwrap();
            assert_eq!((entries(&cluster), cluster.reaches), (rows, moment));
        }
        let last = archive.recover(&archived.order(None)).unwrap();
        assert_eq!((entries(&last), last.reaches), (2, range.to), "{damaged}");
        let gap = last.gap.as_ref().unwrap();
        assert_eq!(gap.first, name[..24], "{gap:?}");
        assert!(gap.after <= last.reaches, "{gap:?}");
        drop(last);
        let refused = archived.refused(Some(moments[2])).to_string();
        assert!(refused.contains(&range.to.to_string()), "{refused}");
    };
    fs::rename(&third, &aside).unwrap();
    check(false);
    let missing = archive.verify().unwrap();
    assert_eq!(missing.ranges, archive.ranges().unwrap());
    assert_eq!(missing.gaps, archive.gaps().unwrap());
    fs::rename(&aside, &third).unwrap();
    assert!(archive.verify().unwrap().is_whole());

    // One bit. Nobody knows before it is read; whoever reads it first tells everybody.
    let bytes = fs::read(&third).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(&third, &changed).unwrap();
    assert!(archive.ranges().unwrap()[0].open);
    let refused = archived.refused(Some(moments[2])).to_string();
    assert!(
        refused.contains(&name) && refused.contains("what can is"),
        "{refused}"
    );
    check(true);
    let damaged = archive.verify().unwrap();
    assert_eq!(damaged.damages.len(), 1, "{damaged:?}");
    assert_eq!(damaged.ranges, archive.ranges().unwrap());
    assert_eq!(damaged.gaps, archive.gaps().unwrap());
    // In order again once it was read back so.
    fs::write(&third, &bytes).unwrap();
    assert!(!archive.ranges().unwrap()[0].open);
    assert!(archive.verify().unwrap().is_whole());
    assert!(archive.ranges().unwrap()[0].open);

    // The newest log is gone, with what was being received: nothing comes after the gap.
    for path in archived.sealed() {
        if path >= third {
            fs::remove_file(path).unwrap();
        }
    }
    for entry in fs::read_dir(archive.root().join("incoming")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    check(false);
    assert_eq!(archive.verify().unwrap().gaps, archive.gaps().unwrap());
}

/// The file of what is being received.
fn partial(archive: &ContinuousArchive) -> PathBuf {
    let listed = fs::read_dir(archive.root().join("incoming")).unwrap();
    let mut paths = listed.map(|entry| entry.unwrap().path());
    let found = paths.find(|path| path.to_str().unwrap().ends_with(".partial"));
    found.unwrap()
}

/// What is being received has no checksum yet. If it loses what was announced, whoever reads it first says so, and tells
/// everybody.
#[test]
fn a_received_segment_that_does_not_hold_what_was_announced_is_damaged() {
    let archived = Archived::new();
    let (before, announced) = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.switch();
        let moments = rows_in_segments(&archived, receiver, 1);
        archived.server.sql(
            "bank",
            "INSERT INTO entry SELECT 1, generate_series(1, 5000); INSERT INTO entry VALUES (0, 1)",
        );
        (moments[0], archived.caught_up(receiver))
    });
    let archive = &archived.archive;
    let whole = archive.verify().unwrap();
    assert!(whole.is_whole(), "{whole:?}");
    let partial = partial(archive);
    let name = partial.file_name().unwrap().to_str().unwrap().to_owned();
    let bytes = fs::read(&partial).unwrap();
    let received = archive.standing().received_lsn.unwrap();
    let end = received.0 as usize % bytes.len();
    assert!(end > 100_000, "{received}");
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damages = [
        Vec::new(),
        bytes[..100].to_vec(),
        // Records are filled up to eight bytes: what is cut is more than that.
        bytes[..end - 10].to_vec(),
        flipped(60),
        flipped(end / 2),
        flipped(end - 10),
    ];
    for (number, damaged) in damages.iter().enumerate() {
        fs::write(&partial, damaged).unwrap();
        // Whoever is the first.
        match number % 3 {
            0 => {
                let refused = archived.refused(Some(announced)).to_string();
                assert!(
                    refused.contains(&name) && refused.contains("what can is"),
                    "{number}: {refused}"
                );
            }
            1 => drop(archive.recover(&archived.order(None)).unwrap()),
            _ => drop(archive.verify().unwrap()),
        }
        let ranges = archive.ranges().unwrap();
        let [range] = ranges.as_slice() else {
            panic!("{number}: {ranges:?}")
        };
        assert!(
            !range.open && range.has(before) && !range.has(announced),
            "{number}: {range}"
        );
        let gaps = archive.gaps().unwrap();
        assert_eq!((gaps.len(), &*gaps[0].first), (1, &name[..24]), "{number}");
        assert!(gaps[0].words().contains(&name), "{number}: {gaps:?}");
        let last = archive.recover(&archived.order(None)).unwrap();
        assert_eq!((entries(&last), last.reaches), (1, range.to), "{number}");
        assert_eq!(last.gap.as_ref(), gaps.first(), "{number}");
        drop(last);
        let refused = archived.refused(Some(announced)).to_string();
        assert!(
            refused.contains(&range.to.to_string()),
            "{number}: {refused}"
        );
        let found = archive.verify().unwrap();
        assert_eq!(found.damages.len(), 1, "{number}: {found:?}");
        assert!(found.damages[0].contains(&name), "{number}: {found:?}");
        assert_eq!((&found.ranges, &found.gaps), (&ranges, &gaps), "{number}");
    }
    // In order again once it was read back so.
    fs::write(&partial, &bytes).unwrap();
    assert!(archive.verify().unwrap().is_whole());
    let at = archive.recover(&archived.order(Some(announced))).unwrap();
    assert_eq!((entries(&at), at.reaches), (2, announced));
    drop(at);

    // The stream begins again with the segment, so the server puts it right.
    fs::write(&partial, flipped(end / 2)).unwrap();
    assert!(!archive.verify().unwrap().is_whole());
    archived.while_receiving(|receiver| {
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 2)");
        archived.caught_up(receiver);
    });
    assert!(archive.ranges().unwrap()[0].open);
    let verified = archive.verify().unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    let last = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((entries(&last), last.gap.clone()), (3, None));
}

/// A segment that was damaged before it got its checksum: only the server that replays it finds that.
#[test]
fn log_that_the_server_does_not_replay_as_far_as_it_was_received_is_told() {
    let archived = Archived::new();
    let moments = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.switch();
        archived.caught_up(receiver);
        rows_in_segments(&archived, receiver, 4)
    });
    let archive = &archived.archive;
    let third = sealed_with(&archived, &moments, 2);
    let name = third.file_name().unwrap().to_str().unwrap()[..24].to_owned();
    let mut log = zstd::decode_all(fs::File::open(&third).unwrap()).unwrap();
    // In its first record.
    log[70] ^= 1;
    let sealed = zstd::encode_all(log.as_slice(), 1).unwrap();
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&sealed));
    fs::remove_file(&third).unwrap();
    fs::write(third.with_file_name(format!("{name}-{sha256}.zst")), sealed).unwrap();
    assert!(archive.verify().unwrap().is_whole(), "nobody can know");

    let last = archive.recover(&archived.order(None)).unwrap();
    assert_eq!(entries(&last), 2);
    assert!(
        last.reaches >= moments[1] && last.reaches < moments[2],
        "{last:?}"
    );
    let gap = last.gap.clone().unwrap();
    assert!(
        gap.first == name && gap.words().contains("replays the log up to"),
        "{gap:?}"
    );
    drop(last);
    assert_eq!(archive.gaps().unwrap(), [gap]);
    // Also for whoever asks for a moment as the first.
    assert!(archive.verify().unwrap().is_whole());
    let refused = archived.refused(Some(moments[2])).to_string();
    assert!(
        refused.contains(&name) && refused.contains("what can is"),
        "{refused}"
    );
    let before = archive.recover(&archived.order(Some(moments[1]))).unwrap();
    assert_eq!((entries(&before), before.reaches), (2, moments[1]));
}

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
        "continuous::recovers_until_it_is_killed",
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

/// What `psql` says by an address, and whether it was let in.
fn ask(address: &PostgresAddress, statement: &str) -> Result<String, String> {
    use secrecy::ExposeSecret;
    let output = Command::new("/usr/lib/postgresql/15/bin/psql")
        .args(["-X", "-q", "-A", "-t", "-d"])
        .arg(address.secret_url().expose_secret())
        .args(["-c", statement])
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
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

#[test]
fn an_archive_counts_only_if_it_is_whole_not_behind_and_was_read_back_lately() {
    let archived = filled();
    let archive = &archived.archive;
    let limits = PointLimits {
        behind_max: Duration::from_secs(3600),
        verified_max: Duration::from_secs(3600),
    };
    let why = |limits: PointLimits, now: Timestamp| match archive.point(limits, now).unwrap() {
        ArchivePoint::DoesNot { why } => why,
        counts => panic!("{counts:?}"),
    };
    let now = archived.now();
    assert_eq!(why(limits, now), "it was never read back");
    let verified = archive.verify().unwrap();
    assert!(verified.is_sound());
    archive.note_verified(&verified, now).unwrap();
    let counts = archive.point(limits, now).unwrap();
    let until = archive.standing().received_until.unwrap();
    assert_eq!(
        counts,
        ArchivePoint::Counts {
            until,
            verified_at: now
        }
    );

    // Behind, and read back too long ago.
    let later = now + jiff::Span::new().hours(2);
    let slow = PointLimits {
        behind_max: Duration::from_secs(10_000),
        ..limits
    };
    assert!(
        why(limits, later).contains("it is behind by"),
        "{}",
        why(limits, later)
    );
    assert!(
        why(slow, later).contains("longer ago"),
        "{}",
        why(slow, later)
    );

    // Log is missing in the middle: at once, without being read back.
    let files = archived.sealed();
    let middle = &files[files.len() - 2];
    let aside = archived.place.path("aside");
    fs::rename(middle, &aside).unwrap();
    assert!(
        why(limits, now).contains("is missing after"),
        "{}",
        why(limits, now)
    );
    let gap = archive.verify().unwrap();
    assert!(!gap.is_sound() && gap.wrong().len() == 1, "{gap:?}");
    fs::rename(&aside, middle).unwrap();

    // Damaged: known once it was read back.
    let bytes = fs::read(middle).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(middle, &changed).unwrap();
    assert_eq!(archive.point(limits, now).unwrap(), counts);
    let damaged = archive.verify().unwrap();
    archive.note_verified(&damaged, now).unwrap();
    assert!(
        why(limits, now).contains("was not in order"),
        "{}",
        why(limits, now)
    );
    fs::write(middle, &bytes).unwrap();
    archive
        .note_verified(&archive.verify().unwrap(), now)
        .unwrap();
    assert_eq!(archive.point(limits, now).unwrap(), counts);
}

/// One digit of a note is another one.
fn change_digit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let digit = bytes.iter_mut().find(|byte| byte.is_ascii_digit());
    let digit = digit.unwrap();
    *digit = if *digit == b'7' { b'8' } else { b'7' };
    fs::write(path, bytes).unwrap();
}

/// One that is filled, with a row in the segment that is being received; it was read back just now.
fn filled_and_read_back() -> (Archived, Timestamp) {
    let archived = filled();
    archived.while_receiving(|receiver| {
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 0)");
        archived.caught_up(receiver);
    });
    let verified = archived.archive.verify().unwrap();
    assert!(verified.is_whole() && verified.is_sound(), "{verified:?}");
    let now = archived.now();
    archived.archive.note_verified(&verified, now).unwrap();
    (archived, now)
}

/// Nothing of log and copies is concerned, so the archive counts; whoever reads it back is told, until it is measured again.
#[test]
fn an_archive_with_damaged_measurements_counts_and_tells_of_them_until_it_measures_again() {
    let (archived, now) = filled_and_read_back();
    let archive = &archived.archive;
    let whole = archive.standing();
    let counts = ArchivePoint::Counts {
        until: whole.received_until.unwrap(),
        verified_at: now,
    };
    let limits = PointLimits {
        behind_max: Duration::from_secs(3600),
        verified_max: Duration::from_secs(3600),
    };
    assert_eq!(archive.point(limits, now).unwrap(), counts);
    let note = archive.root().join("standing.json");
    for (number, name) in ["standing.json", "received.txt"].into_iter().enumerate() {
        change_digit(&archive.root().join(name));
        let found = archive.verify().unwrap();
        assert_eq!(found.damages.len(), number + 1, "{found:?}");
        assert!(found.damages[number].starts_with(name), "{found:?}");
        assert!(found.damages[number].contains("no log and no copy is concerned"));
        assert!(found.is_sound() && !found.is_whole(), "{found:?}");
        archive.note_verified(&found, now).unwrap();
        assert_eq!(archive.standing(), whole, "the last mark says the same");
        assert_eq!(archive.point(limits, now).unwrap(), counts);
    }
    let at_once = PointLimits {
        behind_max: Duration::ZERO,
        ..limits
    };
    let behind = format!("{:?}", archive.point(at_once, now).unwrap());
    assert!(
        behind.contains("standing.json") && behind.contains("is behind by"),
        "{behind}"
    );

    // A stream that ends before it measured anything drops the bad line, and leaves what it knows nothing better of.
    let damaged = fs::read(&note).unwrap();
    let stop = AtomicBool::new(true);
    let received = archive.receive(&archived.source, &stop, &|_: &Received| {});
    received.unwrap();
    assert_eq!(fs::read(&note).unwrap(), damaged);
    let found = archive.verify().unwrap();
    assert_eq!(found.damages.len(), 1, "{found:?}");
    assert!(found.damages[0].starts_with("standing.json"), "{found:?}");
    archived.while_receiving(|receiver| {
        archived.caught_up(receiver);
        until("it is noted anew", || {
            archive.verify().unwrap().damages.is_empty()
        });
    });
    assert!(archive.verify().unwrap().is_whole());
    assert!(archive.standing().received_until > whole.received_until);
}

/// A damaged standing does not hide that the newest log is missing; and where nothing else says how far it came, that is told.
#[test]
fn newest_log_that_is_missing_is_told_by_its_marks_where_the_standing_is_damaged() {
    let (archived, now) = filled_and_read_back();
    let archive = &archived.archive;
    let limits = PointLimits {
        behind_max: Duration::from_secs(3600),
        verified_max: Duration::from_secs(3600),
    };
    let why = || match archive.point(limits, now).unwrap() {
        ArchivePoint::DoesNot { why } => why,
        counts => panic!("{counts:?}"),
    };
    change_digit(&archive.root().join("standing.json"));
    let (incoming, lost) = (
        archive.root().join("incoming"),
        archived.place.path("incoming"),
    );
    fs::rename(&incoming, &lost).unwrap();
    fs::create_dir(&incoming).unwrap();
    let gaps = archive.gaps().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].until, None, "{gaps:?}");
    assert!(why().contains("is missing after"), "{}", why());
    let last = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((last.gap.as_ref(), entries(&last)), (gaps.first(), 0));
    drop(last);
    let found = archive.verify().unwrap();
    assert!(!found.is_sound() && found.gaps == gaps, "{found:?}");
    let noted = archive.note_verified(&found, now).unwrap();
    assert_eq!(noted.wrong.first(), Some(&gaps[0].words()));
    assert!(noted.wrong[1].starts_with("standing.json"), "{noted:?}");
    fs::remove_dir(&incoming).unwrap();
    fs::rename(&lost, &incoming).unwrap();

    let found = archive.verify().unwrap();
    assert!(found.is_sound() && found.gaps.is_empty(), "{found:?}");
    archive.note_verified(&found, now).unwrap();
    fs::remove_file(archive.root().join("received.txt")).unwrap();
    assert!(
        why().contains("is not known (standing.json: ") && !why().contains("missing"),
        "{}",
        why()
    );
}
