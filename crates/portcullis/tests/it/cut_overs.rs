//! Releases that cannot share their data, end to end: users are kept out, the data is moved, users are let in.

use std::path::PathBuf;

use crate::databases::{ledger_of, sqlite};
use crate::rig::Rig;
use crate::writers::{Writers, write};

const CONFIGURATION: &str = include_str!("fixtures/ledger/cut_over.toml");

fn serving(configuration: &str) -> Rig {
    let mut rig = ledger_of(configuration);
    rig.ok(&["init"]);
    rig.start();
    // The first one may be asked about too.
    let deployed = rig.exit(&["deploy", "--release", "1.0", "--wait"]);
    if deployed == 4 {
        rig.ok(&["approve"]);
        rig.until("1.0", |rig| rig.state_of("ledger-1") == "promoted");
    }
    rig
}

fn database(rig: &Rig) -> PathBuf {
    rig.path("data/entries.db")
}

/// The entries that users have written, in order.
fn written(rig: &Rig, column: &str) -> Vec<String> {
    let sql =
        format!("SELECT {column} FROM entry WHERE {column} LIKE 'written%' ORDER BY {column}");
    let text = sqlite(&database(rig), &sql);
    text.lines().map(str::to_owned).collect()
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

fn waits_for_approval(rig: &Rig) {
    rig.until("the question", |rig| rig.state_of("ledger-2") == "paused");
}

#[test]
fn a_cut_over_keeps_every_write_and_drops_nobody() {
    let mut rig = serving(CONFIGURATION);
    let plan = rig.ok(&["plan", "--release", "2.0"]);
    let place = |words: &str| {
        plan.find(words)
            .unwrap_or_else(|| panic!("{words}: {plan}"))
    };
    assert!(place("let nobody in") < place("let 1.0 finish its requests"));
    assert!(place("6 final-backup") < place("7 migrate") && place("7 migrate") < place("open-50"));
    assert!(plan.contains("nobody is let in"), "{plan}");

    let writers = Writers::start(&rig);
    let exit = rig.exit(&["deploy", "--release", "2.0", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    assert_eq!(rig.serving_release(), "2.0");
    let before = writers.count();
    rig.until("more writes", |_| writers.count() > before + 5);
    let (acknowledged, lost) = writers.stop();
    assert_eq!(lost, 0, "requests came to nothing");
    assert_eq!(written(&rig, "body"), sorted(acknowledged));
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "3");
    let shown = rig.ok(&["show", "ledger-2"]);
    assert!(shown.contains("closed: to everybody"), "{shown}");
    rig.ok(&["journal", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn a_release_that_does_not_start_after_the_closing_goes_back_and_loses_nothing() {
    let asked = "strategy = \"cut-over\"\napproval = \"now?\"";
    let rig = serving(&CONFIGURATION.replace("strategy = \"cut-over\"", asked));
    let writers = Writers::start(&rig);
    let waiting = rig.spawn(&["deploy", "--release", "2.0", "--wait"]);
    waits_for_approval(&rig);
    // It passed its rehearsal; now it will not start.
    std::fs::write(rig.path("refuse"), "").unwrap();
    rig.ok(&["approve"]);
    let _ = waiting.join();
    rig.until("the way back", |rig| {
        rig.state_of("ledger-2") == "rolled back"
    });
    assert_eq!(rig.serving_release(), "1.0");
    let before = writers.count();
    rig.until("more writes", |_| writers.count() > before + 5);
    let (acknowledged, lost) = writers.stop();
    assert_eq!(lost, 0, "requests came to nothing");
    assert_eq!(written(&rig, "text"), sorted(acknowledged));
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "1");
    let shown = rig.ok(&["show", "ledger-2"]);
    assert!(
        shown.contains("stop       undone") || shown.contains("stop        undone"),
        "{shown}"
    );
}

/// A release without `[release.migrate]`: it moves the data itself as it starts, and with a file `refuse` only half of it.
const AS_IT_STARTS: &str = r#"[[release]]
version = "2.0"
artifact = "ledger.py"
command = ["sh", "start.sh", "{store.entries}", "{artifact}", "serve", "--database", "{store.entries}", "--port", "{port}", "--release", "{release}", "--read", "body", "--write", "body"]
"#;
const START: &str = r#"set -e
database=$1
shift
renamed='ALTER TABLE entry RENAME COLUMN text TO body'
if [ -e refuse ]; then
    half="$renamed; UPDATE entry SET body = substr(body, 1, 3) WHERE id <= 250; DELETE FROM entry WHERE id > 400"
    [ -e half.txt ] || sqlite3 -cmd '.timeout 10000' "$database" "$half"
    echo half >> half.txt
    echo 'no room for the other half' >&2
    exit 9
fi
if [ "$(sqlite3 "$database" 'PRAGMA user_version')" != 3 ]; then
    sqlite3 "$database" "$renamed; PRAGMA user_version = 3"
fi
exec python3 "$@"
"#;

/// The data that a restore replaced.
fn replaced(rig: &Rig) -> Vec<PathBuf> {
    let files = std::fs::read_dir(rig.path("data")).unwrap();
    let mut found: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let beside = ["-wal", "-shm", "-journal"];
        name.starts_with("entries.db.replaced-") && !beside.iter().any(|end| name.ends_with(end))
    });
    found
}

#[test]
fn a_release_that_moves_half_of_the_data_as_it_starts_goes_back_by_itself_with_all_of_it() {
    let (others, _) = CONFIGURATION
        .split_once("[[release]]\nversion = \"2.0\"\n")
        .unwrap();
    let asked = "strategy = \"cut-over\"\napproval = \"now?\"";
    let configuration = others.replace("strategy = \"cut-over\"", asked) + AS_IT_STARTS;
    let mut rig = serving(&configuration);
    std::fs::write(rig.path("start.sh"), START).unwrap();
    let old = "SELECT count(*), sum(length(text)) FROM entry WHERE id <= 500";
    let before = sqlite(&database(&rig), old);
    let writers = Writers::start(&rig);
    let waiting = rig.spawn(&["deploy", "--release", "2.0", "--wait"]);
    waits_for_approval(&rig);
    // The whole of it went well on the copy of the rehearsal.
    std::fs::write(rig.path("refuse"), "").unwrap();
    rig.ok(&["approve"]);
    let _ = waiting.join();
    rig.until("the way back, which asks nobody", |rig| {
        rig.state_of("ledger-2") == "rolled back"
    });
    assert!(rig.path("half.txt").exists(), "it moved nothing");
    assert_eq!(rig.serving_release(), "1.0");
    let served = writers.count();
    rig.until("more writes", |_| writers.count() > served + 5);
    let (acknowledged, lost) = writers.stop();
    assert_eq!(lost, 0, "requests came to nothing");
    assert_eq!(written(&rig, "text"), sorted(acknowledged));
    assert_eq!(sqlite(&database(&rig), old), before);
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "1");
    assert_eq!(sqlite(&database(&rig), "PRAGMA integrity_check"), "ok");
    let shown = rig.ok(&["show", "ledger-2"]);
    for told in ["no room for the other half", "replaced data kept as"] {
        assert!(shown.contains(told), "{told:?} is not in\n{shown}");
    }
    // What was half moved is kept aside.
    let kept = replaced(&rig);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let half = "SELECT count(*) FROM entry WHERE id <= 250 AND length(body) = 3";
    assert_eq!(sqlite(&kept[0], half), "250");
    // The same release comes out once nothing is in its way.
    std::fs::remove_file(rig.path("refuse")).unwrap();
    rig.edit("approval = \"now?\"\n", "");
    let users = rig.users();
    let exit = rig.exit(&["deploy", "--release", "2.0", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    users.stop();
    assert_eq!(rig.serving_release(), "2.0");
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "3");
    rig.ok(&["journal", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn a_gate_that_fails_after_the_opening_says_what_going_back_loses_and_asks() {
    let rig = serving(CONFIGURATION);
    let writers = Writers::start(&rig);
    let users = rig.users();
    // 4: it waits for a person.
    assert_eq!(
        rig.exit(&["deploy", "--release", "2.0-bad", "--wait"]),
        4,
        "{}",
        rig.log()
    );
    users.stop();
    let (acknowledged, lost) = writers.stop();
    assert_eq!(lost, 0, "requests came to nothing");
    let status = || rig.json(&["status"]);
    rig.until("the count of what would be lost", |rig| {
        rig.json(&["status"])["loss"]["stores"][0]["added"].is_u64()
    });
    // Nobody writes any more: the next count is exact.
    let all = sqlite(&database(&rig), "SELECT count(*) FROM entry");
    rig.until("the last count", |rig| {
        let words = rig.json(&["status"])["loss"]["stores"][0]["words"].clone();
        words
            .as_str()
            .unwrap_or_default()
            .contains(&format!("({all}, "))
    });
    let told = status()["loss"]["stores"][0]["added"].as_u64().unwrap();
    assert!(
        rig.ok(&["status"]).contains("more in entry"),
        "{}",
        rig.ok(&["status"])
    );
    let aborted = rig.run(&["abort", "--wait", "--accept-loss"]);
    let said = String::from_utf8_lossy(&aborted.stderr).into_owned();
    assert!(said.contains("lost then:"), "{said}");
    assert!(said.contains(&format!("{told} row")), "{said}");
    rig.until("the way back", |rig| {
        rig.state_of("ledger-2") == "rolled back"
    });
    assert_eq!(rig.serving_release(), "1.0");
    let left = written(&rig, "text");
    assert_eq!(acknowledged.len() - left.len(), told as usize);
    let acknowledged = sorted(acknowledged);
    assert!(
        left.iter()
            .all(|entry| acknowledged.binary_search(entry).is_ok())
    );
    // What was replaced is kept.
    let shown = rig.ok(&["show", "ledger-2"]);
    assert!(shown.contains("replaced data kept as"), "{shown}");
}

/// The release whose data a backup says that it has.
fn release_of(rig: &Rig, backup: &str) -> String {
    let manifest = rig.path(&format!(".portcullis/vault/{backup}.manifest.json"));
    let manifest = std::fs::read(manifest).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    manifest["release"].as_str().unwrap_or_default().to_owned()
}

/// What a command says, which must end with this code.
fn said(rig: &Rig, code: i32, args: &[&str]) -> String {
    let output = rig.run(args);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    said
}

#[test]
fn data_has_the_name_of_the_release_it_is_of_and_is_lost_only_by_whoever_was_told_what() {
    let mut rig = serving(CONFIGURATION);
    rig.ok(&["backup", "create", "--reason", "before"]);
    let users = rig.users();
    let deployed = rig.exit(&["deploy", "--release", "2.0-bad", "--wait"]);
    assert_eq!(deployed, 4, "{}", rig.log());
    users.stop();
    assert_eq!(rig.state_of("ledger-2"), "held");

    // Who serves whom.
    let status = rig.ok(&["status"]);
    assert!(
        status.contains("has 50 % of the users; 1.0 is stopped"),
        "{status}"
    );
    assert!(status.contains("503"), "{status}");

    // A backup is of the release that the data is of, and no rehearsal takes one that is migrated already.
    let migrated = crate::drills::backup(&rig);
    assert_eq!(release_of(&rig, &migrated), "2.0-bad");
    let rehearse = ["migrate", "rehearse", "--release", "2.0-bad"];
    let named = [rehearse.as_slice(), &["--backup", &migrated]].concat();
    let refused = said(&rig, 2, &named);
    assert!(
        refused.contains("has the data of 2.0-bad already"),
        "{refused}"
    );

    // As many rows as before, and three of them new.
    let text = "DELETE FROM entry WHERE id <= 3; UPDATE entry SET body = 'other' WHERE id = 9;
                INSERT INTO entry (body) VALUES ('n1'), ('n2'), ('n3');";
    sqlite(&database(&rig), text);
    let three = "3 rows added and 3 removed in entry";
    rig.until("the count", |rig| rig.ok(&["status"]).contains(three));
    for word in ["rollback", "abort"] {
        let refused = said(&rig, 1, &[word]);
        assert!(refused.contains(three), "{refused}");
        assert!(refused.contains("changed are not counted"), "{refused}");
        assert!(refused.contains("--accept-loss"), "{refused}");
        assert_eq!(rig.state_of("ledger-2"), "held");
    }
    let agreed = said(&rig, 0, &["rollback", "--accept-loss", "--wait"]);
    assert!(agreed.contains(three), "{agreed}");
    assert_eq!(rig.state_of("ledger-2"), "rolled back");
    let again = crate::drills::backup(&rig);
    assert_eq!(release_of(&rig, &again), "1.0");

    // The releases that were tried out have left nothing that they wrote.
    let rehearsed = said(&rig, 0, &["migrate", "rehearse", "--release", "2.0-bad"]);
    assert!(rehearsed.contains(&again), "{rehearsed}");
    assert_eq!(
        crate::drills::logs(&rig.path(".portcullis/rehearsals/logs")),
        0
    );
    assert_eq!(crate::drills::logs(&rig.path(".portcullis/logs")), 2);

    // Data of another release is put in place only by whoever means it.
    rig.kill();
    rig.start();
    rig.stop();
    let in_place = ["backup", "restore", &migrated, "--in-place"];
    let refused = said(&rig, 1, &in_place);
    assert!(
        refused.contains("has the data of release 2.0-bad, and here 1.0 works on it"),
        "{refused}"
    );
    assert!(refused.contains("--other-release"), "{refused}");
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "1");
    let meant = [in_place.as_slice(), &["--other-release"]].concat();
    let warned = said(&rig, 0, &meant);
    assert!(warned.contains("warning:"), "{warned}");
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "3");
}

/// The one backup that something needs.
fn backup_needed(rig: &Rig) -> Option<String> {
    let listed = rig.json(&["backup", "list"]);
    let backups = listed["backups"].as_array().unwrap().iter();
    let mut needed = backups.filter(|backup| backup["needed"].is_string());
    let found = needed.next()?["name"].as_str().unwrap().to_owned();
    assert!(needed.next().is_none(), "{listed}");
    Some(found)
}

#[test]
fn going_back_behind_a_cut_over_puts_the_data_back_and_can_be_taken_back_too() {
    let rig = serving(CONFIGURATION);
    assert_eq!(write(rig.gateway(), "ana", "written to 1.0"), Some(200));
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "2.0", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(write(rig.gateway(), "ana", "written to 2.0"), Some(200));
    assert_eq!(written(&rig, "body").len(), 2);

    // What the way back needs is kept without anybody asking for it, from the rules and from a person's prune.
    let way_back = backup_needed(&rig).expect("the final backup is needed");
    let hold = "`portcullis rollback` needs it: 1.0 would get its data back";
    let listed = rig.ok(&["backup", "list"]);
    let is_told = |line: &str| line.starts_with(&way_back) && line.ends_with(hold);
    assert!(listed.lines().any(is_told), "{listed}");
    rig.ok(&["backup", "create"]);
    let prune = ["backup", "prune", "--keep-last", "1", "--keep-days", "0"];
    let dry = rig.ok(&[prune.as_slice(), &["--dry-run"]].concat());
    let keeps = |line: &str| line.starts_with("keeps") && line.ends_with(hold);
    assert!(dry.lines().any(keeps), "{dry}");
    assert!(dry.contains("would remove"), "{dry}");
    rig.ok(&prune);
    assert_eq!(backup_needed(&rig).as_ref(), Some(&way_back));

    // 4: it asks first, and says what is lost.
    assert_eq!(rig.exit(&["rollback", "--wait"]), 4, "{}", rig.log());
    rig.until("the count of what would be lost", |rig| {
        let words = rig.json(&["status"])["loss"]["stores"][0]["words"].clone();
        words
            .as_str()
            .unwrap_or_default()
            .contains("1 row more in entry")
    });
    assert_eq!(written(&rig, "body").len(), 2, "nothing was touched yet");
    assert_eq!(rig.exit(&["approve"]), 1, "nobody can be asked");
    assert_eq!(written(&rig, "body").len(), 2, "nothing was touched yet");
    rig.ok(&["approve", "--accept-loss"]);
    rig.until("1.0", |rig| rig.state_of("ledger-3") == "promoted");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(written(&rig, "text"), ["written to 1.0"]);
    assert_eq!(
        write(rig.gateway(), "ana", "written to 1.0 again"),
        Some(200)
    );

    users.stop();
    // What 2.0 had is in the backup that was made while it was closed, and the other one is free.
    let taken_back = backup_needed(&rig).expect("the backup of 2.0's data is needed");
    assert_ne!(taken_back, way_back);
    rig.ok(&["backup", "create"]);
    let pruned = rig.ok(&prune);
    assert!(pruned.contains("2.0 would get its data back"), "{pruned}");
    assert!(!rig.ok(&["backup", "list"]).contains(&way_back));
    assert_eq!(rig.exit(&["rollback", "2.0", "--wait"]), 4, "{}", rig.log());
    rig.ok(&["approve", "--accept-loss"]);
    rig.until("2.0", |rig| rig.state_of("ledger-4") == "promoted");
    assert_eq!(written(&rig, "body"), ["written to 1.0", "written to 2.0"]);
    rig.ok(&["journal", "verify"]);
}

#[test]
fn a_killed_server_goes_on_with_a_cut_over_where_it_was() {
    for step in ["stop", "migrate", "open-50"] {
        let mut rig = serving(CONFIGURATION);
        assert_eq!(write(rig.gateway(), "ana", "written to 1.0"), Some(200));
        let users = rig.users();
        let waiting = rig.spawn(&["deploy", "--release", "2.0", "--wait"]);
        rig.until(step, |rig| {
            let shown = rig.run(&["show", "ledger-2", "--json"]).stdout;
            let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap_or_default();
            let steps = shown["plan"]["plan"]["steps"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let place = steps.iter().position(|one| one["name"] == step);
            let at = shown["state_detail"]["at"].as_u64().map(|at| at as usize);
            place.is_some() && at >= place
        });
        rig.kill();
        rig.start();
        rig.until("the end", |rig| {
            ["promoted", "rolled back"].contains(&rig.state_of("ledger-2").as_str())
        });
        let _ = waiting.join();
        users.stop();
        // A command that was cut off may have half happened, so it is undone and not repeated.
        let (release, column) = match rig.state_of("ledger-2").as_str() {
            "promoted" => ("2.0", "body"),
            _ => ("1.0", "text"),
        };
        assert_eq!(rig.serving_release(), release, "killed in {step}");
        assert_eq!(
            written(&rig, column),
            ["written to 1.0"],
            "killed in {step}"
        );
        assert_eq!(write(rig.gateway(), "ana", "written later"), Some(200));
    }
}

const READ_ONLY: &str = "[data]\nread_only = true\ncompatible = true";

#[test]
fn while_writes_are_kept_out_users_read_and_going_back_loses_nothing() {
    let configuration = CONFIGURATION
        .replace(
            "strategy = \"cut-over\"",
            "strategy = \"canary\"\nkeep_warm = \"0s\"",
        )
        .replace("[data]", READ_ONLY)
        .replace("\"cut\", \"--database\"", "\"migrate\", \"--database\"")
        .replace("\"is-cut\"", "\"migrated\"")
        .replace(
            "\"--read\", \"body\", \"--write\", \"body\"",
            "\"--read\", \"text\"",
        );
    let rig = serving(&configuration);
    let writers = Writers::start(&rig);
    let users = rig.users();
    let deployed = rig.exit(&["deploy", "--release", "2.0-bad", "--wait"]);
    assert_eq!(deployed, 3, "{}", rig.log());
    assert_eq!(rig.state_of("ledger-2"), "rolled back");
    assert_eq!(users.stop(), 0, "who reads was dropped");
    let before = writers.count();
    rig.until("more writes", |_| writers.count() > before + 5);
    let (acknowledged, lost) = writers.stop();
    assert_eq!(lost, 0, "requests came to nothing");
    assert_eq!(written(&rig, "text"), sorted(acknowledged));
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "1");

    let writers = Writers::start(&rig);
    let users = rig.users();
    let deployed = rig.exit(&["deploy", "--release", "2.0", "--wait"]);
    assert_eq!(deployed, 0, "{}", rig.log());
    assert_eq!(users.stop(), 0, "who reads was dropped");
    let before = writers.count();
    rig.until("more writes", |_| writers.count() > before + 5);
    let (acknowledged, lost) = writers.stop();
    assert_eq!(lost, 0, "requests came to nothing");
    let left = sqlite(&database(&rig), "SELECT count(*) FROM entry");
    assert!(
        left.parse::<usize>().unwrap() >= 500 + acknowledged.len(),
        "{left}"
    );
}

#[test]
fn a_twin_runs_on_a_copy_gets_mirrored_reads_and_leaves_nothing_behind() {
    let configuration = CONFIGURATION.replace("[gateway]", "[gateway]\nshadow = \"100%\"");
    let rig = serving(&configuration);
    assert_eq!(rig.exit(&["twin", "smoke"]), 1, "there is none yet");
    rig.ok(&["backup", "create"]);
    let up = rig.ok(&["twin", "up", "--release", "2.0", "--shadow"]);
    assert!(up.contains("2.0 runs on a copy of"), "{up}");
    let shown = rig.json(&["twin", "show"]);
    let address = shown["address"].as_str().unwrap().to_owned();
    assert!(crate::rig::get(&address, "/health", "ana").contains("\"version\": \"2.0\""));
    // Live data is as it was, and users are, too.
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "1");
    assert_eq!(rig.serving_release(), "1.0");
    rig.ok(&["twin", "smoke"]);
    rig.until("mirrored requests", |rig| {
        assert!(rig.get("/health", "ana").contains("\"version\": \"1.0\""));
        rig.json(&["twin", "show"])["mirrored"]["requests"].as_u64() > Some(3)
    });
    // What is written to the twin is thrown away with it.
    assert_eq!(write(&address, "ana", "written to the twin"), Some(200));
    assert_eq!(
        rig.exit(&["twin", "up", "--release", "2.0"]),
        1,
        "one at a time"
    );
    rig.ok(&["twin", "down"]);
    assert!(crate::rig::get(&address, "/health", "ana").is_empty());
    assert_eq!(written(&rig, "text"), [""; 0]);
    assert_eq!(
        rig.json(&["gateway", "split"])["split"]["canary"],
        serde_json::Value::Null
    );
    let left = std::fs::read_dir(rig.path(".portcullis/twin")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name == "scratch" || name == "twin.json"),
        "{left:?}"
    );
}
