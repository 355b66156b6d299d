//! Migrations that lie, as those of a real application do: exit codes that say nothing, indexes that are half made, data
//! that refuses, ways down that do not work. Alembic and PostgreSQL are real.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portcullis_backup::{PostgresAddress, Store, store_digest};

use crate::postgres_server::PostgresServer;
use crate::rig::{Ports, Rig};

const NOTES: &str = include_str!("fixtures/notes/notes.py");
const CONFIGURATION: &str = include_str!("fixtures/alembic/portcullis.toml");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/alembic");
const PASSWORD: &str = "5162739-hush";

/// The interpreter that has Alembic.
fn python() -> PathBuf {
    let ours = Path::new(env!("CARGO_BIN_EXE_portcullis"));
    let target = ours
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    let python = target.unwrap().join("python-alembic/bin/python");
    assert!(
        python.exists(),
        "{} is missing; run `cargo xtask setup`",
        python.display()
    );
    python
}

/// A notebook whose database Alembic has made, and that serves release 1.0.
fn notebook() -> (PostgresServer, Rig) {
    let server = PostgresServer::start();
    let role = format!("CREATE ROLE app LOGIN CREATEDB PASSWORD '{PASSWORD}'");
    server.sql("postgres", &role);
    server.sql("postgres", "CREATE DATABASE notes OWNER app");
    server.prepend("pg_hba.conf", "host all app 127.0.0.1/32 password");
    server.reload();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let copied = Command::new("cp").args(["-r", FIXTURES]).arg(root).status();
    assert!(copied.unwrap().success());
    std::fs::write(root.join("notes.url"), url(&server) + "\n").unwrap();
    std::fs::write(root.join("notes.py"), NOTES).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = CONFIGURATION
        .replace("@PYTHON@", &python().display().to_string())
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    let made = Command::new(python())
        .args(["alembic/migrate.py", "plain", "0001"])
        .env("DATABASE_URL", url(&server))
        .current_dir(root)
        .status();
    assert!(made.unwrap().success());
    let mut rig = Rig::of(folder, ports);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    (server, rig)
}

fn url(server: &PostgresServer) -> String {
    format!(
        "postgres://app:{PASSWORD}@127.0.0.1:{}/notes",
        server.port()
    )
}

fn digest(server: &PostgresServer) -> String {
    let address = PostgresAddress::new(&url(server)).unwrap();
    store_digest(&Store::postgres("notes", address, 1)).unwrap()
}

fn head(server: &PostgresServer) -> String {
    server.sql("notes", "SELECT version_num FROM alembic_version")
}

fn invalid_indexes(server: &PostgresServer) -> String {
    server.sql(
        "notes",
        "SELECT count(*) FROM pg_index WHERE NOT indisvalid",
    )
}

/// Somebody reads in a transaction that does not end: an index cannot be made beside it.
fn reader(server: &PostgresServer) -> std::process::Child {
    let script = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SELECT pg_sleep(600);";
    let mut reader = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--command", script])
        .arg(url(server))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let reads = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND usename = 'app'";
    for _ in 0..500 {
        if server.sql("notes", reads) == "1" {
            return reader;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let _ = reader.kill();
    let _ = reader.wait();
    panic!("nobody reads");
}

#[test]
fn an_index_that_is_half_made_and_an_exit_code_of_0_go_back_to_the_backup() {
    let (server, rig) = notebook();
    let before = digest(&server);
    // The rehearsal has the copy to itself; on live data somebody reads.
    let mut reader = reader(&server);
    let exit = rig.exit(&["deploy", "--release", "2.0", "--wait"]);
    let _ = reader.kill();
    let _ = reader.wait();
    assert_eq!(exit, 1, "{}", rig.log());
    let shown = rig.ok(&["show", "notebook-2"]);
    assert_eq!(rig.state_of("notebook-2"), "rolled back", "{shown}");
    assert!(
        shown.contains("rehearse") && shown.contains("2.0 on migrated data"),
        "{shown}"
    );
    assert!(shown.contains("exited with code 0"), "{shown}");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(
        (head(&server).as_str(), invalid_indexes(&server).as_str()),
        ("0001", "0")
    );
    assert_eq!(digest(&server), before);
    // What was half done is kept for whoever wants to know.
    let kept = "SELECT datname FROM pg_database WHERE datname LIKE 'notes_replaced_%'";
    let kept = server.sql("postgres", kept);
    assert_eq!(
        server.sql(&kept, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"),
        "1"
    );

    // Without the reader it works.
    assert_eq!(
        rig.exit(&["deploy", "--release", "2.0", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(
        (head(&server).as_str(), invalid_indexes(&server).as_str()),
        ("0002", "0")
    );
}

#[test]
fn data_that_refuses_is_found_on_the_copy_and_its_text_is_told_to_nobody() {
    let (server, rig) = notebook();
    server.sql(
        "notes",
        r#"UPDATE note SET meta = '{"name": "Ada\u0000Lovelace"}' WHERE id = 7"#,
    );
    let before = digest(&server);
    let exit = rig.exit(&["deploy", "--release", "3.0", "--wait"]);
    assert_eq!(exit, 1, "{}", rig.log());
    let shown = rig.ok(&["show", "notebook-2"]);
    assert!(shown.contains("the live data was not touched"), "{shown}");
    assert!(!shown.contains("closed:"), "nobody was kept out: {shown}");
    assert_eq!(digest(&server), before);
    assert_eq!(rig.serving_release(), "1.0");
    assert!(!shown.contains("Lovelace"), "{shown}");
    for told in ["Lovelace", PASSWORD] {
        let found = Command::new("grep")
            .args(["--recursive", "--files-with-matches", "--text", told])
            .arg(rig.path(".portcullis"))
            .output()
            .unwrap();
        assert!(
            found.stdout.is_empty(),
            "{told}: {}",
            String::from_utf8_lossy(&found.stdout)
        );
    }
}

#[test]
fn a_migration_that_worked_counts_as_done_whatever_its_exit_code_says() {
    let (server, rig) = notebook();
    let exit = rig.exit(&["deploy", "--release", "2.0-late", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    assert_eq!(rig.serving_release(), "2.0-late");
    assert_eq!(head(&server), "0002");
}

#[test]
fn where_the_way_down_does_not_work_the_backup_is_the_way_back() {
    let (server, rig) = notebook();
    let before = digest(&server);
    assert_eq!(
        rig.exit(&["deploy", "--release", "2.0", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    let down = Command::new(python())
        .args(["-c", "import sys; sys.argv = ['', 'plain', '0001']; exec(open('alembic/migrate.py').read().replace('upgrade', 'downgrade'))"])
        .env("DATABASE_URL", url(&server))
        .current_dir(rig.path(""))
        .stderr(Stdio::null())
        .status();
    assert!(!down.unwrap().success(), "the downgrade must not work");
    // 4: it asks first.
    assert_eq!(rig.exit(&["rollback", "--wait"]), 4, "{}", rig.log());
    rig.ok(&["approve", "--accept-loss"]);
    rig.until("1.0", |rig| rig.state_of("notebook-3") == "promoted");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(digest(&server), before);
    assert_eq!(head(&server), "0001");
}
