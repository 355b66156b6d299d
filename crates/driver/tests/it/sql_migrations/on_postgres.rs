//! Files on a real PostgreSQL, where migrations of real applications broke.

use std::time::Duration;

use portcullis_driver::{Doubt, MigrationError, MigrationEvent, RunBy, Standing, server_version};
use portcullis_migration::Phase;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use super::{Site, order};
use crate::postgres_server::PostgresServer;

#[tokio::test]
async fn a_file_and_its_entry_are_one_whatever_the_file_sets() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    let sql = |statement: &str| server.sql("notes", statement);
    sql("CREATE ROLE app; CREATE TABLE notes (id int, body json)");
    sql("INSERT INTO notes SELECT n, '{\"a\": 1}' FROM generate_series(1, 100) n");
    let mut site = Site::on(&url, folder.path()).await;
    // As pg_dump writes it, and with a role that may not write the ledger.
    site.file(
        "0001_a.sql",
        "SELECT pg_catalog.set_config('search_path', '', false);\nSET standard_conforming_strings = off;\n\
         CREATE TABLE public.a (b int);\nCREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\nSET ROLE app;",
    )
    .file("0002_b.sql", "CREATE TABLE b (c int);");
    site.apply(Phase::Expand).await.unwrap();
    let entries = "SELECT version, name, phase, statements_done, applied_at IS NOT NULL FROM portcullis_migrations ORDER BY 1";
    assert_eq!(
        sql(entries),
        "1|0001_a.sql|expand|5|t\n2|0002_b.sql|expand|1|t"
    );
    assert_eq!(
        sql("SELECT tableowner FROM pg_tables WHERE tablename = 'b'"),
        "postgres"
    );
    // Data that refuses: JSON may hold what JSONB cannot.
    sql(r#"INSERT INTO notes VALUES (101, '{"a": "\u0000"}')"#);
    site.file(
        "0003_jsonb.sql",
        "ALTER TABLE notes ADD COLUMN t text;\nALTER TABLE notes ALTER COLUMN body TYPE jsonb;",
    );
    let refused = site.refused(Phase::Expand).await;
    let MigrationError::Statement(failed) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!((failed.line, failed.done), (2, None));
    assert_eq!(failed.code.as_deref(), Some("22P05"));
    assert!(
        refused
            .hint(RunBy::Command)
            .unwrap()
            .contains("does not fit")
    );
    assert_eq!(
        site.words().await,
        [(1, "applied"), (2, "applied"), (3, "pending")]
    );
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'notes'";
    assert_eq!(sql(columns), "2");
    sql("DELETE FROM notes WHERE id = 101");
    site.apply(Phase::Expand).await.unwrap();
    assert_eq!(sql(columns), "3");
    // A lock that is not given is waited for no longer than said.
    let mut reader = PgConnection::connect(&url).await.unwrap();
    reader
        .execute("BEGIN; SELECT count(*) FROM notes")
        .await
        .unwrap();
    site.file("0004_lock.sql", "ALTER TABLE notes ADD COLUMN u text;");
    let mut short = order(Phase::Expand);
    short.lock_timeout_ms = 200;
    let waited = site.apply_by(&short, &mut |_| ()).await.unwrap_err();
    assert!(
        matches!(&waited, MigrationError::Statement(failed) if failed.code.as_deref() == Some("55P03")),
        "{waited:?}"
    );
    assert!(
        waited
            .hint(RunBy::Command)
            .unwrap()
            .contains("pg_stat_activity")
    );
}

