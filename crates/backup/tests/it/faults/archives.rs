//! The same faults over continuous archives: random damage, kills at random moments, full disks.
//!
//! The server cuts its log into segments of a megabyte, so that a few rows fill several of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{
    BackupError, BaseBackup, ContinuousArchive, ContinuousSource, PostgresAddress, Received,
    RecoveredCluster, RecoveryOrder, RecoveryPlace, Vault,
};
use secrecy::ExposeSecret;

use crate::continuous::{Archived, psql};
use crate::names;
use crate::waiting::until;

mod damage;
mod disks;
mod kills;
mod recoveries;
mod worker;

const SEGMENT_BYTES: u64 = 1 << 20;
/// The file in which a child process finds the server.
const URL: &str = "url";
/// How the names of copies begin that are not finished.
const UNFINISHED: &str = ".portcullis-";

/// All rows, which must be the first ones: how many, the number of the next one, and a digest.
const CONTENT: &str = "SELECT count(*), coalesce(max(number), -1) + 1, \
     md5(coalesce(string_agg(number::text, ',' ORDER BY number), '')) FROM entry WHERE writer = 0";

/// The archive of a server, for whoever reaches both: a test or its child process.
struct Bank {
    archive: ContinuousArchive,
    source: ContinuousSource,
    url: String,
}

/// What is received: up to when, as it was told last.
#[derive(Default)]
struct Stream {
    stop: AtomicBool,
    until: Mutex<Option<Timestamp>>,
}

/// Has a stream stop when the test ends, also by a panic.
struct Stopping<'a>(&'a Stream);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Stream {
    fn has(&self, moment: Timestamp) -> bool {
        *self.until.lock().unwrap() >= Some(moment)
    }

    fn tell(&self, received: &Received) {
        *self.until.lock().unwrap() = received.until;
    }
}

