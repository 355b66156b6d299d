//! The journal's disk is full or read-only, really: a small tmpfs where mounting is allowed, and the limit
//! on file sizes in any case.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use portcullis_journal::{Entry, Journal, JournalError, Lease, SqliteJournal};

use crate::{record, scope};

const FOLDER_VARIABLE: &str = "PORTCULLIS_TEST_DISK";
const DONE: &str = "the child is done";

fn folder() -> Option<std::path::PathBuf> {
    std::env::var_os(FOLDER_VARIABLE).map(std::path::PathBuf::from)
}

/// Appends until an append fails, which must be soon.
async fn fill(journal: &SqliteJournal, lease: &Lease, written: &mut Vec<Entry>) -> JournalError {
    for _ in 0..5_000 {
        let mut record = record(written.len() as u64);
        record.body = format!("\"{}\"", "x".repeat(2_000));
        match journal.append(&lease.scope, lease.epoch, record).await {
            Ok(entry) => written.push(entry),
            Err(error) => return error,
        }
    }
    panic!("10 MB fit on the small disk");
}

/// Fills the disk; nothing acknowledged is lost, and `make_space` lets it go on.
async fn fill_and_go_on(folder: &Path, make_space: impl Fn()) {
    let path = folder.join("journal.db");
    let dhash = scope("dhash");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    let mut written = Vec::new();
    let error = fill(&journal, &lease, &mut written).await;
    assert!(matches!(error, JournalError::Storage { .. }), "{error:?}");
    assert!(error.to_string().contains("check the disk"), "{error}");
    assert!(written.len() > 10);
    // Full again and again: small records find the last free bytes.
    for _ in 0..3 {
        let outcome = journal.append(&dhash, lease.epoch, record(0)).await;
        match outcome {
            Ok(entry) => written.push(entry),
            Err(error) => assert!(matches!(error, JournalError::Storage { .. }), "{error:?}"),
        }
    }
    assert_eq!(journal.read(&dhash, 0).await.unwrap(), written);
    let verified = journal.verify(&dhash).await.unwrap();
    assert_eq!(verified.entries, written.len() as u64);

    make_space();
    let entry = journal
        .append(&dhash, lease.epoch, record(1))
        .await
        .unwrap();
    written.push(entry);
    journal.close().await;
    let journal = SqliteJournal::open(&path).await.unwrap();
    assert_eq!(journal.read(&dhash, 0).await.unwrap(), written);
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    journal
        .append(&dhash, lease.epoch, record(2))
        .await
        .unwrap();
    journal.verify(&dhash).await.unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "{DONE}").unwrap();
}

#[tokio::test]
#[ignore = "the child process of the tests below"]
async fn child_that_fills_a_small_disk() {
    let Some(folder) = folder() else { return };
    // As much again as the journal gets: closing moves the log into the file, which needs its space.
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![0; 1_100_000]).unwrap();
    fill_and_go_on(&folder, || fs::remove_file(&ballast).unwrap()).await;
}

#[tokio::test]
#[ignore = "the child process of the tests below"]
async fn child_that_meets_a_limit_on_file_sizes() {
    let Some(folder) = folder() else { return };
    let pid = std::process::id().to_string();
    let unlimited = || {
        let lifted = Command::new("prlimit")
            .args(["--fsize=unlimited", "--pid", &pid])
            .status();
        assert!(lifted.unwrap().success());
    };
    fill_and_go_on(&folder, unlimited).await;
}

#[tokio::test]
#[ignore = "the child process of the tests below"]
async fn child_that_meets_a_read_only_disk() {
    let Some(folder) = folder() else { return };
    let path = folder.join("journal.db");
    let dhash = scope("dhash");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    let entry = journal
        .append(&dhash, lease.epoch, record(1))
        .await
        .unwrap();
    let remount = |mode: &str| {
        let options = format!("remount,{mode}");
        let mounted = Command::new("mount")
            .args(["-o", &options])
            .arg(&folder)
            .output();
        mounted.unwrap()
    };
    // Files open for writing keep a file system busy; it goes read-only only without them, as after
    // an error of the disk it would by force.
    journal.close().await;
    drop(journal);
    let mounted = remount("ro");
    assert!(mounted.status.success(), "{mounted:?}");
    let error = SqliteJournal::open(&path).await.unwrap_err();
    assert!(matches!(error, JournalError::Storage { .. }), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("check the disk"), "{words}");
    let reader = SqliteJournal::open_read_only(&path).await.unwrap();
    assert_eq!(reader.read(&dhash, 0).await.unwrap(), [entry]);
    reader.verify(&dhash).await.unwrap();
    reader.close().await;

    assert!(remount("rw").status.success());
    let journal = SqliteJournal::open(&path).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    assert_eq!(
        journal
            .append(&dhash, lease.epoch, record(2))
            .await
            .unwrap()
            .seq,
        2
    );
    let mut out = std::io::stdout();
    writeln!(out, "{DONE}").unwrap();
}

/// Runs a child in a shell that makes the disk small first.
fn run_child(test: &str, program: &str, arguments: &[&str], prepare: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let script =
        format!("{prepare} && exec \"$1\" --exact full_disk::{test} --ignored --nocapture");
    Command::new(program)
        .args(arguments)
        .args(["sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER_VARIABLE, folder.path())
        .output()
        .unwrap()
}

fn assert_done(output: &Output) {
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        out.contains(DONE),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const NO_MOUNT: &str = "skipped: no file system may be mounted here; another test has a real limit";

fn may_mount() -> bool {
    let mounted = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output();
    mounted.is_ok_and(|output| output.status.success())
}

const MOUNT: &str = "mount -t tmpfs -o size=2m,mode=700 tmpfs \"$PORTCULLIS_TEST_DISK\"";

#[test]
fn a_journal_on_a_full_file_system_keeps_what_it_acknowledged_and_goes_on_with_space() {
    if !may_mount() {
        println!("{NO_MOUNT}");
        return;
    }
    assert_done(&run_child(
        "child_that_fills_a_small_disk",
        "unshare",
        &["-rm"],
        MOUNT,
    ));
}

#[test]
fn a_journal_at_the_limit_on_file_sizes_keeps_what_it_acknowledged_and_goes_on_without_it() {
    // Blocks of 512 or 1024 bytes, depending on the shell. Only the soft limit: it can be lifted again.
    let prepare = "trap '' XFSZ && ulimit -S -f 1600";
    assert_done(&run_child(
        "child_that_meets_a_limit_on_file_sizes",
        "env",
        &[],
        prepare,
    ));
}

#[test]
fn a_journal_on_a_read_only_file_system_can_be_read_and_not_written() {
    if !may_mount() {
        println!("{NO_MOUNT}");
        return;
    }
    assert_done(&run_child(
        "child_that_meets_a_read_only_disk",
        "unshare",
        &["-rm"],
        MOUNT,
    ));
}