#[tokio::test]
async fn an_index_that_a_failed_concurrent_build_left_invalid_is_named_until_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    let sql = |statement: &str| server.sql("notes", statement);
    sql(
        "CREATE TABLE notes (id int, body text); INSERT INTO notes SELECT n, n::text FROM generate_series(1, 1000) n",
    );
    let mut site = Site::on(&url, folder.path()).await;
    // The file's own bound is much shorter than the session's: it must hold when the file is gone on with, too.
    site.file(
        "0001_index.sql",
        "-- portcullis: no-transaction\nSET lock_timeout = '300ms';\nCREATE INDEX CONCURRENTLY IF NOT EXISTS notes_body ON notes (body);",
    );
    let mut reader = PgConnection::connect(&url).await.unwrap();
    for _ in 0..2 {
        let open = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM notes";
        reader.execute(open).await.unwrap();
        let failed = site.refused(Phase::Expand).await;
        let MigrationError::Statement(statement) = &failed else {
            panic!("{failed:?}");
        };
        assert_eq!(
            (statement.line, statement.done, statement.of),
            (3, Some(1), 2)
        );
        assert_eq!(statement.code.as_deref(), Some("55P03"));
        assert_eq!(statement.invalid_indexes, ["public.notes_body"]);
        assert!(
            failed
                .hint(RunBy::Command)
                .unwrap()
                .contains("DROP INDEX CONCURRENTLY public.notes_body;")
        );
        let ledger = site.status().await;
        let half = Standing::HalfWay {
            done: 1,
            of: Some(2),
            in_doubt: false,
        };
        assert_eq!(ledger.standings[0].standing, half);
        assert_eq!(ledger.invalid_indexes, ["public.notes_body"]);
        // IF NOT EXISTS would take it for an index.
        let refused = site.refused(Phase::Expand).await;
        assert!(
            matches!(&refused, MigrationError::InvalidIndex { index, .. } if index == "public.notes_body"),
            "{refused:?}"
        );
        reader.execute("ROLLBACK").await.unwrap();
        sql("DROP INDEX notes_body");
    }
    site.apply(Phase::Expand).await.unwrap();
    assert_eq!(
        sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'notes_body'::regclass"),
        "t"
    );
    assert_eq!(site.words().await, [(1, "applied")]);
}

#[tokio::test]
async fn two_at_once_meet_the_lock_and_what_was_cut_off_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    let sql = |statement: &str| server.sql("notes", statement);
    sql(
        "CREATE TABLE notes (id int PRIMARY KEY, hits int DEFAULT 0); INSERT INTO notes SELECT generate_series(1, 100)",
    );
    let mut site = Site::on(&url, folder.path()).await;
    site.file(
        "0001_hits.backfill.sql",
        "-- portcullis: batch = 10, pause = 30s\nUPDATE notes SET hits = hits + 1 WHERE id IN (SELECT id FROM notes WHERE hits = 0 LIMIT 10);",
    );
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut tell = move |event: MigrationEvent<'_>| {
        if let MigrationEvent::Round { rows, .. } = event {
            told.send(rows).unwrap();
        }
    };
    let first_order = order(Phase::Backfill);
    let first = site.apply_by(&first_order, &mut tell);
    let second = async {
        assert_eq!(heard.recv().await, Some(10));
        site.refused(Phase::Backfill).await
    };
    // The first one pauses meanwhile, and is cut off in its pause.
    let busy = tokio::select! {
        ended = first => panic!("{ended:?}"),
        busy = second => busy,
    };
    let MigrationError::Busy {
        holder: Some(holder),
        ..
    } = &busy
    else {
        panic!("{busy:?}");
    };
    assert!(holder.starts_with("pid "), "{holder}");
    let half = Standing::HalfWay {
        done: 0,
        of: Some(1),
        in_doubt: false,
    };
    assert_eq!(site.status().await.standings[0].standing, half);
    gone(&server).await;
    // Mended, and gone on with: every row once.
    site.file(
        "0001_hits.backfill.sql",
        "-- portcullis: batch = 10, pause = 0ms\nUPDATE notes SET hits = hits + 1 WHERE id IN (SELECT id FROM notes WHERE hits = 0 LIMIT 10);",
    );
    site.apply(Phase::Backfill).await.unwrap();
    assert_eq!(sql("SELECT min(hits), max(hits) FROM notes"), "1|1");
    assert_eq!(site.status().await.standings[0].rows_changed, 100);
}

