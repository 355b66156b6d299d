//! Stores that are databases, end to end: released, rolled back with their data, restored by command and by hand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portcullis_backup::{Store, store_digest};

use crate::rig::{Ports, Rig};
use crate::terminal::Terminal;

const LEDGER: &str = include_str!("fixtures/ledger/ledger.py");
const CONFIGURATION: &str = include_str!("fixtures/ledger/portcullis.toml");
const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");

/// A ledger with five hundred entries in a database with a write-ahead log.
fn ledger() -> Rig {
    ledger_of(CONFIGURATION)
}

/// The same ledger with another configuration.
pub(crate) fn ledger_of(configuration: &str) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir(root.join("data")).unwrap();
    std::fs::write(root.join("ledger.py"), LEDGER).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = configuration
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    sqlite(
        &root.join("data/entries.db"),
        "PRAGMA journal_mode = WAL; PRAGMA user_version = 1;
         CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
         INSERT INTO entry (text) SELECT 'entry number ' || n FROM n;",
    );
    Rig::of(folder, ports)
}

fn serving() -> Rig {
    let mut rig = ledger();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig
}

/// What `sqlite3` prints.
pub(crate) fn sqlite(database: &Path, statements: &str) -> String {
    let output = Command::new("sqlite3")
        .args(["-cmd", ".timeout 20000"])
        .arg(database)
        .arg(statements)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("sqlite3: {error}; run `cargo xtask setup`"));
    let (out, err) = (output.stdout, output.stderr);
    assert!(
        output.status.success(),
        "{statements}: {}",
        String::from_utf8_lossy(&err)
    );
    String::from_utf8(out).unwrap().trim().to_owned()
}

fn database(rig: &Rig) -> PathBuf {
    rig.path("data/entries.db")
}

pub(crate) fn digest(rig: &Rig) -> String {
    store_digest(&Store::sqlite("entries", database(rig))).unwrap()
}

/// What replaced databases are kept, without what lies beside them.
fn kept(rig: &Rig) -> Vec<PathBuf> {
    let files = std::fs::read_dir(rig.path("data")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    files
        .filter(|path| name(path).starts_with("entries.db.replaced-"))
        .filter(|path| {
            !["-wal", "-shm", "-journal"]
                .iter()
                .any(|end| name(path).ends_with(end))
        })
        .collect()
}

#[test]
fn a_bad_release_on_an_sqlite_database_goes_back_with_its_data() {
    let mut rig = serving();
    let before = digest(&rig);
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        3,
        "{}",
        rig.log()
    );
    let shown = rig.ok(&["show", "ledger-2"]);
    assert_eq!(rig.state_of("ledger-2"), "rolled back", "{shown}");
    assert!(shown.contains("error rate"), "{shown}");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(digest(&rig), before);
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "1");
    assert_eq!(sqlite(&database(&rig), "PRAGMA integrity_check"), "ok");
    let kept = kept(&rig);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(
        sqlite(&kept[0], "SELECT count(*) FROM entry WHERE mood = 'fine'"),
        "500"
    );

    // And a good one goes on from there.
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.2", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.2");
    assert_eq!(sqlite(&database(&rig), "PRAGMA user_version"), "2");
    rig.ok(&["journal", "verify"]);
    rig.ok(&["backup", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}

/// A service that never closes its database would go on with the replaced one, so a person is asked.
#[test]
fn a_database_that_the_serving_release_keeps_open_is_not_replaced_under_it() {
    let mut rig = ledger();
    rig.edit(
        "\"--release\", \"{release}\"]\n\n[[release]]\nversion = \"1.1\"",
        "\"--release\", \"{release}\", \"--keep-open\"]\n\n[[release]]\nversion = \"1.1\"",
    );
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let plan = rig.ok(&["plan", "--release", "1.1"]);
    let beforehand = "a backup of entries can be put back only while no program has it open";
    assert!(plan.contains(beforehand), "{plan}");
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        4,
        "{}",
        rig.log()
    );
    users.stop();
    let shown = rig.ok(&["show", "ledger-2"]);
    assert_eq!(rig.state_of("ledger-2"), "held", "{shown}");
    assert!(shown.contains("is open in python3 (process "), "{shown}");
    // An abort would be refused now, so nobody is told to give it.
    assert_ne!(rig.exit(&["abort", "ledger-2"]), 0);
    assert!(!shown.contains("portcullis abort"), "{shown}");
    let retried = rig.json(&["retry", "ledger-2"]);
    assert_eq!(retried["undo"], serde_json::Value::Null, "{retried:#}");
    rig.until("it is held again", |rig| rig.state_of("ledger-2") == "held");
    assert_eq!(
        sqlite(&database(&rig), "PRAGMA user_version"),
        "2",
        "nothing was replaced"
    );
    assert_eq!(kept(&rig), Vec::<PathBuf>::new());
}

