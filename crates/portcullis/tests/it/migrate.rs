//! `portcullis migrate` through the built binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;

use crate::postgres_server::PostgresServer;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command.env("NO_COLOR", "1");
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

/// Exit code, standard output and standard error.
fn told(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = run(folder, args);
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A folder with migrations in it.
fn migrations(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join("migrations").join(name), text).unwrap();
}

async fn sqlite(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    SqliteConnection::connect_with(&options.create_if_missing(true))
        .await
        .unwrap()
}

async fn number(path: &Path, sql: &str) -> i64 {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::query_scalar(sql)
        .fetch_one(&mut sqlite(path).await)
        .await
        .unwrap()
}

const REAL: [(&str, &str); 4] = [
    (
        "0001_users.sql",
        "SET lock_timeout = '2s';\nSET statement_timeout = '30s';\n\
         CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text);\n",
    ),
    ("0001_users.down.sql", "DROP TABLE users;\n"),
    (
        "0002_rename.sql",
        "ALTER TABLE notes\n  RENAME COLUMN body TO text;\nUPDATE notes SET text = 'jo@example.com';\n",
    ),
    (
        "0003_index.sql",
        "-- portcullis: no-transaction\n-- portcullis:ignore-file no-reverse, require-statement-timeout: see the runbook\n\
         SET lock_timeout = '2s';\nCREATE INDEX CONCURRENTLY notes_text ON notes (text);\nALTER TABLE notes ADD COLUMN a text;\n",
    ),
];

#[test]
fn a_lint_says_what_why_and_what_to_do() {
    let folder = migrations(&REAL);
    let (exit, out, err) = told(folder.path(), &["migrate", "lint", "migrations"]);
    assert_eq!(exit, 1, "{err}");
    insta::assert_snapshot!(format!("{out}---\n{err}"));
}

#[test]
fn a_lint_ends_as_its_denial_says() {
    let folder = migrations(&[REAL[0], REAL[1], REAL[3]]);
    let (exit, out, _) = told(folder.path(), &["migrate", "lint", "migrations"]);
    assert_eq!(exit, 0, "{out}");
    let denied = [
        "migrate",
        "lint",
        "migrations",
        "--deny",
        "warnings",
        "--json",
    ];
    let (exit, out, _) = told(folder.path(), &denied);
    assert_eq!(exit, 1);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["schema"], "portcullis.migrate-lint/1");
    assert_eq!(out["denied"], true);
    let mut findings = out["findings"].as_array().unwrap().iter();
    let finding = findings.find(|one| one["file"] == "0003_index.sql");
    let finding = finding.unwrap();
    for key in [
        "rule",
        "severity",
        "class",
        "line",
        "statement",
        "why",
        "instead",
    ] {
        assert!(!finding[key].is_null(), "{key} in {finding}");
    }
    let one = [
        "migrate",
        "lint",
        "migrations/0001_users.sql",
        "--deny",
        "warnings",
    ];
    let (exit, out, err) = told(folder.path(), &one);
    assert_eq!(
        (exit, err.as_str()),
        (0, "1 file: 0 errors, 0 warnings, 1 note\n"),
        "{out}"
    );
}

#[test]
fn files_that_are_not_there_and_options_that_cannot_be_end_with_2() {
    let folder = migrations(&[]);
    let (exit, _, err) = told(folder.path(), &["migrate", "lint"]);
    assert_eq!(exit, 2);
    assert!(
        err.contains("which migrations?") && err.contains("migrate lint migrations"),
        "{err}"
    );
    for args in [
        &["migrate", "lint", "migrations"] as &[&str],
        &["migrate", "lint", "nowhere"],
        &["migrate", "lint", "migrations", "--server-version", "9.6"],
        &[
            "migrate",
            "apply",
            "migrations",
            "--phase",
            "all",
            "--url",
            "sqlite:a.db",
        ],
        &[
            "migrate",
            "apply",
            "migrations",
            "--phase",
            "expand",
            "--url",
            "postgres://jo:s3cret@db/n",
        ],
    ] {
        let (exit, _, err) = told(folder.path(), args);
        assert_eq!(exit, 2, "{args:?}: {err}");
        assert!(!err.contains("s3cret"), "{err}");
    }
    write(folder.path(), "0001_a.sql", "SELECT 1;");
    let absent = ["migrate", "status", "migrations", "--url", "sqlite:a.db"];
    assert_eq!(told(folder.path(), &absent).0, 8);
}

#[tokio::test]
async fn files_are_applied_and_their_standing_is_told() {
    let folder = migrations(&[
        ("0001_a.sql", "ALTER TABLE notes ADD COLUMN a TEXT;\n"),
        (
            "0002_b.contract.sql",
            "ALTER TABLE notes DROP COLUMN body;\n",
        ),
    ]);
    let path = folder.path().join("notes.db");
    sqlite(&path)
        .await
        .execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
        .await
        .unwrap();
    let apply = |phase| {
        let url = "sqlite:notes.db";
        told(
            folder.path(),
            &[
                "migrate",
                "apply",
                "migrations",
                "--phase",
                phase,
                "--url",
                url,
            ],
        )
    };
    let (exit, out, err) = apply("expand");
    assert_eq!(
        (exit, out.as_str()),
        (0, "sqlite:notes.db: 1 file of the phase expand applied\n"),
        "{err}"
    );
    assert!(
        err.contains("0001_a.sql: begins") && err.contains("0001_a.sql: applied, "),
        "{err}"
    );
    assert_eq!(
        apply("expand").1,
        "sqlite:notes.db: no file of the phase expand is pending\n"
    );
    write(
        folder.path(),
        "0001_a.sql",
        "ALTER TABLE notes ADD COLUMN b TEXT;\n",
    );
    let (exit, _, err) = apply("contract");
    assert_eq!(exit, 1);
    insta::assert_snapshot!("a_changed_file_is_refused", err);
    let status = [
        "migrate",
        "status",
        "migrations",
        "--url",
        "sqlite:notes.db",
    ];
    let (exit, out, _) = told(folder.path(), &status);
    assert_eq!(exit, 1);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]");
    settings.add_filter(r"\d+ ms", "[took]");
    settings.bind(|| insta::assert_snapshot!("the_standing_of_files", out));
    let out = told(folder.path(), &[&status[..], &["--json"]].concat()).1;
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["migrations"][0]["standing"], "changed");
    assert_eq!(out["migrations"][1]["standing"], "pending");
}

