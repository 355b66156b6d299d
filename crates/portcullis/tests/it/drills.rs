//! Drills: backups restored to scratch, the release that served started on them, and what is said about it.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::rig::{Rig, processes_in, signal};

/// What a drill says, and how the command ended.
fn drill(rig: &Rig, args: &[&str]) -> (Value, i32) {
    let all: Vec<&str> = ["drill"]
        .iter()
        .chain(args)
        .chain(&["--json"])
        .copied()
        .collect();
    let output = rig.run(&all);
    let code = output.status.code().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (report, code)
}

fn part<'r>(report: &'r Value, name: &str) -> &'r Value {
    let parts = report["parts"].as_array().unwrap();
    let found = parts.iter().find(|part| part["name"] == name);
    found.unwrap_or_else(|| panic!("no part {name}: {report:#}"))
}

/// What is left of drills: folders of copies, and processes that have one in their command line.
pub(crate) fn remains(rig: &Rig) -> (Vec<PathBuf>, Vec<u32>) {
    let folder = rig.path(".portcullis/drills");
    let copies = std::fs::read_dir(folder).into_iter().flatten();
    let copies = copies.map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("scratch-")
    });
    let started = processes_in(rig.folder.path()).into_iter().filter(|id| {
        let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains("/drills/scratch-")
    });
    (copies.collect(), started.collect())
}

/// Makes a backup. Names have a time to the second, and a rollout or an earlier one may have that of this second.
pub(crate) fn backup(rig: &Rig) -> String {
    let name = std::cell::OnceCell::new();
    rig.until("a backup was made", |rig| {
        let made = rig.run(&["backup", "create"]);
        made.status.success()
            && name
                .set(String::from_utf8(made.stdout).unwrap().trim().to_owned())
                .is_ok()
    });
    name.into_inner().unwrap()
}

/// How many files there are below a folder of logs.
pub(crate) fn logs(folder: &std::path::Path) -> usize {
    let services = std::fs::read_dir(folder).into_iter().flatten();
    let logs = services.map(|service| std::fs::read_dir(service.unwrap().path()).unwrap().count());
    logs.sum()
}

