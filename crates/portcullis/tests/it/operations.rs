//! What an operator does beside releasing: pruning backups, reading logs, looking at the gateway.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portcullis_backup::{BackupRequest, Store, Vault};
use serde_json::Value;

use crate::rig::Rig;

/// Makes a backup that is some days old, as a clock of that day would have named it.
fn old_backup(rig: &Rig, service: &str, days: i64, verified: bool) -> String {
    let root = rig.folder.path();
    let vault = Vault::open_or_create(&root.join(".portcullis/vault")).unwrap();
    let request = BackupRequest {
        service: service.to_owned(),
        environment: "test".to_owned(),
        created_at: Timestamp::now() - SignedDuration::from_hours(24 * days),
        release: None,
        reason: format!("{days} days ago"),
    };
    let store = Store::file("library", root.join("data/library.json"));
    let name = vault.create(&request, &[store]).unwrap().name;
    if verified {
        vault.verify(&name).unwrap();
    }
    name.to_string()
}

/// The names that are in the vault, by what `backup list` says.
fn in_vault(rig: &Rig) -> BTreeSet<String> {
    let list = rig.json(&["backup", "list"]);
    let names = list["backups"].as_array().unwrap().iter();
    names
        .map(|backup| backup["name"].as_str().unwrap().to_owned())
        .collect()
}

/// What a command that fails says, after its exit code was looked at.
fn refused(rig: &Rig, args: &[&str], exit: i32) -> String {
    let output = rig.run(args);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {words}");
    words
}

#[test]
fn prune_removes_by_the_rules_and_says_why_and_a_dry_run_removes_nothing() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let young = old_backup(&rig, "dhash", 1, false);
    let verified = old_backup(&rig, "dhash", 30, true);
    let old = [40, 50].map(|days| old_backup(&rig, "dhash", days, true));
    let other = old_backup(&rig, "other", 90, true);
    let all = in_vault(&rig);
    assert_eq!(all.len(), 5);

    let rules = ["backup", "prune", "--keep-last", "1", "--keep-days", "7"];
    let dry = rig.ok(&[&rules[..], &["--dry-run"]].concat());
    assert_eq!(in_vault(&rig), all);
    let line = |name: &str| dry.lines().find(|line| line.contains(name)).unwrap();
    assert!(line(&young).starts_with("keeps"), "{dry}");
    assert!(
        line(&verified).contains("newest that was read back"),
        "{dry}"
    );
    assert!(line(&other).contains("another service"), "{dry}");
    for name in &old {
        assert!(line(name).starts_with("would remove"), "{dry}");
        assert!(line(name).contains("days old"), "{dry}");
    }

    let report = rig.json(&rules);
    assert_eq!(report["schema"], "portcullis.backup-prune/1");
    assert_eq!(report["removed"], 2);
    assert!(report["freed_bytes"].as_u64().unwrap() > 0);
    let kept = BTreeSet::from([young, verified.clone(), other]);
    assert_eq!(in_vault(&rig), kept);
    assert!(rig.ok(&rules).lines().all(|line| line.starts_with("keeps")));
    // The numbers of the configuration hold when none are given.
    assert_eq!(rig.json(&["backup", "prune"])["keep_last"], 5);
    rig.ok(&["backup", "verify", &verified]);
}

