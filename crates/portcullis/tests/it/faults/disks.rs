//! Disks that are full or read-only: under the journal, under the vault, under the data.

use serde_json::Value;

use super::diary::Diary;
use super::mount::{ReadOnly, SmallDisk};
use crate::rig::Rig;

/// A rig with `folder` on a disk of its own, where release 1.0 serves. The disk must be dropped after
/// the rig's server has ended, so it comes second.
fn serving_with_a_disk(folder: &str, size_mib: u32) -> (Rig, SmallDisk) {
    let mut rig = Rig::new("none");
    let kept = rig.path("kept");
    let at = rig.path(folder);
    if at.exists() {
        std::fs::rename(&at, &kept).unwrap();
    }
    let disk = SmallDisk::mount(at.clone(), size_mib);
    if kept.exists() {
        for entry in std::fs::read_dir(&kept).unwrap() {
            let from = entry.unwrap().path();
            std::fs::copy(&from, at.join(from.file_name().unwrap())).unwrap();
        }
    }
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    (rig, disk)
}

fn standing(rig: &Rig) -> String {
    let status = rig.run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
    status["engine"].to_string()
}

fn open_gate(rig: &Rig) {
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
}

#[test]
fn a_full_disk_under_the_journal_stops_the_engine_and_not_the_gateway() {
    let (mut rig, disk) = serving_with_a_disk(".portcullis", 24);
    let users = rig.users();
    open_gate(&rig);
    let split = super::siege::route(&rig).unwrap()["split"].clone();
    disk.fill();
    rig.until("the engine has stopped", |rig| {
        standing(rig).contains("full")
    });
    let status = rig.run(&["status"]);
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    let first = told.lines().next().unwrap_or_default();
    assert!(
        first.contains("The engine had to stop") && first.contains("database or disk is full"),
        "status does not say why:\n{told}"
    );
    assert_eq!(status.status.code(), Some(1), "{told}");
    let watched = rig.run(&["watch", "--plain", "dhash-2"]);
    let told = String::from_utf8_lossy(&watched.stderr).into_owned();
    assert_eq!(watched.status.code(), Some(1), "{told}");
    assert!(
        told.contains("error[PC0404]: the engine had to stop"),
        "{told}"
    );
    // No action without a record: nothing moves any more, and nothing can be asked for.
    let mut diary = Diary::open(&rig.path(".portcullis/journal.db"));
    let entries = diary.entries.len();
    assert_eq!(rig.exit(&["abort"]), 1);
    for user in 0..20 {
        let answer = rig.get("/health", &format!("user-{user}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    diary.check_nothing_is_lost();
    assert_eq!(diary.entries.len(), entries);
    assert_eq!(super::siege::route(&rig).unwrap()["split"], split);
    assert_eq!(users.stop(), 0, "requests were dropped");
    // With room again and a restart, the rollout goes on from where it was.
    disk.free();
    rig.kill();
    rig.start();
    let users = rig.users();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
    diary.check_nothing_is_lost();
    rig.ok(&["journal", "verify"]);
    rig.stop();
}

/// Which release each of some users gets.
fn releases(rig: &Rig) -> Vec<String> {
    let release = |user| {
        let answer = rig.get("/health", &format!("user-{user}"));
        let (_, rest) = answer.split_once("\"version\":\"").unwrap_or_default();
        rest.chars().take(3).collect()
    };
    (0..40).map(release).collect()
}

#[test]
fn with_a_read_only_state_folder_the_gateway_serves_and_nothing_is_done() {
    let mut rig = Rig::new("none");
    rig.edit("window = \"2s\"", "window = \"6s\"");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    open_gate(&rig);
    let before = releases(&rig);
    assert!(before.contains(&"1.1".to_owned()), "{before:?}");
    rig.kill();
    let mut diary = Diary::open(&rig.path(".portcullis/journal.db"));
    let entries = diary.entries.len();

    let view = ReadOnly::over(rig.path(".portcullis"));
    rig.launch();
    rig.until("the gateway serves", |rig| {
        rig.get("/health", "me").starts_with("HTTP/1.1 200")
    });
    assert_eq!(releases(&rig), before, "users changed their release");
    rig.until("it says why", |rig| {
        rig.log().contains("the engine does not act")
    });
    for told in [
        "cannot be written to: Read-only file system",
        "make it writable",
    ] {
        assert!(rig.log().contains(told), "{}", rig.log());
    }
    let status = rig.run(&["status"]);
    assert_eq!(status.status.code(), Some(8));
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        told.contains("nothing can be written to the state folder"),
        "{told}{}",
        String::from_utf8_lossy(&status.stderr)
    );
    assert_eq!(rig.exit(&["abort"]), 8);
    // It is told from a server that acts, and from another like it.
    assert_eq!(rig.exit(&["serve"]), 6);
    drop(view);
    diary.check_nothing_is_lost();
    assert_eq!(diary.entries.len(), entries, "something was done");

    assert_eq!(rig.stop(), Some(1));
    let users = rig.users();
    rig.start();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
    diary.check_nothing_is_lost();
}

#[test]
fn with_a_read_only_state_folder_what_was_stopped_stays_stopped_and_status_says_so() {
    let (mut rig, disk) = serving_with_a_disk(".portcullis", 24);
    rig.stop();
    disk.make_read_only();
    rig.launch();
    rig.until("it says why", |rig| {
        rig.log().contains("the engine does not act")
    });
    assert!(
        rig.get("/health", "me").starts_with("HTTP/1.1 502"),
        "the gateway does not answer"
    );
    let status = rig.run(&["status", "--json"]);
    let why = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        why.contains("nothing can be written to the state folder"),
        "{why}{}",
        String::from_utf8_lossy(&status.stderr)
    );
    assert!(why.contains("\"1.0\""), "{why}");
    rig.kill();
    disk.make_writable();
    rig.start();
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    rig.stop();
}

#[test]
fn a_full_vault_stops_the_rollout_before_anything_is_touched() {
    let (mut rig, disk) = serving_with_a_disk(".portcullis/vault", 4);
    let before = rig.library_sha256();
    disk.fill();
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    assert_eq!(rig.library_sha256(), before);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("vault"), "{shown}");
    assert!(shown.contains("full") || shown.contains("room"), "{shown}");
    assert!(!shown.contains("migrate    done"), "{shown}");
    disk.free();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    assert_eq!(users.stop(), 0, "requests were dropped");
    rig.stop();
}

