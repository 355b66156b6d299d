//! Continuous archives, end to end: kept by `serve`, told by status and metrics, recovered by command and by hand.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::postgres_server::PostgresServer;
use crate::rig::{Rig, get};
use crate::server_databases::{PASSWORD, notebook, with_password};

const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");

/// A notebook whose database has a continuous archive.
pub(crate) fn archived() -> (PostgresServer, Rig) {
    let (server, rig) = notebook();
    server.sql("postgres", "ALTER ROLE app REPLICATION");
    server.prepend("pg_hba.conf", "host replication app 127.0.0.1/32 password");
    server.reload();
    rig.edit("jobs = 2", "jobs = 2\n[store.continuous]\nrpo = \"2m\"");
    (server, rig)
}

pub(crate) fn archive(rig: &Rig) -> Value {
    rig.json(&["status"])["data"]["continuous"][0].clone()
}

/// The server's clock, to the microsecond.
pub(crate) fn clock(server: &PostgresServer) -> String {
    server.sql(
        "postgres",
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    )
}

pub(crate) fn clock_ms(server: &PostgresServer) -> u64 {
    let asked = "SELECT ceil(extract(epoch FROM clock_timestamp()) * 1000)::int8";
    server.sql("postgres", asked).parse().unwrap()
}

fn received(rig: &Rig, server: &PostgresServer) {
    let now_ms = clock_ms(server);
    rig.until("everything is received", |rig| {
        archive(rig)["received_until_ms"].as_u64() > Some(now_ms)
    });
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder into which everybody may go: the server runs as another user.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    folder
}

#[test]
fn a_store_is_recovered_to_the_moment_before_a_mistake() {
    let (server, mut rig) = archived();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let metrics = format!("[gateway.metrics]\nlisten = \"{address}\"\n\n[timeouts]");
    rig.edit("[timeouts]", &metrics);
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.until("something can be recovered to", |rig| {
        archive(rig)["recoverable"][0]["from_ms"].is_u64()
    });
    server.sql("notes", "INSERT INTO note (text) VALUES ('kept')");
    let moment = clock(&server);
    server.sql(
        "notes",
        "INSERT INTO note (text) VALUES ('after'); DELETE FROM note WHERE id < 400",
    );
    received(&rig, &server);
    let standing = archive(&rig);
    assert_eq!(standing["receiving"], true, "{standing:#}");
    assert_eq!(standing["troubles"], Value::Null, "{standing:#}");
    let status = rig.ok(&["status"]);
    assert!(
        status.contains("archive   notes: any moment from"),
        "{status}"
    );
    rig.until("metrics tell", |_| {
        let metrics = get(&address, "/metrics", "nobody");
        metrics.contains("portcullis_continuous_receiving{service=\"notebook\",store=\"notes\"} 1")
            && metrics.contains("portcullis_continuous_received_time_seconds{service=\"notebook\"")
    });
    rig.until("it is noted", |rig| {
        rig.ok(&["backup", "list"]).contains("any moment from")
    });
    assert_eq!(rig.stop(), Some(0));

    let listed = rig.json(&["backup", "list"]);
    assert_eq!(listed["continuous"][0]["store"], "notes", "{listed:#}");
    assert_eq!(listed["continuous"][0]["bases"], 1, "{listed:#}");
    let verified = rig.json(&["backup", "verify", "--continuous", "notes"]);
    assert_eq!(verified["whole"], true, "{verified:#}");

    let restore = |at: &str| rig.run(&["backup", "restore", "--at", at, "--in-place"]);
    let refused = restore("2001-01-01T00:00:00Z");
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("what can is"), "{}", told(&refused));
    let refused = restore("yesterday");
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        told(&refused).contains("is no moment"),
        "{}",
        told(&refused)
    );

    let recovered = rig.json(&["backup", "restore", "--at", &moment, "--in-place"]);
    let last = recovered["last_commit"].as_str().unwrap();
    assert!(last < moment.as_str(), "{recovered:#}");
    let count = |where_: &str| {
        let asked = format!("SELECT count(*) FROM note WHERE {where_}");
        server.sql("notes", &asked)
    };
    assert_eq!(count("true"), "501");
    assert_eq!(
        (count("text = 'kept'"), count("text = 'after'")),
        ("1".into(), "0".into())
    );
    let kept = recovered["kept"]
        .as_str()
        .unwrap()
        .replace("the database ", "");
    assert_eq!(
        server.sql(&kept, "SELECT count(*) FROM note WHERE text = 'after'"),
        "1"
    );
    // It is a backup like any other.
    rig.ok(&["backup", "verify", recovered["backup"].as_str().unwrap()]);

    // The whole cluster goes to a folder where the server may go.
    let output = rig.run(&["backup", "restore", "--at", "latest", "--to", "cluster"]);
    if output.status.code() != Some(0) {
        assert!(
            told(&output).contains("who may not go into"),
            "{}",
            told(&output)
        );
    }
    let folder = open_folder();
    let to = folder.path().join("cluster");
    rig.ok(&[
        "backup",
        "restore",
        "--at",
        "latest",
        "--to",
        to.to_str().unwrap(),
    ]);
    assert!(to.join("PG_VERSION").exists() && !to.join("postmaster.pid").exists());
    by_hand(&rig, &moment);
    assert_eq!(with_password(rig.folder.path()), ["notes.url"]);
    assert!(!rig.log().contains(PASSWORD));
}