#[test]
fn a_protected_backup_stays_until_it_is_unprotected() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let young = old_backup(&rig, "dhash", 1, true);
    let old = old_backup(&rig, "dhash", 400, true);
    let rules = ["backup", "prune", "--keep-last", "1", "--keep-days", "7"];

    let words = refused(&rig, &["backup", "protect", &old, "--reason", " "], 2);
    assert!(words.contains("--reason must say"), "{words}");
    let unknown = "dhash_test_20200101T010203Z";
    let words = refused(&rig, &["backup", "protect", unknown, "--reason", "no"], 1);
    assert!(words.contains(unknown), "{words}");

    let said = rig.ok(&["backup", "protect", &old, "--reason", "audit of 2025"]);
    assert!(
        said.contains("is protected by") && said.contains("audit of 2025"),
        "{said}"
    );
    let listed = rig.ok(&["backup", "list"]);
    assert!(listed.contains("verified, protected"), "{listed}");
    assert_eq!(
        rig.json(&["backup", "list"])["backups"][1]["protected"],
        "audit of 2025"
    );
    let kept = rig.ok(&rules);
    assert!(kept.contains("protected it: audit of 2025"), "{kept}");
    assert_eq!(in_vault(&rig), BTreeSet::from([young.clone(), old.clone()]));

    let said = rig.ok(&["backup", "unprotect", &old]);
    assert!(said.contains("no longer protected"), "{said}");
    assert!(
        rig.ok(&["backup", "unprotect", &old])
            .contains("was not protected")
    );
    // The newest of its year stays under such a rule, and goes without one.
    let yearly = rig.ok(&[&rules[..], &["--keep-yearly", "2"]].concat());
    assert!(yearly.contains("newest of its year"), "{yearly}");
    rig.ok(&rules);
    assert_eq!(in_vault(&rig), BTreeSet::from([young]));
}

#[test]
fn looking_for_backups_does_not_make_a_vault() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let vault = rig.folder.path().join(".portcullis/vault");
    for args in [&["backup", "list"][..], &["backup", "prune"]] {
        let looked = rig.run(args);
        let words = String::from_utf8_lossy(&looked.stderr).into_owned();
        assert_eq!(looked.status.code(), Some(0), "{words}");
        assert!(words.contains("there are no backups yet"), "{words}");
        assert!(words.contains("there is no vault at"), "{words}");
        assert_eq!(rig.json(args)["backups"], serde_json::json!([]));
        assert!(!vault.exists(), "{args:?}");
    }
    for args in [
        &["backup", "verify"][..],
        &[
            "backup",
            "restore",
            "dhash_test_20261121T010203Z",
            "--to",
            "copy",
        ],
    ] {
        let words = refused(&rig, args, 1);
        assert!(words.contains("there is no vault at"), "{words}");
        assert!(!vault.exists(), "{args:?}");
    }
    rig.ok(&["backup", "create"]);
    assert_eq!(in_vault(&rig).len(), 1);
}

#[test]
fn a_damaged_archive_shows_in_the_list() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let name = rig.ok(&["backup", "create"]);
    let name = name.trim();
    let list = rig.ok(&["backup", "list"]);
    assert!(list.contains("verified: by hand"), "{list}");
    let vault = rig.folder.path().join(".portcullis/vault");
    let archive = vault.join(format!("{name}.tar.zst"));
    let file = std::fs::File::options().write(true).open(archive).unwrap();
    file.set_len(100).unwrap();
    let list = rig.ok(&["backup", "list"]);
    assert!(
        list.contains("  damaged: the archive has 100 bytes"),
        "{list}"
    );
    // No empty folder stays of a copy that could not be made.
    refused(&rig, &["backup", "restore", name, "--to", "new/copy"], 1);
    assert!(!rig.path("new").exists());
    std::fs::create_dir(rig.path("ours")).unwrap();
    refused(&rig, &["backup", "restore", name, "--to", "ours"], 1);
    assert!(rig.path("ours").is_dir());
}

