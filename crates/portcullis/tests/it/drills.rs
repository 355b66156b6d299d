//! Drills: backups restored to scratch, the release that served started on them, and what is said about it.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use portcullis_backup::BackupName;
use serde_json::Value;

use crate::databases::{digest, ledger_of, sqlite};
use crate::rig::{Rig, processes_in, signal};

const LEDGER: &str = include_str!("fixtures/ledger/portcullis.toml");

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

/// The backups that are complete, by the list.
pub(crate) fn complete(rig: &Rig) -> BTreeSet<String> {
    let listed = rig.json(&["backup", "list"]);
    let rows = listed["backups"].as_array().unwrap().iter();
    rows.filter(|row| row["state"] == "complete")
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

/// A file of a backup.
fn in_vault(rig: &Rig, name: &str, ending: &str) -> PathBuf {
    rig.path(&format!(".portcullis/vault/{name}.{ending}"))
}

/// An SQLite database with an index, and a release that serves from it.
fn ledger() -> Rig {
    let mut rig = ledger_of(LEDGER);
    sqlite(
        &rig.path("data/entries.db"),
        "CREATE INDEX entry_text ON entry (text)",
    );
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig
}

/// What a part that passed found, by the name under which it says so.
fn found(part: &Value, name: &str) -> String {
    let facts = part["evidence"].as_array().unwrap();
    let fact = facts.iter().find(|fact| fact["name"] == name);
    let fact = fact.unwrap_or_else(|| panic!("nothing of {name}: {part:#}"));
    fact["value"].as_str().unwrap().to_owned()
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
fn a_backup_that_a_drill_needs_is_not_pruned_before_the_drill_is_over() {
    let rig = Rig::serving("none");
    let old = backup(&rig);
    let newer = backup(&rig);
    rig.edit("command = [\"{artifact}\"", "command = [\"sh\", \"-c\", \"case \\\"$*\\\" in */drills/*) sleep 600;; esac; exec \\\"$0\\\" \\\"$@\\\"\", \"{artifact}\"");
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .args(["drill", "--backup", &old])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    rig.until("the release is being started", |rig| {
        !remains(rig).1.is_empty()
    });
    let prune = ["backup", "prune", "--keep-last", "1", "--keep-days", "0"];
    let dry = rig.ok(&[&prune[..], &["--dry-run"]].concat());
    let line = dry.lines().find(|line| line.contains(&old)).unwrap();
    assert!(
        line.starts_with("keeps") && line.contains("being made, read or restored now"),
        "{dry}"
    );
    rig.ok(&prune);
    assert!(complete(&rig).contains(&old));

    signal("-INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(5));
    rig.ok(&prune);
    let left = complete(&rig);
    assert!(!left.contains(&old) && left.contains(&newer), "{left:?}");
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

/// Each of three is as likely in each run: that one of them is never picked in forty has a probability of
/// 3 * (2/3)^40, less than a millionth.
#[test]
fn a_drill_at_random_tries_out_any_complete_backup_and_names_it() {
    let mut rig = Rig::serving("none");
    let broken = backup(&rig);
    let archive = in_vault(&rig, &broken, "tar.zst");
    let file = std::fs::File::options().write(true).open(archive).unwrap();
    let bytes = file.metadata().unwrap().len();
    file.set_len(bytes - 1).unwrap();
    backup(&rig);
    backup(&rig);
    let complete = complete(&rig);
    assert_eq!(complete.len(), 3, "that of the rollout, and two");
    assert!(!complete.contains(&broken), "{complete:?}");
    // Nobody but these drills has the right to hold one.
    rig.stop();
    let mut picked = BTreeSet::new();
    for _ in 0..40 {
        let (report, code) = drill(&rig, &["--random"]);
        assert_eq!(report["wanted"], "any, at random");
        let name = report["backup"]["name"].as_str();
        let name = name.unwrap_or_else(|| panic!("{report:#}")).to_owned();
        assert!(complete.contains(&name), "{report:#}");
        let manifest = std::fs::read(in_vault(&rig, &name, "manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        // What the rollout made says of no release that it served.
        let (verdict, exit) = match manifest["release"].is_string() {
            true => ("passed", 0),
            false => ("could_not_run", 5),
        };
        assert_eq!(
            (&report["verdict"], code),
            (&verdict.into(), exit),
            "{report:#}"
        );
        let shown = rig.ok(&["drill", "report"]);
        for words in ["on any, at random", &format!("backup: {name}")] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        picked.insert(name);
        if picked == complete {
            break;
        }
    }
    assert_eq!(picked, complete);
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
}

#[test]
fn a_drill_on_an_sqlite_database_has_it_checked_and_its_rows_counted() {
    let rig = ledger();
    let name = backup(&rig);
    let before = digest(&rig);
    let (report, code) = drill(&rig, &[]);
    assert_eq!(
        (&report["verdict"], code),
        (&"passed".into(), 0),
        "{report:#}"
    );
    assert_eq!(report["backup"]["name"], name.as_str());
    let integrity = part(&report, "integrity");
    let checks = found(integrity, "entries");
    for words in [
        "PRAGMA integrity_check",
        "rows of each table",
        "; 500 rows in 1 table",
    ] {
        assert!(checks.contains(words), "{words}: {checks}");
    }
    // Nobody writes to the live one, so the copy has the same content.
    assert_eq!(found(integrity, "entries sha256"), before);
    for name in ["boot", "smoke"] {
        assert_eq!(part(&report, name)["outcome"], "passed", "{report:#}");
    }
    rig.ok(&["drill", "report", "--html", "drill.html"]);
    let page = std::fs::read_to_string(rig.path("drill.html")).unwrap();
    for shown in [rig.ok(&["drill", "report"]), page] {
        assert!(
            shown.contains("PRAGMA integrity_check") && shown.contains("500 rows in 1 table"),
            "{shown}"
        );
    }
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
    assert_eq!(digest(&rig), before);
}

/// A backup whose index was changed before its sums were taken, as memory that forgets a bit would leave it: every checksum
/// is right, and the table has all of its rows. It has a name of its own, since the journal tells of the sums of the other.
fn with_a_damaged_index(rig: &Rig, name: &str) -> String {
    let name: BackupName = name.parse().unwrap();
    let an_hour_before = name.created_at() - jiff::SignedDuration::from_hours(1);
    let damaged = BackupName::new(name.service(), name.environment(), an_hour_before).unwrap();
    // Pages of the index come after those of the table.
    let script = r#"
        set -e
        mkdir -m 0700 "$FOLDER"
        cd "$VAULT"
        zstd -q -d -c "$NAME.tar.zst" | tar -x -p -C "$FOLDER"
        zstd -q -d -c "$NAME.tar.zst" | tar -t > "$FOLDER.members"
        database=$FOLDER/stores/entries/entries.db
        old=$(sha256sum "$database" | cut -d' ' -f1)
        at=$(grep -abo 'entry number 250' "$database" | tail -n 1 | cut -d: -f1)
        printf x | dd of="$database" bs=1 seek=$((at + 14)) conv=notrunc status=none
        new=$(sha256sum "$database" | cut -d' ' -f1)
        test "$new" != "$old"
        sed -i -e "s/$old/$new/" -e "s/$NAME/$DAMAGED/" "$FOLDER/manifest.json"
        cp "$FOLDER/manifest.json" "$DAMAGED.manifest.json"
        (cd "$FOLDER"; tar -c --no-recursion -T "$FOLDER.members") | zstd -q -f -o "$DAMAGED.tar.zst"
        sha256sum "$DAMAGED.tar.zst" "$DAMAGED.manifest.json" > "$DAMAGED.sha256"
    "#;
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", script])
        .env("VAULT", rig.path(".portcullis/vault"))
        .env("FOLDER", rig.path("damaged"))
        .env("NAME", name.as_str())
        .env("DAMAGED", damaged.as_str())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    damaged.as_str().to_owned()
}

#[test]
fn a_drill_finds_damage_in_an_sqlite_database_that_no_checksum_shows() {
    let rig = ledger();
    let name = backup(&rig);
    let damaged = with_a_damaged_index(&rig, &name);
    let before = digest(&rig);
    // Read back, it is as its sums say.
    let verified = rig.json(&["backup", "verify", &damaged]);
    assert_eq!(
        (&verified["read_through"], &verified["recorded"]),
        (&true.into(), &false.into())
    );
    let (report, code) = drill(&rig, &["--backup", &damaged]);
    assert_eq!(
        (&report["verdict"], code),
        (&"failed".into(), 1),
        "{report:#}"
    );
    assert_eq!(report["backup"]["name"], damaged.as_str());
    for name in ["fetch", "restore"] {
        assert_eq!(part(&report, name)["outcome"], "passed", "{report:#}");
    }
    let integrity = part(&report, "integrity");
    assert_eq!(integrity["outcome"], "failed", "{report:#}");
    let why = integrity["why"].as_str().unwrap();
    assert!(
        why.contains("is damaged: ") && why.contains("row 250 missing from index entry_text"),
        "{why}"
    );
    // The release is not started on it.
    let parts = report["parts"].as_array().unwrap();
    assert_eq!(parts.last().unwrap(), integrity);
    assert_eq!(report["rto"]["measured_ms"], Value::Null);
    let shown = rig.ok(&["drill", "report"]);
    assert!(shown.contains("failed at integrity"), "{shown}");
    assert_eq!(remains(&rig), (Vec::new(), Vec::new()));
    assert_eq!(digest(&rig), before);
    // The one that it was made of does.
    let (report, code) = drill(&rig, &[]);
    assert_eq!(
        (&report["backup"]["name"], code),
        (&name.as_str().into(), 0),
        "{report:#}"
    );
}
