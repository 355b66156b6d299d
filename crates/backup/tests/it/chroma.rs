//! The folder of a real Chroma: copied while it is written to, looked into by a real Chroma, and put back.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use portcullis_backup::{BackupError, Since, Store, StoreKind, examine_copy, store_digest};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::cloud::{environment, free_port};
use crate::waiting::until;
use crate::{Place, at, names, path_of};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/chroma")
}

/// A Chroma server on a folder, ended when dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let port = free_port();
        let mut command = Command::new(environment("python-chroma").join("bin/chroma"));
        command.args(["run", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("--path").arg(folder);
        command
            .env("ANONYMIZED_TELEMETRY", "False")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn();
        let child = child.expect("Chroma: `cargo xtask setup` installs it");
        let server = Server { child, port };
        until("Chroma does not answer", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        server
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A script of Python's that is talked to by lines.
struct Script {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Script {
    fn start(name: &str, argument: Option<String>) -> Script {
        let mut command = Command::new(environment("python-chroma").join("bin/python"));
        command.arg(scripts().join(name)).args(argument);
        command
            .env("ANONYMIZED_TELEMETRY", "False")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("`cargo xtask setup` installs it");
        Script {
            input: child.stdin.take(),
            output: child.stdout.take().map(BufReader::new),
            child,
        }
    }

    /// Says a line and reads the answer.
    fn ask(&mut self, question: &Value) -> Value {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{question}").unwrap();
        input.flush().unwrap();
        let mut answer = String::new();
        self.output
            .as_mut()
            .unwrap()
            .read_line(&mut answer)
            .unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Acknowledged = BTreeMap<(String, String), u64>;

/// Clients that write until they are stopped, and what was acknowledged to them.
struct Writers {
    script: Script,
    acknowledged: Arc<Mutex<Acknowledged>>,
}

impl Writers {
    fn start(server: &Server) -> Writers {
        let mut script = Script::start("writers.py", Some(server.port.to_string()));
        let acknowledged: Arc<Mutex<Acknowledged>> = Arc::default();
        let (output, noted) = (script.output.take().unwrap(), acknowledged.clone());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let (writer, of, number): (String, String, u64) =
                    serde_json::from_str(&line).unwrap();
                noted.lock().unwrap().insert((writer, of), number);
            }
        });
        Writers {
            script,
            acknowledged,
        }
    }

    fn written(&self) -> Acknowledged {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Waits until each has written so much.
    fn until_written(&self, number: u64) {
        until("the writers do not write", || {
            let written = self.written();
            written.len() == 3
                && written.values().all(|found| *found >= number.min(30))
                && written.values().sum::<u64>() >= number
        });
    }

    /// Lets them end, and says what was acknowledged in all.
    fn stop(mut self) -> Acknowledged {
        drop(self.script.input.take());
        let _ = self.script.child.wait();
        self.written()
    }
}

fn listed(written: &Acknowledged) -> Value {
    let written = written.iter();
    written
        .map(|((writer, of), number)| json!([writer, of, number]))
        .collect()
}

fn looked(looker: &mut Script, folder: &Path, written: &Acknowledged) -> Value {
    looker.ask(&json!({ "at": folder, "written": listed(written) }))
}

fn integrity(folder: &Path) -> String {
    let database = Connection::open(folder.join("chroma.sqlite3")).unwrap();
    let check = database.query_row("PRAGMA integrity_check", [], |row| row.get(0));
    check.unwrap()
}

/// When the index of some collection was written out last.
fn written_out(folder: &Path) -> Option<std::time::SystemTime> {
    let folders = fs::read_dir(folder).unwrap();
    let pickles = folders.map(|entry| entry.unwrap().path().join("index_metadata.pickle"));
    let written = pickles.filter_map(|path| fs::metadata(path).ok()?.modified().ok());
    written.max()
}

#[test]
fn backups_under_load_hold_every_acknowledged_vector_and_nothing_that_does_not_fit() {
    let place = Place::new();
    let folder = place.path("vectors");
    fs::create_dir(&folder).unwrap();
    let server = Server::start(&folder);
    let mut looker = Script::start("look.py", None);
    let writers = Writers::start(&server);
    writers.until_written(300);
    let store = Store::chroma("vectors", folder.clone());
    store.examine().unwrap();
    let (mut backups, mut indexes) = (Vec::new(), Vec::new());
    // Until the indexes were written out some times, so that a copy in the wrong order would have been wrong; see below.
    while backups.len() < 12 || indexes.len() < 8 {
        assert!(backups.len() < 200, "{indexes:?}");
        let before = writers.written();
        let round = i64::try_from(backups.len()).unwrap();
        let backup = place.back_up(round, std::slice::from_ref(&store));
        backups.push((backup, before));
        indexes.push(written_out(&folder));
        indexes.dedup();
    }
    let last = writers.stop();
    let step = backups.len().div_ceil(16);
    for (backup, before) in backups.iter().rev().step_by(step) {
        let copy = place.path(&backup.name.to_string());
        let restored = place.vault.restore(&backup.name, "vectors", &copy).unwrap();
        let held = backup.manifest.store("vectors").unwrap();
        assert_eq!((held.kind, held.steady), (StoreKind::Chroma, true));
        assert_eq!(restored.digest, held.digest);
        let copied = store.moved_to(copy.clone());
        let examined = examine_copy(&copied, held).unwrap();
        assert_eq!(examined.digest, held.digest);
        assert_eq!(store_digest(&copied).unwrap(), held.digest);
        assert_eq!(integrity(&copy), "ok");
        let found = looked(&mut looker, &copy, before);
        assert!(found["counts"].is_object(), "{}: {found}", backup.name);
    }
    // Each of those that were read by a real Chroma can be read by `chroma run` as well.
    let (backup, before) = backups.last().unwrap();
    let copy = place.path("served");
    place.vault.restore(&backup.name, "vectors", &copy).unwrap();
    let served = Server::start(&copy);
    let found = looker.ask(&json!({ "at": served.port, "written": listed(before) }));
    assert!(found["counts"].is_object(), "{found}");
    // And what is still there was not harmed by having been copied.
    let found = looker.ask(&json!({ "at": server.port, "written": listed(&last) }));
    assert!(found["counts"].is_object(), "{found}");
    let verified = place.vault.verify(&backup.name).unwrap();
    assert!(verified.files >= 9, "{verified:?}");
    // The database of one and the indexes of the other, both ways: what does not fit is found by what looks for it.
    let copied = |name: &str, of: usize| {
        let copy = place.path(name);
        let backup = &backups[of].0.name;
        place.vault.restore(backup, "vectors", &copy).unwrap();
        copy
    };
    let (early, late) = (copied("early", 0), copied("late", backups.len() - 1));
    let (older, newer) = (copied("older", 0), copied("newer", backups.len() - 1));
    fs::copy(late.join("chroma.sqlite3"), older.join("chroma.sqlite3")).unwrap();
    fs::copy(early.join("chroma.sqlite3"), newer.join("chroma.sqlite3")).unwrap();
    let lost = looked(&mut looker, &older, &Acknowledged::new());
    assert!(lost["wrong"].is_array(), "{lost}");
    let phantoms = looked(&mut looker, &newer, &Acknowledged::new());
    assert!(phantoms["wrong"].is_array(), "{phantoms}");
}

#[test]
fn a_restore_in_place_waits_for_nobody_to_have_it_open_and_keeps_what_was_there() {
    let place = Place::new();
    let folder = place.path("vectors");
    fs::create_dir(&folder).unwrap();
    let mut server = Server::start(&folder);
    let mut looker = Script::start("look.py", None);
    let writers = Writers::start(&server);
    writers.until_written(200);
    let written = writers.written();
    let store = Store::chroma("vectors", folder.clone());
    let backup = place.back_up(1, std::slice::from_ref(&store));
    writers.until_written(written.values().sum::<u64>() + 200);
    let all = writers.stop();
    let since = place.vault.since(&backup.name, &store).unwrap();
    let Since::Tables(tables) = &since else {
        panic!("{since:?}");
    };
    assert_eq!(
        tables.iter().map(|table| &*table.name).collect::<Vec<_>>(),
        ["embeddings"]
    );
    assert!(since.added() >= 100, "{since:?}");
    let held = &backup.manifest.store("vectors").unwrap().digest;
    match place.vault.restore_in_place(&backup.name, &store, at(2)) {
        Err(BackupError::StoreInUse { by, .. }) => assert!(by.contains("chroma"), "{by}"),
        other => panic!("{other:?}"),
    }
    assert_ne!(store_digest(&store).unwrap(), *held);
    server.stop();
    let replaced = place
        .vault
        .restore_in_place(&backup.name, &store, at(2))
        .unwrap();
    assert_eq!(
        (&replaced.digest, &store_digest(&store).unwrap()),
        (held, held)
    );
    // Again with the same time: it was done.
    let again = place
        .vault
        .restore_in_place(&backup.name, &store, at(2))
        .unwrap();
    assert_eq!(again, replaced);
    let kept = path_of(replaced.kept);
    let found = looked(&mut looker, &folder, &written);
    assert!(found["counts"].is_object(), "{found}");
    let found = looked(&mut looker, &kept, &all);
    assert!(found["counts"].is_object(), "{found}");
    assert!(
        names(place.folder.path())
            .iter()
            .all(|name| !name.starts_with(".portcullis"))
    );
}

#[test]
fn what_is_no_chroma_or_has_a_broken_index_is_refused() {
    let place = Place::new();
    let folder = place.path("vectors");
    fs::create_dir(&folder).unwrap();
    let store = Store::chroma("vectors", folder.clone());
    let refused = |store: &Store| store.examine().unwrap_err().to_string();
    assert!(
        refused(&store).contains("chroma.sqlite3: it does not exist"),
        "{}",
        refused(&store)
    );
    fs::write(folder.join("chroma.sqlite3"), "a letter").unwrap();
    assert!(
        refused(&store).contains("not an SQLite database"),
        "{}",
        refused(&store)
    );
    fs::remove_file(folder.join("chroma.sqlite3")).unwrap();
    Connection::open(folder.join("chroma.sqlite3"))
        .and_then(|database| database.execute_batch("CREATE TABLE note (id INTEGER)"))
        .unwrap();
    assert!(
        refused(&store).contains("not a database of Chroma's"),
        "{}",
        refused(&store)
    );
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    let mut server = Server::start(&folder);
    let writers = Writers::start(&server);
    writers.until_written(200);
    until("no index is written out", || written_out(&folder).is_some());
    writers.stop();
    server.stop();
    place.back_up(1, std::slice::from_ref(&store));
    let index = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let index = index.filter(|path| path.join("index_metadata.pickle").exists());
    let index = index.last().unwrap();
    let data = index.join("data_level0.bin");
    let whole = fs::read(&data).unwrap();
    fs::write(&data, &whole[..whole.len() / 2]).unwrap();
    let fail = |second| {
        let error = place
            .vault
            .create(&crate::request(second), std::slice::from_ref(&store));
        error.unwrap_err().to_string()
    };
    let short = fail(2);
    assert!(
        short.contains("data_level0.bin has ") && short.contains("vectors of header.bin need"),
        "{short}"
    );
    fs::write(&data, &whole).unwrap();
    let full = place.back_up(3, std::slice::from_ref(&store));
    fs::remove_file(index.join("index_metadata.pickle")).unwrap();
    let missing = fail(4);
    assert!(
        missing.contains("index_metadata.pickle is missing"),
        "{missing}"
    );
    assert_eq!(place.vault.list().unwrap().len(), 2);
    assert_eq!(place.vault.emptied(&full.manifest).unwrap(), []);
}

#[test]
fn a_database_that_lost_all_records_is_told_though_chroma_notes_much_about_itself() {
    let place = Place::new();
    let folder = place.path("vectors");
    fs::create_dir(&folder).unwrap();
    let store = Store::chroma("vectors", folder.clone());
    let mut server = Server::start(&folder);
    let writers = Writers::start(&server);
    writers.until_written(20);
    writers.stop();
    server.stop();
    let full = place.back_up(1, std::slice::from_ref(&store));
    assert_eq!(place.vault.emptied(&full.manifest).unwrap(), []);
    Connection::open(folder.join("chroma.sqlite3"))
        .and_then(|database| {
            database.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM embeddings")
        })
        .unwrap();
    let empty = place.back_up(2, std::slice::from_ref(&store));
    let told = place.vault.emptied(&empty.manifest).unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].last, full.name);
}
