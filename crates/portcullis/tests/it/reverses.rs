//! Going back by reversing the migration: no write is lost, the rehearsal proves it, and a reverse that fails asks.

use std::path::PathBuf;

use crate::databases::{ledger_of, sqlite};
use crate::rig::Rig;
use crate::server_databases::notebook;

const CONFIGURATION: &str = include_str!("fixtures/ledger/sql.toml");
const ADD: &str = "ALTER TABLE entry ADD COLUMN body TEXT;";
const FILL: &str = "-- portcullis: batch = 50, pause = 20ms
UPDATE entry SET body = text WHERE id IN (SELECT id FROM entry WHERE body IS NULL LIMIT 50);";
const BODY: &str = "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'body'";
const WRITTEN: &str = "SELECT count(*) FROM entry WHERE text = 'written meanwhile'";

/// The migration by a command, with its reverse.
const BY_COMMAND: &str = r#"
command = ["sqlite3", "{store.entries}", "ALTER TABLE entry ADD COLUMN body TEXT"]
proof = { command = ["sh", "-c", "test $(sqlite3 '{store.entries}' \"SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'body'\") = 1"] }
reverse = ["sqlite3", "{store.entries}", "ALTER TABLE entry DROP COLUMN body"]
"#;

fn configuration() -> String {
    CONFIGURATION
        .replace("rollback = \"restore\"", "rollback = \"reverse\"")
        .replace("written_by = \"migrations\"", "written_by = \"service\"")
}

fn serving(configuration: &str) -> Rig {
    let mut rig = ledger_of(configuration);
    std::fs::create_dir(rig.path("migrations")).unwrap();
    file(&rig, "0001_body.sql", ADD);
    file(
        &rig,
        "0001_body.down.sql",
        "ALTER TABLE entry DROP COLUMN body;",
    );
    file(&rig, "0002_fill.backfill.sql", FILL);
    // The column goes with its rows.
    file(&rig, "0002_fill.down.sql", "SELECT 1;");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig
}

fn file(rig: &Rig, name: &str, text: &str) {
    std::fs::write(rig.path("migrations").join(name), text).unwrap();
}

fn database(rig: &Rig) -> PathBuf {
    rig.path("data/entries.db")
}

fn asked(rig: &Rig, sql: &str) -> String {
    sqlite(&database(rig), sql)
}

/// Brings the bad release out as far as its first gate, where something is written.
fn written_at_the_gate(rig: &Rig) {
    rig.ok(&["deploy", "--release", "1.1-bad"]);
    rig.until("the gate is open", |rig| {
        rig.state_of("ledger-2") == "watching"
    });
    assert_eq!(asked(rig, BODY), "1");
    asked(rig, "INSERT INTO entry (text) VALUES ('written meanwhile')");
}

