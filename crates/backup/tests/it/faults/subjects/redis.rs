//! A database of a real Redis server, which has many.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_backup::{Kept, RedisAddress, Store};

use super::{Subject, of};
use crate::redis_server::RedisServer;

/// What a restore replaces takes a database each, until somebody empties it.
const DATABASES: &str = "96";
/// That of the store.
const NUMBER: u64 = 3;

/// The server.
pub(in crate::faults) struct Keys(RedisServer);

impl Keys {
    pub(in crate::faults) fn start() -> Self {
        let arguments = ["--databases", DATABASES].map(str::to_owned);
        Self(RedisServer::start_with(move |_, _| arguments.to_vec()))
    }

    /// Empties the server, and notes where it is for child processes.
    pub(in crate::faults) fn make(&self, folder: &Path) -> Box<dyn Subject> {
        let home = folder.join("home-redis");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("port"), self.0.port.to_string()).unwrap();
        let subject = Redis::found(&home);
        subject.say(NUMBER, "FLUSHALL\n");
        of("redis", folder)
    }
}

pub(in crate::faults) struct Redis {
    port: u16,
}

impl Redis {
    pub(super) fn found(home: &Path) -> Self {
        let port = fs::read_to_string(home.join("port")).unwrap();
        Self {
            port: port.parse().unwrap(),
        }
    }

    /// Gives commands to a database, one a line, and says what `redis-cli` shows.
    fn say(&self, number: u64, commands: &str) -> String {
        let mut child = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "-n", &number.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut input, commands) = (child.stdin.take().unwrap(), commands.to_owned());
        let writing = std::thread::spawn(move || input.write_all(commands.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && !text.contains("ERR"), "{text}");
        text
    }
}

impl Subject for Redis {
    fn store(&self) -> Store {
        let url = format!("redis://127.0.0.1:{}/{NUMBER}", self.port);
        Store::redis("cache", RedisAddress::new(&url).unwrap())
    }

    fn fill(&self, number: u32) {
        let mut all = "FLUSHDB\n".to_owned();
        for key in 0..1_500 {
            all.push_str(&format!("SET key-{key} content-{number}-{key}\n"));
        }
        for entry in 0..200 {
            all.push_str(&format!("HSET hash field-{entry} {number}-{entry}\n"));
            all.push_str(&format!("RPUSH list {number}-{entry}\n"));
            all.push_str(&format!("XADD stream 1-{} of {number}\n", entry + 1));
        }
        self.say(NUMBER, &all);
    }

    fn forget(&self, kept: &Kept) {
        let Kept::Database(number) = kept else {
            panic!("{kept:?}");
        };
        self.say(number.parse().unwrap(), "FLUSHDB\n");
    }

    fn around(&self) -> Vec<String> {
        let all = self.say(0, "INFO keyspace\n");
        let numbers = all
            .lines()
            .filter_map(|line| line.strip_prefix("db")?.split_once(':'));
        let others = numbers.map(|(number, _)| number).filter(|number| {
            *number != NUMBER.to_string()
                && !self
                    .say(number.parse().unwrap(), "GET portcullis:mark\n")
                    .contains("replaced")
        });
        others.map(str::to_owned).collect()
    }

    fn round_ms(&self) -> usize {
        300
    }

    fn removable(&self) -> i64 {
        10
    }
}