#[test]
fn what_a_live_rollout_needs_is_not_pruned_and_its_split_is_its_own() {
    let mut rig = Rig::new("none");
    rig.edit("window = \"2s\"", "window = \"10m\"");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let needed: Vec<String> = in_vault(&rig).into_iter().collect();
    // A newer one, which alone the rules would keep.
    rig.until("a backup by hand is made", |rig| {
        rig.run(&["backup", "create"]).status.success()
    });
    let nothing = ["backup", "prune", "--keep-last", "0", "--keep-days", "0"];
    let pruned = rig.ok(&nothing);
    let line = pruned
        .lines()
        .find(|line| line.contains(needed.last().unwrap()));
    let line = line.unwrap();
    assert!(line.starts_with("keeps"), "{pruned}");
    assert!(line.contains("rollout dhash-2 is not over"), "{pruned}");

    let words = refused(&rig, &["gateway", "split", "50"], 1);
    assert!(words.contains("rollout dhash-2 is live"), "{words}");
    assert!(words.contains("portcullis abort dhash-2"), "{words}");
    let users = rig.users();
    rig.until("both arms got requests", |rig| {
        let routes = rig.json(&["gateway", "routes"]);
        let arms = routes["routes"][0]["arms"].as_array().unwrap().clone();
        arms.len() == 2
            && arms
                .iter()
                .all(|arm| arm["requests_now"].as_u64() > Some(0))
    });
    let routes = rig.ok(&["gateway", "routes"]);
    let canary = routes.lines().find(|line| line.contains("canary")).unwrap();
    assert!(
        canary.contains("1.1") && canary.contains("20 %"),
        "{routes}"
    );
    assert!(canary.contains(" healthy"), "{routes}");
    assert_eq!(users.stop(), 0);
    let shown = rig.json(&["gateway", "split"]);
    assert_eq!(shown["split"]["weight_percent"], 20);
    rig.ok(&["abort", "--wait"]);

    // When it is over, its backup is one like any other.
    let pruned = rig.ok(&nothing);
    assert!(!pruned.contains("dhash-2"), "{pruned}");
    assert_eq!(in_vault(&rig).len(), 1);

    // Without the journal nobody knows what is needed.
    rig.stop();
    let journal = rig.folder.path().join(".portcullis/journal.db");
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", journal.display()));
    }
    std::fs::write(&journal, "no journal at all").unwrap();
    let words = refused(&rig, &nothing, 1);
    assert!(
        words.contains("nobody knows what a rollout may need"),
        "{words}"
    );
    std::fs::remove_file(&journal).unwrap();
    let words = refused(&rig, &nothing, 1);
    assert!(words.contains("journal.db is missing"), "{words}");
}

