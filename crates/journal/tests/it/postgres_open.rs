//! Opening a journal on PostgreSQL: who is refused, and with which words.

use std::error::Error;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

use portcullis_journal::{
    Journal, JournalError, JournalLocation, PostgresJournal, PostgresUrl, StoredJournal,
};

use crate::postgres_server::PostgresServer;
use crate::{record, scope};

const SECRET: &str = "tr0ub4dor";

async fn refused(url: &str) -> JournalError {
    let url: PostgresUrl = url.parse().unwrap();
    let error = PostgresJournal::open(&url).await.unwrap_err();
    let mut words = format!("{error} {error:?} {url} {url:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(!words.contains(SECRET), "{words}");
    error
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = refused(&format!("postgres://ada:{SECRET}@127.0.0.1:{port}/ops")).await;
    assert!(
        matches!(error, JournalError::Unreachable { .. }),
        "{error:?}"
    );
    let words = error.to_string();
    assert!(words.contains(&format!("127.0.0.1:{port}/ops")), "{words}");
}

/// All in one test, because every test that needs a server starts one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_says_what_to_do() {
    let server = PostgresServer::start();
    let port = server.port();

    let missing = refused(&server.url("nowhere")).await;
    assert!(
        matches!(missing, JournalError::DatabaseMissing { .. }),
        "{missing:?}"
    );

    // A user with a password who may connect and nothing else.
    server.prepend("pg_hba.conf", "host all guarded 127.0.0.1/32 scram-sha-256");
    server.reload();
    server.sql(
        "postgres",
        &format!("CREATE ROLE guarded LOGIN PASSWORD '{SECRET}'"),
    );
    let wrong = refused(&format!(
        "postgres://guarded:{SECRET}x@127.0.0.1:{port}/postgres"
    ))
    .await;
    assert!(
        matches!(wrong, JournalError::AccessRefused { .. }),
        "{wrong:?}"
    );
    let powerless = format!("postgres://guarded:{SECRET}@127.0.0.1:{port}/postgres");
    let error = refused(&powerless).await;
    assert!(
        matches!(error, JournalError::PermissionDenied { .. }),
        "{error:?}"
    );
    // What the message advises helps.
    server.sql("postgres", "CREATE SCHEMA portcullis AUTHORIZATION guarded");
    let url: PostgresUrl = powerless.parse().unwrap();
    let journal = PostgresJournal::open(&url).await.unwrap();
    assert!(!format!("{journal:?}").contains(SECRET));
    journal.acquire(&scope("dhash"), "a", 0, 10).await.unwrap();

    let other = server.create_database("other");
    server.sql(
        "other",
        "CREATE SCHEMA portcullis; CREATE TABLE portcullis.users (name TEXT)",
    );
    let error = refused(&other).await;
    assert!(
        matches!(error, JournalError::NotAJournal { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("users"), "{error}");

    server.sql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0",
    );
    let error = refused(&server.url("latin")).await;
    assert!(error.to_string().contains("LATIN1"), "{error}");

    let newer = server.create_database("newer");
    let location = JournalLocation::new(&newer).unwrap();
    assert!(
        StoredJournal::open_read_only(&location)
            .await
            .unwrap()
            .is_none(),
        "opening for reading creates nothing"
    );
    StoredJournal::open(&location).await.unwrap().close().await;
    assert!(
        StoredJournal::open_read_only(&location)
            .await
            .unwrap()
            .is_some()
    );
    server.sql("newer", "UPDATE portcullis.schema_version SET version = 99");
    let error = refused(&newer).await;
    assert!(
        matches!(
            error,
            JournalError::SchemaTooNew {
                found: 99,
                known: 1,
                ..
            }
        ),
        "{error:?}"
    );

    server.sql("postgres", "ALTER SYSTEM SET fsync = off");
    server.reload();
    let error = refused(&server.url("postgres")).await;
    assert!(
        matches!(
            error,
            JournalError::NotDurable {
                setting: "fsync",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_that_open_at_once_set_up_one_schema_and_readers_cannot_write() {
    let server = PostgresServer::start();
    let location = JournalLocation::new(&server.url("postgres")).unwrap();
    let opening = (0..6).map(|_| {
        let location = location.clone();
        tokio::spawn(async move { StoredJournal::open(&location).await })
    });
    for opened in futures::future::join_all(opening).await {
        opened.unwrap().unwrap();
    }
    assert_eq!(
        server.sql("postgres", "SELECT version FROM portcullis.schema_version"),
        "1"
    );

    let writer = StoredJournal::open(&location).await.unwrap();
    let dhash = scope("dhash");
    let lease = writer.acquire(&dhash, "a", 0, 10).await.unwrap();
    writer.append(&dhash, lease.epoch, record(1)).await.unwrap();
    let reader = StoredJournal::open_read_only(&location)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reader.verify(&dhash).await.unwrap().entries, 1);
    assert_eq!(reader.read(&dhash, 0).await.unwrap().len(), 1);
    let outcome = reader.append(&dhash, lease.epoch, record(2)).await;
    assert!(
        matches!(outcome, Err(JournalError::ReadOnly { .. })),
        "{outcome:?}"
    );

    // An acknowledged entry is on the disk even if the server's default is to be lax.
    server.sql("postgres", "ALTER SYSTEM SET synchronous_commit = off");
    server.reload();
    let strict = PostgresJournal::open(&server.url("postgres").parse().unwrap())
        .await
        .unwrap();
    let taken = strict.acquire(&dhash, "a", 20, 10).await.unwrap();
    strict.append(&dhash, taken.epoch, record(3)).await.unwrap();
    let pages = "SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()";
    assert_eq!(server.sql("postgres", pages), "t");
}

#[tokio::test]
async fn the_server_is_reached_with_tls_and_its_certificate_is_checked() {
    let mut server = PostgresServer::start();
    let plain = refused(&format!("{}?sslmode=require", server.url("postgres"))).await;
    assert!(
        matches!(plain, JournalError::NotTrusted { .. }),
        "{plain:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("server.crt");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=journal", "-addext"])
        .args([
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(folder.path().join("server.key"))
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is not installed; run `cargo xtask setup`");
    assert!(made.status.success(), "{made:?}");
    server.stop();
    for file in ["server.crt", "server.key"] {
        server.install(&folder.path().join(file), file);
    }
    server.prepend("postgresql.conf", "ssl = on");
    server.launch();

    let url = server.url("postgres");
    let stranger = refused(&format!("{url}?sslmode=verify-full")).await;
    assert!(
        matches!(stranger, JournalError::NotTrusted { .. }),
        "{stranger:?}"
    );
    let root = fs::canonicalize(&certificate).unwrap();
    let checked = format!("{url}?sslmode=verify-full&sslrootcert={}", root.display());
    let journal = PostgresJournal::open(&checked.parse().unwrap())
        .await
        .unwrap();
    journal.acquire(&scope("dhash"), "a", 0, 10).await.unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE ssl AND application_name = 'portcullis'";
    assert_eq!(server.sql("postgres", encrypted), "1");
}
