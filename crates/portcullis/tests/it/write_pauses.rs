//! Writes that wait for a backup of several stores, end to end: rows and files belong together in each backup.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::rig::{Ports, Rig, binary};

const PAIRS: &str = include_str!("fixtures/pairs/pairs.py");
const CONFIGURATION: &str = include_str!("fixtures/pairs/portcullis.toml");
const WRITERS: u64 = 4;
/// Some ballast, so that time passes between the rows and the files of a backup.
const DATABASE: &str = "import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute('CREATE TABLE pair (number INTEGER PRIMARY KEY AUTOINCREMENT)')
database.execute('CREATE TABLE ballast (bytes BLOB)')
database.executemany('INSERT INTO ballast VALUES (?)', [(os.urandom(1 << 20),) for _ in range(16)])
database.commit()";

/// The service with its first release.
fn pairs(change: impl FnOnce(&Rig)) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::write(root.join("pairs.py"), PAIRS).unwrap();
    std::fs::create_dir(root.join("files")).unwrap();
    let made = Command::new("python3")
        .args(["-c", DATABASE])
        .arg(root.join("rows.db"))
        .status()
        .unwrap();
    assert!(made.success());
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = CONFIGURATION
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    let mut rig = Rig::of(folder, ports);
    change(&rig);
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    let exit = rig.exit(&["deploy", "--release", "1.0", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    rig
}

/// Sends a write through the gateway; the status that came.
fn write(gateway: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(gateway).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(90)))
        .ok()?;
    let request = format!(
        "POST /pair HTTP/1.1\r\nhost: {gateway}\r\nx-user: someone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line).ok()?;
    let _ = answer.read_to_string(&mut String::new());
    line.split(' ').nth(1)?.parse().ok()
}

/// Writers that go on until they are stopped.
struct Writers {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    fn start(rig: &Rig) -> Writers {
        let (stop, written, failed): (Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>) =
            Default::default();
        let threads = (0..WRITERS).map(|_| {
            let (stop, written, failed) = (stop.clone(), written.clone(), failed.clone());
            let gateway = rig.gateway().to_owned();
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    match write(&gateway) {
                        Some(200) => written.fetch_add(1, Ordering::SeqCst),
                        _ => failed.fetch_add(1, Ordering::SeqCst),
                    };
                }
            })
        });
        Writers {
            threads: threads.collect(),
            stop,
            written,
            failed,
        }
    }

    fn wait_for_more(&self, rig: &Rig, more: u64) {
        let wanted = self.written.load(Ordering::SeqCst) + more;
        rig.until("the writers write", |_| {
            self.written.load(Ordering::SeqCst) >= wanted
        });
    }

    /// How many writes failed.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.failed.load(Ordering::SeqCst)
    }
}

/// How many rows and files of a backup have no other half.
fn alone(rig: &Rig, backup: &str) -> u64 {
    let copy = format!("copy-{backup}");
    rig.ok(&["backup", "restore", backup, "--to", &copy]);
    let compared = Command::new("python3")
        .arg(rig.path("pairs.py"))
        .arg("compare")
        .arg("--db")
        .arg(rig.path(&copy).join("rows"))
        .arg("--folder")
        .arg(rig.path(&copy).join("files"))
        .output()
        .unwrap();
    assert!(
        compared.status.success(),
        "{}",
        String::from_utf8_lossy(&compared.stderr)
    );
    let found: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert!(found["rows"].as_u64().unwrap() > 0, "{found}");
    found["alone"].as_u64().unwrap()
}

/// The pause that the gateway tells of.
fn pause(rig: &Rig) -> Value {
    let socket = rig.path(".portcullis/gateway.sock");
    let output = Command::new("curl")
        .args(["--silent", "--unix-socket"])
        .arg(socket)
        .arg("http://gateway/v1/routes/pairs")
        .output()
        .unwrap();
    let route: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    route["pause"].clone()
}

