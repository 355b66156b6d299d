//! What people type and read: help, errors, exit codes.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::rig::Rig;

#[test]
fn the_help_teaches() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_plan_reads_like_a_story() {
    let rig = Rig::serving("none");
    let plan = rig.ok(&["plan", "--release", "1.1"]);
    let folder = rig.folder.path().display().to_string();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&regex_escape(&folder), "FOLDER");
    settings.add_filter(r"plan [0-9a-f]{12}", "plan HASH");
    settings.add_filter(r"sha256 [0-9a-f]{12}", "sha256 HASH");
    settings.add_filter(r"127\.0\.0\.1:\d+", "ADDRESS");
    settings.add_filter(r"\d{8}T\d{6}Z", "TIME");
    settings.add_filter(r"\d+(\.\d+)? m?s before", "SHORT before");
    // The windows alone take 4 s; a busy machine took longer for the rest before.
    settings.add_filter(
        r"at least ([4-9]|[1-9]\d)(\.\d)? s",
        "at least 4 s and SHORT",
    );
    settings.bind(|| insta::assert_snapshot!(plan));
    // What is printed is what runs: the same plan as JSON has the same steps.
    let json = rig.json(&["deploy", "--release", "1.1", "--dry-run"]);
    assert_eq!(json["plan"]["steps"].as_array().unwrap().len(), 12);
    assert!(
        rig.ok(&["history"]).lines().count() == 1,
        "a dry run changed something"
    );
}

#[test]
fn mistakes_get_an_exit_code_and_a_hint() {
    let mut rig = Rig::new("none");
    // No state folder and no server yet.
    let output = rig.run(&["deploy"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("portcullis init"), "{told}");
    rig.ok(&["init"]);
    assert!(rig.ok(&["init"]).contains("nothing was changed"));
    assert_eq!(rig.exit(&["deploy"]), 8);
    assert_eq!(rig.exit(&["no-such-command"]), 2);
    assert_eq!(rig.exit(&["show", "not a name"]), 2);
    assert_eq!(rig.exit(&["show", "dhash-9"]), 1);
    assert_eq!(rig.exit(&["--file", "nowhere.toml", "check"]), 2);

    rig.start();
    let output = rig.run(&["deploy", "--release", "9.9"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("release 9.9 is not in") && told.contains("1.0, 1.1, 1.2"),
        "{told}"
    );

    std::fs::write(
        rig.folder.path().join(".portcullis/token"),
        "pc_wrong_wrong_wrong\n",
    )
    .unwrap();
    assert_eq!(rig.exit(&["status"]), 9);

    rig.edit("strategy = \"canary\"", "stratgy = \"canary\"");
    let output = rig.run(&["check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told.contains("portcullis.toml:4:1") && told.contains("strategy"),
        "{told}"
    );
}

#[test]
fn errors_are_json_when_asked_for() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let output = rig.run(&["deploy", "--json"]);
    let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["schema"], "portcullis.error/2");
    assert_eq!(error["exit_code"], 8);
}

#[test]
fn init_makes_a_file_that_check_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let program = folder.path().join("serve.sh");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(folder.path().join("notes.db"), "x").unwrap();
    let bad = run(&["init", "--name", "No Good"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(!folder.path().join("portcullis.toml").exists());
    let command = "./serve.sh --port {port}";
    let made = run(&[
        "init",
        "--name",
        "notes",
        "--command",
        command,
        "--store",
        "notes.db",
    ]);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let checked = run(&["check"]);
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let token = std::fs::metadata(folder.path().join(".portcullis/token")).unwrap();
    assert_eq!(token.permissions().mode() & 0o777, 0o600);
}

#[test]
fn backups_are_made_listed_verified_and_restored() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let name = rig
        .ok(&["backup", "create", "--reason", "a test"])
        .trim()
        .to_owned();
    assert!(name.starts_with("dhash_test_"), "{name}");
    assert!(rig.ok(&["backup", "list"]).contains("verified: a test"));
    rig.ok(&["backup", "verify", &name]);
    rig.ok(&["backup", "restore", &name, "--to", "copy"]);
    let live = std::fs::read(rig.folder.path().join("data/library.json")).unwrap();
    assert_eq!(
        std::fs::read(rig.folder.path().join("copy/library")).unwrap(),
        live
    );

    let library = rig.folder.path().join("data/library.json");
    std::fs::write(&library, "garbage").unwrap();
    rig.ok(&["backup", "restore", &name, "--in-place"]);
    assert_eq!(std::fs::read(&library).unwrap(), live);

    let vault = rig.folder.path().join(".portcullis/vault");
    let checked = Command::new("sha256sum")
        .args(["-c", &format!("{name}.sha256")])
        .current_dir(&vault)
        .output()
        .unwrap();
    assert!(checked.status.success());
    let archive = vault.join(format!("{name}.tar.zst"));
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    assert_eq!(rig.exit(&["backup", "verify", &name]), 1);
    let listed = rig.ok(&["backup", "list"]);
    assert!(listed.contains("damaged: it did not read back"), "{listed}");
    assert!(
        !listed.contains("complete") && !listed.contains("verified:"),
        "{listed}"
    );
    let kept = rig.ok(&[
        "backup",
        "prune",
        "--keep-last",
        "1",
        "--keep-days",
        "0",
        "--dry-run",
    ]);
    assert!(
        kept.contains("would remove"),
        "it takes no place of a good one: {kept}"
    );
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure_and_a_closed_pipe_is_none() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let run = |args: &[&str], to: std::process::Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.current_dir(rig.folder.path()).args(args).stdout(to);
        command.stderr(std::process::Stdio::piped());
        command.output().unwrap()
    };
    for args in [
        &["docs", "config"][..],
        &["plan"],
        &["plan", "--json"],
        &["config", "schema"],
        &["--help"],
        &["completions", "bash"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = run(args, full.unwrap().into());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {told}");
        assert!(told.contains("No space left on device"), "{args:?}: {told}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = run(args, writer.into());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {told}");
        assert!(!told.contains("error"), "{args:?}: {told}");
    }
}

#[test]
fn an_empty_variable_for_the_environment_means_none() {
    let rig = Rig::new("none");
    let run = |value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.current_dir(rig.folder.path()).arg("check");
        command.env("PORTCULLIS_ENV", value).output().unwrap()
    };
    let output = run("");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert_eq!(run("nowhere").status.code(), Some(2));
}

/// The text as a pattern that matches itself.
fn regex_escape(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("\\{c}")
            }
        })
        .collect()
}

#[test]
fn a_release_that_is_named_where_a_plan_is_expected_is_understood() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let refused = rig.run(&["deploy", "1.0"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("portcullis deploy --release 1.0"), "{told}");
}