/// Waits until nobody holds the lock: the server notices a lost client by itself.
async fn gone(server: &PostgresServer) {
    let holders = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    while server.sql("notes", holders) != "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_statement_whose_end_nobody_saw_is_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    let sql = |statement: &str| server.sql("notes", statement);
    sql("CREATE TABLE notes (id int)");
    let mut site = Site::on(&url, folder.path()).await;
    site.file(
        "0001_a.sql",
        "-- portcullis: no-transaction\nINSERT INTO notes VALUES (1);\nDO $$ BEGIN PERFORM pg_sleep(60); END $$;\nINSERT INTO notes VALUES (2);",
    );
    let end = async {
        let asleep = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'";
        while server.sql("notes", asleep) != "t" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // The server says that it ends the session, and then nothing more can be noted.
    let (lost, ()) = tokio::join!(site.apply(Phase::Expand), end);
    lost.unwrap_err();
    assert_eq!(site.words().await, [(1, "in doubt")]);
    let doubt = site.refused(Phase::Expand).await;
    assert!(
        matches!(doubt, MigrationError::InDoubt { line: 3, .. }),
        "{doubt:?}"
    );
    assert_eq!(sql("SELECT count(*) FROM notes"), "1");
    let mut answered = order(Phase::Expand);
    answered.doubt = Some(Doubt::Done);
    site.apply_by(&answered, &mut |_| ()).await.unwrap();
    assert_eq!(
        sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM notes"),
        "1,2"
    );
    assert_eq!(site.words().await, [(1, "applied")]);
    // An index needs nobody's word: the catalogue says whether it is there.
    site.file(
        "0002_i.sql",
        "-- portcullis: no-transaction\nCREATE INDEX CONCURRENTLY notes_id ON notes (id);",
    );
    let (set, _) = site.set();
    let (file, none) = (&set.migrations[1], "0001-01-01");
    let begun = format!(
        "INSERT INTO portcullis_migrations VALUES (2, '{}', '{}', 'expand', '{none}', NULL, NULL, '0', 0, '{}', 0, 0)",
        file.file,
        file.sha256,
        file.sha256_through(0)
    );
    sql(&begun);
    sql("CREATE INDEX notes_id ON notes (id)");
    let mut found = 0;
    let mut tell = |event: MigrationEvent<'_>| {
        found += usize::from(matches!(event, MigrationEvent::FoundDone { .. }))
    };
    site.apply_by(&order(Phase::Expand), &mut tell)
        .await
        .unwrap();
    assert_eq!(found, 1);
    assert_eq!(site.words().await, [(1, "applied"), (2, "applied")]);
}

/// A block may commit and then fail: what it committed stays, so nobody may simply repeat it.
#[tokio::test]
async fn a_block_that_committed_before_it_failed_is_in_doubt_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    let sql = |statement: &str| server.sql("notes", statement);
    sql("CREATE TABLE notes (id int)");
    let mut site = Site::on(&url, folder.path()).await;
    let block = "DO $$ BEGIN INSERT INTO notes VALUES (1); COMMIT; RAISE EXCEPTION 'no'; END $$;";
    site.file(
        "0001_a.sql",
        &format!("-- portcullis: no-transaction\n{block}\n"),
    );
    let failed = site.refused(Phase::Expand).await;
    assert!(
        matches!(&failed, MigrationError::Statement(failed) if failed.is_in_doubt),
        "{failed:?}"
    );
    assert!(
        failed
            .hint(RunBy::Command)
            .unwrap()
            .contains("--in-doubt done")
    );
    assert!(failed.hint(RunBy::Rollout).unwrap().contains("plan again"));
    assert_eq!(site.words().await, [(1, "in doubt")]);
    let again = site.refused(Phase::Expand).await;
    assert!(
        matches!(again, MigrationError::InDoubt { line: 2, .. }),
        "{again:?}"
    );
    assert_eq!(sql("SELECT count(*) FROM notes"), "1");
    let mut answered = order(Phase::Expand);
    answered.doubt = Some(Doubt::Done);
    site.apply_by(&answered, &mut |_| ()).await.unwrap();
    assert_eq!(sql("SELECT count(*) FROM notes"), "1");
    // One without COMMIT left nothing, so that it is known and can be mended.
    let plain = "DO $$ BEGIN INSERT INTO notes VALUES (2); RAISE EXCEPTION 'no'; END $$;";
    site.file(
        "0002_b.sql",
        &format!("-- portcullis: no-transaction\n{plain}\n"),
    );
    site.refused(Phase::Expand).await;
    assert_eq!(site.words().await[1], (2, "half way"));
    assert_eq!(sql("SELECT count(*) FROM notes WHERE id = 2"), "0");
}