#[test]
fn what_a_release_wrote_in_a_drill_goes_with_the_copies() {
    let rig = Rig::serving("none");
    backup(&rig);
    let (report, code) = drill(&rig, &["--keep"]);
    assert_eq!(code, 0, "{report:#}");
    let kept = PathBuf::from(report["kept"].as_str().unwrap());
    assert_eq!(logs(&kept.join("logs")), 1, "{report:#}");
    let (report, code) = drill(&rig, &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(logs(&rig.path(".portcullis/drills/logs")), 0);
}

#[test]
fn a_drill_passes_with_measured_numbers_and_touches_nothing_live() {
    let rig = Rig::serving("none");
    rig.edit(
        "[timeouts]",
        "[drill]\nrto = \"5m\"\nrpo = \"1h\"\n\n[timeouts]",
    );
    let name = backup(&rig);
    let before = rig.library_sha256();
    let (report, code) = drill(&rig, &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["schema"], "portcullis.drill/1");
    assert_eq!(report["verdict"], "passed", "{report:#}");
    assert_eq!(report["backup"]["name"], name.as_str());
    assert_eq!(report["backup"]["release"], "1.0");
    let parts = ["fetch", "restore", "integrity", "boot", "smoke"];
    let sum: u64 = parts
        .iter()
        .map(|name| {
            let part = part(&report, name);
            assert_eq!(part["outcome"], "passed", "{report:#}");
            part["took_ms"].as_u64().unwrap()
        })
        .sum();
    let rto = &report["rto"];
    assert_eq!(rto["measured_ms"], sum);
    assert!(part(&report, "boot")["took_ms"].as_u64().unwrap() > 0);
    assert_eq!(
        (&rto["target_ms"], &rto["met"]),
        (&300_000.into(), &true.into())
    );
    let rpo = &report["rpo"];
    let age_ms =
        report["began_ms"].as_u64().unwrap() - report["backup"]["created_ms"].as_u64().unwrap();
    assert_eq!(rpo["measured_ms"], age_ms);
    assert_eq!(
        (&rpo["worst_ms"], &rpo["met"]),
        (&Value::Null, &true.into())
    );
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
    assert_eq!(rig.library_sha256(), before);
    assert_eq!(rig.serving_release(), "1.0");

    let listed = rig.json(&["drill", "list"]);
    // Backups have records of their own before it.
    let id = listed["drills"][0]["id"].as_str().unwrap().to_owned();
    let shown = rig.ok(&["drill", "report"]);
    assert!(shown.contains(&format!("{id}: passed")), "{shown}");
    assert!(shown.contains("target 5 min: met"), "{shown}");
    assert!(shown.contains(&name), "{shown}");
    rig.ok(&["drill", "report", &id, "--html", "drill.html"]);
    let page = std::fs::read_to_string(rig.path("drill.html")).unwrap();
    assert!(page.contains(&name) && page.contains("by tester"), "{page}");
    // The record is in the journal, in a chain that can be checked.
    assert!(
        rig.ok(&["journal", "verify"])
            .contains("3 records of backups and drills")
    );
}

#[test]
fn a_missed_target_fails_the_drill() {
    let rig = Rig::serving("none");
    backup(&rig);
    rig.edit("[timeouts]", "[drill]\nrpo = \"1s\"\n\n[timeouts]");
    rig.until("the backup is older than the target", |rig| {
        let (report, code) = drill(rig, &[]);
        let missed = report["rpo"]["met"] == false;
        assert_eq!(code, i32::from(missed), "{report:#}");
        missed
    });
    let shown = rig.ok(&["drill", "report"]);
    assert!(shown.contains("more than the target of 1 s"), "{shown}");
}

#[test]
fn a_drill_of_a_damaged_backup_fails_and_touches_nothing_live() {
    let rig = Rig::serving("none");
    let older = backup(&rig);
    let name = backup(&rig);
    assert_ne!(name, older);
    let archive = rig.path(&format!(".portcullis/vault/{name}.tar.zst"));
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&archive)
        .unwrap();
    let at = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    let before = rig.library_sha256();
    let (report, code) = drill(&rig, &[]);
    assert_eq!(
        (code, &report["verdict"]),
        (1, &"failed".into()),
        "{report:#}"
    );
    assert_eq!(part(&report, "fetch")["outcome"], "failed");
    assert!(
        report["sentence"].as_str().unwrap().contains("is damaged"),
        "{report:#}"
    );
    assert_eq!(report["rto"]["measured_ms"], Value::Null);
    // What a loss would cost is counted from the one that is in order.
    let drilled = report["rpo"]["drilled_ms"].as_u64().unwrap();
    assert!(
        report["rpo"]["measured_ms"].as_u64().unwrap() > drilled,
        "{report:#}"
    );
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
    assert_eq!(rig.library_sha256(), before);
    // It is known now, so the next drill says that it passes it over.
    let (report, code) = drill(&rig, &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["backup"]["name"], older.as_str());
    assert!(report["notes"].to_string().contains(&name), "{report:#}");
}

#[test]
fn a_release_that_does_not_start_on_the_copy_fails_the_drill() {
    let rig = Rig::serving("none");
    backup(&rig);
    // The very program that served: it fails on the copy only, as a copy that lacks something would have it.
    rig.edit("command = [\"{artifact}\"", "command = [\"sh\", \"-c\", \"case \\\"$*\\\" in */drills/*) echo ana@example.org has no room >&2; exit 9;; esac; exec \\\"$0\\\" \\\"$@\\\"\", \"{artifact}\"");
    let output = rig.run(&["drill"]);
    let (shown, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(1), "{shown}{said}");
    assert!(shown.contains("failed at boot"), "{shown}");
    // What the release wrote is told and not kept: it may be about people.
    assert!(said.contains("ana@example.org has no room"), "{said}");
    let kept = rig.ok(&["drill", "report", "--json"]);
    assert!(!kept.contains("ana@example.org"), "{kept}");
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
}

