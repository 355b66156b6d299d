//! Drills from continuous archives, end to end: a moment recovered by a server of its own, the release started on it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::continuous::{archive, archived, clock, clock_ms};
use crate::postgres_server::PostgresServer;
use crate::rig::{Rig, get};
use crate::server_databases::with_password;

/// What a drill says, and how the command ended.
fn drill(rig: &Rig, args: &[&str]) -> (Value, i32) {
    let all: Vec<&str> = ["drill"]
        .iter()
        .chain(args)
        .copied()
        .chain(["--json"])
        .collect();
    let output = rig.run(&all);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&told)
        .unwrap_or_else(|_| panic!("{told}{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// A notebook that is archived, with its first release.
fn deployed(more: impl FnOnce(&Rig)) -> (PostgresServer, Rig) {
    let (server, mut rig) = archived();
    more(&rig);
    rig.ok(&["init"]);
    rig.start();
    rig.until("something can be recovered to", |rig| {
        archive(rig)["recoverable"][0]["from_ms"].is_u64()
    });
    let exit = rig.exit(&["deploy", "--release", "1.0", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    (server, rig)
}

fn evidence(report: &Value) -> String {
    let parts = report["parts"].as_array().unwrap().iter();
    let facts = parts.flat_map(|part| part["evidence"].as_array().cloned().unwrap_or_default());
    let lines = facts.map(|fact| {
        format!(
            "{}: {}\n",
            fact["name"].as_str().unwrap(),
            fact["value"].as_str().unwrap()
        )
    });
    lines.collect()
}

/// Waits until the archive's own note says that everything that is committed now is there.
fn noted(rig: &Rig, server: &PostgresServer) {
    let now_ms = clock_ms(server);
    rig.until("it is noted", |rig| {
        let listed = rig.json(&["backup", "list"]);
        let ranges = listed["continuous"][0]["recoverable"].as_array().cloned();
        let last = ranges.and_then(|ranges| ranges.last()?["to_ms"].as_u64());
        last > Some(now_ms)
    });
}

/// What is left of drills in the state folder.
fn scratch(rig: &Rig) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(rig.path(".portcullis/drills")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("scratch-")
        })
        .collect()
}

/// The release answers rightly only with five hundred notes: it does on the moment before one more was written, and not on
/// everything that was received.
#[test]
fn a_drill_recovers_a_moment_starts_the_release_on_it_and_measures() {
    let (server, mut rig) = deployed(|rig| {
        rig.edit(
            "[timeouts]",
            "[drill]\nrto = \"10m\"\nrpo = \"2m\"\n\n[timeouts]",
        );
    });
    server.sql("notes", "UPDATE note SET text = 'kept' WHERE id = 1");
    let moment = clock(&server);
    server.sql("notes", "INSERT INTO note (text) VALUES ('after')");
    noted(&rig, &server);
    let (report, code) = drill(&rig, &["--at", &moment]);
    assert_eq!(
        (&report["verdict"], code),
        (&"passed".into(), 0),
        "{report:#}"
    );
    assert_eq!(report["from"], "archive");
    assert_eq!(report["release"], "1.0");
    let taken = &report["archives"][0];
    assert_eq!(taken["store"], "notes");
    let (asked, last) = (&taken["moment_ms"], &taken["last_commit_ms"]);
    assert_eq!(&taken["complete_until_ms"], asked, "{taken:#}");
    assert!(
        last.as_u64() <= asked.as_u64() && last.is_u64(),
        "{taken:#}"
    );
    let parts = report["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 6);
    let counted = parts
        .iter()
        .skip(1)
        .map(|part| part["took_ms"].as_u64().unwrap());
    assert_eq!(report["rto"]["measured_ms"], counted.sum::<u64>());
    let shown = evidence(&report);
    for part in [
        "pg_amcheck: ",
        "B-tree indexes in order",
        "501 rows in 2 tables",
        "segments of write-ahead log",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
    // What a loss would have cost is measured by the archive, not by the backup of the release.
    assert_eq!(report["rpo"]["met"], true);
    let by = report["rpo"]["by"].as_str().unwrap();
    assert_eq!(by, "the continuous archive of notes", "{report:#}");

    let (report, code) = drill(&rig, &["--from", "archive"]);
    assert_eq!(
        (&report["verdict"], code),
        (&"failed".into(), 1),
        "{report:#}"
    );
    let ended = report["parts"].as_array().unwrap().last().unwrap();
    assert_eq!(ended["name"], "smoke", "{report:#}");
    let taken = &report["archives"][0];
    assert_eq!(
        taken["complete_until_ms"], taken["received_until_ms"],
        "{taken:#}"
    );
    let rpo_ms = report["rpo"]["measured_ms"].as_u64().unwrap();
    assert!(rpo_ms < 120_000, "{report:#}");

    // A moment that cannot be recovered to shows nothing.
    let (report, code) = drill(&rig, &["--at", "2001-01-01T00:00:00Z"]);
    assert_eq!(
        (&report["verdict"], code),
        (&"could_not_run".into(), 5),
        "{report:#}"
    );
    assert!(
        report["sentence"].as_str().unwrap().contains("what can is"),
        "{report:#}"
    );

    // A backup is drilled beside its own as ever, and says why pages were not checked. That of the release does not know which
    // release served before it, and nobody runs on what this one has: it is put right first.
    server.sql("notes", "DELETE FROM note WHERE text = 'after'");
    rig.ok(&["backup", "create"]);
    let (report, code) = drill(&rig, &["--from", "backup"]);
    assert_eq!(
        (&report["verdict"], code),
        (&"passed".into(), 0),
        "{report:#}"
    );
    assert_eq!(report["from"], "backup");
    let shown = evidence(&report);
    assert!(
        shown.contains("pg_amcheck not run: its functions are for a superuser"),
        "{shown}"
    );

    let listed = rig.ok(&["drill", "list"]);
    assert_eq!(listed.matches("archive of notes").count(), 2, "{listed}");
    let shown = rig.ok(&["drill", "report", "drill-4"]);
    assert!(
        shown.contains("from      archive: archive of notes")
            || shown.contains("from      backup: "),
        "{shown}"
    );
    rig.ok(&["drill", "report", "--html", "drill.html"]);
    assert_eq!(scratch(&rig), Vec::<PathBuf>::new());
    assert_eq!(rig.stop(), Some(0));
    assert_eq!(with_password(rig.folder.path()), ["notes.url"]);
}

/// What `archived` writes into the configuration.
const ARCHIVED: &str = "jobs = 2\n[store.continuous]\nrpo = \"2m\"";
/// Rows that are written one after the other, and how far apart.
const TICKS: u64 = 15;
const TICK_PAUSE: Duration = Duration::from_millis(200);
/// The rows beside those.
const OTHER_ROWS: u64 = 501;

/// Writes a row now and then. The server's clock before and after each: in between it was committed.
fn ticks(server: &PostgresServer) -> Vec<(Timestamp, Timestamp)> {
    let moment = || clock(server).parse::<Timestamp>().unwrap();
    let tick = |number| {
        std::thread::sleep(TICK_PAUSE);
        let before = moment();
        server.sql("notes", &format!("INSERT INTO tick VALUES ({number})"));
        (before, moment())
    };
    (0..TICKS).map(tick).collect()
}

/// Of which moment the data is that a drill recovered, and how many rows it had.
fn recovered(report: &Value) -> (Timestamp, u64) {
    let shown = evidence(report);
    let moment = shown.lines().find_map(|line| line.strip_prefix("moment: "));
    let rows = shown.split(" rows in ").next().unwrap();
    let rows = rows.rsplit(' ').next().unwrap();
    let moment = moment.unwrap_or_else(|| panic!("{shown}"));
    (moment.parse().unwrap(), rows.parse().unwrap())
}

/// The clock is noted before and after each row, so it is known of every moment which rows it has.
#[test]
fn a_drill_of_a_random_moment_has_what_was_committed_by_then_and_nothing_later() {
    let (server, mut rig) = archived();
    // The archive is begun when a release serves, so that each of its moments has one.
    rig.edit(ARCHIVED, "jobs = 2");
    rig.ok(&["init"]);
    rig.start();
    let exit = rig.exit(&["deploy", "--release", "1.0", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    assert_eq!(rig.stop(), Some(0));
    rig.edit("jobs = 2", ARCHIVED);
    server.sql("notes", "SET ROLE app; CREATE TABLE tick (number int)");
    rig.start();
    rig.until("something can be recovered to", |rig| {
        archive(rig)["recoverable"][0]["from_ms"].is_u64()
    });
    let ticks = ticks(&server);
    noted(&rig, &server);
    assert_eq!(rig.stop(), Some(0));

    let listed = rig.json(&["backup", "list"]);
    let range = &listed["continuous"][0]["recoverable"];
    assert_eq!(range.as_array().map(Vec::len), Some(1), "{listed:#}");
    let bound = |name: &str| range[0][name].as_i64().unwrap();
    let recoverable = bound("from_ms")..=bound("to_ms");
    let mut moments = BTreeSet::new();
    for _ in 0..3 {
        let (report, code) = drill(&rig, &["--from", "archive", "--random"]);
        assert_eq!(
            (&report["verdict"], code),
            (&"passed".into(), 0),
            "{report:#}"
        );
        assert_eq!(report["wanted"], "any moment, at random");
        let (moment, rows) = recovered(&report);
        let moment_ms = moment.as_millisecond();
        assert!(
            recoverable.contains(&moment_ms),
            "{recoverable:?}: {report:#}"
        );
        let taken = &report["archives"][0];
        assert_eq!(taken["moment_ms"].as_i64(), Some(moment_ms), "{taken:#}");
        let last_ms = taken["last_commit_ms"].as_i64();
        assert!(
            last_ms.is_none_or(|last_ms| last_ms <= moment_ms),
            "{taken:#}"
        );
        let committed = ticks.iter().filter(|(_, after)| *after <= moment).count() as u64;
        let begun = ticks.iter().filter(|(before, _)| *before <= moment).count() as u64;
        let wanted = OTHER_ROWS + committed..=OTHER_ROWS + begun;
        assert!(
            wanted.contains(&rows),
            "{rows} rows, {wanted:?}: {report:#}"
        );
        moments.insert(moment);
    }
    assert!(moments.len() > 1, "each drill takes the same: {moments:?}");
    assert_eq!(scratch(&rig), Vec::<PathBuf>::new());
}

/// The first file of a folder of the archive whose name ends so.
fn archived_file(rig: &Rig, folder: &str, end: &str) -> PathBuf {
    let root = rig.path(".portcullis/vault/notebook_test_notes.continuous");
    let listed = std::fs::read_dir(root.join(folder)).unwrap();
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(end));
    files.sort();
    files.pop().unwrap()
}

/// Log that was announced as received is damaged: a backup would meet the target, and the drill fails all the same.
#[test]
fn a_drill_of_an_archive_that_lost_what_it_announced_fails_and_says_what() {
    let (server, mut rig) = deployed(|rig| {
        rig.edit("[timeouts]", "[drill]\nrpo = \"1d\"\n\n[timeouts]");
    });
    rig.ok(&["backup", "create"]);
    for text in ["one", "two"] {
        let update = format!("UPDATE note SET text = '{text}' WHERE id = 1");
        server.sql("notes", &update);
        server.sql("postgres", "SELECT pg_switch_wal()");
    }
    noted(&rig, &server);
    server.sql("notes", "UPDATE note SET text = 'kept' WHERE id = 1");
    noted(&rig, &server);
    assert_eq!(rig.stop(), Some(0));
    let (report, code) = drill(&rig, &["--from", "archive"]);
    assert_eq!(
        (&report["verdict"], code),
        (&"passed".into(), 0),
        "{report:#}"
    );
    assert!(
        report["sentence"]
            .as_str()
            .unwrap()
            .contains("a loss when the drill began would have cost"),
        "{report:#}"
    );
    let announced = report["archives"][0]["received_until_ms"].as_u64().unwrap();
    let announced = jiff::Timestamp::from_millisecond(announced as i64).unwrap();

    let received = archived_file(&rig, "incoming", ".partial");
    let sealed = archived_file(&rig, "wal", ".zst");
    for path in [received, sealed] {
        let bytes = std::fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        changed[60] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let (report, code) = drill(&rig, &["--from", "archive"]);
        assert_eq!(
            (&report["verdict"], code),
            (&"failed".into(), 1),
            "{report:#}"
        );
        let sentence = report["sentence"].as_str().unwrap();
        let missing = report["archives"][0]["missing"].as_str().unwrap();
        for told in [sentence, missing, &evidence(&report)] {
            assert!(told.contains(name), "{told}");
        }
        assert_eq!(report["rpo"]["met"], Value::Null, "{report:#}");
        rig.ok(&["drill", "report", "--html", "drill.html"]);
        let page = std::fs::read_to_string(rig.path("drill.html")).unwrap();
        assert!(page.contains(name) && page.contains("Log that is missing"));
        let (report, code) = drill(&rig, &["--at", &announced.to_string()]);
        assert_eq!(
            (&report["verdict"], code),
            (&"failed".into(), 1),
            "{report:#}"
        );
        assert!(report["sentence"].as_str().unwrap().contains(name));

        // The other commands say the same.
        let verified = rig.run(&["backup", "verify", "--continuous", "notes"]);
        let told = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert_eq!(verified.status.code(), Some(1), "{told}");
        assert!(told.contains(name), "{told}");
        let listed = rig.ok(&["backup", "list"]);
        assert!(listed.contains(name), "{listed}");
        let folder = tempfile::tempdir().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        let to = folder.path().join("cluster").display().to_string();
        let restored = rig.run(&["backup", "restore", "--at", "latest", "--to", &to]);
        let told = String::from_utf8_lossy(&restored.stderr).into_owned();
        assert!(
            told.contains("NOT the latest that was committed") && told.contains(name),
            "{told}"
        );
        let at = announced.to_string();
        assert_eq!(
            rig.exit(&["backup", "restore", "--at", &at, "--in-place"]),
            1
        );
        std::fs::write(&path, &bytes).unwrap();
        rig.ok(&["backup", "verify", "--continuous", "notes"]);
    }
}

/// No backup was ever made, and pre-flight wants one: the archive is younger than any, once it was read back.
#[test]
fn an_archive_that_was_read_back_counts_where_a_young_backup_is_wanted() {
    let (_server, mut rig) = archived();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let metrics = format!(
        "[backup]\nage_max = \"1h\"\n\n[gateway.metrics]\nlisten = \"{address}\"\n\n[timeouts]"
    );
    rig.edit("[timeouts]", &metrics);
    rig.ok(&["init"]);
    rig.start();
    rig.until("the archive counts", |rig| {
        rig.json(&["status"])["data"]["recovery_point"]["from"] == "archive"
    });
    assert!(
        rig.ok(&["status"])
            .contains("the continuous archive of notes")
    );
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.0", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    let shown = rig.ok(&["show", "notebook-1", "--json"]);
    assert!(shown.contains("the continuous archive of notes"), "{shown}");
    let metrics = get(&address, "/metrics", "nobody");
    assert!(
        metrics.contains(
            "portcullis_recovery_point_time_seconds{service=\"notebook\",from=\"archive\"} 1"
        ),
        "{metrics}"
    );
    rig.ok(&["journal", "verify"]);
    // That of the release does not know which release served before it.
    rig.ok(&["backup", "create"]);
    assert_eq!(rig.stop(), Some(0));

    // What can be recovered from is gone: the archive does not count, and says why; the backup does.
    let archive = rig.path(".portcullis/vault/notebook_test_notes.continuous");
    for entry in std::fs::read_dir(archive.join("wal")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for entry in std::fs::read_dir(archive.join("base")).unwrap() {
        std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    let (report, code) = drill(&rig, &["--from", "archive"]);
    assert_eq!(
        (&report["verdict"], code),
        (&"could_not_run".into(), 5),
        "{report:#}"
    );
    let (report, code) = drill(&rig, &[]);
    assert_eq!(
        (&report["verdict"], code),
        (&"passed".into(), 0),
        "{report:#}"
    );
    assert!(
        report["rpo"]["by"]
            .as_str()
            .unwrap()
            .starts_with("the backup "),
        "{report:#}"
    );
}

/// A store without an archive comes from the newest backup before the moment, and it is said how old that is.
#[test]
fn stores_without_an_archive_come_from_the_newest_backup_before_the_moment() {
    let (server, mut rig) = deployed(|rig| {
        std::fs::create_dir(rig.path("files")).unwrap();
        std::fs::write(rig.path("files/one"), "before").unwrap();
        rig.edit(
            "[data]",
            "[[store]]\nname = \"files\"\nkind = \"directory\"\npath = \"files\"\n\n[data]",
        );
        rig.edit(
            "env = { DATABASE_URL",
            "env = { FILES = \"{store.files}\", DATABASE_URL",
        );
    });
    rig.ok(&["backup", "create"]);
    std::fs::write(rig.path("files/one"), "after").unwrap();
    server.sql("notes", "UPDATE note SET text = 'kept' WHERE id = 1");
    let moment = clock(&server);
    noted(&rig, &server);
    let (report, code) = drill(&rig, &["--at", &moment]);
    assert_eq!(
        (&report["verdict"], code),
        (&"passed".into(), 0),
        "{report:#}"
    );
    assert_eq!(report["backup"]["stores"], serde_json::json!(["files"]));
    let notes = report["notes"].to_string();
    assert!(
        notes
            .contains("files without a continuous archive: as the newest backup before the moment"),
        "{notes}"
    );
    let by = report["rpo"]["by"].as_str().unwrap();
    assert!(
        by.starts_with("the backup "),
        "the service is as far behind as its files: {by}"
    );
    assert!(
        report["sentence"]
            .as_str()
            .unwrap()
            .contains("for the rest"),
        "{report:#}"
    );
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn a_killed_drill_leaves_a_server_that_the_next_one_stops() {
    let (_server, mut rig) = deployed(|_| ());
    rig.until("everything is noted", |rig| {
        rig.ok(&["backup", "list"]).contains("any moment from")
    });
    assert_eq!(rig.stop(), Some(0));
    let mut child = std::process::Command::new(crate::rig::binary("portcullis"))
        .args(["drill", "--from", "archive"])
        .current_dir(rig.folder.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    rig.until("the cluster is recovered", |rig| {
        address_file(rig).is_some()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let url = std::fs::read_to_string(address_file(&rig).unwrap()).unwrap();
    let port = url
        .split("@127.0.0.1:")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let listens = || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
    assert!(listens(), "its server outlives it");
    let (report, code) = drill(&rig, &["--from", "archive"]);
    assert_eq!(
        (&report["verdict"], code),
        (&"passed".into(), 0),
        "{report:#}"
    );
    assert!(
        report["notes"]
            .to_string()
            .contains("which a drill left that was killed"),
        "{report:#}"
    );
    assert!(!listens(), "the server of the killed drill is stopped");
    assert_eq!(scratch(&rig), Vec::<PathBuf>::new());
}

fn address_file(rig: &Rig) -> Option<PathBuf> {
    let folders = std::fs::read_dir(rig.path(".portcullis/drills")).ok()?;
    let files = folders.filter_map(|entry| Some(entry.ok()?.path().join("notes.url")));
    let written = |path: &PathBuf| {
        std::fs::read_to_string(Path::new(path)).is_ok_and(|url| url.ends_with("/notes"))
    };
    files.into_iter().find(written)
}