/// What a file sets for the session holds for its statements, and not for the notes about them.
#[tokio::test]
async fn a_file_in_steps_may_be_another_user_who_cannot_write_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    let sql = |statement: &str| server.sql("notes", statement);
    sql(
        "CREATE ROLE keeper; GRANT CREATE ON SCHEMA public TO keeper; CREATE TABLE notes (id int); \
         ALTER TABLE notes OWNER TO keeper",
    );
    let mut site = Site::on(&url, folder.path()).await;
    site.file(
        "0001_a.sql",
        "-- portcullis: no-transaction\nSET ROLE keeper;\nSET statement_timeout = '20s';\nSET default_transaction_read_only = off;\n\
         INSERT INTO notes VALUES (1);\nCREATE INDEX CONCURRENTLY notes_id ON notes (id);\nCREATE TABLE tag (id int);\n\
         SET default_transaction_read_only = on;\nVACUUM notes;\n",
    )
    .file(
        "0002_b.backfill.sql",
        "SET ROLE keeper;\n-- portcullis: batch = 2\nUPDATE notes SET id = 7 WHERE id IN (SELECT id FROM notes WHERE id <> 7 LIMIT 2);",
    );
    site.apply(Phase::Expand).await.unwrap();
    site.apply(Phase::Backfill).await.unwrap();
    assert_eq!(site.words().await, [(1, "applied"), (2, "applied")]);
    // The file's own user did the work, behind the notes too.
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'tag'";
    assert_eq!(sql(owner), "keeper");
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'portcullis_migrations'";
    assert_eq!(sql(owner), "postgres");
    assert_eq!(sql("SELECT id FROM notes"), "7");
}

/// Whoever reads a message, a log or a journal is not the one who may read the rows.
#[tokio::test]
async fn values_of_rows_are_in_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    server.sql(
        "notes",
        "CREATE TABLE person (id int PRIMARY KEY, email text, age text);
         INSERT INTO person VALUES (1, 'jo@example.com', 'old'), (2, 'jo@example.com', 'forty-two')",
    );
    let mut site = Site::on(&url, folder.path()).await;
    for (text, code) in [
        (
            "CREATE UNIQUE INDEX person_email ON person (email);",
            "23505",
        ),
        (
            "INSERT INTO person SELECT id, email FROM person WHERE email = 'jo@example.com';",
            "23505",
        ),
        (
            "ALTER TABLE person ALTER COLUMN age TYPE int USING age::int;",
            "22P02",
        ),
        (
            "DO $$ BEGIN RAISE EXCEPTION 'found %', (SELECT min(email) FROM person); END $$;",
            "P0001",
        ),
        (
            "ALTER TABLE person ADD CHECK (email NOT LIKE 'jo%');",
            "23514",
        ),
        (
            "UPDATE person SET email = NULL; ALTER TABLE person ALTER email SET NOT NULL;",
            "23502",
        ),
    ] {
        for head in ["", "-- portcullis: no-transaction\n"] {
            site.file("0001_a.sql", &format!("{head}{text}"));
            let refused = site.refused(Phase::Expand).await;
            let MigrationError::Statement(failed) = &refused else {
                panic!("{text}: {refused:?}");
            };
            assert_eq!(failed.code.as_deref(), Some(code), "{text}");
            let mut said = format!("{refused} {refused:?} {:?}", refused.hint(RunBy::Command));
            let mut cause = std::error::Error::source(&refused);
            while let Some(error) = cause {
                said.push_str(&format!(" {error} {error:?}"));
                cause = error.source();
            }
            for value in ["jo@example.com", "old", "forty-two", "example"] {
                let told = said.replace("is older", "").replace("'...'", "");
                assert!(!told.contains(value), "{text}: {value}: {said}");
            }
            server.sql("notes", "DROP TABLE IF EXISTS portcullis_migrations");
        }
    }
    server.sql("notes", "UPDATE person SET email = 'x' WHERE email IS NULL");
}

#[tokio::test]
async fn the_server_says_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let url = server.create_database("notes");
    let site = Site::on(&url, folder.path()).await;
    let version = server_version(&site.database).await.unwrap().unwrap();
    let says = server.sql("notes", "SHOW server_version");
    let says = says.split(' ').next().unwrap();
    assert_eq!(version.to_string(), says);
}
