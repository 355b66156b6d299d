//! Stores of commands and Chroma databases, end to end: backed up, released, rolled back with their data, drilled, and
//! restored by hand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portcullis_backup::{Store, store_digest};
use serde_json::Value;

use crate::databases::{ledger_of, sqlite};
use crate::rig::{Ports, Rig, binary, processes_in};

const LEDGER: &str = include_str!("fixtures/ledger/portcullis.toml");
const VECTORS: &str = include_str!("fixtures/vectors/vectors.py");
const CONFIGURATION: &str = include_str!("fixtures/vectors/portcullis.toml");
const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");

/// The ledger's database by two commands of `sqlite3`: a dump of its own lacks the version of the schema. It waits while
/// another program opens or closes the database: `.dump` says of a lock in the dump, and ends with code 0.
const COMMANDS: &str = r#"kind = "command"
path = "data"
copies = true
repeats = true
backup = ["sh", "-c", "set -e; cd ${PORTCULLIS_COPY:-data}; of() { sqlite3 -cmd '.timeout 20000' entries.db \"$1\"; }; version=$(of 'PRAGMA user_version'); of .dump; echo \"PRAGMA user_version = $version;\""]
restore = ["sh", "-c", "set -e; cd ${PORTCULLIS_COPY:-data}; rm -f new.db; sqlite3 -bail new.db; rm -f entries.db-wal entries.db-shm; mv new.db entries.db"]
check = ["sqlite3", "-bail", ":memory:"]
size = ["stat", "--format", "%s", "data/entries.db"]
"#;

fn ledger() -> Rig {
    let configuration = LEDGER
        .replace("kind = \"sqlite\"\npath = \"data/entries.db\"\n", COMMANDS)
        .replace("{store.entries}", "{store.entries}/entries.db");
    ledger_of(&configuration)
}

fn database(rig: &Rig) -> PathBuf {
    rig.path("data/entries.db")
}

fn entries(rig: &Rig) -> String {
    let text = sqlite(
        &database(rig),
        "SELECT count(*), sum(length(text)) FROM entry",
    );
    let version = sqlite(&database(rig), "PRAGMA user_version");
    format!("{text} at {version}")
}

fn told(rig: &Rig, args: &[&str]) -> (String, Option<i32>) {
    let output = rig.run(args);
    let text = [output.stdout, output.stderr].concat();
    (
        String::from_utf8_lossy(&text).into_owned(),
        output.status.code(),
    )
}

fn drilled(rig: &Rig) -> (Value, Option<i32>) {
    let output = rig.run(&["drill", "--json"]);
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code())
}

