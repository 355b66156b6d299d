//! Stores that are databases on a server, end to end: released, rolled back with their data, restored by command and by
//! hand.

use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_backup::{PostgresAddress, Store, store_digest};

use crate::postgres_server::PostgresServer;
use crate::rig::{Ports, Rig};
use crate::sql_releases::megabytes_more;

const NOTES: &str = include_str!("fixtures/notes/notes.py");
const CONFIGURATION: &str = include_str!("fixtures/notes/portcullis.toml");
const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");
pub(crate) const PASSWORD: &str = "8461937-hush";

/// A notebook with five hundred notes in a database of a user who has a password.
pub(crate) fn notebook() -> (PostgresServer, Rig) {
    let server = PostgresServer::start();
    let role = format!("CREATE ROLE app LOGIN CREATEDB PASSWORD '{PASSWORD}'");
    server.sql("postgres", &role);
    server.sql("postgres", "CREATE DATABASE notes OWNER app");
    server.sql(
        "notes",
        "SET ROLE app; CREATE TABLE schema_version (version int); INSERT INTO schema_version VALUES (1);
         CREATE TABLE note (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL);
         INSERT INTO note (text) SELECT 'note number ' || n FROM generate_series(1, 500) AS n",
    );
    server.prepend("pg_hba.conf", "host all app 127.0.0.1/32 password");
    server.reload();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::write(root.join("notes.url"), url(&server) + "\n").unwrap();
    std::fs::write(root.join("notes.py"), NOTES).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = CONFIGURATION
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    (server, Rig::of(folder, ports))
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

/// The databases of the server but for its own.
fn databases(server: &PostgresServer) -> Vec<String> {
    let list = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1";
    let listed = server.sql("postgres", list);
    listed.lines().map(str::to_owned).collect()
}

/// Files below a folder that have the password in them.
pub(crate) fn with_password(folder: &Path) -> Vec<String> {
    with_word(folder, PASSWORD)
}

/// Files below a folder that have this word in them.
pub(crate) fn with_word(folder: &Path, word: &str) -> Vec<String> {
    let found = Command::new("grep")
        .args(["--recursive", "--files-with-matches", "--text", word])
        .arg(folder)
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let names = found.lines().map(|path| path.rsplit('/').next().unwrap());
    names.map(str::to_owned).collect()
}

#[test]
fn a_bad_release_on_a_postgresql_database_goes_back_with_its_data() {
    let (server, mut rig) = notebook();
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = digest(&server);
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        3,
        "{}",
        rig.log()
    );
    let shown = rig.ok(&["show", "notebook-2"]);
    assert_eq!(rig.state_of("notebook-2"), "rolled back", "{shown}");
    assert!(shown.contains("error rate"), "{shown}");
    assert!(
        shown.contains("500 rows in 2 tables") || shown.contains("501 rows in 2 tables"),
        "{shown}"
    );
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(digest(&server), before);
    let left = databases(&server);
    let [live, kept] = left.as_slice() else {
        panic!("no copy of the rehearsal may be left, and the replaced data must be: {left:?}")
    };
    assert_eq!(live, "notes");
    assert!(kept.starts_with("notes_replaced_"), "{kept}");
    assert_eq!(
        server.sql(kept, "SELECT count(*) FROM note WHERE mood = 'fine'"),
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
    assert_eq!(
        server.sql("notes", "SELECT version FROM schema_version"),
        "2"
    );
    assert_eq!(databases(&server).len(), 2);
    rig.ok(&["journal", "verify"]);
    rig.ok(&["backup", "verify"]);
    assert_eq!(rig.stop(), Some(0));
    assert_eq!(
        with_password(rig.folder.path()),
        ["notes.url"],
        "journal, logs, plans and backups have no password"
    );
}

#[test]
fn a_backup_of_a_postgresql_database_is_made_verified_and_restored_by_command() {
    let (server, rig) = notebook();
    rig.ok(&["init"]);
    let before = digest(&server);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    rig.ok(&["backup", "verify", &name]);
    server.sql("notes", "DELETE FROM note WHERE id > 100");
    rig.ok(&["backup", "restore", &name, "--to", "copies"]);
    for file in ["dump/toc.dat", "roles.sql", "database.sql"] {
        assert!(
            rig.path(&format!("copies/notes/{file}")).is_file(),
            "{file}"
        );
    }
    let told = rig.run(&["backup", "restore", &name, "--in-place"]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("ALTER DATABASE"), "{told}");
    assert_eq!(digest(&server), before);
    let left = databases(&server);
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(server.sql(&left[1], "SELECT count(*) FROM note"), "100");
    rig.ok(&["doctor"]);

    // A wrong password is told with the store's name, and is not shown.
    let wrong = url(&server).replace(PASSWORD, "wr0ng-hush");
    std::fs::write(rig.path("notes.url"), wrong).unwrap();
    let output = rig.run(&["backup", "create"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("store \"notes\"") && told.contains("does not let the user in"),
        "{told}"
    );
    assert!(told.starts_with("error[PC0805]: "), "{told}");
    assert!(!told.contains("wr0ng-hush"), "{told}");
}

/// The commands of docs/guide/restore-by-hand.md, as they stand there: only the names at their beginning differ.
#[test]
fn the_runbook_restores_a_postgresql_database_without_portcullis() {
    let (server, rig) = notebook();
    rig.ok(&["init"]);
    let before = digest(&server);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    server.sql("notes", "DELETE FROM note WHERE id > 100");
    let blocks = |text: &str| -> Vec<String> {
        let blocks = text.split("```sh\n").skip(1);
        let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
        let is_setting = |block: &String| !block.contains(' ') && !block.contains("$(");
        blocks.filter(|block| !is_setting(block)).collect()
    };
    let section = |heading: &str| {
        let rest = RUNBOOK.split_once(heading).unwrap().1;
        rest.split("\n## ").next().unwrap()
    };
    let mut commands = blocks(section("## Unpack\n"));
    commands.extend(blocks(section("## Put a PostgreSQL database back\n")));
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands.concat()])
        .env("VAULT", rig.path(".portcullis/vault"))
        .env("NAME", &name)
        .env("STORE", "notes")
        .env("RESTORED", rig.path("restored"))
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", "postgres")
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
    for part in [
        ".tar.zst: OK",
        ".manifest.json: OK",
        "TABLE DATA public note app",
        "COMMIT",
    ] {
        assert!(out.contains(part), "{part:?} is not in:\n{out}{err}");
    }
    assert_eq!(digest(&server), before);
    let left = databases(&server);
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(server.sql(&left[1], "SELECT count(*) FROM note"), "100");
}

