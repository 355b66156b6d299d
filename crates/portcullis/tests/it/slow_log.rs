//! A standard error that nobody reads holds up nobody who serves.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::rig::{Rig, signal};

#[test]
fn requests_are_answered_while_nobody_reads_the_log_and_it_says_what_was_lost() {
    const REQUESTS: usize = 1_000;
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .args(["serve"])
        // Some dozen lines for each request: far more than a pipe holds, and than may wait.
        .env("PORTCULLIS_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    rig.until("the gateway answers", |rig| !rig.get("/", "me").is_empty());
    let begun = Instant::now();
    for number in 0..REQUESTS {
        let answer = rig.get("/", "me");
        assert!(answer.contains("no-release"), "request {number}: {answer}");
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
    // Now somebody reads, and what waited is written.
    let mut stderr = serve.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    for _ in 0..10 {
        assert!(rig.get("/", "me").contains("no-release"));
        std::thread::sleep(Duration::from_millis(50));
    }
    signal("-TERM", serve.id());
    assert!(serve.wait().unwrap().success());
    let text = reader.join().unwrap();
    assert!(
        text.contains("lines of this log were lost"),
        "{}",
        text.len()
    );
}