/// The commands of docs/guide/restore-by-hand.md, as they stand there: only the names at their beginning differ.
fn by_hand(rig: &Rig, moment: &str) {
    let rest = RUNBOOK.split_once("## Recover to a moment\n").unwrap().1;
    let section = rest.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let commands: String = blocks.filter(|block| block.contains(' ')).collect();
    // The server refuses to run as root: whoever recovers by hand is somebody else.
    let folder = open_folder();
    let vault = rig.path(".portcullis/vault/notebook_test_notes.continuous");
    let copy = folder.path().join("archive");
    run(Command::new("cp")
        .args(["--archive"])
        .arg(&vault)
        .arg(&copy));
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut bash = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        run(Command::new("chown")
            .args(["--recursive", "postgres:"])
            .arg(folder.path()));
        bash.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    let path = std::env::var("PATH").unwrap();
    let output = bash
        .args(["bash", "-euo", "pipefail", "-c", &commands])
        .current_dir(folder.path())
        .env("ARCHIVE", &copy)
        .env("CLUSTER", folder.path().join("cluster"))
        .env("MOMENT", moment.replace('Z', "+00"))
        .env("DATABASE", "notes")
        .env("PATH", format!("/usr/lib/postgresql/15/bin:{path}"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    for part in ["base.tar.zst: OK", "backup successfully verified"] {
        assert!(out.contains(part), "{part:?} is not in:\n{out}{err}");
    }
    let dump = folder.path().join("cluster.dump");
    assert_eq!(notes_in(&dump), 501, "{out}{err}");
}

/// How many rows of the table of notes a dump has.
fn notes_in(dump: &Path) -> usize {
    let mut restore = Command::new("/usr/lib/postgresql/15/bin/pg_restore");
    restore
        .args(["--data-only", "--table=note", "--file=-"])
        .arg(dump);
    let text = String::from_utf8(run(&mut restore).stdout).unwrap();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("COPY public.note"));
    rows.skip(1).take_while(|line| *line != "\\.").count()
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", told(&output));
    output
}

/// The server goes away and comes back, and is not to be archived for a while: it is told, and what came is not lost.
#[test]
fn a_server_that_is_gone_is_told_and_received_from_again() {
    let (mut server, mut rig) = archived();
    rig.ok(&["init"]);
    rig.start();
    rig.until("something can be recovered to", |rig| {
        archive(rig)["recoverable"][0]["from_ms"].is_u64()
    });
    server.stop();
    rig.until("it is told", |rig| {
        let standing = archive(rig);
        standing["receiving"] == false
            && standing["troubles"]
                .to_string()
                .contains("no write-ahead log is received")
    });
    assert!(rig.ok(&["status"]).contains("NOT receiving"));
    server.launch();
    server.sql("notes", "INSERT INTO note (text) VALUES ('later')");
    received(&rig, &server);
    let standing = archive(&rig);
    assert_eq!(standing["troubles"], Value::Null, "{standing:#}");
    assert_eq!(
        standing["recoverable"].as_array().unwrap().len(),
        1,
        "{standing:#}"
    );
    assert_eq!(rig.stop(), Some(0));
    let verified = rig.json(&["backup", "verify", "--continuous", "notes"]);
    assert_eq!(verified["whole"], true, "{verified:#}");
}

/// The stream breaks while nobody receives, and the server removes what was not received: what was announced before can be
/// recovered to, and what is lost is told to people as a notice and in the status, also after a new copy.
#[test]
fn log_that_was_lost_is_told_and_what_was_announced_before_is_recovered_to() {
    let (server, mut rig) = archived();
    let hook = "[[hook]]\nname = \"page\"\non = [\"notice\"]\ncommand = [\"sh\", \"-c\", \"cat >> notices.txt\"]\n\n[timeouts]";
    rig.edit("[timeouts]", hook);
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.until("something can be recovered to", |rig| {
        archive(rig)["recoverable"][0]["from_ms"].is_u64()
    });
    server.sql("notes", "INSERT INTO note (text) VALUES ('announced')");
    let moment = clock(&server);
    received(&rig, &server);
    assert_eq!(rig.stop(), Some(0));
    server.sql(
        "postgres",
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots",
    );
    server.sql("notes", "INSERT INTO note (text) VALUES ('lost')");
    for _ in 0..4 {
        server.sql("notes", "INSERT INTO note (text) VALUES ('filler')");
        server.sql("postgres", "SELECT pg_switch_wal()");
        server.sql("postgres", "CHECKPOINT");
    }
    let lost = clock(&server);
    rig.start();
    rig.until("it is told", |rig| {
        let troubles = archive(rig)["troubles"].to_string();
        troubles.contains("write-ahead log is missing")
    });
    rig.until("people are told", |rig| {
        let notices = std::fs::read_to_string(rig.path("notices.txt")).unwrap_or_default();
        notices.contains("write-ahead log is missing")
    });
    rig.until("the cluster is copied again", |rig| {
        archive(rig)["recoverable"].as_array().map_or(0, Vec::len) == 2
    });
    received(&rig, &server);
    let status = rig.ok(&["status"]);
    assert!(status.contains("write-ahead log is missing"), "{status}");
    assert_eq!(rig.stop(), Some(0));

    let refused = rig.run(&["backup", "restore", "--at", &lost, "--in-place"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    let recovered = rig.json(&["backup", "restore", "--at", &moment, "--in-place"]);
    assert_eq!(recovered["gap"], Value::Null, "{recovered:#}");
    let count = |text: &str| {
        let asked = format!("SELECT count(*) FROM note WHERE text = '{text}'");
        server.sql("notes", &asked)
    };
    assert_eq!(
        (count("announced"), count("lost")),
        ("1".into(), "0".into())
    );
    let listed = rig.ok(&["backup", "list"]);
    assert!(listed.contains("write-ahead log is missing"), "{listed}");

    // A bit of the newest log: `verify` finds it, and from then on nobody says otherwise.
    let wal = rig.path(".portcullis/vault/notebook_test_notes.continuous/wal");
    let files = std::fs::read_dir(&wal).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let newest = files.max().unwrap();
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let verified = rig.run(&["backup", "verify", "--continuous", "notes", "--json"]);
    assert_eq!(verified.status.code(), Some(1));
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let listed = rig.json(&["backup", "list"]);
    assert_eq!(
        listed["continuous"][0]["recoverable"], verified["recoverable"],
        "{listed:#}"
    );
    assert_eq!(listed["continuous"][0]["missing"], verified["gaps"]);
}