#[test]
fn check_refuses_a_password_in_the_file_and_a_url_where_everybody_could_see_it() {
    let (server, rig) = notebook();
    let refused = |rig: &Rig| {
        let output = rig.run(&["check"]);
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!told.contains(PASSWORD), "{told}");
        told
    };
    rig.ok(&["check"]);
    for literal in [url(&server), format!("text:{}", url(&server))] {
        rig.edit("url = \"file:notes.url\"", &format!("url = \"{literal}\""));
        let told = refused(&rig);
        assert!(told.contains("this URL has a password"), "{told}");
        rig.edit(&format!("url = \"{literal}\""), "url = \"file:notes.url\"");
    }
    rig.edit("url = \"file:notes.url\"", "url = \"file:nowhere.url\"");
    assert!(refused(&rig).contains("nowhere.url"));
    rig.edit("url = \"file:nowhere.url\"", "path = \"notes.url\"");
    let told = refused(&rig);
    assert!(
        told.contains("has no `path`") && told.contains("needs `url`"),
        "{told}"
    );
    rig.edit("path = \"notes.url\"", "url = \"file:notes.url\"");
    rig.edit(
        "\"{artifact}\", \"migrate\"",
        "\"{artifact}\", \"migrate\", \"{store.notes}\"",
    );
    let told = refused(&rig);
    assert!(
        told.contains("may have a password") && told.contains("DATABASE_URL = \"{store.notes}\""),
        "{told}"
    );
}

