//! A standard error that nobody reads holds up nobody who serves.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::rig::{Rig, signal};

#[test]
fn requests_are_answered_while_nobody_reads_the_log() {
    // A pipe takes 64 KiB: it is full before the first word, the greeting included.
    const TAKEN: usize = 64 * 1024;
    const REQUESTS: usize = 500;
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let (_reader, mut stderr) = std::io::pipe().unwrap();
    stderr.write_all(&[b' '; TAKEN]).unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .args(["serve"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap();
    rig.until("the gateway answers", |rig| !rig.get("/", "me").is_empty());
    for number in 0..REQUESTS {
        let answer = rig.get("/", "me");
        assert!(answer.contains("no-release"), "request {number}: {answer}");
    }
    signal("-TERM", serve.id());
    assert!(serve.wait().unwrap().success());
}
