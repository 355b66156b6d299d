//! Backups and drills by schedule, kept by `serve`.

use std::collections::BTreeSet;

use portcullis_backup::{BackupRequest, Store, Vault};
use serde_json::Value;

use crate::rig::{Rig, get};

/// A rig that serves, with a schedule in its configuration from now on.
fn scheduled(keys: &str) -> Rig {
    let rig = Rig::serving("none");
    rig.edit("[timeouts]", &format!("{keys}\n\n[timeouts]"));
    rig
}

/// The names of the backups that a schedule has made, newest first.
fn made(rig: &Rig) -> Vec<String> {
    let listed = rig.json(&["backup", "list"]);
    let rows = listed["backups"].as_array().unwrap().iter();
    rows.filter(|row| {
        let why = row["why"].as_str().unwrap_or_default();
        why.starts_with("schedule, ") && row["verified"] == true
    })
    .map(|row| row["name"].as_str().unwrap().to_owned())
    .collect()
}

fn data(rig: &Rig) -> Value {
    rig.json(&["status"])["data"].clone()
}

/// All metrics that the gateway tells at its own address.
fn metric(address: &str, name: &str) -> Option<f64> {
    let text = get(address, "/metrics", "nobody");
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name}{{")))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn backups_are_made_verified_and_pruned_at_their_times() {
    let rig = scheduled("[backup]\nschedule = \"*/2 * * * * *\"\nkeep_last = 2\nkeep_days = 0");
    rig.until("four were made", |rig| {
        let log = rig.log();
        log.matches("a backup of the schedule was made").count() >= 4
    });
    let names = made(&rig);
    assert!((1..=3).contains(&names.len()), "{names:?}");
    rig.ok(&["backup", "verify", &names[0]]);
    // Each is of a time of its own: no two runs overlapped.
    let times: BTreeSet<&String> = names.iter().collect();
    assert_eq!(times.len(), names.len());
    let standing = data(&rig);
    assert!(standing["verified"]["name"].is_string(), "{standing:#}");
    assert_eq!(standing["troubles"], Value::Null, "{standing:#}");
    let checked = rig.ok(&["check", "--json"]);
    assert!(checked.contains("backup.schedule"), "{checked}");
    // The release that serves is in each of them, so each can be drilled.
    assert_eq!(rig.exit(&["drill"]), 0);
}

#[test]
fn a_failed_backup_is_told_to_hooks_and_status_until_one_is_made() {
    let rig = Rig::serving("none");
    rig.edit(
        "[timeouts]",
        "[backup]\nschedule = \"* * * * * *\"\n\n[[hook]]\nname = \"tell\"\non = [\"notice\"]\ncommand = [\"sh\", \"-c\", \"cat >> told.jsonl; echo >> told.jsonl\"]\n\n[timeouts]",
    );
    let library = rig.path("data/library.json");
    let aside = rig.path("data/aside.json");
    std::fs::rename(&library, &aside).unwrap();
    rig.until("somebody was told", |rig| {
        let told = std::fs::read_to_string(rig.path("told.jsonl")).unwrap_or_default();
        told.contains("failed") && told.contains("portcullis.notice/1")
    });
    rig.until("status tells", |rig| {
        let troubles = data(rig)["troubles"].to_string();
        troubles.contains("the backup of") && troubles.contains("library.json")
    });
    std::fs::rename(&aside, &library).unwrap();
    rig.until("one is made and the trouble is over", |rig| {
        !made(rig).is_empty() && data(rig)["troubles"] == Value::Null
    });
}

#[test]
fn what_was_missed_while_nothing_ran_is_made_up_for_once() {
    let mut rig =
        scheduled("[backup]\nschedule = \"*/5 * * * * *\"\nprune = false\ncatch_up = \"1h\"");
    rig.until("one was made", |rig| !made(rig).is_empty());
    rig.stop();
    let before = made(&rig).len();
    let newest = made(&rig)[0].clone();
    // A schedule with a time that only lay in between: the clock of the test is the machine's.
    rig.until("times have passed", |rig| {
        let checked: Value = serde_json::from_str(&rig.ok(&["check", "--json"])).unwrap();
        let next_ms = checked["schedules"][0]["next_ms"][0].as_u64().unwrap();
        let name = newest.rsplit('_').next().unwrap();
        let made_at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", name).unwrap();
        let made_at = made_at
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp();
        // At least two times were missed when the one after next is more than fifteen seconds later.
        next_ms > u64::try_from(made_at.as_millisecond()).unwrap() + 16_000
    });
    rig.start();
    rig.until("the last was made up for", |rig| made(rig).len() > before);
    let log = rig.log();
    let reasons: BTreeSet<String> = rig.json(&["backup", "list"])["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["why"].as_str().unwrap_or_default().to_owned())
        .filter(|why| why.starts_with("schedule, "))
        .collect();
    assert_eq!(
        reasons.len(),
        made(&rig).len(),
        "no time was run twice: {reasons:?}\n{log}"
    );
}

#[test]
fn drills_are_held_at_their_times_and_told_in_metrics() {
    let mut rig = Rig::serving("none");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    rig.stop();
    rig.edit(
        "[timeouts]",
        &format!("[gateway.metrics]\nlisten = \"{address}\"\n\n[drill]\nschedule = \"*/3 * * * * *\"\nrto = \"5m\"\nrpo = \"1h\"\n\n[timeouts]"),
    );
    crate::drills::backup(&rig);
    rig.start();
    rig.until("two drills passed", |rig| {
        let drills = rig.json(&["drill", "list"]);
        let drills = drills["drills"].as_array().unwrap().iter();
        drills
            .filter(|drill| drill["verdict"] == "passed" && drill["by"] == "schedule")
            .count()
            >= 2
    });
    let drills = rig.json(&["drill", "list"]);
    let times: Vec<u64> = drills["drills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drill| drill["time_ms"].as_u64().unwrap())
        .collect();
    assert!(
        times.windows(2).all(|pair| pair[0] > pair[1]),
        "each time once: {times:?}"
    );
    rig.until("metrics tell", |_| {
        metric(&address, "portcullis_drill_rto_seconds").is_some_and(|rto| rto > 0.0)
    });
    assert!(metric(&address, "portcullis_backup_verified_time_seconds").unwrap() > 1.7e9);
    let text = get(&address, "/metrics", "nobody");
    assert!(
        text.contains("portcullis_drill_verdict{service=\"dhash\",verdict=\"passed\"} 1"),
        "{text}"
    );
    let shown = rig.ok(&["status"]);
    assert!(shown.contains("drill     drill-"), "{shown}");
    assert!(shown.contains("passed"), "{shown}");
}

#[test]
fn what_a_killed_drill_left_is_cleared_away_by_a_running_server() {
    let rig = Rig::serving("none");
    crate::drills::backup(&rig);
    rig.edit(
        "command = [\"{artifact}\"",
        "command = [\"sh\", \"-c\", \"case \\\"$*\\\" in */drills/*) sleep 600;; esac; exec \\\"$0\\\" \\\"$@\\\"\", \"{artifact}\"",
    );
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .arg("drill")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    rig.until("the release is being started", |rig| {
        !crate::drills::remains(rig).1.is_empty()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!crate::drills::remains(&rig).1.is_empty());
    rig.until("it is stopped and removed", |rig| {
        crate::drills::remains(rig) == (Vec::new(), Vec::new())
    });
}

#[test]
fn a_rollout_is_refused_when_the_last_verified_backup_is_too_old() {
    let rig = Rig::serving("none");
    // What rollouts made before does not count: the limit is about the schedule's.
    for name in rig.json(&["backup", "list"])["backups"].as_array().unwrap() {
        let name = name["name"].as_str().unwrap();
        for ending in ["sha256", "tar.zst", "manifest.json", "record.json"] {
            let _ = std::fs::remove_file(rig.path(&format!(".portcullis/vault/{name}.{ending}")));
        }
    }
    let vault = Vault::open(&rig.path(".portcullis/vault")).unwrap();
    let request = BackupRequest {
        service: "dhash".to_owned(),
        environment: "test".to_owned(),
        created_at: jiff::Timestamp::now() - jiff::SignedDuration::from_hours(50),
        release: None,
        reason: "old".to_owned(),
    };
    let store = Store::file("library", rig.path("data/library.json"));
    let made = vault.create(&request, &[store]).unwrap();
    vault.verify(&made.name).unwrap();
    rig.edit("[timeouts]", "[backup]\nage_max = \"26h\"\n\n[timeouts]");
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(
        shown.contains("the last verified backup is 2 days 2 h old, and may be 1 day 2 h"),
        "{shown}"
    );
    assert_eq!(rig.serving_release(), "1.0");
    crate::drills::backup(&rig);
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("pre-flight is content", |rig| {
        rig.ok(&["show", "dhash-3"])
            .contains("old, at most 1 day 2 h")
    });
    rig.ok(&["abort", "--wait"]);
}
