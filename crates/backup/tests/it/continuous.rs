//! Continuous archives of a real server: written under load, through kills and restarts, and recovered from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{
    Amcheck, BackupError, BaseBackup, ContinuousArchive, ContinuousProblem, ContinuousSource,
    PostgresAddress, Received, RecoveredCluster, RecoveryOrder, RecoveryPlace, Store,
};

use crate::postgres_server::PostgresServer;
use crate::waiting::until;
use crate::{Place, request};

mod counts;
mod damages;
mod load;
mod recovered;
mod refusals;
mod slots_and_timelines;

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

/// How many rows of the first writer a recovered cluster has.
fn entries(cluster: &RecoveredCluster) -> usize {
    let address = cluster.address("bank").unwrap();
    let count = ask(&address, "SELECT count(*) FROM entry WHERE writer = 0").unwrap();
    count.parse().unwrap()
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
