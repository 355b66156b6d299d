//! Backups and drills by schedule, kept by `serve`.

use std::collections::BTreeSet;

use portcullis_backup::{BackupRequest, Store, Vault};
use serde_json::Value;

use crate::databases::ledger_of;
use crate::rig::{Rig, get};

const LEDGER: &str = include_str!("fixtures/ledger/portcullis.toml");

/// The ledger's database by commands of which each run is noted.
const COMMANDS: &str = r#"kind = "command"
path = "data"
copies = true
repeats = true
backup = ["sh", "back-up.sh"]
restore = ["sh", "restore.sh"]
check = ["sqlite3", "-bail", ":memory:"]
size = ["stat", "--format", "%s", "data/entries.db"]
"#;

/// Notes in `trace` when it begins and ends, and does not go on while there is a file `hold-backup`. On the copy of a drill it
/// only compares, and has another name.
const BACK_UP: &str = r#"set -e
root=$PWD
what=backup
if [ -n "$PORTCULLIS_COPY" ]; then what=comparison; fi
trap 'echo "end $what $(date +%s%3N)" >> "$root/trace"' EXIT
echo "begin $what $(date +%s%3N)" >> "$root/trace"
while [ -e "$root/hold-$what" ]; do sleep 0.05; done
cd "${PORTCULLIS_COPY:-data}"
version=$(sqlite3 -cmd '.timeout 20000' entries.db 'PRAGMA user_version')
sqlite3 -cmd '.timeout 20000' entries.db .dump
echo "PRAGMA user_version = $version;"
"#;

/// The same for what puts it back, with `hold-restore`.
const RESTORE: &str = r#"set -e
root=$PWD
trap 'echo "end restore $(date +%s%3N)" >> "$root/trace"' EXIT
echo "begin restore $(date +%s%3N)" >> "$root/trace"
while [ -e "$root/hold-restore" ]; do sleep 0.05; done
cd "${PORTCULLIS_COPY:-data}"
rm -f new.db
sqlite3 -bail new.db
rm -f entries.db-wal entries.db-shm
mv new.db entries.db
"#;

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

/// A ledger whose backups and restores are noted.
fn traced() -> Rig {
    let configuration = LEDGER
        .replace("kind = \"sqlite\"\npath = \"data/entries.db\"\n", COMMANDS)
        .replace("{store.entries}", "{store.entries}/entries.db");
    let rig = ledger_of(&configuration);
    std::fs::write(rig.path("back-up.sh"), BACK_UP).unwrap();
    std::fs::write(rig.path("restore.sh"), RESTORE).unwrap();
    rig
}

/// The same with a release that serves, a backup that says so, and nothing noted yet.
fn traced_and_serving() -> Rig {
    let mut rig = traced();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    crate::drills::backup(&rig);
    std::fs::remove_file(rig.path("trace")).unwrap();
    rig
}

/// What a command noted: whether it began or ended, which it was, and when, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
struct Noted {
    began: bool,
    what: String,
    at_ms: u64,
}

/// What the commands noted, in order.
fn trace(rig: &Rig) -> Vec<Noted> {
    let text = std::fs::read_to_string(rig.path("trace")).unwrap_or_default();
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        Noted {
            began: words[0] == "begin",
            what: words[1].to_owned(),
            at_ms: words[2].parse().unwrap(),
        }
    });
    lines.collect()
}

/// Checks that each run ended before the next one began. Returns how many there were; the last may not have ended.
fn one_at_a_time(rig: &Rig) -> usize {
    let noted = trace(rig);
    let mut running: Option<&str> = None;
    for one in &noted {
        let (before, now) = match one.began {
            true => (None, Some(one.what.as_str())),
            false => (Some(one.what.as_str()), None),
        };
        assert_eq!(running, before, "{noted:#?}");
        running = now;
    }
    noted.iter().filter(|one| one.began).count()
}

fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap()
}

/// Waits until it is five seconds later than a moment: then two times of a schedule for every other second have come.
fn two_times_pass(rig: &Rig, since_ms: u64) {
    rig.until("two more times have come", |_| now_ms() > since_ms + 5_000);
}

