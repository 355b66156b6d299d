//! Migrations that lie, as those of a real application do: exit codes that say nothing, indexes that are half made, data
//! that refuses, ways down that do not work, changes on which the release that serves does not work. Alembic and PostgreSQL
//! are real.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use portcullis_backup::{PostgresAddress, Store, store_digest};

use crate::postgres_server::PostgresServer;
use crate::rig::{Ports, Rig};

const NOTES: &str = include_str!("fixtures/notes/notes.py");
const CONFIGURATION: &str = include_str!("fixtures/alembic/portcullis.toml");
/// Two releases side by side; what going back does is for the test to say.
const BESIDE: &str = include_str!("fixtures/alembic/beside.toml");
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

/// A notebook whose database Alembic has made, and that serves release 1.0. Users are kept out while data is moved.
fn notebook() -> (PostgresServer, Rig) {
    notebook_of(CONFIGURATION)
}

/// The same with both releases working on the data beside each other.
fn notebook_beside(rollback: &str) -> (PostgresServer, Rig) {
    notebook_of(&BESIDE.replace("@ROLLBACK@", rollback))
}

fn notebook_of(configuration: &str) -> (PostgresServer, Rig) {
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
    // The same service, of a release that reads another column.
    let body = NOTES.replace("length(text)", "length(body)");
    assert_ne!(body, NOTES);
    std::fs::write(root.join("body.py"), body).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = configuration
        .replace("@PYTHON@", &python().display().to_string())
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    let (code, said) = alembic(root, &server, &["plain", "0001"]);
    assert_eq!(code, 0, "{said}");
    let mut rig = Rig::of(folder, ports);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    (server, rig)
}