/// Stores that are in no order of their own to each other agree in each backup for which writes waited, and in at least one
/// of as many without a pause they do not. Nobody who writes is dropped.
#[test]
fn rows_and_files_agree_in_each_backup_for_which_writes_waited() {
    let mut rig = pairs(|_| ());
    let writers = Writers::start(&rig);
    let mut torn = 0;
    for round in 0..4 {
        writers.wait_for_more(&rig, 30);
        let made = rig.json(&["backup", "create", "--pause"]);
        let paused_ms = made["writes_paused_ms"].as_u64();
        assert!(paused_ms.is_some_and(|ms| ms < 20_000), "{made:#}");
        let name = made["name"].as_str().unwrap();
        assert_eq!(alone(&rig, name), 0, "round {round}: {made:#}");
        writers.wait_for_more(&rig, 30);
        let made = rig.json(&["backup", "create", "--no-pause"]);
        assert_eq!(made["writes_paused_ms"], Value::Null, "{made:#}");
        torn += alone(&rig, made["name"].as_str().unwrap());
    }
    // Without a pause they belong together only by luck, which does not last.
    for _ in 0..40 {
        if torn > 0 {
            break;
        }
        writers.wait_for_more(&rig, 30);
        let made = rig.json(&["backup", "create", "--no-pause"]);
        torn += alone(&rig, made["name"].as_str().unwrap());
    }
    assert!(
        torn > 0,
        "without a pause they would agree too: nothing is shown"
    );
    assert_eq!(writers.stop(), 0, "writes were dropped");
    assert_eq!(pause(&rig), Value::Null);
    let told = rig.json(&["status"])["data"]["last_pause_ms"].as_u64();
    assert!(told.is_some(), "{:#}", rig.json(&["status"]));
    assert_eq!(rig.stop(), Some(0));
    // With no gateway there is nothing to pause: refused if it was asked for.
    let refused = rig.run(&["backup", "create", "--pause"]);
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("no gateway answers"), "{words}");
}

/// Killed in the middle, as hard as can be: the gateway opens by itself, and writes that waited go through.
#[test]
fn a_killed_backup_leaves_no_gateway_closed() {
    let mut rig = pairs(|rig| {
        rig.edit("pause_max = \"20s\"", "pause_max = \"6s\"");
        // So that it takes a while: noise that cannot be compressed.
        let made = Command::new("dd")
            .args(["if=/dev/urandom", "bs=1M", "count=256", "status=none"])
            .arg(format!("of={}", rig.path("files/noise").display()))
            .status()
            .unwrap();
        assert!(made.success());
    });
    assert_eq!(write(rig.gateway()), Some(200));
    let mut child = Command::new(binary("portcullis"))
        .args(["backup", "create", "--pause"])
        .current_dir(rig.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    rig.until("writes are paused", |rig| pause(rig).is_object());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        pause(&rig).is_object(),
        "it outlives who began it, for a while"
    );
    assert_eq!(
        write(rig.gateway()),
        Some(200),
        "it waits until the gateway opens"
    );
    assert_eq!(pause(&rig), Value::Null);
    let left = rig.json(&["backup", "list"]);
    let listed = left["backups"].as_array().unwrap();
    // Only that of the release is complete.
    assert!(listed.iter().all(|one| one["verified"] == true), "{left:#}");

    // One for which the time is too short is given up, and leaves nothing.
    rig.edit("pause_max = \"6s\"", "pause_max = \"100ms\"");
    let refused = rig.run(&["backup", "create", "--pause"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("given up"), "{words}");
    assert_eq!(pause(&rig), Value::Null);
    assert_eq!(
        rig.json(&["backup", "list"])["backups"]
            .as_array()
            .unwrap()
            .len(),
        listed.len()
    );
    assert_eq!(rig.stop(), Some(0));
}

/// While a rollout divides the users there is no pause, and the split stays the rollout's. A backup of the schedule pauses
/// by itself.
#[test]
fn a_rollout_and_a_pause_do_not_meet_and_the_schedule_pauses_too() {
    let mut rig = pairs(|rig| {
        rig.edit(
            "[backup]",
            "[backup]\npause = \"writes\"\nschedule = \"* * * * * *\"\nprune = false",
        );
    });
    rig.until("a backup of the schedule paused writes", |rig| {
        rig.json(&["status"])["data"]["last_pause_ms"].is_u64()
    });
    // One a second would be in the way of the rollout's own, whose name has its second.
    rig.edit("schedule = \"* * * * * *\"\n", "");
    rig.until("the schedule is gone", |rig| {
        rig.json(&["status"])["data"]["next_backup_ms"].is_null()
    });
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the users are divided", |rig| {
        rig.json(&["status"])["rollout"]["state"]
            .to_string()
            .contains("watching")
            || rig.ok(&["status"]).contains("watching")
    });
    let refused = rig.run(&["backup", "create", "--pause"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("a rollout divides its users"), "{words}");
    rig.ok(&["backup", "create", "--no-pause"]);
    assert_eq!(write(rig.gateway()), Some(200));
    assert_eq!(rig.stop(), Some(0));
}