#[test]
fn a_read_only_vault_stops_the_rollout_before_anything_is_touched() {
    let (mut rig, disk) = serving_with_a_disk(".portcullis/vault", 4);
    let before = rig.library_sha256();
    disk.make_read_only();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    assert_eq!(rig.library_sha256(), before);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.to_lowercase().contains("read-only"), "{shown}");
    disk.make_writable();
    rig.stop();
}

/// Brings 1.1 to its gate, spoils the data's disk, aborts, and checks that it is held until the disk is
/// mended and somebody says so.
fn held_until_mended(spoil: fn(&SmallDisk), mend: fn(&SmallDisk), told: &str) {
    let (mut rig, disk) = serving_with_a_disk("data", 4);
    let before = rig.library_sha256();
    open_gate(&rig);
    let migrated = rig.library_sha256();
    assert_ne!(before, migrated);
    spoil(&disk);
    let users = rig.users();
    assert_eq!(rig.exit(&["abort", "--wait"]), 4);
    assert_eq!(rig.state_of("dhash-2"), "held");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.to_lowercase().contains(told), "{shown}");
    assert_eq!(rig.library_sha256(), migrated, "half a restore");
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    mend(&disk);
    rig.ok(&["retry"]);
    rig.until("it went back", |rig| {
        rig.state_of("dhash-2") == "rolled back"
    });
    assert_eq!(rig.library_sha256(), before);
    assert_eq!(users.stop(), 0, "requests were dropped");
    rig.stop();
}

#[test]
fn a_restore_on_a_full_disk_is_held_and_goes_on_when_there_is_room() {
    held_until_mended(SmallDisk::fill, SmallDisk::free, "no space left");
}

#[test]
fn a_restore_on_a_read_only_disk_is_held_and_goes_on_when_it_is_writable() {
    held_until_mended(
        SmallDisk::make_read_only,
        SmallDisk::make_writable,
        "read-only",
    );
}
