//! PostgreSQL's own programs: finding the right version, running them. Beside the servers of Redis copies nothing else in this crate starts a process.
//!
//! A dump is made by the oldest `pg_dump` that is not older than the server: an older one may not know what is in
//! the database, and a newer one writes settings that the server may refuse when the dump is put back.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use super::system_user::SystemUser;
use super::{PostgresAddress, PostgresProblem};
use crate::bounds::{
    CHUNK_BYTES, POSTGRES_TOOL_S, POSTGRES_VERSION_S, TOOL_OUTPUT_BYTES_MAX, TOOL_WORDS_BYTES_MAX,
};

/// Where Debian and Ubuntu put the programs of each version.
const INSTALLED: &str = "/usr/lib/postgresql";

/// Where programs are looked for.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    folders: Vec<PathBuf>,
}

/// A program that was found.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    name: &'static str,
    path: PathBuf,
    /// Its version as it says it, for example `15.18`.
    pub(super) version: String,
    /// The first number of it.
    pub(super) major: u32,
}

impl Tools {
    /// The folders of Debian's packages, newest first, and those of the PATH.
    pub(super) fn installed() -> Self {
        let versions = std::fs::read_dir(INSTALLED).into_iter().flatten().flatten();
        let mut numbered: Vec<(u32, PathBuf)> = versions
            .filter_map(|version| {
                let number = version.file_name().to_str()?.parse().ok()?;
                Some((number, version.path().join("bin")))
            })
            .collect();
        numbered.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = numbered.into_iter().map(|(_, folder)| folder).collect();
        folders.extend(std::env::split_paths(&path).filter(|folder| folder.is_absolute()));
        Self { folders }
    }

    #[cfg(test)]
    pub(super) fn within(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// The oldest program of that name whose version is at least `wanted`, which is that of `of`.
    pub(super) async fn find(
        &self,
        name: &'static str,
        wanted: u32,
        of: &'static str,
    ) -> Result<Tool, PostgresProblem> {
        let mut found = Vec::new();
        for folder in &self.folders {
            if let Some(tool) = look(name, &folder.join(name)).await {
                found.push(tool);
            }
        }
        // Of equal ones the first.
        let fitting = found.iter().filter(|tool| tool.major >= wanted);
        if let Some(tool) = fitting.min_by_key(|tool| tool.major) {
            return Ok(tool.clone());
        }
        let looked = format!("{INSTALLED}/*/bin and the PATH");
        if found.is_empty() {
            return Err(PostgresProblem::ToolMissing {
                tool: name,
                wanted,
                looked,
            });
        }
        let found = found
            .iter()
            .map(|Tool { version, path, .. }| format!("{version} ({})", path.display()));
        Err(PostgresProblem::ToolTooOld {
            tool: name,
            of,
            wanted,
            found: found.collect(),
            looked,
        })
    }
}

impl Tools {
    /// The program of that name whose version is the same; says where it was looked for if there is none.
    pub(super) async fn find_same(&self, name: &'static str, major: u32) -> Result<Tool, String> {
        for folder in &self.folders {
            if let Some(tool) = look(name, &folder.join(name)).await
                && tool.major == major
            {
                return Ok(tool);
            }
        }
        Err(format!("{INSTALLED}/{major}/bin and the PATH"))
    }
}

impl Tool {
    /// Runs it to its end and hands on what it prints. When that is not wanted any more it is killed, which is no
    /// failure.
    pub(super) async fn stream(
        &self,
        arguments: &[OsString],
        address: &PostgresAddress,
        mut wanted: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), PostgresProblem> {
        let mut child = self.spawn(arguments, Some(address), Stdio::null())?;
        let (output, words) = (child.stdout.take(), child.stderr.take());
        let mut given_up = false;
        let handing_on = async {
            let Some(mut output) = output else { return };
            let mut chunk = vec![0; CHUNK_BYTES];
            while let Ok(read @ 1..) = output.read(&mut chunk).await {
                if !wanted(&chunk[..read]) {
                    given_up = true;
                    return;
                }
            }
        };
        let all = async {
            let reading = async { tokio::join!(handing_on, end(words, TOOL_WORDS_BYTES_MAX)).1 };
            tokio::join!(child.wait(), reading)
        };
        let limit = Duration::from_secs(POSTGRES_TOOL_S);
        let ended = timeout(limit, all).await;
        if given_up {
            return Ok(());
        }
        let Ok((status, words)) = ended else {
            return Err(PostgresProblem::ToolFailed {
                tool: self.name,
                why: format!("it ran for more than {POSTGRES_TOOL_S} s and was killed"),
            });
        };
        let status = status.map_err(|error| PostgresProblem::ToolFailed {
            tool: self.name,
            why: error.to_string(),
        })?;
        self.judge(status, &String::from_utf8_lossy(&words), Some(address))
    }

