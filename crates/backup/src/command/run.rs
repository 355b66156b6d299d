//! Running the commands of a store: in a process group of their own that is killed when their time is over, with a short
//! list of inherited variables, and with what they say bounded.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::{COPY_VARIABLE, CommandProblem, StoreCommands};
use crate::bounds::{
    CHUNK_BYTES, COMMAND_ROOM_EVERY_BYTES, COMMAND_WORDS_BYTES_MAX, TOOL_WORDS_BYTES_MAX,
};
use crate::durable::folder_of;
use crate::process_output::end;
use crate::runtime::blocking;
use crate::vault::Turn;

/// What is inherited, besides every variable that begins with `LC_`: secrets that Portcullis was started with stay
/// with it.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];

const SHELL: &str = "/bin/sh";
/// Waits until nobody has the other end any more, and ends all of its group with itself.
const GUARD: &str = "read -r _; kill -KILL 0";

/// One run of a command.
pub(super) struct Run<'a> {
    pub(super) what: &'static str,
    pub(super) argv: &'a [String],
    pub(super) commands: &'a StoreCommands,
    /// The right to do it, which lasts until all that it started has ended.
    pub(super) turn: Option<&'a Turn>,
}

/// What becomes of what it writes to its standard output.
pub(super) enum Output<'a> {
    /// Nothing.
    Nothing,
    /// The beginning is kept.
    Beginning(&'a mut Vec<u8>),
    /// All of it is handed on.
    All(&'a mut (dyn Sink + Send)),
}

/// Takes what a command writes, piece by piece.
pub(super) trait Sink {
    /// Takes a piece, or says why the command is to be killed.
    fn take(&mut self, piece: &[u8]) -> Result<(), CommandProblem>;
}

/// Writes to a file, counts and hashes, and looks now and then whether there is room.
pub(super) struct Spool<'a> {
    path: &'a Path,
    file: &'a mut File,
    bytes: &'a mut u64,
    sha: &'a mut Sha256,
    looked: u64,
}

/// Only counts and hashes.
pub(super) struct Hashed<'a> {
    bytes: &'a mut u64,
    sha: &'a mut Sha256,
}

impl<'a> Spool<'a> {
    pub(super) fn new(
        path: &'a Path,
        file: &'a mut File,
        bytes: &'a mut u64,
        sha: &'a mut Sha256,
    ) -> Self {
        Self {
            path,
            file,
            bytes,
            sha,
            looked: 0,
        }
    }

    /// What is written will be packed beside itself; a command that never ends must not fill the disk.
    fn room(&mut self) -> Result<(), CommandProblem> {
        if *self.bytes < self.looked.saturating_add(COMMAND_ROOM_EVERY_BYTES) {
            return Ok(());
        }
        self.looked = *self.bytes;
        match crate::free_bytes_of(folder_of(self.path)) {
            Ok(free) if free < *self.bytes => Err(CommandProblem::NoRoom {
                path: folder_of(self.path).to_owned(),
                written: *self.bytes,
                free,
            }),
            // Where that cannot be told, writing tells.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

impl Sink for Spool<'_> {
    fn take(&mut self, piece: &[u8]) -> Result<(), CommandProblem> {
        let written = self.file.write_all(piece);
        written.map_err(|error| CommandProblem::NotWritten {
            what: "backup",
            why: format!("{}: {error}", self.path.display()),
        })?;
        *self.bytes += piece.len() as u64;
        self.sha.update(piece);
        self.room()
    }
}

impl<'a> Hashed<'a> {
    pub(super) fn new(bytes: &'a mut u64, sha: &'a mut Sha256) -> Self {
        Self { bytes, sha }
    }
}

impl Sink for Hashed<'_> {
    fn take(&mut self, piece: &[u8]) -> Result<(), CommandProblem> {
        *self.bytes += piece.len() as u64;
        self.sha.update(piece);
        Ok(())
    }
}

/// Kills a process with all that it started, unless it was let go.
struct Group(Option<Pid>);

impl Group {
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Run<'_> {
    /// Runs it to its end, which must be code 0.
    pub(super) fn to_end(
        &self,
        input: Option<File>,
        output: Output<'_>,
    ) -> Result<(), CommandProblem> {
        find(self.argv, &self.commands.folder)?;
        blocking(self.ended(input, output), |why| CommandProblem::Failed {
            what: self.what,
            end: "could not be run".to_owned(),
            said: format!(": {why}"),
        })
    }