/// A backfill that is killed in the middle of its rounds, again and again, changes every row once.
#[tokio::test]
async fn a_backfill_that_is_killed_goes_on_where_it_was() {
    let folder = migrations(&[(
        "0001_hits.backfill.sql",
        "-- portcullis: batch = 10, pause = 20ms\n\
         UPDATE notes SET hits = hits + 1 WHERE id IN (SELECT id FROM notes WHERE hits = 0 LIMIT 10);\n\
         -- portcullis: batch = 10, pause = 20ms\n\
         UPDATE notes SET misses = misses + 1 WHERE id IN (SELECT id FROM notes WHERE misses = 0 LIMIT 10);\n",
    )]);
    let path = folder.path().join("notes.db");
    let notes = "CREATE TABLE notes (id INTEGER PRIMARY KEY, hits INTEGER DEFAULT 0, misses INTEGER DEFAULT 0); \
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
                 INSERT INTO notes (id) SELECT i FROM n";
    sqlite(&path).await.execute(notes).await.unwrap();
    let apply = [
        "migrate",
        "apply",
        "migrations",
        "--phase",
        "backfill",
        "--url",
        "sqlite:notes.db",
    ];
    let mut kills = 0;
    loop {
        let mut child = command(folder.path(), &apply)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let rounds = lines
            .map(Result::unwrap)
            .filter(|line| line.contains(", round "));
        let is_killed = rounds.take(7).count() == 7;
        if is_killed {
            child.kill().unwrap();
            kills += 1;
        }
        let ended = child.wait().unwrap();
        if ended.success() {
            break;
        }
        assert!(is_killed, "it ended by itself: {ended}");
        assert!(kills < 20);
    }
    assert!(kills >= 4, "{kills}");
    let once = "SELECT count(*) FROM notes WHERE hits = 1 AND misses = 1";
    assert_eq!(number(&path, once).await, 300);
    let told = "SELECT rows_changed FROM portcullis_migrations WHERE applied_at IS NOT NULL AND statements_done = 2";
    assert_eq!(number(&path, told).await, 600);
}

/// The half-applied concurrent index of real applications, as a person meets it.
#[tokio::test]
async fn a_failed_concurrent_build_is_told_with_its_cure() {
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    server.sql("notes", "CREATE TABLE notes (id int, body text)");
    let folder = migrations(&[(
        "0001_i.sql",
        "-- portcullis: no-transaction\nCREATE INDEX CONCURRENTLY notes_body ON notes (body);\n",
    )]);
    let mut reader = sqlx::postgres::PgConnection::connect(&url).await.unwrap();
    reader
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM notes")
        .await
        .unwrap();
    let apply = [
        "migrate",
        "apply",
        "migrations",
        "--phase",
        "expand",
        "--url",
        "env:NOTES_URL",
        "--lock-timeout",
        "300ms",
    ];
    let run = |args: &[&str]| {
        let output = command(folder.path(), args)
            .env("NOTES_URL", &url)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (exit, err, _) = run(&apply);
    assert_eq!(exit, 1);
    insta::assert_snapshot!(err);
    let (exit, _, out) = run(&["migrate", "status", "migrations", "--url", "env:NOTES_URL"]);
    assert_eq!(exit, 1);
    assert!(
        out.contains("half way") && out.contains("the index public.notes_body is invalid"),
        "{out}"
    );
    let (exit, err, _) = run(&apply);
    assert!(
        exit == 1
            && err.contains("PC0851")
            && err.contains("DROP INDEX CONCURRENTLY public.notes_body;"),
        "{err}"
    );
    reader.execute("ROLLBACK").await.unwrap();
    server.sql("notes", "DROP INDEX CONCURRENTLY notes_body");
    assert_eq!(run(&apply).0, 0);
}

/// An address in the wrong place is not repeated: it may have a password.
#[test]
fn an_address_in_the_wrong_place_is_never_printed() {
    let folder = migrations(&[("0001_a.sql", "SELECT 1;\n")]);
    let address = "postgres://jo:s3cret@db/notes";
    for words in [
        &[
            "migrate",
            "status",
            "migrations",
            "--url",
            "cmd:echo",
            address,
        ] as &[&str],
        &["migrate", "status", "migrations", "--url", address],
        &["migrate", "lint", address],
        &[
            "migrate",
            "status",
            "migrations",
            "--url",
            "cmd:false postgres://jo:s3cret@db/notes",
        ],
        &["backup", address],
        &["status", address],
    ] {
        let (exit, out, err) = told(folder.path(), words);
        assert_eq!(exit, 2, "{words:?}: {err}");
        assert!(
            !format!("{out}{err}").contains("s3cret"),
            "{words:?}: {err}"
        );
        if words.contains(&"cmd:echo") {
            assert!(err.contains("--url 'cmd:PROGRAM ARGUMENT'"), "{err}");
        }
    }
}