#[test]
fn a_bad_release_on_a_store_of_commands_goes_back_with_its_data() {
    let mut rig = ledger();
    rig.ok(&["init"]);
    rig.ok(&["check"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = entries(&rig);
    let plan = rig.ok(&["plan", "--release", "1.1"]);
    assert!(plan.contains("rehearse"), "{plan}");
    let users = rig.users();
    let exit = rig.exit(&["deploy", "--release", "1.1", "--wait"]);
    let shown = rig.ok(&["show", "ledger-2"]);
    assert_eq!(exit, 3, "{shown}\n{}", rig.log());
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.state_of("ledger-2"), "rolled back", "{shown}");
    assert!(shown.contains("which the restore command reads"), "{shown}");
    assert_eq!(entries(&rig), before);
    rig.ok(&["backup", "verify"]);
    let (report, code) = drilled(&rig);
    assert_eq!(
        (code, &report["verdict"]),
        (Some(0), &"passed".into()),
        "{report:#}"
    );
    assert!(
        report
            .to_string()
            .contains("its check command read the data"),
        "{report:#}"
    );
    assert_eq!(entries(&rig), before);
    // Without `copies` nothing can be tried on a copy: the plan says so, and a drill is none.
    rig.edit("copies = true\n", "");
    rig.edit("path = \"data\"\n", "");
    rig.edit("{store.entries}/", "data/");
    rig.edit("compatible = true", "compatible = false");
    rig.edit("strategy = \"canary\"", "strategy = \"cut-over\"");
    rig.edit("keep_warm = \"0s\"", "keep_warm = \"10s\"");
    let plan = rig.ok(&["plan", "--release", "1.2"]);
    assert!(
        plan.contains("nothing is rehearsed: the store entries cannot be copied"),
        "{plan}"
    );
    let (report, code) = drilled(&rig);
    assert_ne!(code, Some(0), "{report:#}");
    assert_eq!(report["verdict"], "could_not_run", "{report:#}");
    assert!(report.to_string().contains("PORTCULLIS_COPY"), "{report:#}");
    assert_eq!(entries(&rig), before);
    rig.ok(&["journal", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}

/// A rollout migrates while a backup is made: it is made again, and says whose data it has.
#[test]
fn a_backup_during_which_the_data_is_migrated_is_made_again() {
    let mut rig = ledger();
    rig.edit(
        "backup = [\"sh\", \"-c\", \"set -e; ",
        "backup = [\"sh\", \"-c\", \"set -e; while [ -e wait ]; do sleep 0.1; done; ",
    );
    let migrate = r#"command = ["python3", "{artifact}", "migrate", "--database", "{store.entries}/entries.db"]"#;
    let waits = r#"command = ["sh", "-c", "case $2 in */rehearsals/*) ;; *) touch migrating; while [ ! -e go ]; do sleep 0.1; done;; esac; exec python3 $1 migrate --database $2", "migrate", "{artifact}", "{store.entries}/entries.db"]"#;
    rig.edit(migrate, waits);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig.ok(&["deploy", "--release", "1.2"]);
    rig.until("the data is being migrated", |rig| {
        rig.path("migrating").exists()
    });
    std::fs::write(rig.path("wait"), "").unwrap();
    let backup = Command::new(binary("portcullis"))
        .args(["backup", "create"])
        .current_dir(rig.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    rig.until("the backup command runs", |rig| {
        let running = processes_in(rig.folder.path()).into_iter();
        running
            .map(command_line)
            .any(|line| line.contains("-e wait"))
    });
    std::fs::write(rig.path("go"), "").unwrap();
    rig.until("it was migrated", |rig| {
        ["watching", "paused"].contains(&rig.state_of("ledger-2").as_str())
    });
    std::fs::remove_file(rig.path("wait")).unwrap();
    let ended = backup.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{words}");
    assert!(words.contains("the backup is made again"), "{words}");
    let name = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
    let manifest = rig.path(&format!(".portcullis/vault/{name}.manifest.json"));
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    assert_eq!(manifest["release"], "1.2", "{words}");
    let listed = rig.json(&["backup", "list"]);
    let by_hand = listed["backups"].as_array().unwrap().iter();
    assert_eq!(by_hand.count(), 3, "{listed:#}");
    assert_eq!(rig.stop(), Some(0));
}

fn command_line(id: u32) -> String {
    let words = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}

#[test]
fn a_store_of_commands_is_backed_up_checked_and_put_back_by_command_and_by_hand() {
    let rig = ledger();
    rig.ok(&["init"]);
    let before = entries(&rig);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    let (verified, code) = told(&rig, &["backup", "verify"]);
    assert_eq!(code, Some(0), "{verified}");
    assert!(
        verified.contains("its check command read the data of entries"),
        "{verified}"
    );
    sqlite(&database(&rig), "DELETE FROM entry WHERE id > 100");
    let (restored, code) = told(&rig, &["backup", "restore", &name, "--in-place"]);
    assert_eq!(code, Some(0), "{restored}");
    assert!(
        restored.contains("give it to the restore command")
            && restored.contains("entries restored by its restore command; sha256 "),
        "{restored}"
    );
    assert_eq!(entries(&rig), before);
    // By hand.
    sqlite(&database(&rig), "DELETE FROM entry");
    let restore = "cd data; rm -f new.db; sqlite3 -bail new.db; mv new.db entries.db";
    by_hand(
        &rig,
        &name,
        "entries",
        "## Put a store of commands back\n",
        &[("RESTORE", restore)],
    );
    assert_eq!(entries(&rig), before);
    // A backup whose data its tool cannot read does not count as verified.
    rig.edit(
        "\"sqlite3\", \"-bail\", \":memory:\"",
        "\"grep\", \"--quiet\", \"no such words\"",
    );
    let (refused, code) = told(&rig, &["backup", "verify"]);
    assert_eq!(code, Some(1), "{refused}");
    assert!(
        refused
            .contains("the data of entries cannot be read: its check command exited with code 1"),
        "{refused}"
    );
}

/// The commands of a section of docs/guide/restore-by-hand.md after those of "Unpack", as they stand there.
fn by_hand(rig: &Rig, name: &str, store: &str, heading: &str, set: &[(&str, &str)]) -> String {
    let section = |heading: &str| {
        let (_, rest) = RUNBOOK.split_once(heading).unwrap();
        let section = rest.split("\n## ").next().unwrap();
        let blocks = section.split("```sh\n").skip(1);
        let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
        blocks
            .filter(|block| block.contains(' '))
            .collect::<String>()
    };
    let commands = section("## Unpack\n") + &section(heading);
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands])
        .env("VAULT", rig.path(".portcullis/vault"))
        .env("NAME", name)
        .env("STORE", store)
        .env("RESTORED", rig.path("restored"))
        .env("FOLDER", rig.folder.path())
        .envs(set.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn python() -> PathBuf {
    let ours = std::env::current_exe().unwrap();
    let target = ours
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.unwrap().join("python-chroma/bin/python")
}

fn vectors() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::write(root.join("vectors.py"), VECTORS).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = CONFIGURATION
        .replace("@PYTHON@", &python().display().to_string())
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    script(root, &["fill", "--path", "chroma"]);
    Rig::of(folder, ports)
}

fn script(root: &Path, args: &[&str]) {
    let status = Command::new(python())
        .arg("vectors.py")
        .args(args)
        .current_dir(root)
        .status();
    // `cargo xtask setup` installs it.
    assert!(status.unwrap().success(), "{args:?}");
}

#[test]
fn a_release_that_breaks_a_chroma_database_goes_back_with_its_vectors() {
    let mut rig = vectors();
    rig.ok(&["init"]);
    rig.ok(&["check"]);
    rig.start();
    if rig.exit(&["deploy", "--release", "1.0", "--wait"]) == 4 {
        rig.ok(&["approve"]);
        rig.until("1.0", |rig| rig.state_of("vectors-1") == "promoted");
    }
    let asked = rig.get("/health", "anna");
    assert!(
        asked.contains("\"notes\": 40") && asked.contains("note-3"),
        "{asked}"
    );
    // While it is used.
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    rig.ok(&["backup", "verify", &name]);
    let (report, code) = drilled(&rig);
    assert_eq!(
        (code, &report["verdict"]),
        (Some(0), &"passed".into()),
        "{report:#}"
    );
    assert!(
        report.to_string().contains("files of each index"),
        "{report:#}"
    );
    let exit = rig.spawn(&["deploy", "--release", "2.0", "--wait"]);
    rig.until("it is over, or asks", |rig| {
        matches!(
            rig.state_of("vectors-2").as_str(),
            "paused" | "rolled back" | "held"
        )
    });
    if rig.state_of("vectors-2") == "paused" {
        rig.ok(&["approve"]);
    }
    rig.until("it is rolled back", |rig| {
        rig.state_of("vectors-2") == "rolled back"
    });
    let _ = exit.join();
    rig.until("the old release answers", |rig| {
        rig.get("/health", "anna").contains("\"notes\": 40")
    });
    let kept = std::fs::read_dir(rig.folder.path()).unwrap();
    let kept = kept.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let kept: Vec<String> = kept
        .filter(|name| name.starts_with("chroma.replaced-"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn a_chroma_database_is_put_back_by_command_and_by_hand() {
    let rig = vectors();
    rig.ok(&["init"]);
    let live = Store::chroma("notes", rig.path("chroma"));
    let before = store_digest(&live).unwrap();
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    script(
        rig.folder.path(),
        &["migrate", "--break", "--path", "chroma"],
    );
    assert_ne!(store_digest(&live).unwrap(), before);
    rig.ok(&["backup", "restore", &name, "--in-place"]);
    assert_eq!(store_digest(&live).unwrap(), before);
    script(
        rig.folder.path(),
        &["migrate", "--break", "--path", "chroma"],
    );
    let folder = rig.path("chroma").display().to_string();
    let said = by_hand(
        &rig,
        &name,
        "notes",
        "## Put a Chroma database back\n",
        &[("LIVE", &folder)],
    );
    assert!(said.contains("\nok\n"), "{said}");
    assert_eq!(store_digest(&live).unwrap(), before);
    // As a plain folder it would be copied torn, so that is refused.
    rig.edit("kind = \"chroma\"", "kind = \"directory\"");
    let (refused, code) = told(&rig, &["check"]);
    assert_eq!(code, Some(2), "{refused}");
    assert!(refused.contains("set kind = \"chroma\""), "{refused}");
}

#[test]
fn what_a_store_of_commands_lacks_or_cannot_mean_is_told() {
    let rig = ledger();
    let refused = |from: &str, to: &str| {
        rig.edit(from, to);
        let (text, code) = told(&rig, &["check"]);
        assert_eq!(code, Some(2), "{text}");
        rig.edit(to, from);
        text
    };
    let missing = refused("restore = [\"sh\"", "size2 = [\"sh\"");
    assert!(
        missing.contains("a store of kind \"command\" needs `restore`"),
        "{missing}"
    );
    let foreign = refused("copies = true", "copies = true\njobs = 2");
    assert!(
        foreign.contains("a store of kind \"command\" has no `jobs`"),
        "{foreign}"
    );
    let both = refused("repeats = true", "repeats = true\ndigest = [\"date\"]");
    assert!(both.contains("remove one of the two"), "{both}");
    let path = refused("copies = true\n", "copies = false\n");
    assert!(
        path.contains("a rehearsal would have live data there"),
        "{path}"
    );
    let secret = refused(
        "repeats = true",
        "repeats = true\nenv = { TOKEN = \"tulip\" }",
    );
    assert!(
        secret.contains("by its name this is a secret") && !secret.contains("tulip"),
        "{secret}"
    );
    let other = refused("kind = \"command\"", "kind = \"directory\"");
    assert!(
        other.contains("a store of kind \"directory\" has no `backup`"),
        "{other}"
    );
}
