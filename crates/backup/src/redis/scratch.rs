//! Copies: a server of our own on this machine, with nothing but the copied database.
//!
//! A copy is not another database of the live server: a migration that is tried on it may say `FLUSHALL` or `CONFIG
//! SET`, messages of `PUBLISH` know no databases, and where a server throws keys away to make room, filling a copy would
//! throw live ones away.
//!
//! A copy is a folder. In it are the RDB, the configuration, and `url`, which leads to the server; the server listens
//! on the loopback interface and has a password that nobody else knows. It writes nothing, and lives as long as `url` is
//! there: whoever removes the folder ends it, whatever became of who started it.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::connection::Connection;
use super::{RDB, RedisAddress, RedisContent, RedisProblem};
use crate::bounds::{
    REDIS_COPY_LOAD_S, REDIS_COPY_PAUSE_MS, REDIS_COPY_PORTS_TRIED, TOOL_WORDS_BYTES_MAX,
};
use crate::clock::Stopwatch;

/// Where the URL of a copy is.
pub(super) const URL: &str = "url";
const CONFIGURATION: &str = "redis.conf";
const LOG: &str = "log";
/// Ends the server when the file with its URL is gone. The shell goes with the server.
const KEEPER: &str = "\"$1\" \"$2\" & SERVER=$!\n\
    while kill -0 \"$SERVER\" 2> /dev/null && [ -e \"$3\" ]; do sleep 1; done\n\
    kill -KILL \"$SERVER\" 2> /dev/null; wait \"$SERVER\"";
const SERVERS: [&str; 2] = ["redis-server", "valkey-server"];
/// Where they are looked for beside the PATH.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/usr/sbin"];
/// How many databases a server has unless it is told.
const NUMBERS: u64 = 16;

/// Makes the folder of a copy, which must not exist.
pub(super) fn make_folder(folder: &Path) -> Result<(), RedisProblem> {
    if fs::symlink_metadata(folder).is_ok() {
        return Err(RedisProblem::NotOurs {
            folder: folder.display().to_string(),
            what: "exists; a copy goes where nothing is",
        });
    }
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|error| failed(folder, &error))
}

/// The address of a copy.
pub(super) fn address(folder: &Path) -> Result<RedisAddress, RedisProblem> {
    match fs::read_to_string(folder.join(URL)) {
        Ok(url) => RedisAddress::new(url.trim()),
        Err(_) => Err(RedisProblem::CopyMissing {
            folder: folder.display().to_string(),
        }),
    }
}

/// Ends the server of a copy and removes its folder. If there is none, nothing happens.
pub(super) fn remove(folder: &Path) -> Result<(), RedisProblem> {
    if fs::symlink_metadata(folder).is_err() {
        return Ok(());
    }
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let is_empty = entries.count() == 0;
    if !is_empty && !folder.join(CONFIGURATION).is_file() && !folder.join(RDB).is_file() {
        return Err(RedisProblem::NotOurs {
            folder: folder.display().to_string(),
            what: "is no copy that Portcullis made",
        });
    }
    if let Ok(address) = address(folder)
        && let Ok(mut connection) = Connection::greeted(&address)
    {
        // It answers nothing when it obeys.
        let _ = connection.ask("end it", redis::cmd("SHUTDOWN").arg("NOSAVE"));
    }
    fs::remove_dir_all(folder).map_err(|error| failed(folder, &error))
}

/// Starts a server on the RDB in `folder` and waits until it has loaded it.
pub(super) fn start(folder: &Path, content: &RedisContent) -> Result<RedisAddress, RedisProblem> {
    let program = program(content.rdb_version)?;
    let password = password().map_err(|error| failed(folder, &error))?;
    let mut why = String::new();
    // Somebody else may take the port before the server does.
    for _ in 0..REDIS_COPY_PORTS_TRIED {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.map_err(|error| failed(folder, &error))?.port();
        let url = format!("redis://:{password}@127.0.0.1:{port}/{}", content.number);
        let address = RedisAddress::new(&url)?;
        let configuration = configuration(folder, port, &password, content.number)?;
        private(&folder.join(CONFIGURATION), &configuration)?;
        private(&folder.join(URL), &url)?;
        let child = launch(&program, folder).map_err(|error| failed(folder, &error))?;
        match loaded(child, folder, &address) {
            Ok(()) => return Ok(address),
            Err(RedisProblem::CopyFailed { why: words, .. }) if words.contains("in use") => {
                why = words;
            }
            Err(problem) => return Err(problem),
        }
    }
    Err(RedisProblem::CopyFailed {
        folder: folder.display().to_string(),
        why,
    })
}

fn failed(folder: &Path, error: &std::io::Error) -> RedisProblem {
    RedisProblem::CopyFailed {
        folder: folder.display().to_string(),
        why: error.to_string(),
    }
}

/// Writes a file that nobody else may read.
fn private(path: &Path, text: &str) -> Result<(), RedisProblem> {
    let mut options = fs::OpenOptions::new();
    let opened = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(path, &error))
}

pub(super) fn password() -> std::io::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 24];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes))
}

