//! A clock that is set forward or back by a day: the machine's own, as the server sees it.
//!
//! libfaketime answers when the server asks for the time of day; its monotonic clock stays the real one,
//! as on a machine whose clock is set.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::diary::Diary;
use crate::rig::Rig;

/// The library, wherever this architecture has it.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    let mut libraries =
        folders.filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")));
    let found = libraries.find(|library| library.exists());
    let Some(library) = found else {
        panic!("libfaketime is missing: `cargo xtask setup` or `apt-get install faketime`");
    };
    library
}

/// A rig whose server has a clock that can be set.
fn with_a_clock(edits: &[(&str, &str)]) -> Rig {
    let mut rig = Rig::new("none");
    for (from, to) in edits {
        rig.edit(from, to);
    }
    give_a_clock(&mut rig);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig
}

/// Lets the server, when it is started, have a clock that can be set.
pub(crate) fn give_a_clock(rig: &mut Rig) {
    set_clock(rig, "+0");
    let variables = [
        ("LD_PRELOAD", faketime().display().to_string()),
        (
            "FAKETIME_TIMESTAMP_FILE",
            rig.path("clock").display().to_string(),
        ),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("NO_FAKE_STAT", "1".to_owned()),
    ];
    rig.serve_environment = variables
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
}

/// Moves the server's clock against the real one. The file is replaced as a whole.
pub(crate) fn set_clock(rig: &Rig, offset: &str) {
    std::fs::write(rig.path("clock.new"), offset).unwrap();
    std::fs::rename(rig.path("clock.new"), rig.path("clock")).unwrap();
}

/// How far the last journal entry's time is from the real one, in hours.
fn hours_off(rig: &Rig) -> i64 {
    let diary = Diary::open(&rig.path(".portcullis/journal.db"));
    let written = diary.entries.last().unwrap().at_ms as i64;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64;
    ((written - now) as f64 / 3_600_000.0).round() as i64
}

fn in_first_gate(rig: &Rig) -> bool {
    rig.state_of("dhash-2") == "watching"
}

#[test]
fn a_clock_set_forward_passes_no_gate_early() {
    let rig = with_a_clock(&[("window = \"2s\"", "window = \"5s\"")]);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", in_first_gate);
    let opened = Instant::now();
    std::thread::sleep(Duration::from_millis(600));
    set_clock(&rig, "+1d");
    rig.until("the jump is in the journal", |rig| hours_off(rig) == 24);
    let split = || super::siege::route(&rig).unwrap()["split"].clone();
    rig.until("the first gate has decided", |_| {
        split()["weight_percent"] != 20
    });
    let waited = opened.elapsed();
    assert!(
        waited > Duration::from_millis(4_500),
        "a window of 5 s passed after {waited:?}"
    );
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    assert_eq!(users.stop(), 0, "requests were dropped");
    rig.ok(&["journal", "verify"]);
}

#[test]
fn a_clock_set_back_keeps_no_gate_open() {
    let rig = with_a_clock(&[]);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", in_first_gate);
    set_clock(&rig, "-1d");
    rig.until("the jump is in the journal", |rig| hours_off(rig) == -24);
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    assert_eq!(users.stop(), 0, "requests were dropped");
    rig.ok(&["journal", "verify"]);
    // What is listed is readable whatever the clock did.
    rig.ok(&["show", "dhash-2"]);
    rig.ok(&["history"]);
}

#[test]
fn a_clock_set_while_portcullis_was_away_loses_no_lease_and_no_gate() {
    let mut rig = with_a_clock(&[]);
    let users = rig.users();
    let mut epoch = 1;
    for (offset, release, rollout) in [("-1d", "1.1", "dhash-2"), ("+1d", "1.2", "dhash-3")] {
        rig.ok(&["deploy", "--release", release]);
        rig.until("the first gate is open", |rig| {
            rig.state_of(rollout) == "watching"
        });
        rig.kill();
        set_clock(&rig, offset);
        rig.start();
        epoch += 1;
        assert_eq!(rig.json(&["status"])["epoch"], epoch);
        rig.until("it is over", |rig| rig.state_of(rollout) == "promoted");
    }
    users.stop();
    rig.ok(&["journal", "verify"]);
}

/// A pause between two attempts is kept as a moment of the wall clock: a restart must not wait for a day
/// until that moment comes again.
#[test]
fn a_clock_set_back_during_a_pause_does_not_stretch_it() {
    let mut rig = with_a_clock(&[]);
    // The backup fails as long as the vault is a file, and is tried again after a pause.
    let vault = rig.path(".portcullis/vault");
    let aside = rig.path(".portcullis/vault.aside");
    rig.until("the vault is there", |_| vault.is_dir());
    std::fs::rename(&vault, &aside).unwrap();
    std::fs::write(&vault, "in the way").unwrap();
    rig.ok(&["deploy", "--release", "1.1"]);
    let mut diary = Diary::open(&rig.path(".portcullis/journal.db"));
    // On a busy machine a pause may be over before the kill. There is another one, and it is longer.
    for pause in 1.. {
        let begun = Instant::now();
        while !diary.place().ends_with("resting") {
            assert!(begun.elapsed() < Duration::from_secs(30), "{}", rig.log());
            diary.catch_up();
        }
        rig.kill();
        diary.check_nothing_is_lost();
        if diary.place().ends_with("resting") {
            break;
        }
        assert!(pause < 2, "{}", diary.place());
        rig.start();
    }
    std::fs::remove_file(&vault).unwrap();
    std::fs::rename(&aside, &vault).unwrap();
    set_clock(&rig, "-1d");
    let users = rig.users();
    rig.start();
    rig.until("it is over", |rig| {
        ["promoted", "rolled back"].contains(&rig.state_of("dhash-2").as_str())
    });
    users.stop();
}