/// Runs Alembic on the live database as an operator does; its exit code and what it said.
fn alembic(root: &Path, server: &PostgresServer, args: &[&str]) -> (i32, String) {
    let output = Command::new(python())
        .arg("alembic/migrate.py")
        .args(args)
        .env("DATABASE_URL", url(server))
        .current_dir(root)
        .stdin(Stdio::null())
        .output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    (status.code().unwrap(), said)
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

fn has_index(server: &PostgresServer, name: &str) -> bool {
    let count = format!("SELECT count(*) FROM pg_indexes WHERE indexname = '{name}'");
    server.sql("notes", &count) == "1"
}

/// The databases of the server but for its own.
fn databases(server: &PostgresServer) -> String {
    let list = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'";
    server.sql("postgres", list)
}

/// Brings a bad release out as far as its first gate, where a user writes what does not fit into what was; then it goes back.
/// Returns once it is held.
fn written_at_the_gate(server: &PostgresServer, rig: &Rig, release: &str) {
    rig.ok(&["deploy", "--release", release]);
    rig.until("the gate is open", |rig| {
        rig.state_of("notebook-2") == "watching"
    });
    server.sql(
        "notes",
        "INSERT INTO note (text, owner) VALUES ('written meanwhile', 'somebody with a long name')",
    );
    let users = rig.users();
    rig.until("it asks", |rig| {
        let state = rig.state_of("notebook-2");
        assert_ne!(state, "rolled back", "nobody was asked");
        state == "held"
    });
    users.stop();
}

/// Somebody reads in a transaction that does not end: an index cannot be made beside it.
fn reader(server: &PostgresServer) -> Child {
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

/// As Dify's: it stops in the middle, and what it did before makes the second attempt fail for another reason.
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
    assert!(has_index(&server, "note_mood"));
    for why in [
        "value too long for type character varying(2)",
        "index \"note_mood\" does not exist",
    ] {
        let (code, said) = alembic(rig.folder.path(), &server, &["down", "0001"]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(why), "{why}: {said}");
        assert_eq!(head(&server), "0002", "it says that it never went");
        assert!(!has_index(&server, "note_mood"), "and half of it is gone");
    }
    // 4: it asks first.
    assert_eq!(rig.exit(&["rollback", "--wait"]), 4, "{}", rig.log());
    rig.ok(&["approve", "--accept-loss"]);
    rig.until("1.0", |rig| rig.state_of("notebook-3") == "promoted");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(digest(&server), before);
    assert_eq!(head(&server), "0001");
}

/// One fails and says that it did not, one stops half way, where the proof of the migration does not show it any more, and one
/// only writes down that it went.
#[test]
fn ways_down_that_lie_are_found_on_the_copy_and_refuse_the_release() {
    let (server, rig) = notebook_beside("reverse");
    let before = digest(&server);
    let differs = "the reverse of the migration does not bring back what was";
    let refused = |number: u32, release: &str| {
        let exit = rig.exit(&["deploy", "--release", release, "--wait"]);
        let rollout = format!("notebook-{number}");
        let shown = rig.ok(&["show", &rollout]);
        assert_eq!(exit, 1, "{release}: {shown}");
        assert_eq!(rig.state_of(&rollout), "rolled back", "{shown}");
        assert!(shown.contains("the live data was not touched"), "{shown}");
        assert_eq!(head(&server), "0001", "{release}");
        assert_eq!(digest(&server), before, "{release}");
        assert_eq!(databases(&server), "notes", "{release}");
        assert_eq!(rig.serving_release(), "1.0");
        shown
    };
    let shown = refused(2, "2.0-swallowed");
    for words in [
        "the migration cannot be reversed on the restored copy: it is still in effect",
        "exited with code 0",
        "Database migration failed: DataError",
        "the database is at 0002",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = refused(3, "2.0-half");
    let half =
        "the migration cannot be reversed on the restored copy: the reverse exited with code 1";
    assert!(shown.contains(half), "{shown}");
    let shown = refused(4, "2.0-stamped");
    for words in [differs, "is left"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let told = "alembic_version is another";
    assert!(
        !shown.contains(told),
        "Alembic says that it is back: {shown}"
    );
}

/// The way down worked on the copy. Then a user wrote what does not fit, and whoever is asked mends that and tries again.
#[test]
fn a_way_down_that_live_data_refuses_asks_and_is_tried_again_when_the_data_fits() {
    let (server, rig) = notebook_beside("reverse");
    written_at_the_gate(&server, &rig, "2.0");
    let status = rig.ok(&["status"]);
    for words in [
        "reversing the migration failed",
        "the reverse exited with code 1",
        "`retry` tries again",
        "`abort` puts the backup back",
    ] {
        assert!(status.contains(words), "{words}: {status}");
    }
    let shown = rig.ok(&["show", "notebook-2"]);
    for words in [
        "there and back",
        "value too long for type character varying(8)",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(head(&server), "0011", "nothing happens by itself");
    let written = "SELECT count(*) FROM note WHERE text = 'written meanwhile'";
    assert_eq!(server.sql("notes", written), "1");

    // As long as it does not fit, the answer is the same.
    let refusals = |rig: &Rig| {
        let shown = rig.ok(&["show", "notebook-2"]);
        shown.matches("value too long").count()
    };
    let at_first = refusals(&rig);
    rig.ok(&["retry"]);
    rig.until("it was tried again", |rig| {
        refusals(rig) > at_first && rig.state_of("notebook-2") == "held"
    });
    assert_eq!(head(&server), "0011");
    let shorter = "UPDATE note SET owner = 'somebody' WHERE length(owner) > 8";
    server.sql("notes", shorter);
    rig.ok(&["retry"]);
    rig.until("it went back", |rig| {
        rig.state_of("notebook-2") == "rolled back"
    });
    assert_eq!(head(&server), "0001");
    assert_eq!(server.sql("notes", written), "1", "a write was lost");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(databases(&server), "notes", "no backup was put back");
    rig.ok(&["journal", "verify"]);
}

/// The first of two revisions was taken back and the second was not: data that no release has ever worked on.
#[test]
fn a_way_down_that_stops_half_way_on_live_data_is_no_way_back() {
    let (server, rig) = notebook_beside("reverse");
    let before = digest(&server);
    written_at_the_gate(&server, &rig, "2.1");
    let status = rig.ok(&["status"]);
    // The proof does not show the migration any more, which is not the same as a reverse that came to its end.
    for words in [
        "reversing the migration failed",
        "the reverse exited with code 1",
    ] {
        assert!(status.contains(words), "{words}: {status}");
    }
    assert_eq!(head(&server), "0011", "that is neither here nor there");
    rig.ok(&["abort", "--accept-loss"]);
    rig.until("it went back", |rig| {
        rig.state_of("notebook-2") == "rolled back"
    });
    assert_eq!(head(&server), "0001");
    assert_eq!(digest(&server), before, "that is what was asked");
    assert_eq!(rig.serving_release(), "1.0");
    let shown = rig.ok(&["show", "notebook-2"]);
    assert!(
        shown.contains("reversing the migration failed, so notebook_test_"),
        "{shown}"
    );
}

/// `compatible = true` is believed only when the release that serves was seen to work on migrated data: it does not start where
/// its column has another name, and where the column is empty it starts and answers wrongly.
#[test]
fn a_migration_on_which_the_release_that_serves_does_not_work_is_refused() {
    let (server, rig) = notebook_beside("restore");
    let before = digest(&server);
    let users = rig.users();
    for (rollout, release, why) in [
        ("notebook-2", "3.0-renamed", "release 1.0 on migrated data"),
        ("notebook-3", "3.0-moved", "/letters is 0, expected 7392"),
    ] {
        let exit = rig.exit(&["deploy", "--release", release, "--wait"]);
        let shown = rig.ok(&["show", rollout]);
        assert_eq!(exit, 1, "{shown}");
        assert_eq!(rig.state_of(rollout), "rolled back", "{shown}");
        for words in [
            "release 1.0 on migrated data",
            why,
            "the live data was not touched",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert_eq!(rig.serving_release(), "1.0");
        assert_eq!(head(&server), "0001", "{release}");
        let rows = "SELECT count(*), sum(length(text)) FROM note";
        assert_eq!(server.sql("notes", rows), "500|7392", "{release}");
        assert_eq!(digest(&server), before, "{release}");
        assert_eq!(databases(&server), "notes", "{release}");
    }
    // The same change in a way that both can work on.
    let exit = rig.exit(&["deploy", "--release", "3.0", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "3.0");
    assert_eq!(head(&server), "0023");
    let shown = rig.ok(&["show", "notebook-4"]);
    assert!(shown.contains("1.0 on migrated data"), "{shown}");
}

/// Where half of a migration is kept, an index that was never finished has its name all the same. A backup does not have it, so
/// the rehearsal cannot meet it.
#[test]
fn an_index_that_is_half_made_makes_every_attempt_fail_until_it_is_dropped() {
    let (server, rig) = notebook_beside("keep");
    let mut reader = reader(&server);
    let exit = rig.exit(&["deploy", "--release", "4.0", "--wait"]);
    // The server does not notice that a reader is gone.
    let end = "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' \
               AND usename = 'app'";
    server.sql("notes", end);
    let _ = reader.kill();
    let _ = reader.wait();
    let shown = rig.ok(&["show", "notebook-2"]);
    assert_eq!(exit, 1, "{shown}");
    assert_eq!(rig.state_of("notebook-2"), "rolled back", "{shown}");
    assert!(shown.contains("canceling statement due to"), "{shown}");
    let half = || (head(&server), invalid_indexes(&server));
    assert_eq!(half(), ("0031".to_owned(), "1".to_owned()));
    assert_eq!(rig.serving_release(), "1.0");

    let exists = "relation \"note_tag\" already exists";
    let exit = rig.exit(&["deploy", "--release", "4.0", "--wait"]);
    let shown = rig.ok(&["show", "notebook-3"]);
    assert_eq!(exit, 1, "{shown}");
    for words in ["4.0 on migrated data", exists] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let (code, said) = alembic(rig.folder.path(), &server, &["plain", "0032"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(exists), "{said}");
    assert_eq!(half(), ("0031".to_owned(), "1".to_owned()));

    server.sql("notes", "DROP INDEX note_tag");
    let users = rig.users();
    let exit = rig.exit(&["deploy", "--release", "4.0", "--wait"]);
    assert_eq!(exit, 0, "{}", rig.log());
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(half(), ("0032".to_owned(), "0".to_owned()));
    assert!(has_index(&server, "note_tag"));
}
