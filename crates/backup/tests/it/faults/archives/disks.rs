//! Full disks under continuous archives: while the log is received, while the cluster is copied, and while it is recovered. Really
//! full, with a random rest: a small tmpfs in a namespace of its own where that is allowed, and a limit on the size of files in
//! any case.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use portcullis_backup::{
    BackupError, ContinuousProblem, PostgresProblem, Received, RecoveryOrder, RecoveryPlace,
    free_bytes_of,
};

use super::{Bank, Stopping, Stream, content, small, tells_of_room};
use crate::faults::{Chance, rounds};
use crate::names;
use crate::waiting::until;

const FOLDER_VARIABLE: &str = "PORTCULLIS_TEST_FULL_ARCHIVE";
const DONE: &str = "the child is done";
/// What is on the small disk so that only a rest is free.
const FILLER: &str = "filler";
/// Where the archive of the small disk is put in the end, for whoever can recover from it.
const OUTSIDE: &str = "outside";
/// More than any file has.
const NO_LIMIT: u64 = 1 << 40;

/// Fills a disk but for a rest.
fn fill(disk: &Path, rest: u64) {
    let mut filler = fs::File::create(disk.join(FILLER)).unwrap();
    let block = vec![0; 4096];
    while free_bytes_of(disk).unwrap() > rest {
        match filler.write_all(&block) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// No file may be larger from now on.
fn limit(bytes: u64) {
    let limit = rustix::process::Rlimit {
        current: Some(bytes),
        maximum: None,
    };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
}

/// An archive with a copy and some rows, and how many those are.
struct Stand {
    bank: Bank,
    written: usize,
}

impl Stand {
    fn make(folder: &Path, vault: &Path) -> Self {
        let bank = Bank::found(folder, vault);
        let mut rows = Vec::new();
        bank.while_receiving(|stream| {
            bank.base(0);
            bank.write_more(&mut rows, 3);
            bank.catch_up(stream);
        });
        bank.assert_whole("at first");
        Self {
            written: rows.len(),
            bank,
        }
    }

    fn write(&mut self) {
        self.bank.write(self.written);
        self.written += 1;
    }

    /// Receives until there is no room, or until everything is there because there just was enough. What was announced stays
    /// either way. Says whether there was no room.
    fn receives_without_room(&mut self, when: &str) -> bool {
        for _ in 0..5 {
            self.write();
        }
        let (bank, stream) = (&self.bank, Stream::default());
        let now = bank.now();
        let tell = |received: &Received| stream.tell(received);
        let ended = thread::scope(|scope| {
            let receiving = scope.spawn(|| bank.archive.receive(&bank.source, &stream.stop, &tell));
            let stopping = Stopping(&stream);
            until("the stream ends, or has everything", || {
                receiving.is_finished() || stream.has(now)
            });
            drop(stopping);
            receiving.join().unwrap()
        });
        if let Err(error) = &ended {
            assert!(tells_of_room(error), "{when}: {error:?}");
        }
        bank.assert_whole(when);
        ended.is_err()
    }

    /// Copies the cluster where there is no room for it, or just enough. Nothing half-made stays. Says whether there was none.
    fn copies_without_room(&self, second: i64, when: &str) -> bool {
        let before = self.bank.copies();
        let Err(error) = self.bank.try_base(second) else {
            return false;
        };
        assert!(tells_of_room(&error), "{when}: {error:?}");
        assert_eq!(self.bank.copies(), before, "{when}");
        true
    }

    /// There is room again: what was not received comes now, and the cluster is copied.
    fn goes_on(&mut self, second: i64, when: &str) {
        self.write();
        let bank = &self.bank;
        bank.while_receiving(|stream| {
            bank.base(second);
            bank.catch_up(stream);
        });
        bank.assert_whole(when);
        assert_eq!(bank.copies(), bank.counted(), "{when}");
        // The small disk takes a few of them.
        bank.archive.prune(1).unwrap();
        bank.assert_whole(when);
    }

    /// A recovery to a disk that is too small is refused before anything is written.
    fn is_refused_a_recovery_to(&self, disk: &Path) {
        let (scratch, cluster) = (disk.join("scratch"), disk.join("cluster"));
        fs::create_dir(&scratch).unwrap();
        for place in [
            RecoveryPlace::Scratch(scratch.clone()),
            RecoveryPlace::Folder(cluster.clone()),
        ] {
            let order = RecoveryOrder { at: None, place };
            let error = self.bank.archive.recover(&order).unwrap_err();
            let BackupError::Continuous { problem, .. } = &error else {
                panic!("{error:?}")
            };
            assert!(
                matches!(
                    &**problem,
                    ContinuousProblem::Postgres(PostgresProblem::NoRoom { needed, free, .. })
                        if needed > free
                ),
                "{error:?}"
            );
        }
        assert_eq!(names(&scratch), Vec::<String>::new());
        assert_eq!(names(&cluster), Vec::<String>::new());
    }

    /// A recovery whose files cannot be written, be it while they are unpacked or by the server that replays the log, leaves
    /// nothing; the next one has everything.
    fn recovers_without_room(&self, scratch: &Path, bytes: u64, when: &str) {
        limit(bytes);
        let unpacked = self.bank.recover_in(scratch, None);
        limit(NO_LIMIT);
        let error = unpacked.unwrap_err();
        assert!(tells_of_room(&error), "{when}: {error:?}");
        assert_eq!(names(scratch), Vec::<String>::new(), "{when}");

        let place = RecoveryPlace::Scratch(scratch.to_owned());
        let fetched = self.bank.archive.fetch(&RecoveryOrder { at: None, place });
        let fetched = fetched.unwrap();
        limit(bytes);
        let replayed = fetched.recover();
        limit(NO_LIMIT);
        let error = replayed.unwrap_err();
        assert!(tells_of_room(&error), "{when}: {error:?}");
        assert_eq!(names(scratch), Vec::<String>::new(), "{when}");

        let cluster = self.bank.recover_in(scratch, None).unwrap();
        assert_eq!(cluster.gap, None, "{when}");
        assert_eq!(content(&cluster), self.bank.content(), "{when}");
    }
}

fn say_done() {
    println!("{DONE}");
}

#[test]
#[ignore = "the child process of an_archive_on_a_disk_that_is_full"]
fn child_on_a_small_disk() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let disk = folder.join("disk");
    let mut stand = Stand::make(folder, &disk.join("vault"));
    let mut chance = Chance::new();
    let (mut streams, mut copies) = (0, 0);
    let all = rounds(2, 20);
    for round in 0..all {
        let second = 10 * (1 + i64::try_from(round).unwrap());
        // In one of two rounds next to nothing.
        let most = [100_000, 3_000_000][round % 2];
        let rest = chance.below(most);
        let when = format!("round {round}, {rest} bytes free");
        println!("{when}");
        fill(&disk, rest as u64);
        streams += usize::from(stand.receives_without_room(&when));
        copies += usize::from(stand.copies_without_room(second, &when));
        fs::remove_file(disk.join(FILLER)).unwrap();
        stand.goes_on(second + 1, &when);
    }
    assert!(
        streams > 0 && copies > 0,
        "the disk was never full: {streams}, {copies}"
    );
    stand.is_refused_a_recovery_to(&disk);
    let copied = Command::new("cp")
        .arg("--archive")
        .args([disk.join("vault"), folder.join(OUTSIDE)])
        .status();
    assert!(copied.unwrap().success());
    println!("{streams} streams and {copies} copies of {all} ran out of room");
    say_done();
}

#[test]
#[ignore = "the child process of an_archive_with_a_limit_on_file_sizes"]
fn child_with_a_limit() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let scratch = folder.join("scratch");
    fs::create_dir(&scratch).unwrap();
    let mut stand = Stand::make(folder, &folder.join("vault"));
    let mut chance = Chance::new();
    for round in 0..rounds(1, 10) {
        let second = 10 * (1 + i64::try_from(round).unwrap());
        // Less than a segment, and more than any note.
        let bytes = 100_000 + chance.below(500_000) as u64;
        let when = format!("round {round}, {bytes} bytes a file");
        println!("{when}");
        limit(bytes);
        let streamed = !stand.receives_without_room(&when);
        let copied = !stand.copies_without_room(second, &when);
        limit(NO_LIMIT);
        assert!(!streamed && !copied, "{when}: {streamed} {copied}");
        stand.goes_on(second + 1, &when);
        stand.recovers_without_room(&scratch, bytes, &when);
    }
    say_done();
}

