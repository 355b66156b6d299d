//! Cutting a log that another process writes to at full speed.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};

use super::*;

/// A process that writes numbered lines as fast as it can, into a file that it appends to.
struct Writer(Child);

impl Writer {
    fn start(log: &Path) -> Writer {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(log)
            .unwrap();
        let script = "i=0; while :; do i=$((i+1)); echo \"line $i of the log\"; done";
        let child = Command::new("sh")
            .args(["-c", script])
            .stdout(file)
            .stdin(Stdio::null())
            .spawn();
        Writer(child.unwrap())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for_length(log: &Path, bytes: u64) {
    while fs::metadata(log).unwrap().len() < bytes {
        std::thread::yield_now();
    }
}

/// Everything that was ever written, put together from the pieces of `rounds` cuts.
fn write_and_cut(log: &Path, rounds: usize, how: Cut) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    let mut lossless = true;
    let writer = Writer::start(log);
    for _ in 0..rounds {
        wait_for_length(log, 40_000);
        let done = cut_front(log, how).unwrap();
        lossless &= done == Cut::Blocks;
        all.extend(fs::read(older_piece(log)).unwrap());
    }
    drop(writer);
    all.extend(fs::read(log).unwrap());
    (all, lossless)
}

fn numbers(all: &[u8]) -> Vec<u64> {
    let text = std::str::from_utf8(all).unwrap();
    let number = |line: &str| line.split(' ').nth(1)?.parse().ok();
    text.lines().filter_map(number).collect()
}

#[test]
fn a_log_is_cut_while_its_release_writes_and_no_line_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("1.0@127.0.0.1_1.log");
    let (all, lossless) = write_and_cut(&log, 20, Cut::Blocks);
    let numbers = numbers(&all);
    if lossless {
        let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert!(numbers == expected, "a line is missing, doubled or torn");
    }
    assert!(numbers.len() > 20 * 40_000 / 40);
    // Each cut leaves less than a block and what was written meanwhile.
    assert!(fs::read_dir(folder.path()).unwrap().count() == 2);
}

#[test]
fn where_blocks_cannot_be_taken_out_lines_are_lost_but_never_doubled_or_out_of_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("1.0@127.0.0.1_1.log");
    let (all, lossless) = write_and_cut(&log, 20, Cut::Everything);
    assert!(!lossless);
    let numbers = numbers(&all);
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "no line is doubled");
    let last = *numbers.last().unwrap();
    assert!(
        numbers.len() as u64 > last / 2,
        "{} of {last}",
        numbers.len()
    );
}

#[test]
fn a_log_shorter_than_a_block_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("1.0@127.0.0.1_1.log");
    fs::write(&log, "a line\n").unwrap();
    assert_eq!(cut_front(&log, Cut::Blocks).unwrap(), Cut::Blocks);
    assert_eq!(fs::read(&log).unwrap(), b"a line\n");
    assert!(!older_piece(&log).exists());
}