    /// Starts it as a server, in a folder and as a user. It goes on until somebody ends it.
    pub(super) fn serve(
        &self,
        arguments: &[OsString],
        folder: &Path,
        log: std::fs::File,
        user: Option<SystemUser>,
    ) -> Result<std::process::Child, PostgresProblem> {
        let failed = |why: std::io::Error| PostgresProblem::ToolFailed {
            tool: self.name,
            why: format!("{} cannot be started: {why}", self.path.display()),
        };
        let mut command = std::process::Command::new(&self.path);
        command.args(arguments).env_clear().current_dir(folder);
        for name in ["PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("LC_ALL", "C");
        if let Some(user) = user {
            command.uid(user.user).gid(user.group);
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log);
        command.spawn().map_err(failed)
    }

    /// Runs it to its end and returns what it prints. It is killed when its time is over, or when nobody waits for
    /// it any more.
    pub(super) async fn run(
        &self,
        arguments: &[OsString],
        address: Option<&PostgresAddress>,
    ) -> Result<Vec<u8>, PostgresProblem> {
        let child = self.spawn(arguments, address, Stdio::null())?;
        let (status, output, words) = self.ended(child).await?;
        self.judge(status, &words, address).map(|()| output)
    }

    /// Runs it while `input` is written to its standard input by the caller, who gets the end to write to.
    pub(super) fn spawn(
        &self,
        arguments: &[OsString],
        address: Option<&PostgresAddress>,
        input: Stdio,
    ) -> Result<Child, PostgresProblem> {
        let mut command = Command::new(&self.path);
        command.args(arguments).env_clear();
        for name in ["PATH", "HOME", "TMPDIR", "PGPASSWORD", "PGPASSFILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Its words are shown, and looked into by nobody but people.
        command.env("LC_ALL", "C");
        command.envs(
            address
                .map(PostgresAddress::environment)
                .unwrap_or_default(),
        );
        command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
            .spawn()
            .map_err(|error| PostgresProblem::ToolFailed {
                tool: self.name,
                why: format!("{} cannot be started: {error}", self.path.display()),
            })
    }

    /// Waits for the end, within the bound.
    pub(super) async fn ended(
        &self,
        mut child: Child,
    ) -> Result<(ExitStatus, Vec<u8>, String), PostgresProblem> {
        let failed = |why: String| PostgresProblem::ToolFailed {
            tool: self.name,
            why,
        };
        let (output, words) = (child.stdout.take(), child.stderr.take());
        let all = async {
            tokio::join!(
                child.wait(),
                beginning(output, TOOL_OUTPUT_BYTES_MAX),
                end(words, TOOL_WORDS_BYTES_MAX)
            )
        };
        let limit = Duration::from_secs(POSTGRES_TOOL_S);
        let Ok((status, output, words)) = timeout(limit, all).await else {
            let _ = child.kill().await;
            return Err(failed(format!(
                "it ran for more than {POSTGRES_TOOL_S} s and was killed"
            )));
        };
        let status = status.map_err(|error| failed(error.to_string()))?;
        Ok((status, output, String::from_utf8_lossy(&words).into_owned()))
    }

    /// What its end means.
    pub(super) fn judge(
        &self,
        status: ExitStatus,
        words: &str,
        address: Option<&PostgresAddress>,
    ) -> Result<(), PostgresProblem> {
        if status.success() {
            return Ok(());
        }
        let words = words.trim();
        let words = address.map_or_else(|| words.to_owned(), |address| address.scrubbed(words));
        let words: Vec<&str> = words.lines().map(str::trim).collect();
        Err(PostgresProblem::ToolFailed {
            tool: self.name,
            why: match words.is_empty() {
                true => format!("{status}"),
                false => format!("{} ({status})", words.join("; ")),
            },
        })
    }
}

/// Which version a program says that it is, if it is there at all.
async fn look(name: &'static str, path: &Path) -> Option<Tool> {
    if !path.is_file() {
        return None;
    }
    let mut command = Command::new(path);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let limit = Duration::from_secs(POSTGRES_VERSION_S);
    let output = timeout(limit, command.output()).await.ok()?.ok()?;
    // For example `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text
        .split_once("(PostgreSQL)")?
        .1
        .split_whitespace()
        .next()?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some(Tool {
        name,
        path: path.to_owned(),
        major: digits.parse().ok()?,
        version: version.to_owned(),
    })
}

/// The end of what a program says on its standard error.
pub(super) async fn last_words(from: Option<ChildStderr>) -> String {
    let words = end(from, TOOL_WORDS_BYTES_MAX).await;
    String::from_utf8_lossy(&words).into_owned()
}

/// Asks a process to end soon: for a server of PostgreSQL's that is its fast shutdown.
pub(super) fn interrupt(pid: u32) {
    signal(pid, Signal::INT);
}

/// Ends a server of PostgreSQL's at once, with all of its processes.
pub(super) fn quit(pid: u32) {
    signal(pid, Signal::QUIT);
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }
}

/// The beginning of what is read, to its end.
async fn beginning(from: Option<impl AsyncRead + Unpin>, limit: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    pump(from, |chunk| {
        let room = limit.saturating_sub(kept.len()).min(chunk.len());
        kept.extend_from_slice(&chunk[..room]);
    })
    .await;
    kept
}

/// The end of what is read.
async fn end(from: Option<impl AsyncRead + Unpin>, limit: usize) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::new();
    pump(from, |chunk| {
        kept.extend_from_slice(chunk);
        let over = kept.len().saturating_sub(limit);
        kept.drain(..over);
    })
    .await;
    kept
}

/// Reads to the end. A failed read is an end too: how the program ended tells more.
async fn pump(from: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&[u8])) {
    let Some(mut from) = from else { return };
    let mut chunk = vec![0; 8192];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        take(&chunk[..read]);
    }
}