/// Runs a child process on a disk that a shell prepares. What it puts outside of that disk must be recoverable.
fn run_child(program: &str, arguments: &[&str], child: &str, prepare: &str) -> Output {
    let archived = small();
    let bank = Bank::of(&archived);
    let folder = archived.place.folder.path();
    fs::create_dir(folder.join("disk")).unwrap();
    let script = format!(
        "{prepare} && exec \"$1\" --exact faults::archives::disks::{child} --ignored --nocapture"
    );
    let output = Command::new(program)
        .args(arguments)
        .args(["sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER_VARIABLE, folder)
        .output()
        .unwrap();
    let outside = folder.join(OUTSIDE);
    if outside.exists() {
        let kept = Bank::found(folder, &outside);
        kept.assert_whole("outside");
        assert_eq!(kept.recovered("outside"), bank.content());
    }
    output
}

fn assert_done(output: &Output) {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    println!("{out}");
    assert!(out.contains(DONE), "{out}{err}");
}

#[test]
fn an_archive_on_a_disk_that_is_full() {
    let may_mount = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !may_mount {
        println!("skipped: no file system may be mounted here; the other test has a real limit");
        return;
    }
    // Smaller than what a recovery needs, and large enough for some copies. The server's user may look for room on it.
    let mount = format!("mount -t tmpfs -o size=40m,mode=755 tmpfs \"${FOLDER_VARIABLE}/disk\"");
    assert_done(&run_child(
        "unshare",
        &["-rm"],
        "child_on_a_small_disk",
        &mount,
    ));
}

#[test]
fn an_archive_with_a_limit_on_file_sizes() {
    assert_done(&run_child("env", &[], "child_with_a_limit", "trap '' XFSZ"));
}