fn configuration(
    folder: &Path,
    port: u16,
    password: &str,
    number: u64,
) -> Result<String, RedisProblem> {
    let folder = folder
        .to_str()
        .filter(|text| !text.contains(['"', '\\', '\n']));
    let folder = folder.ok_or_else(|| RedisProblem::NotOurs {
        folder: String::new(),
        what: "the folder of the copy has a name that cannot be written in a configuration",
    })?;
    let numbers = NUMBERS.max(number + 1);
    Ok(format!(
        "# A copy that Portcullis made; it ends when its folder is removed.\nbind 127.0.0.1\nport {port}\n\
         requirepass {password}\ndir \"{folder}\"\ndbfilename {RDB}\ndatabases {numbers}\nsave \"\"\nappendonly no\n\
         daemonize no\n"
    ))
}

fn launch(program: &Path, folder: &Path) -> std::io::Result<Child> {
    let log = File::create(folder.join(LOG))?;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", KEEPER, "portcullis-copy"]);
    command.arg(program);
    command.args([folder.join(CONFIGURATION), folder.join(URL)]);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    // What ends us from the terminal does not end it before its folder is cleared away.
    command.process_group(0).spawn()
}

/// Waits until the server answers and has everything.
fn loaded(mut child: Child, folder: &Path, address: &RedisAddress) -> Result<(), RedisProblem> {
    let since = Stopwatch::start();
    let said = || {
        let log = fs::read(folder.join(LOG)).unwrap_or_default();
        let from = log.len().saturating_sub(TOOL_WORDS_BYTES_MAX);
        let words = String::from_utf8_lossy(&log[from..]).into_owned();
        let told: Vec<&str> = words.lines().filter(|line| line.contains(" # ")).collect();
        let told = if told.is_empty() {
            words.lines().collect()
        } else {
            told
        };
        told.join("; ")
    };
    loop {
        if let Ok(mut connection) = Connection::greeted(address)
            && connection
                .ask("see that it runs", &redis::cmd("PING"))
                .is_ok()
        {
            // It is ours for as long as it lives, and somebody must take note of its end.
            std::thread::spawn(move || child.wait());
            return Ok(());
        }
        let ended = child.try_wait().map_err(|error| failed(folder, &error))?;
        let why = match ended {
            Some(_) => said(),
            None if since.elapsed() > Duration::from_secs(REDIS_COPY_LOAD_S) => {
                let _ = fs::remove_file(folder.join(URL));
                format!("it did not load its data within {REDIS_COPY_LOAD_S} s")
            }
            None => {
                sleep(Duration::from_millis(REDIS_COPY_PAUSE_MS));
                continue;
            }
        };
        return Err(RedisProblem::CopyFailed {
            folder: folder.display().to_string(),
            why,
        });
    }
}

/// A server that reads this version of RDB.
fn program(wanted: u16) -> Result<PathBuf, RedisProblem> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    let folders: Vec<PathBuf> = folders.filter(|folder| folder.is_absolute()).collect();
    let mut found = Vec::new();
    for name in SERVERS {
        for folder in &folders {
            let path = folder.join(name);
            let Some(version) = version(&path) else {
                continue;
            };
            if reads(&version, wanted) {
                return Ok(path);
            }
            let text = format!("{} is {version}", path.display());
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
    Err(RedisProblem::ToolMissing {
        wanted,
        why: match found.is_empty() {
            true => format!("neither {} was found in the PATH", SERVERS.join(" nor ")),
            false => format!(
                "{}, which is too old or of another family",
                found.join(", ")
            ),
        },
    })
}

/// What a server says that it is, for example `Redis 7.0.15`.
fn version(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    // For example `Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=e08d`.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = text.split_whitespace().next()?;
    let version = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("v="))?;
    Some(format!("{name} {version}"))
}

/// Whether a server reads a version of RDB; each server reads the older ones of its own family too.
fn reads(server: &str, wanted: u16) -> bool {
    let (name, version) = server.split_once(' ').unwrap_or((server, ""));
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let known = match (name, version) {
        // Of its own since Valkey 9; those of Redis from 7.4 on are foreign to it.
        ("Valkey", (9.., _)) => return wanted <= 11 || wanted == 80,
        ("Valkey", _) => 11,
        (_, (..5, _)) => 8,
        (_, (5 | 6, _)) => 9,
        (_, (7, 0 | 1)) => 10,
        (_, (7, 2 | 3)) => 11,
        _ => 12,
    };
    wanted <= known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_reads_what_is_not_newer_and_of_its_family() {
        for (server, wanted, expected) in [
            ("Redis 7.0.15", 10, true),
            ("Redis 7.0.15", 11, false),
            ("Redis 6.2.6", 10, false),
            ("Redis 7.2.4", 11, true),
            ("Redis 8.0.1", 12, true),
            ("Redis 8.0.1", 80, false),
            ("Valkey 8.1.0", 11, true),
            ("Valkey 8.1.0", 12, false),
            ("Valkey 9.0.0", 80, true),
            ("Valkey 9.0.0", 12, false),
        ] {
            assert_eq!(reads(server, wanted), expected, "{server} {wanted}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = program(99).unwrap_err().to_string();
        for part in [
            "reads RDB version 99",
            "redis-server",
            "too old",
            "apt-get install",
        ] {
            assert!(refused.contains(part), "{part:?} is not in: {refused}");
        }
    }
}