#[test]
fn a_drill_that_cannot_start_the_release_could_not_run_and_is_no_pass() {
    let rig = Rig::serving("none");
    backup(&rig);
    // Another program in the place of the one that served.
    rig.replace_program("1.0", "exec \"$0.real\" \"$@\"\n");
    let (report, code) = drill(&rig, &[]);
    assert_eq!(
        (code, &report["verdict"]),
        (5, &"could_not_run".into()),
        "{report:#}"
    );
    assert_eq!(part(&report, "integrity")["outcome"], "passed");
    assert_eq!(part(&report, "boot")["outcome"], "could_not_run");
    assert!(
        report["sentence"]
            .as_str()
            .unwrap()
            .contains("shows nothing"),
        "{report:#}"
    );
    assert_eq!(report["rto"]["measured_ms"], Value::Null);
    let output = rig.run(&["drill", "--backup", "dhash_test_20200101T000000Z"]);
    assert_eq!(output.status.code(), Some(5));
    let (report, code) = drill(&rig, &["--at", "2020-01-01T00:00:00Z"]);
    assert_eq!((code, &report["backup"]), (5, &Value::Null), "{report:#}");
    assert_eq!(rig.exit(&["drill", "--at", "yesterday"]), 2);
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
}

#[test]
fn a_release_that_would_use_live_data_is_not_started() {
    let rig = Rig::serving("none");
    backup(&rig);
    let live = rig.path("data/library.json").display().to_string();
    rig.edit("{store.library}", &live);
    let (report, code) = drill(&rig, &[]);
    assert_eq!(code, 5, "{report:#}");
    let why = part(&report, "boot")["why"].as_str().unwrap();
    assert!(why.contains("would use live data"), "{why}");
}

#[test]
fn a_killed_drill_is_cleared_away_by_the_next_which_names_it() {
    let mut rig = Rig::serving("none");
    backup(&rig);
    // A server would clear it away first.
    rig.stop();
    // The release never becomes ready on a copy.
    rig.edit("command = [\"{artifact}\"", "command = [\"sh\", \"-c\", \"case \\\"$*\\\" in */drills/*) sleep 600;; esac; exec \\\"$0\\\" \\\"$@\\\"\", \"{artifact}\"");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .arg("drill")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    rig.until("the release is being started", |rig| {
        !remains(rig).1.is_empty()
    });
    // Nobody else holds one meanwhile.
    assert_eq!(rig.exit(&["drill"]), 6);
    child.kill().unwrap();
    child.wait().unwrap();
    let (copies, started) = remains(&rig);
    assert_eq!(copies.len(), 1);
    assert!(
        !started.is_empty(),
        "it outlives the drill; otherwise this tests nothing"
    );
    rig.edit("sleep 600", "true");
    let (report, code) = drill(&rig, &[]);
    assert_eq!(code, 0, "{report:#}");
    let left = copies[0]
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    assert!(report["notes"].to_string().contains(&left), "{report:#}");
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
}

#[test]
fn an_interrupted_drill_is_cleared_away_and_could_not_run() {
    let rig = Rig::serving("none");
    backup(&rig);
    rig.edit("command = [\"{artifact}\"", "command = [\"sh\", \"-c\", \"case \\\"$*\\\" in */drills/*) sleep 600;; esac; exec \\\"$0\\\" \\\"$@\\\"\", \"{artifact}\"");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .arg("drill")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    rig.until("the release is being started", |rig| {
        !remains(rig).1.is_empty()
    });
    signal("-INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
    let report = rig.json(&["drill", "report"]);
    assert_eq!(part(&report, "boot")["why"], "it was interrupted");
}

#[test]
fn copies_are_kept_for_whoever_asks_for_them() {
    let rig = Rig::serving("none");
    backup(&rig);
    // Not one at random: that of the first rollout has no release that served.
    let (report, code) = drill(&rig, &["--keep"]);
    assert_eq!(code, 0, "{report:#}");
    let kept = PathBuf::from(report["kept"].as_str().unwrap());
    let copy = kept.join("library/library.json");
    assert_eq!(
        std::fs::read(copy).unwrap(),
        std::fs::read(rig.path("data/library.json")).unwrap()
    );
    assert_eq!(drill(&rig, &[]).1, 0);
    assert!(kept.exists(), "the next drill leaves it alone");
}