impl Bank {
    /// That of a server. Child processes find it in the folder, into which the user may go that recovered servers run as.
    fn of(archived: &Archived) -> Self {
        let folder = archived.place.folder.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.join(URL), archived.server.url("bank")).unwrap();
        Self::found(folder, archived.place.vault.root())
    }

    /// That of the server which a folder names, with its archive in a vault.
    fn found(folder: &Path, vault: &Path) -> Self {
        let url = fs::read_to_string(folder.join(URL)).unwrap();
        let vault = Vault::open_or_create(vault).unwrap();
        Self {
            archive: vault.continuous("bank", "production", "ledger"),
            source: ContinuousSource {
                address: PostgresAddress::new(&url).unwrap(),
                slot: "portcullis_bank".to_owned(),
                synchronous: true,
                slot_bytes_max: 1 << 30,
            },
            url,
        }
    }

    /// Writes one row, with so much beside it in the log that a few of them fill a segment. Says when it was acknowledged.
    fn write(&self, number: usize) -> Timestamp {
        let row = format!(
            "INSERT INTO entry VALUES (0, {number}); \
             SELECT pg_logical_emit_message(true, 'noise', string_agg(md5(random()::text), '')) \
             FROM generate_series(1, 10000)"
        );
        psql(&self.url, &row);
        Timestamp::now()
    }

    /// Writes rows until there are so many more.
    fn write_more(&self, rows: &mut Vec<Timestamp>, more: usize) {
        for _ in 0..more {
            rows.push(self.write(rows.len()));
        }
    }

    fn now(&self) -> Timestamp {
        let asked = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
        let clock = psql(&self.url, asked).parse().unwrap();
        Timestamp::from_microsecond(clock).unwrap()
    }

    /// What the server has now.
    fn content(&self) -> String {
        psql(&self.url, CONTENT)
    }

    /// Receives as `serve` does: again and again until it is stopped.
    fn receive(&self, stream: &Stream) {
        let tell = |received: &Received| stream.tell(received);
        while !stream.stop.load(Ordering::Relaxed) {
            match self.archive.receive(&self.source, &stream.stop, &tell) {
                Ok(()) => return,
                Err(BackupError::Continuous { problem, .. }) => {
                    println!("the stream ended: {problem}");
                    thread::sleep(Duration::from_millis(100));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// Does something while the log is received.
    fn while_receiving<T>(&self, work: impl FnOnce(&Stream) -> T) -> T {
        let stream = Stream::default();
        thread::scope(|scope| {
            scope.spawn(|| self.receive(&stream));
            let _stopping = Stopping(&stream);
            until("something is received", || {
                stream.until.lock().unwrap().is_some()
            });
            work(&stream)
        })
    }

    /// Waits until everything that is committed now is received.
    fn catch_up(&self, stream: &Stream) {
        let now = self.now();
        until("everything is received", || stream.has(now));
    }

    fn base(&self, second: i64) -> BaseBackup {
        self.try_base(second).unwrap()
    }

    fn try_base(&self, second: i64) -> Result<BaseBackup, BackupError> {
        let now = Timestamp::from_second(1_795_000_000 + second).unwrap();
        let stop = AtomicBool::new(false);
        self.archive.take_base(&self.source, now, &stop)
    }

    /// What lies in the folder of copies.
    fn copies(&self) -> Vec<String> {
        names(&self.archive.root().join("base"))
    }

    /// The copies that count.
    fn counted(&self) -> Vec<String> {
        let bases = self.archive.bases().unwrap();
        let mut ids: Vec<String> = bases.into_iter().map(|base| base.id).collect();
        ids.sort();
        ids
    }

    /// Everything is there and as it was written, and what comes can be recovered to.
    fn assert_whole(&self, when: &str) {
        let verified = self.archive.verify();
        let verified = verified.unwrap_or_else(|error| panic!("{when}: {error:?}"));
        assert!(
            verified.is_whole() && verified.is_sound(),
            "{when}: {verified:?}"
        );
    }

    /// Recovers to a moment, or to the last one, in a scratch folder.
    fn recover_in(
        &self,
        scratch: &Path,
        at: Option<Timestamp>,
    ) -> Result<RecoveredCluster, BackupError> {
        let place = RecoveryPlace::Scratch(scratch.to_owned());
        self.archive.recover(&RecoveryOrder { at, place })
    }

    fn recover(&self, at: Option<Timestamp>) -> Result<RecoveredCluster, BackupError> {
        self.recover_in(&std::env::temp_dir(), at)
    }

    /// Recovers everything that is there, of which nothing is missing; says what the cluster has.
    fn recovered(&self, when: &str) -> String {
        let cluster = self.recover(None);
        let cluster = cluster.unwrap_or_else(|error| panic!("{when}: {error:?}"));
        assert_eq!(cluster.gap, None, "{when}");
        content(&cluster)
    }
}

/// What a recovered cluster has.
fn content(cluster: &RecoveredCluster) -> String {
    let address = cluster.address("bank").unwrap();
    psql(address.secret_url().expose_secret(), CONTENT)
}

/// How many rows a content has, of which none is missing in between.
fn rows(content: &str, when: &str) -> usize {
    let parts: Vec<&str> = content.split('|').collect();
    let [count, next, _] = parts.as_slice() else {
        panic!("{when}: {content}")
    };
    assert_eq!(count, next, "{when}: one is missing in between");
    count.parse().unwrap()
}

/// A server with small segments, and its archive, in which nothing is yet.
fn small() -> Archived {
    let mut archived = Archived::new();
    archived.server.stop();
    let program = archived.server.program("pg_resetwal");
    let mut command = match rustix::process::geteuid().is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--init-groups"])
                .arg(program);
            command
        }
        false => Command::new(program),
    };
    let data = archived.server.data();
    let output = command
        .arg(format!("--wal-segsize={}", SEGMENT_BYTES >> 20))
        .arg(&data)
        .current_dir(&data)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    archived.server.launch();
    archived
}

/// Whether a person learns that there was no room.
fn tells_of_room(error: &BackupError) -> bool {
    let (mut text, mut source) = (error.to_string(), std::error::Error::source(error));
    while let Some(error) = source {
        text.push_str(&error.to_string());
        source = error.source();
    }
    let words = ["No space left", "File too large", "no room"];
    words.iter().any(|word| text.contains(word))
}