    async fn ended(&self, input: Option<File>, output: Output<'_>) -> Result<(), CommandProblem> {
        let piped = !matches!(output, Output::Nothing);
        let mut guard = self.guard()?;
        let pid = guard.id().and_then(|pid| i32::try_from(pid).ok());
        let mut group = Group(pid.and_then(Pid::from_raw));
        let mut child = self.spawn(input, piped, pid.unwrap_or(0))?;
        let (stdout, mut words) = (child.stdout.take(), Vec::new());
        let stderr = child.stderr.take();
        let course = async {
            let said = async {
                words = end(stderr, TOOL_WORDS_BYTES_MAX).await;
            };
            let ended = async {
                let taken = taken(stdout, output).await;
                if taken.is_err() {
                    let _ = child.start_kill();
                }
                let status = child.wait().await;
                // What it left behind must not go on working on the data, nor keep its output open.
                group.kill();
                taken.map(|()| status)
            };
            tokio::join!(ended, said).0
        };
        let ended = timeout(self.commands.timeout, course).await;
        group.kill();
        let _ = guard.wait().await;
        let said = self.said(&words);
        let Ok(ended) = ended else {
            let _ = child.wait().await;
            return Err(CommandProblem::TimedOut {
                what: self.what,
                limit_s: self.commands.timeout.as_secs(),
                said,
            });
        };
        match ended? {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(CommandProblem::Failed {
                what: self.what,
                end: end_words(status),
                said,
            }),
            Err(error) => Err(CommandProblem::Failed {
                what: self.what,
                end: format!("was lost: {error}"),
                said,
            }),
        }
    }

    /// Starts the one that ends the command, and all that it started, when this process ends, however it ends: a restore
    /// command that went on would work on what somebody puts back next. It leads the group of processes, so that
    /// a command cannot start once it is gone.
    fn guard(&self) -> Result<Child, CommandProblem> {
        let not_started = |error: std::io::Error| CommandProblem::NotFound {
            program: SHELL.to_owned(),
            why: format!("cannot be started: {error}"),
        };
        let turn = self.turn.map(|turn| turn.lock().try_clone());
        let turn = turn.transpose().map_err(not_started)?;
        let mut command = Command::new(SHELL);
        command
            .args(["-c", GUARD])
            .env_clear()
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            // Only held.
            .stdout(turn.map_or_else(Stdio::null, Stdio::from))
            .stderr(Stdio::null());
        command.spawn().map_err(not_started)
    }

    fn spawn(&self, input: Option<File>, piped: bool, group: i32) -> Result<Child, CommandProblem> {
        let commands = self.commands;
        let mut command = Command::new(&self.argv[0]);
        command
            .args(&self.argv[1..])
            .current_dir(&commands.folder)
            .env_clear()
            .envs(inherited())
            .envs(commands.env.iter())
            .process_group(group)
            .kill_on_drop(true)
            .stdin(input.map_or_else(Stdio::null, Stdio::from))
            .stdout(match piped {
                true => Stdio::piped(),
                false => Stdio::null(),
            })
            .stderr(Stdio::piped());
        if let Some(copy) = &commands.copy {
            command.env(COPY_VARIABLE, copy);
        }
        command.spawn().map_err(|error| CommandProblem::NotFound {
            program: self.argv[0].clone(),
            why: format!("cannot be started: {error}"),
        })
    }

    /// The end of what it said, on one line and without secrets, with what stands before it.
    fn said(&self, words: &[u8]) -> String {
        let words = String::from_utf8_lossy(words);
        let words = self.commands.env.scrubbed(&words);
        let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<&str> = lines.collect();
        match lines.is_empty() {
            true => String::new(),
            false => format!(": {}", lines.join("; ").escape_debug()),
        }
    }
}

async fn taken(stdout: Option<ChildStdout>, mut output: Output<'_>) -> Result<(), CommandProblem> {
    let Some(mut stdout) = stdout else {
        return Ok(());
    };
    let mut piece = vec![0; CHUNK_BYTES];
    // A failed read is an end too: how the command ended tells more.
    while let Ok(read @ 1..) = stdout.read(&mut piece).await {
        match &mut output {
            Output::Nothing => {}
            Output::Beginning(kept) => {
                let room = COMMAND_WORDS_BYTES_MAX.saturating_sub(kept.len()).min(read);
                kept.extend_from_slice(&piece[..room]);
            }
            Output::All(sink) => sink.take(&piece[..read])?,
        }
    }
    Ok(())
}

fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| {
        let name = name.to_str();
        name.is_some_and(|name| INHERITED.contains(&name) || name.starts_with("LC_"))
    })
}

fn end_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Whether the program of a command is there and may be run.
pub(super) fn find(argv: &[String], folder: &Path) -> Result<(), CommandProblem> {
    let program = argv.first().map_or("", String::as_str);
    let missing = |why: String| CommandProblem::NotFound {
        program: program.to_owned(),
        why,
    };
    if !folder.is_dir() {
        return Err(missing(format!(
            "cannot be run: its folder {} does not exist",
            folder.display()
        )));
    }
    if program.contains('/') {
        return match runs(&folder.join(program)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(missing("may not be run".to_owned())),
            Err(error) => Err(missing(format!("was not found: {error}"))),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).map(|folder: PathBuf| folder.join(program));
    match !program.is_empty() && folders.any(|path| matches!(runs(&path), Ok(true))) {
        true => Ok(()),
        false => Err(missing("was not found in the PATH".to_owned())),
    }
}

fn runs(path: &Path) -> io::Result<bool> {
    let metadata = fs::metadata(path)?;
    Ok(metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
