//! A child process that does one thing to an archive again and again, until it is killed.

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Bank, kills, recoveries};
use crate::killed::{FOLDER_VARIABLE, FROM_VARIABLE};

const DOING_VARIABLE: &str = "PORTCULLIS_TEST_DOING";

#[test]
#[ignore = "the child process of the tests of archives"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let from = std::env::var(FROM_VARIABLE).unwrap().parse().unwrap();
    let bank = Bank::found(folder, &folder.join("vault"));
    match &*std::env::var(DOING_VARIABLE).unwrap() {
        kills::RECEIVE => kills::receives(&bank),
        kills::COPY => kills::copies(&bank, from),
        doing => recoveries::recovers(&bank, folder, doing, from),
    }
}

/// The child process, in a group of its own: what it started can be killed at the same moment.
pub(super) struct Worker {
    child: Option<Child>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    pub(super) fn start(folder: &Path, doing: &str, from: i64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "faults::archives::worker::child",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER_VARIABLE, folder)
            .env(FROM_VARIABLE, from.to_string())
            .env(DOING_VARIABLE, doing)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child: Some(child),
            lines,
        }
    }

    /// Waits until it says a line with these words.
    pub(super) fn wait_for(&mut self, words: &str) -> String {
        let mut lines = self.lines.by_ref().map(|line| line.unwrap());
        let line = lines.find(|line| line.contains(words));
        line.expect("the child ended by itself")
    }

    /// Kills it, alone or at the same moment with everything that it started. Returns what it had said since.
    pub(super) fn kill(&mut self, all: bool) -> Vec<String> {
        let mut child = self.child.take().expect("it is killed once");
        match all {
            true => kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap(),
            false => child.kill().unwrap(),
        }
        let ended = child.wait().unwrap();
        assert_eq!(
            ended.signal(),
            Some(9),
            "the child ended by itself: {ended}"
        );
        self.lines.by_ref().map(|line| line.unwrap()).collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            let _ = child.wait();
        }
    }
}

pub(super) fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}