/// The drills that were held by the schedule, newest first.
fn held(rig: &Rig) -> Vec<Value> {
    let listed = rig.json(&["drill", "list"]);
    let drills = listed["drills"].as_array().unwrap().iter();
    let drills = drills.filter(|drill| drill["by"] == "schedule");
    drills.cloned().collect()
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
    // Data that is gone without a failure is told too, once.
    std::fs::write(&library, "").unwrap();
    let is_empty = "store library is empty in this backup";
    rig.until("two are made of nothing", |rig| {
        rig.log().matches(is_empty).count() >= 2
    });
    let told = std::fs::read_to_string(rig.path("told.jsonl")).unwrap();
    assert_eq!(told.matches(is_empty).count(), 1, "{told}");
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

/// A backup takes longer than the pause between two: the times that come meanwhile are given up, which is said.
#[test]
fn a_backup_that_is_due_while_one_is_under_way_is_skipped_and_said() {
    let mut rig = traced();
    rig.edit(
        "[timeouts]",
        "[backup]\nschedule = \"*/2 * * * * *\"\nprune = false\n\n[[hook]]\nname = \"tell\"\non = [\"notice\"]\ncommand = [\"sh\", \"-c\", \"cat >> told.jsonl; echo >> told.jsonl\"]\n\n[timeouts]",
    );
    std::fs::write(rig.path("hold-backup"), "").unwrap();
    rig.ok(&["init"]);
    rig.start();
    rig.until("one is under way", |rig| {
        !trace(rig).is_empty() && data(rig)["now"].is_string()
    });
    let now = data(&rig)["now"].clone();
    let at = now
        .as_str()
        .and_then(|now| now.strip_prefix("the backup of "))
        .and_then(|rest| rest.strip_suffix(" is under way"))
        .unwrap_or_else(|| panic!("{now}"));
    two_times_pass(&rig, trace(&rig)[0].at_ms);
    assert_eq!(trace(&rig).len(), 1, "{:#?}", trace(&rig));
    std::fs::remove_file(rig.path("hold-backup")).unwrap();
    let end = format!(" was skipped: that of {at} was still under way");
    let told = |rig: &Rig| std::fs::read_to_string(rig.path("told.jsonl")).unwrap_or_default();
    rig.until("somebody was told", |rig| told(rig).contains(&end));
    rig.until("it goes on", |rig| {
        let log = rig.log();
        log.matches("a backup of the schedule was made").count() >= 3
    });
    rig.stop();
    let told = told(&rig);
    let (before, _) = told.split_once(&end).unwrap();
    let (_, skipped) = before.rsplit_once("the backup of ").unwrap();
    assert_ne!(skipped, at);
    let log = rig.log();
    let sentence = format!("the backup of {skipped}{end}");
    assert!(log.contains(&sentence), "{sentence}: {log}");
    // The one that took long was made, and what was skipped was not made up for.
    let listed = rig.json(&["backup", "list"]);
    let rows = listed["backups"].as_array().unwrap().iter();
    let made: Vec<&str> = rows.filter_map(|row| row["why"].as_str()).collect();
    let of = |time: &str| {
        let reason = format!("schedule, {time}");
        made.iter().filter(|why| **why == reason).count()
    };
    assert_eq!((of(at), of(skipped)), (1, 0), "{made:?}");
    assert!(one_at_a_time(&rig) >= 3);
}

/// One thing at a time: a drill waits for a backup, and a backup for a drill.
#[test]
fn a_drill_and_a_backup_that_are_due_while_the_other_is_under_way_wait_for_it() {
    let mut rig = traced_and_serving();
    std::fs::write(rig.path("hold-backup"), "").unwrap();
    rig.edit(
        "[timeouts]",
        "[backup]\nschedule = \"*/2 * * * * *\"\nprune = false\n\n[drill]\nschedule = \"*/2 * * * * *\"\n\n[timeouts]",
    );
    let begun = |rig: &Rig, what: &str| {
        let last = trace(rig).pop();
        last.filter(|last| last.began && last.what == what)
    };
    rig.until("a backup is under way", |rig| {
        begun(rig, "backup").is_some()
    });
    let backup = begun(&rig, "backup").unwrap();
    let before = held(&rig).len();
    two_times_pass(&rig, backup.at_ms);
    assert_eq!(begun(&rig, "backup").as_ref(), Some(&backup));
    assert_eq!(crate::drills::remains(&rig), (Vec::new(), Vec::new()));
    assert_eq!(held(&rig).len(), before);
    std::fs::remove_file(rig.path("hold-backup")).unwrap();
    rig.until("a drill is held", |rig| held(rig).len() > before);
    let noted = trace(&rig);
    let mut since = noted.iter().skip_while(|one| **one != backup);
    let ended = since.find(|one| !one.began).unwrap();
    assert_eq!(ended.what, "backup");
    let drills = held(&rig);
    let began_ms = |drill: &Value| drill["began_ms"].as_u64().unwrap();
    for drill in &drills[..drills.len() - before] {
        assert!(began_ms(drill) >= ended.at_ms, "{ended:?}: {drill:#}");
    }

    std::fs::write(rig.path("hold-restore"), "").unwrap();
    rig.until("a drill is under way", |rig| {
        begun(rig, "restore").is_some()
    });
    let drill = begun(&rig, "restore").unwrap();
    let before = made(&rig);
    two_times_pass(&rig, drill.at_ms);
    assert_eq!(begun(&rig, "restore").as_ref(), Some(&drill));
    assert_eq!(made(&rig), before);
    let skipped = |rig: &Rig| {
        let log = rig.log();
        let lines = log.lines();
        lines
            .filter(|line| {
                line.contains("the drill of ") && line.contains(" was skipped: that of ")
            })
            .count()
    };
    let skipped_before = skipped(&rig);
    std::fs::remove_file(rig.path("hold-restore")).unwrap();
    rig.until("the drills that were due meanwhile were given up", |rig| {
        skipped(rig) > skipped_before
    });
    rig.until("a backup is made again", |rig| {
        made(rig).len() > before.len()
    });
    rig.stop();
    // Two backups, and what two drills did.
    assert!(one_at_a_time(&rig) >= 4);
}

#[test]
fn a_drill_that_is_due_while_somebody_holds_one_is_skipped_and_said() {
    let mut rig = traced_and_serving();
    std::fs::write(rig.path("hold-restore"), "").unwrap();
    let by_hand = rig.spawn(&["drill"]);
    rig.until("it is under way", |rig| !trace(rig).is_empty());
    // Whoever wants to hold one waits a little for the other, and no second time comes meanwhile.
    rig.edit(
        "[timeouts]",
        "[drill]\nschedule = \"*/10 * * * * *\"\n\n[timeouts]",
    );
    rig.until("status tells", |rig| {
        let troubles = data(rig)["troubles"].to_string();
        troubles.contains("the drill of ") && troubles.contains(" was skipped: somebody holds one")
    });
    assert_eq!(trace(&rig).len(), 1, "{:#?}", trace(&rig));
    assert_eq!(held(&rig), Vec::<Value>::new());
    std::fs::remove_file(rig.path("hold-restore")).unwrap();
    assert!(by_hand.join().unwrap().success(), "{}", rig.log());
    rig.until("one of the schedule is held", |rig| !held(rig).is_empty());
    rig.stop();
    let listed = rig.json(&["drill", "list"]);
    let drills = listed["drills"].as_array().unwrap();
    let by: Vec<&str> = drills.iter().filter_map(|one| one["by"].as_str()).collect();
    assert_eq!(by.last(), Some(&"tester"), "{by:?}");
    // What the one by hand did, and what that of the schedule did after it.
    assert!(one_at_a_time(&rig) >= 2);
}

/// Of three, the same is picked in each of fourteen runs with a probability of less than a millionth, and within the
/// patience of a test there are more.
#[test]
fn a_drill_of_the_schedule_may_be_of_any_backup() {
    let rig = Rig::serving("none");
    crate::drills::backup(&rig);
    crate::drills::backup(&rig);
    let complete = crate::drills::complete(&rig);
    assert_eq!(complete.len(), 3, "that of the rollout, and two");
    rig.edit(
        "[timeouts]",
        "[drill]\nschedule = \"* * * * * *\"\nbackup = \"random\"\n\n[timeouts]",
    );
    let picked = |rig: &Rig| -> BTreeSet<String> {
        let drills = held(rig);
        let names = drills.iter().map(|drill| {
            assert_eq!(drill["wanted"], "any, at random", "{drill:#}");
            let name = drill["backup"]["name"].as_str();
            name.unwrap_or_else(|| panic!("{drill:#}")).to_owned()
        });
        names.collect()
    };
    rig.until("two different ones were tried out", |rig| {
        picked(rig).len() >= 2
    });
    assert!(picked(&rig).is_subset(&complete), "{:?}", picked(&rig));
}