#[test]
fn a_bad_release_is_reversed_by_its_down_files_and_no_write_is_lost() {
    let rig = serving(&configuration());
    let plan = rig.ok(&["plan", "--release", "1.1-bad"]);
    for words in [
        "going back reverses the migration and loses nothing, which the rehearsal proves",
        "undo: run 0002_fill.down.sql, 0001_body.down.sql; loses nothing; if it fails, a person is asked before",
        "reverse it: all must be as before, and 1.0 work",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    written_at_the_gate(&rig);
    let users = rig.users();
    rig.until("it went back", |rig| {
        rig.state_of("ledger-2") == "rolled back"
    });
    users.stop();
    assert_eq!(asked(&rig, BODY), "0");
    assert_eq!(asked(&rig, WRITTEN), "1", "a write was lost");
    assert_eq!(rig.serving_release(), "1.0");
    let shown = rig.ok(&["show", "ledger-2"]);
    for words in [
        "there and back",
        "as before",
        "0001_body.down.sql",
        "undone in",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("reversing the migration failed"), "{shown}");
    let reference = format!("sqlite:{}", database(&rig).display());
    let status = rig.ok(&["migrate", "status", "migrations", "--url", &reference]);
    let line = status.lines().find(|line| line.contains("0001_body.sql"));
    let line = line.unwrap();
    assert!(
        line.contains("pending") && line.contains("undone 20"),
        "{status}"
    );

    // The same files are applied again.
    asked(&rig, "DELETE FROM entry WHERE text = 'written meanwhile'");
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    users.stop();
    assert_eq!(
        asked(&rig, "SELECT count(*) FROM entry WHERE body = text"),
        "500"
    );
    rig.ok(&["journal", "verify"]);
}

#[test]
fn a_command_is_reversed_too() {
    let sql = "sql = \"migrations\"\nthrough = 2\n";
    let text = configuration().replace(sql, BY_COMMAND);
    let rig = serving(&text);
    written_at_the_gate(&rig);
    let users = rig.users();
    rig.until("it went back", |rig| {
        rig.state_of("ledger-2") == "rolled back"
    });
    users.stop();
    assert_eq!(asked(&rig, BODY), "0", "{}", rig.ok(&["show", "ledger-2"]));
    assert_eq!(asked(&rig, WRITTEN), "1", "a write was lost");
}

#[test]
fn a_reverse_that_the_rehearsal_disproves_or_that_is_not_there_refuses_the_release() {
    let rig = serving(&configuration());
    // It runs, and leaves the column.
    file(&rig, "0001_body.down.sql", "SELECT 1;");
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    let shown = rig.ok(&["show", "ledger-2"]);
    assert_eq!(rig.state_of("ledger-2"), "rolled back", "{shown}");
    for words in [
        "the reverse of the migration does not bring back what was",
        "table entry is another",
        "what is in the rows of entry is another",
        "the live data was not touched",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(asked(&rig, BODY), "0");
    // It cannot run.
    file(
        &rig,
        "0001_body.down.sql",
        "ALTER TABLE entry DROP COLUMN mood;",
    );
    let rehearsed = rig.run(&["migrate", "rehearse", "--release", "1.1"]);
    let told = String::from_utf8_lossy(&rehearsed.stderr).into_owned();
    assert_eq!(rehearsed.status.code(), Some(1), "{told}");
    assert!(
        told.contains("cannot be reversed on the restored copy: the reverse failed"),
        "{told}"
    );
    // There is none, or none that could be one.
    for name in ["0001_body.down.sql", "0002_fill.down.sql"] {
        std::fs::remove_file(rig.path("migrations").join(name)).unwrap();
    }
    file(&rig, "0002_fill.down.sql", "COMMIT;");
    let planned = rig.run(&["plan", "--release", "1.1"]);
    let told = String::from_utf8_lossy(&planned.stderr).into_owned();
    assert_ne!(planned.status.code(), Some(0), "{told}");
    assert!(
        told.contains("there is no .down.sql beside 0001_body.sql, 0002_fill.backfill.sql"),
        "{told}"
    );
    let lint = rig.run(&["migrate", "lint", "migrations", "--dialect", "sqlite"]);
    let told = String::from_utf8_lossy(&lint.stdout).into_owned();
    assert!(told.contains("file-reverse"), "{told}");
}

#[test]
fn a_reverse_that_fails_asks_before_it_puts_the_backup_back() {
    let rig = serving(&configuration());
    written_at_the_gate(&rig);
    // Somebody needs the column by now, which the rehearsal could not know.
    asked(&rig, "CREATE INDEX by_hand ON entry (body)");
    let users = rig.users();
    rig.until("it asks", |rig| rig.state_of("ledger-2") == "held");
    users.stop();
    let status = rig.run(&["status"]);
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(told.contains("reversing the migration failed"), "{told}");
    assert!(told.contains("`abort` puts the backup back"), "{told}");
    assert_eq!(asked(&rig, BODY), "1", "nothing happens by itself");
    assert_eq!(asked(&rig, WRITTEN), "1");
    // Nobody is at a terminal to be asked, and what would be lost is said: one row of a user, and nothing of our own.
    let unasked = rig.run(&["abort"]);
    assert_eq!(unasked.status.code(), Some(1));
    let told = String::from_utf8_lossy(&unasked.stderr).into_owned();
    assert!(told.contains("entries: 1 row more in entry"), "{told}");
    assert!(told.contains("--accept-loss"), "{told}");
    assert!(!told.contains("portcullis_migrations"), "{told}");
    assert_eq!(rig.state_of("ledger-2"), "held");
    rig.ok(&["abort", "--accept-loss"]);
    rig.until("it went back", |rig| {
        rig.state_of("ledger-2") == "rolled back"
    });
    assert_eq!(asked(&rig, BODY), "0");
    assert_eq!(asked(&rig, WRITTEN), "0", "that is what was asked");
    let shown = rig.ok(&["show", "ledger-2"]);
    assert!(
        shown.contains("reversing the migration failed, so ledger_test_"),
        "{shown}"
    );
    rig.ok(&["journal", "verify"]);
}

/// The same in a database on a server, with an index that is built and dropped outside of any transaction.
#[test]
fn a_postgresql_database_is_reversed_with_its_indexes() {
    let (server, mut rig) = notebook();
    rig.edit("rollback = \"restore\"", "rollback = \"reverse\"");
    rig.edit("written_by = \"migrations\"", "written_by = \"service\"");
    let command = "command = [\"python3\", \"{artifact}\", \"migrate\"]\n\
                   proof = { command = [\"python3\", \"{artifact}\", \"migrated\"] }\n";
    let text = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
    let text = text.replace(command, "sql = \"migrations\"\n");
    std::fs::write(rig.path("portcullis.toml"), text).unwrap();
    std::fs::create_dir(rig.path("migrations")).unwrap();
    for (name, text) in [
        ("0001_mood.sql", "ALTER TABLE note ADD COLUMN mood text;"),
        ("0001_mood.down.sql", "ALTER TABLE note DROP COLUMN mood;"),
        (
            "0002_index.sql",
            "-- portcullis: no-transaction\nCREATE INDEX CONCURRENTLY note_text ON note (text);",
        ),
        ("0002_index.down.sql", "SELECT 1;"),
    ] {
        file(&rig, name, text);
    }
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    // The index is forgotten, and the rehearsal sees it.
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    let shown = rig.ok(&["show", "notebook-2"]);
    assert!(
        shown.contains("in its indexes") && shown.contains("is left"),
        "{shown}"
    );
    let index = "SELECT count(*) FROM pg_indexes WHERE indexname = 'note_text'";
    assert_eq!(server.sql("notes", index), "0", "nothing live was touched");

    let drop = "-- portcullis: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS note_text;";
    file(&rig, "0002_index.down.sql", drop);
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the gate is open", |rig| {
        rig.state_of("notebook-3") == "watching"
    });
    assert_eq!(server.sql("notes", index), "1");
    server.sql(
        "notes",
        "INSERT INTO note (text) VALUES ('written meanwhile')",
    );
    let users = rig.users();
    rig.until("it went back", |rig| {
        rig.state_of("notebook-3") == "rolled back"
    });
    users.stop();
    assert_eq!(server.sql("notes", index), "0");
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'note' AND column_name = 'mood'";
    assert_eq!(server.sql("notes", columns), "0");
    let written = "SELECT count(*) FROM note WHERE text = 'written meanwhile'";
    assert_eq!(server.sql("notes", written), "1", "a write was lost");
    let ledger = "SELECT (SELECT count(*) FROM portcullis_migrations), \
                  (SELECT string_agg(name, ' ' ORDER BY version DESC) FROM portcullis_migrations_reversed)";
    assert_eq!(
        server.sql("notes", ledger),
        "0|0002_index.sql 0001_mood.sql"
    );
    rig.ok(&["journal", "verify"]);
}
