//! The kinds of stores that faults are tried on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_backup::{Kept, PostgresAddress, Store};

mod bucket;
mod chroma;
mod command;
mod redis;

pub(super) use self::bucket::Objects;
pub(super) use self::redis::Keys;
use crate::postgres_server::PostgresServer;
use crate::{names, noise};

/// A kind of store: how one is filled, and what must be around it.
pub(super) trait Subject {
    /// The store. A child process asks for it too.
    fn store(&self) -> Store;

    /// Gives it content `number`: each number another one, always the same.
    fn fill(&self, number: u32);

    /// Removes what a restore in place kept.
    fn forget(&self, kept: &Kept);

    /// What is around the store and is neither the store nor something that was kept.
    fn around(&self) -> Vec<String>;

    /// A moment within what a child does to it in a round, in milliseconds at most.
    fn round_ms(&self) -> usize {
        150
    }

    /// How many backups a child that removes them finds.
    fn removable(&self) -> i64 {
        30
    }

    /// What it holds, name by name, if a restore replaces one thing after the other, so that one which was cut off leaves
    /// some of them old and some new.
    fn things(&self) -> Option<BTreeMap<String, String>> {
        None
    }
}

/// The kinds that are paths.
pub(super) const ON_DISK: [&str; 4] = ["file", "directory", "sqlite", "chroma"];

/// Those that are paths.
pub(super) fn on_disk(folder: &Path) -> Vec<Box<dyn Subject>> {
    ON_DISK.map(|kind| of(kind, folder)).into()
}

/// The kinds that are behind a server or a tool, but for PostgreSQL.
pub(super) const BEHIND: [&str; 3] = ["redis", "bucket", "command"];

/// Those that are behind a server or a tool, with their servers.
pub(super) struct Behind {
    redis: Keys,
    bucket: Objects,
}

impl Behind {
    pub(super) fn start() -> Self {
        Self {
            redis: Keys::start(),
            bucket: Objects::start(),
        }
    }

    /// The subjects, of which each has nothing yet.
    pub(super) fn subjects(&self, folder: &Path) -> [Box<dyn Subject>; 3] {
        [
            self.redis.make(folder),
            self.bucket.make(folder),
            of("command", folder),
        ]
    }
}

/// One kind, in a folder of its own. A child process makes the same one from the same words.
pub(super) fn of(kind: &str, folder: &Path) -> Box<dyn Subject> {
    let home = folder.join(format!("home-{kind}"));
    fs::create_dir_all(&home).unwrap();
    match kind {
        "file" => Box::new(OneFile(home)),
        "directory" => Box::new(Folder(home)),
        "sqlite" => Box::new(Sqlite(home)),
        "postgres" => Box::new(Postgres::found(home)),
        "chroma" => Box::new(chroma::Chroma(home)),
        "redis" => Box::new(redis::Redis::found(&home)),
        "bucket" => Box::new(bucket::Bucket::found(&home)),
        "command" => Box::new(command::Tool(home)),
        other => panic!("no subject {other}"),
    }
}

struct OneFile(PathBuf);
struct Folder(PathBuf);
struct Sqlite(PathBuf);

/// Names in the store's folder without the store and what was kept.
fn around(home: &Path, store: &str) -> Vec<String> {
    let mut all = names(home);
    all.retain(|name| !name.starts_with(store));
    all
}

fn remove(kept: &Kept) {
    let path = kept.path().unwrap();
    match path.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

impl Subject for OneFile {
    fn store(&self) -> Store {
        Store::file("one", self.0.join("one.bin"))
    }

    fn fill(&self, number: u32) {
        let mut content = noise(400_000);
        content.extend_from_slice(format!("content {number}").repeat(5_000).as_bytes());
        let new = self.0.join("new");
        fs::write(&new, content).unwrap();
        fs::rename(new, self.0.join("one.bin")).unwrap();
    }

    fn forget(&self, kept: &Kept) {
        remove(kept);
    }

    fn around(&self) -> Vec<String> {
        around(&self.0, "one.bin")
    }
}

impl Subject for Folder {
    fn store(&self) -> Store {
        Store::directory("many", self.0.join("many"))
    }

    fn fill(&self, number: u32) {
        let root = self.0.join("many");
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        for file in 0..30 {
            let folder = root.join(format!("{}", file % 4));
            fs::create_dir_all(&folder).unwrap();
            let text = format!("file {file} of content {number}\n").repeat(1 + file * 90);
            fs::write(folder.join(format!("{file}.txt")), text).unwrap();
        }
        fs::write(root.join("noise"), noise(300_000 + number as usize)).unwrap();
        std::os::unix::fs::symlink("0/0.txt", root.join("link")).unwrap();
        fs::hard_link(root.join("noise"), root.join("noise again")).unwrap();
    }

    fn forget(&self, kept: &Kept) {
        remove(kept);
    }

    fn around(&self) -> Vec<String> {
        around(&self.0, "many")
    }
}

impl Subject for Sqlite {
    fn store(&self) -> Store {
        Store::sqlite("notes", self.0.join("notes.db"))
    }

    fn fill(&self, number: u32) {
        let connection = rusqlite::Connection::open(self.0.join("notes.db")).unwrap();
        let statements = format!(
            "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS note (text TEXT); DELETE FROM note;
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
             INSERT INTO note SELECT 'content {number} ' || n || hex(zeroblob(300)) FROM n;"
        );
        connection.execute_batch(&statements).unwrap();
    }

    fn forget(&self, kept: &Kept) {
        remove(kept);
        for end in ["-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(format!("{}{end}", kept.path().unwrap().display()));
        }
    }

    fn around(&self) -> Vec<String> {
        around(&self.0, "notes.db")
    }
}

/// A database on a server that somebody else looks after.
pub(super) struct Postgres {
    url: String,
}

impl Postgres {
    const DATABASE: &'static str = "notes";

    /// Makes a database on the server, and notes where it is for child processes.
    pub(super) fn make(server: &PostgresServer, folder: &Path) -> Box<dyn Subject> {
        let url = server.create_database(Self::DATABASE);
        let home = folder.join("home-postgres");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("url"), url).unwrap();
        of("postgres", folder)
    }

    fn found(home: PathBuf) -> Self {
        let url = fs::read_to_string(home.join("url")).unwrap();
        Self { url }
    }

    fn sql(&self, database: &str, statement: &str) -> String {
        let at = self.url.rsplit_once('/').unwrap().0;
        let mut psql = std::process::Command::new("psql");
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ]);
        let output = psql.arg(format!("{at}/{database}")).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Subject for Postgres {
    fn round_ms(&self) -> usize {
        1_500
    }

    fn removable(&self) -> i64 {
        6
    }

    fn store(&self) -> Store {
        Store::postgres("rows", PostgresAddress::new(&self.url).unwrap(), 2)
    }

    fn fill(&self, number: u32) {
        let statement = format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT n, 'content {number}' AS text
             FROM generate_series(1, 3000) AS n"
        );
        self.sql(Self::DATABASE, &statement);
    }

    fn forget(&self, kept: &Kept) {
        let Kept::Database(name) = kept else {
            panic!("{kept:?}");
        };
        self.sql("postgres", &format!("DROP DATABASE \"{name}\""));
    }

    fn around(&self) -> Vec<String> {
        let all = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1";
        let all = self.sql("postgres", all);
        let all = all.lines().filter(|name| {
            !["postgres", Self::DATABASE].contains(name)
                && !name.starts_with(&format!("{}_replaced_", Self::DATABASE))
        });
        all.map(str::to_owned).collect()
    }
}
