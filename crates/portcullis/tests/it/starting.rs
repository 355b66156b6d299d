//! Looking at a service while its server is just starting or ending.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::rig::Rig;

/// A server that answers with `told` and hangs up, once for each, and is then gone without its socket.
fn unfinished_server(rig: &Rig, told: &[&'static str]) -> JoinHandle<()> {
    let path = rig.path(".portcullis/api.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let told = told.to_vec();
    std::thread::spawn(move || {
        for told in told {
            let (mut stream, _) = listener.accept().unwrap();
            if !told.is_empty() {
                let _ = stream.read(&mut [0; 4096]);
                stream.write_all(told.as_bytes()).unwrap();
            }
        }
        drop(listener);
        std::fs::remove_file(path).unwrap();
    })
}

/// A rig whose service was released and whose server has ended.
fn ended() -> Rig {
    let mut rig = Rig::serving("none");
    assert_eq!(rig.stop(), Some(0));
    let _ = std::fs::remove_file(rig.path(".portcullis/api.sock"));
    rig
}

/// Checks that what is asked comes from the journal.
fn is_read_from_the_journal(rig: &Rig) {
    let status = rig.run(&["status", "--json"]);
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(8), "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["engine"]["standing"], "stopped", "{told}");
    assert_eq!(told["serving"]["release"], "1.0", "{told}");
}

const CUT: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{";
const NOT_READY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

#[test]
fn a_server_that_hangs_up_while_it_starts_or_ends_is_asked_again() {
    let rig = ended();
    let server = unfinished_server(&rig, &["", CUT, NOT_READY, CUT]);
    // One that hangs up without a word is no server; those that say half a word are asked again.
    is_read_from_the_journal(&rig);
    assert!(rig.path(".portcullis/api.sock").exists());
    is_read_from_the_journal(&rig);
    server.join().unwrap();
    is_read_from_the_journal(&rig);
}

#[test]
fn a_server_that_never_answers_well_is_an_error_and_not_taken_for_none() {
    let rig = ended();
    let server = unfinished_server(&rig, &[CUT; 8]);
    let output = rig.run(&["status"]);
    assert_eq!(output.status.code(), Some(70));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("could not be read"), "{told}");
    server.join().unwrap();
}

#[test]
fn a_journal_that_a_starting_server_holds_for_a_moment_is_read_after_it() {
    let rig = ended();
    let path = rig.path(".portcullis/journal.db");
    let (held, is_held) = std::sync::mpsc::channel();
    let holder = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let url = format!("sqlite:{}", path.display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            let mut connection = pool.acquire().await.unwrap();
            // As long as a connection has this mode, nobody else can open the file.
            for statement in [
                "pragma locking_mode = exclusive",
                "pragma journal_mode = delete",
                "begin exclusive",
            ] {
                sqlx::query(statement)
                    .execute(&mut *connection)
                    .await
                    .unwrap();
            }
            held.send(()).unwrap();
            tokio::time::sleep(Duration::from_millis(600)).await;
            for statement in [
                "commit",
                "pragma locking_mode = normal",
                "pragma journal_mode = wal",
            ] {
                sqlx::query(statement)
                    .execute(&mut *connection)
                    .await
                    .unwrap();
            }
            drop(connection);
            pool.close().await;
        });
    });
    is_held.recv().unwrap();
    is_read_from_the_journal(&rig);
    holder.join().unwrap();
}
