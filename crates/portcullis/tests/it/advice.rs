//! What commands say to do when a vault, a store or a key is not where it should be.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, symlink};

use serde_json::{Value, json};

use crate::drills::backup;
use crate::rig::Rig;

/// What a command that must fail says on standard error.
fn refusal(rig: &Rig, args: &[&str]) -> String {
    let output = rig.run(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    said
}

/// What the doctor finds of something, each with the word for how it stands.
fn found(rig: &Rig, about: &str) -> Vec<(String, String)> {
    let output = rig.run(&["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let about = findings.filter(|finding| finding["about"] == about);
    about
        .map(|finding| {
            let word = finding["result"].as_str().unwrap().to_owned();
            let hint = finding["hint"].as_str().unwrap_or_default();
            let message = finding["message"].as_str().unwrap();
            (word, format!("{message}; do: {hint}"))
        })
        .collect()
}

/// Every command that looks for backups or would make a vault says that there was one.
fn is_told_as_gone(rig: &Rig, newest: &str) {
    for args in [
        &["backup", "list"][..],
        &["backup", "prune"],
        &["backup", "prune", "--dry-run"],
        &["backup", "create"],
    ] {
        let told = refusal(rig, args);
        for words in [
            "there is no vault at",
            &format!("the newest {newest}"),
            "see whether its disk is mounted",
            "mkdir -m 700",
        ] {
            assert!(told.contains(words), "{args:?}: {words}: {told}");
        }
    }
    let found = found(rig, "backups");
    let [(word, told)] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(word, "fail", "{told}");
    assert!(told.contains("see whether its disk is mounted"), "{told}");
}

#[test]
fn a_vault_that_went_away_is_not_begun_anew_and_no_release_with_data_begins() {
    let mut rig = Rig::new("none");
    rig.edit("[data]", "[state]\nvault = \"disk/vault\"\n\n[data]");
    fs::create_dir(rig.path("disk")).unwrap();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let newest = backup(&rig);
    assert_eq!(rig.stop(), Some(0));
    let (vault, aside) = (rig.path("disk/vault"), rig.path("aside"));
    fs::rename(&vault, &aside).unwrap();
    is_told_as_gone(&rig, &newest);

    // As after a start of the machine without that disk.
    rig.start();
    assert!(
        rig.log().contains("until then no backup is made"),
        "{}",
        rig.log()
    );
    assert_eq!(rig.serving_release(), "1.0");
    assert_ne!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    assert_eq!(rig.serving_release(), "1.0");
    is_told_as_gone(&rig, &newest);
    assert!(!vault.exists());

    // It goes on without another start once the disk is there.
    fs::rename(&aside, &vault).unwrap();
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.1");
    let listed = rig.ok(&["backup", "list"]);
    assert!(listed.contains(&newest), "{listed}");
}

#[test]
fn an_empty_folder_that_is_made_by_hand_begins_a_vault_anew() {
    let rig = Rig::serving("none");
    let before = backup(&rig);
    let vault = rig.path(".portcullis/vault");
    fs::rename(&vault, rig.path("aside")).unwrap();
    is_told_as_gone(&rig, &before);
    assert!(!vault.exists());
    DirBuilder::new().mode(0o700).create(&vault).unwrap();
    assert_eq!(rig.json(&["backup", "list"])["backups"], json!([]));
    // The new vault knows no name of the old one, and names have a time to the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let after = backup(&rig);
    let listed = rig.ok(&["backup", "list"]);
    assert!(
        listed.contains(&after) && !listed.contains(&before),
        "{listed}"
    );
}

#[test]
fn a_schedule_does_not_begin_a_vault_anew() {
    let mut rig = Rig::serving("none");
    backup(&rig);
    let vault = rig.path(".portcullis/vault");
    let log = |rig: &Rig| rig.log().matches("see whether its disk is mounted").count();
    fs::rename(&vault, rig.path("aside")).unwrap();
    rig.edit(
        "[timeouts]",
        "[backup]\nschedule = \"* * * * * *\"\n\n[timeouts]",
    );
    rig.until("the schedule has said it", |rig| log(rig) > 0);
    assert!(!vault.exists());
    fs::rename(rig.path("aside"), &vault).unwrap();
    rig.until("it goes on", |rig| {
        rig.ok(&["backup", "list"]).contains("schedule, ")
    });
    rig.stop();
}

#[test]
fn a_vault_that_is_a_file_is_found() {
    let rig = Rig::new("none");
    rig.edit("[data]", "[state]\nvault = \"backups\"\n\n[data]");
    rig.ok(&["init"]);
    rig.ok(&["check"]);
    fs::write(rig.path("backups"), "").unwrap();
    let output = rig.run(&["check"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("is not a folder"), "{said}");
    let found = found(&rig, "backups");
    assert!(
        found.iter().any(|(word, told)| word == "fail"
            && told.contains("is not a folder")
            && !told.contains("chmod")),
        "{found:?}"
    );
}

#[test]
fn a_store_that_is_a_link_is_noted() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let noted = |rig: &Rig| {
        let output = rig.run(&["check"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let doctor = found(rig, "stores");
        let doctor = doctor.iter().any(|(word, told)| {
            word == "warn" && told.contains("store library is a symbolic link")
        });
        let check = said.contains("note: store library is a symbolic link");
        assert_eq!(doctor, check, "{said}");
        check.then_some(said)
    };
    assert_eq!(noted(&rig), None);
    let library = rig.path("data/library.json");
    fs::rename(&library, rig.path("data/real.json")).unwrap();
    symlink("real.json", &library).unwrap();
    let said = noted(&rig).unwrap();
    assert!(said.contains("/data/real.json"), "{said}");
}

#[test]
fn a_drill_of_what_no_release_served_on_says_what_to_do() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    backup(&rig);
    let output = rig.run(&["drill", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "could_not_run", "{report:#}");
    let text = report.to_string();
    assert!(
        text.contains("deploy a release, and then make a backup"),
        "{report:#}"
    );
    // One of archives, of which there are none.
    assert_eq!(rig.exit(&["drill", "--from", "archive"]), 5);
    let shown = rig.ok(&["drill", "report"]);
    assert!(
        shown.contains("from      archive: nothing was recovered"),
        "{shown}"
    );
    let listed = rig.ok(&["drill", "list"]);
    assert!(listed.contains("no archive"), "{listed}");
}

#[test]
fn another_key_or_none_is_told_with_what_to_do() {
    let rig = Rig::new("none");
    let new = ["backup", "key", "new", "--file", "backup.key"];
    let recipient = rig.ok(&new);
    let keys = format!(
        "[backup.encryption]\nrecipients = [\"{}\"]\nidentities = [\"file:backup.key\"]\n\n[timeouts]",
        recipient.trim()
    );
    rig.edit("[timeouts]", &keys);
    rig.ok(&["init"]);
    let name = backup(&rig);
    let looked_at = |rig: &Rig| {
        for args in [
            &["backup", "restore", &name, "--to", "copy"][..],
            &["backup", "restore", &name, "--in-place"],
            &["backup", "verify", &name],
        ] {
            let told = refusal(rig, args);
            assert!(
                told.contains("portcullis backup key list") && told.contains("`identities`"),
                "{args:?}: {told}"
            );
        }
        assert!(!rig.path("copy").exists());
        let found = found(rig, "backups");
        let none = found.iter().find(|(_, told)| told.contains("reads back"));
        let (word, told) = none.unwrap();
        assert_eq!(word, "warn", "{told}");
        assert!(
            told.contains("portcullis backup key list") && !told.contains("backup create"),
            "{told}"
        );
    };
    let before = rig.library_sha256();
    fs::remove_file(rig.path("backup.key")).unwrap();
    rig.ok(&new);
    looked_at(&rig);
    fs::write(rig.path("backup.key"), "no key at all\n").unwrap();
    looked_at(&rig);
    assert_eq!(rig.library_sha256(), before);
}

#[test]
fn a_damaged_backup_is_refused_with_what_else_there_is() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let name = backup(&rig);
    let archive = rig.path(&format!(".portcullis/vault/{name}.tar.zst"));
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).unwrap();
    let told = refusal(&rig, &["backup", "restore", &name, "--to", "copy"]);
    assert!(told.contains("must not be restored"), "{told}");
    assert!(
        told.contains("portcullis backup list") && told.contains("portcullis backup fetch"),
        "{told}"
    );
}

/// Whoever backs up data that something emptied hears of it, and which backup has the data.
#[test]
fn a_store_that_was_emptied_is_told_with_the_backup_that_has_its_data() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let full = backup(&rig);
    let library = rig.path("data/library.json");
    fs::write(&library, "").unwrap();
    let output = rig.run(&["backup", "create", "--reason", "a test"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for words in [
        format!("warning: store library is empty in this backup, and was not in {full}"),
        format!("portcullis backup protect {full} --reason"),
    ] {
        assert!(said.contains(&words), "{words}: {said}");
    }
    let made = rig.json(&["backup", "create", "--reason", "a test"]);
    assert_eq!(
        made["emptied"],
        json!([{ "store": "library", "last": full }])
    );
}