#[test]
fn a_backup_of_an_sqlite_database_is_restored_by_command() {
    let rig = ledger();
    rig.ok(&["init"]);
    let before = digest(&rig);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    sqlite(&database(&rig), "DELETE FROM entry WHERE id > 100");
    rig.ok(&["backup", "restore", &name, "--to", "copies"]);
    let copy = rig.path("copies/entries");
    assert_eq!(sqlite(&copy, "SELECT count(*) FROM entry"), "500");
    rig.ok(&["backup", "restore", &name, "--in-place"]);
    assert_eq!(digest(&rig), before);
    assert_eq!(sqlite(&kept(&rig)[0], "SELECT count(*) FROM entry"), "100");
}

#[test]
fn whoever_sits_at_a_terminal_is_asked_before_data_is_put_back() {
    let rig = ledger();
    rig.ok(&["init"]);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    let (add, count) = (
        "INSERT INTO entry (text) VALUES ('a'), ('b'), ('c')",
        "SELECT count(*) FROM entry",
    );
    sqlite(&database(&rig), add);
    let in_place = ["backup", "restore", &name, "--in-place"];
    for (answer, code, left) in [("n\n", 1, "503"), ("\n", 1, "503"), ("y\n", 0, "500")] {
        let asked = Terminal::open(&rig, &in_place);
        asked.until_said("[y/N]");
        assert_eq!(sqlite(&database(&rig), count), "503");
        asked.press(answer.as_bytes());
        let (exit, _, all) = asked.end();
        assert_eq!(exit, code, "{all}");
        assert!(
            all.contains("entries: 3 rows more in entry (503, 500 in the backup)"),
            "{all}"
        );
        assert_eq!(all.contains("nothing was done"), code == 1, "{all}");
        assert_eq!(sqlite(&database(&rig), count), left, "{all}");
    }
    assert_eq!(sqlite(&kept(&rig)[0], count), "503");
    sqlite(&database(&rig), add);
    let agreed = Terminal::open(&rig, &[in_place.as_slice(), &["--accept-loss"]].concat());
    let (exit, _, all) = agreed.end();
    assert!(exit == 0 && !all.contains("[y/N]"), "{all}");
    assert_eq!(sqlite(&database(&rig), count), "500");
}

/// The commands of docs/guide/restore-by-hand.md, as they stand there: only the names at their beginning differ.
#[test]
fn the_runbook_restores_a_database_without_portcullis() {
    let rig = ledger();
    rig.ok(&["init"]);
    let before = digest(&rig);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    sqlite(&database(&rig), "DELETE FROM entry WHERE id > 100");
    // The last section is for databases on a server; it is run in server_databases.rs.
    let (runbook, _) = RUNBOOK.split_once("## Put a PostgreSQL").unwrap();
    let blocks: Vec<&str> = runbook
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let is_setting = |block: &&str| !block.contains(' ') && !block.contains("$(");
    assert_eq!(
        blocks.iter().filter(|block| is_setting(block)).count(),
        2,
        "{blocks:?}"
    );
    let commands: Vec<&str> = blocks
        .into_iter()
        .filter(|block| !is_setting(block))
        .collect();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands.concat()])
        .env("VAULT", rig.path(".portcullis/vault"))
        .env("NAME", &name)
        .env("STORE", "entries")
        .env("RESTORED", rig.path("restored"))
        .env("LIVE", database(&rig))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    for part in [
        ".tar.zst: OK",
        ".manifest.json: OK",
        "\nok\n",
        "CREATE TABLE entry",
    ] {
        assert!(out.contains(part), "{part:?} is not in:\n{out}{err}");
    }
    assert_eq!(digest(&rig), before);
    assert_eq!(sqlite(&kept(&rig)[0], "SELECT count(*) FROM entry"), "100");
}

#[test]
fn check_tells_a_database_from_a_file() {
    let rig = ledger();
    let refused = |rig: &Rig| {
        let output = rig.run(&["check"]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    rig.ok(&["check"]);
    rig.edit("kind = \"sqlite\"", "kind = \"file\"");
    let told = refused(&rig);
    assert!(
        told.contains("is an SQLite database") && told.contains("kind = \"sqlite\""),
        "{told}"
    );
    rig.edit("kind = \"file\"", "kind = \"sqlite\"");
    rig.edit("path = \"data/entries.db\"", "path = \"ledger.py\"");
    let told = refused(&rig);
    assert!(told.contains("is not an SQLite database"), "{told}");
}