/// Sends a request to the gateway's admin API and returns the answer.
fn ask_admin(admin: &str, token: Option<&str>, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let authorization = match token {
        Some(token) => format!("Authorization: Bearer {token}\r\n"),
        None => String::new(),
    };
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{authorization}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A process that is killed when the test is over.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_split_is_set_by_hand_with_its_undo_and_the_engine_is_not_locked_out() {
    let mut rig = Rig::new("none");
    let admin = format!("127.0.0.1:{}", free_port());
    rig.edit("[gateway]\n", &format!("[gateway]\nadmin = \"{admin}\"\n"));
    rig.ok(&["init"]);
    let words = refused(&rig, &["gateway", "routes"], 8);
    assert!(words.contains("no gateway answers"), "{words}");
    refused(&rig, &["gateway", "split", "10"], 8);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    refused(&rig, &["gateway", "split", "101"], 2);
    let words = refused(&rig, &["gateway", "split", "10"], 1);
    assert!(words.contains("no canary"), "{words}");

    // A canary beside it, as somebody with the token may set one; nobody else.
    let port = free_port();
    let home = rig.folder.path().join("releases/1.0");
    let canary = Command::new(home.join("dhash"))
        .current_dir(rig.folder.path())
        .args(["serve", "--library", "data/library.json", "--port"])
        .args([&port.to_string(), "--algorithm", "imagehash4/pillow<=12"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _canary = Killed(canary.unwrap());
    rig.until("the canary listens", |_| {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let route = rig.json(&["gateway", "split"]);
    let mut split = route["split"].clone();
    split["canary"] =
        serde_json::json!({ "release": "1.0-b", "address": format!("127.0.0.1:{port}") });
    split["weight_percent"] = 10.into();
    let change = serde_json::json!({ "split": split, "epoch": route["epoch"] }).to_string();
    let put = "PUT /v1/routes/dhash/split";
    let token = std::fs::read_to_string(rig.folder.path().join(".portcullis/token")).unwrap();
    for wrong in [None, Some("wrong")] {
        let answer = ask_admin(&admin, wrong, put, &change);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    let answer = ask_admin(&admin, Some(token.trim()), put, &change);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let output = rig.run(&["gateway", "split", "40"]);
    assert!(output.status.success());
    let result = String::from_utf8(output.stdout).unwrap();
    assert!(result.contains("40 % to the canary 1.0-b"), "{result}");
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(talk.contains("undo: portcullis gateway split 10"), "{talk}");
    let undone: Value = rig.json(&["gateway", "split", "10"]);
    assert_eq!(undone["split"]["weight_percent"], 10);
    assert_eq!(undone["before_percent"], 40);
    assert_eq!(undone["epoch"], route["epoch"]);

    // The engine goes on under the same epoch, and what it wants holds.
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    users.stop();
    assert_eq!(rig.serving_release(), "1.1");
    let split = rig.json(&["gateway", "split"])["split"].clone();
    assert_eq!(split["stable"]["release"], "1.1");
    assert_eq!(split["weight_percent"], 0);
    // A token that is not the server's is refused as such.
    let file = rig.folder.path().join(".portcullis/token");
    std::fs::write(&file, "pc_0123456789abcdef").unwrap();
    let words = refused(&rig, &["gateway", "routes"], 9);
    assert!(words.contains("Bearer"), "{words}");
    std::fs::write(&file, token).unwrap();
}

#[test]
fn logs_are_read_and_followed_with_and_without_a_server() {
    let mut rig = Rig::new("none");
    for version in ["1.0", "1.1"] {
        let script = format!("echo \"good morning from {version}\"\nexec \"$0.real\" \"$@\"\n");
        rig.replace_program(version, &script);
    }
    rig.ok(&["init"]);
    let words = refused(&rig, &["logs"], 1);
    assert!(
        words.contains("no release of dhash was started yet"),
        "{words}"
    );
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let one = rig.ok(&["logs", "dhash", "-n", "1000"]);
    assert!(one.starts_with("good morning from 1.0\n"), "{one}");
    let line: Value = serde_json::from_str(
        rig.ok(&["logs", "--json", "-n", "1000"])
            .lines()
            .next()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(line["line"], "good morning from 1.0");
    assert_eq!(line["release"], "1.0");

    let followed = rig.folder.path().join("followed");
    let follower = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .args(["logs", "--follow", "-n", "1000"])
        .stdout(std::fs::File::create(&followed).unwrap())
        .stderr(Stdio::null())
        .spawn();
    let mut follower = Killed(follower.unwrap());
    let has = |text: &str| std::fs::read_to_string(&followed).unwrap().contains(text);
    rig.until("the release that runs is shown", |_| {
        has("1.0 | good morning from 1.0\n")
    });
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    users.stop();
    rig.until("the new release is shown", |_| {
        has("good morning from 1.1\n")
    });
    let pid = follower.0.id().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status();
    assert!(interrupted.unwrap().success());
    assert_eq!(follower.0.wait().unwrap().code(), Some(0));

    let words = refused(&rig, &["logs", "--release", "9.9"], 1);
    assert!(words.contains("there are logs of 1.0, 1.1"), "{words}");
    let words = refused(&rig, &["logs", "--release", "1.2"], 1);
    assert!(words.contains("1.2 was not started yet"), "{words}");
    let words = refused(&rig, &["logs", "shop"], 1);
    assert!(words.contains("the configured one is dhash"), "{words}");
    rig.stop();
    let output = rig.run(&["logs", "-n", "1000"]);
    assert!(output.status.success());
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(talk.contains("no release runs"), "{talk}");
    let old = rig.ok(&["logs", "--release", "1.0", "-n", "1000"]);
    assert!(old.contains("good morning from 1.0"), "{old}");
}