#[test]
fn the_doctor_tells_missing_rights_on_a_line_of_their_own_with_what_gives_them() {
    let (server, rig) = notebook();
    rig.ok(&["init"]);
    rig.ok(&["backup", "create"]);
    let well = rig.ok(&["doctor"]);
    assert!(
        well.contains("rights: the user of store notes may"),
        "{well}"
    );
    let told = |rig: &Rig| {
        let output = rig.run(&["doctor"]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    server.sql("postgres", "ALTER ROLE app NOCREATEDB");
    let found = told(&rig);
    for words in [
        "fail  rights: store \"notes\": the user may not create a database",
        "ALTER ROLE \"app\" CREATEDB",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
    assert!(found.contains("ok    space: "), "{found}");
    // A large object of somebody else.
    let number = server.sql("notes", "SELECT lo_from_bytea(0, 'x')");
    let found = told(&rig);
    let words =
        format!("fail  rights: store \"notes\": the user may not read the large objects {number}");
    assert!(found.contains(&words), "{words}: {found}");
    assert!(!found.contains("space: "), "{found}");
    let refused = rig.run(&["backup", "create"]);
    assert_eq!(refused.status.code(), Some(1));
    let words = format!("GRANT SELECT ON LARGE OBJECT {number} TO \"app\"");
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.contains(&words), "{refused}");
}

/// The copy is a database beside, on which the release is started; nothing of it stays, and nothing live changes.
#[test]
fn a_drill_on_a_postgresql_database_passes_and_leaves_no_copy() {
    let (server, mut rig) = notebook();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    // The next backup says which release serves.
    rig.until("a backup of the serving release", |rig| {
        rig.run(&["backup", "create"]).status.success()
    });
    let before = digest(&server);
    let drill = rig.json(&["drill"]);
    assert_eq!(drill["verdict"], "passed", "{drill}");
    let text = drill.to_string();
    assert!(text.contains("501 rows in 2 tables"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
    assert_eq!(databases(&server), ["notes"]);
    assert_eq!(digest(&server), before);
    assert_eq!(rig.stop(), Some(0));
}

/// Plain SQL files on a server: rehearsed on a copied database, carried out by phase, undone with the ledger.
#[test]
fn sql_files_change_a_postgresql_database_by_phases() {
    let (server, mut rig) = notebook();
    std::fs::create_dir(rig.path("migrations")).unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(rig.path("migrations").join(name), text).unwrap();
    };
    // 2000 rows of 1000 bytes, seven of them in a page of 8192.
    file(
        "0001_mood.sql",
        "ALTER TABLE note ADD COLUMN mood text;
         CREATE TABLE picture AS SELECT repeat('x', 1000) AS bytes FROM generate_series(1, 2000);",
    );
    file(
        "0002_fill.backfill.sql",
        "-- portcullis: batch = 100, pause = 10ms\nUPDATE note SET mood = 'fine' WHERE id IN \
         (SELECT id FROM note WHERE mood IS NULL LIMIT 100);",
    );
    let command = "command = [\"python3\", \"{artifact}\", \"migrate\"]\n\
                   proof = { command = [\"python3\", \"{artifact}\", \"migrated\"] }\n";
    let text = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
    let text = text.replace(command, "sql = \"migrations\"\n");
    std::fs::write(rig.path("portcullis.toml"), text).unwrap();
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let rehearsed = rig.ok(&["migrate", "rehearse", "--release", "1.2"]);
    assert!(rehearsed.contains("500 rows changed"), "{rehearsed}");
    let more = megabytes_more(&rehearsed);
    assert!((2.3..2.6).contains(&more), "{more}: {rehearsed}");
    for words in [
        "lock on note ",
        "reads and writes wait; taken by ALTER TABLE note ADD COLUMN mood text",
        "ROW EXCLUSIVE 6 times, the longest for at most",
        "writes to the same rows",
    ] {
        assert!(rehearsed.contains(words), "{words}: {rehearsed}");
    }
    assert_eq!(databases(&server), ["notes"]);
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'note' AND column_name = 'mood'";
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        3,
        "{}",
        rig.log()
    );
    assert_eq!(server.sql("notes", columns), "0");
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.2", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        server.sql("notes", "SELECT count(*) FROM note WHERE mood = 'fine'"),
        "500"
    );
    let ledger = "SELECT string_agg(name, ' ' ORDER BY version) FROM portcullis_migrations";
    assert_eq!(
        server.sql("notes", ledger),
        "0001_mood.sql 0002_fill.backfill.sql"
    );
    assert_eq!(rig.stop(), Some(0));
    assert_eq!(with_password(rig.folder.path()), ["notes.url"]);
}

/// What would keep users waiting is found on the copy, before anything live is touched: of SQL files and of commands.
#[test]
fn a_migration_that_locks_a_table_for_too_long_is_refused_by_its_rehearsal() {
    let (server, mut rig) = notebook();
    rig.edit(
        "compatible = true",
        "compatible = true\nlongest_lock = \"300ms\"",
    );
    std::fs::create_dir(rig.path("migrations")).unwrap();
    let path = rig.path("migrations/0001_mood.sql");
    let file = |text: &str| std::fs::write(&path, text).unwrap();
    file("ALTER TABLE note ADD COLUMN mood text;\nSELECT pg_sleep(0.5);");
    let text = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
    let command = "command = [\"python3\", \"{artifact}\", \"migrate\"]\n\
                   proof = { command = [\"python3\", \"{artifact}\", \"migrated\"] }\n";
    // 1.1 migrates by files, 1.2 by a command that holds its lock for as long.
    let text = text.replacen(command, "sql = \"migrations\"\n", 1);
    let slow = "command = [\"sh\", \"-c\", '''psql -X -q -d \"$DATABASE_URL\" -c BEGIN -c 'ALTER TABLE note ADD COLUMN mood text' \
                -c 'SELECT pg_sleep(0.5)' -c COMMIT''']\n\
                proof = { command = [\"true\"] }\n";
    std::fs::write(rig.path("portcullis.toml"), text.replacen(command, slow, 1)).unwrap();
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = digest(&server);
    let plan = rig.ok(&["plan", "--release", "1.1"]);
    assert!(
        plan.contains("refuse locks for which reads or writes would wait longer than 300 ms"),
        "{plan}"
    );
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    let shown = rig.ok(&["show", "notebook-2"]);
    for words in [
        "users of note would wait for too long, longest_lock in [data] allows 300 ms: ACCESS EXCLUSIVE for at most",
        "taken by ALTER TABLE note ADD COLUMN mood text",
        "NOT VALID",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(rig.state_of("notebook-2"), "rolled back", "{shown}");
    let refused = rig.run(&["migrate", "rehearse", "--release", "1.2"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(
        told.contains("users of note would wait for too long"),
        "{told}"
    );
    assert!(told.contains("one that came and went within"), "{told}");
    // Short enough, it is told and let through.
    file("ALTER TABLE note ADD COLUMN mood text;");
    let told = rig.ok(&["migrate", "rehearse", "--release", "1.1"]);
    assert!(told.contains("ACCESS EXCLUSIVE for at most"), "{told}");
    assert_eq!(digest(&server), before);
    assert_eq!(databases(&server), ["notes"]);
    assert_eq!(rig.stop(), Some(0));
    assert_eq!(with_password(rig.folder.path()), ["notes.url"]);
}
