//! The one module that spawns, and the one that stops what was spawned.
//!
//! Every process is started in its own session with a marker in its environment. It is stopped together
//! with all that it started: whatever is in its session or carries its marker.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::future::join_all;
use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::Signal;

use crate::bounds::{BUSY_ATTEMPTS_MAX, BUSY_PAUSE, KILL_ROUNDS_MAX, KILL_WAIT};
use crate::process_table::{ProcessHandle, ProcessId, ProcessStat, kill, members, stat};

/// What is to be spawned.
pub(crate) struct Spawn<'a> {
    pub(crate) argv: &'a [String],
    pub(crate) folder: &'a Path,
    pub(crate) environment: BTreeMap<OsString, OsString>,
    /// What it reads from standard input.
    pub(crate) input: &'a [u8],
}

/// How stopping went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stopped {
    /// Processes that were asked to stop.
    pub(crate) asked: usize,
    /// Processes that had to be killed.
    pub(crate) killed: usize,
}

/// A spawned process; dropping it kills it with all that it started, unless it was let go.
pub(crate) struct Session {
    child: Option<Box<dyn ChildWrapper>>,
    id: ProcessId,
    marker: String,
}

/// A process could not be stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StopError {
    #[error("process {0} does not end although it was killed; it may hang in the kernel")]
    Survives(i32),
    #[error("the list of processes could not be read")]
    Table(#[source] io::Error),
    #[error("process {pid} could not be signalled")]
    Signal {
        pid: i32,
        #[source]
        source: io::Error,
    },
}

impl Session {
    /// Starts a process in its own session, its output going to `stdout` and `stderr`.
    pub(crate) async fn spawn(
        spawn: &Spawn<'_>,
        marker: &str,
        output: impl Fn() -> io::Result<(Stdio, Stdio)>,
    ) -> io::Result<Session> {
        let Some(program) = spawn.argv.first() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the command is empty",
            ));
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (stdout, stderr) = output()?;
            let stdin = input_of(spawn.input)?;
            let mut command = CommandWrap::with_new(program, |command| {
                command.args(&spawn.argv[1..]).current_dir(spawn.folder);
                command.env_clear().envs(&spawn.environment);
                command.stdin(stdin).stdout(stdout).stderr(stderr);
            });
            match command.wrap(ProcessSession).spawn() {
                Ok(child) => return Session::of(child, marker),
                // Whoever wrote the program just now may have forked while its file was open.
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy
                        && attempt < BUSY_ATTEMPTS_MAX =>
                {
                    drop(command);
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn of(child: Box<dyn ChildWrapper>, marker: &str) -> io::Result<Session> {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        // A child that was not waited for keeps its number and its entry even after it has ended.
        let id = pid.and_then(stat).map(|stat| stat.id);
        let Some(id) = id else {
            kill_now(marker, None);
            return Err(io::Error::other("the started process is not in /proc"));
        };
        Ok(Session {
            child: Some(child),
            id,
            marker: marker.to_owned(),
        })
    }

    pub(crate) fn id(&self) -> ProcessId {
        self.id
    }

    /// Waits until the process itself has ended; what it started may live on.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        match &mut self.child {
            Some(child) => child.wait().await,
            None => Err(io::Error::other("the process was let go")),
        }
    }

    /// How the process ended, if it has.
    pub(crate) fn poll_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.child {
            Some(child) => child.try_wait(),
            None => Ok(None),
        }
    }

    /// Lets the process live on its own.
    pub(crate) fn release(mut self) -> Option<Box<dyn ChildWrapper>> {
        self.child.take()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.child.is_some() {
            kill_now(&self.marker, Some(self.id));
        }
    }
}

/// Asks every process of a session to stop, waits up to `patience`, kills what is left and waits until
/// it is gone.
pub(crate) async fn stop(
    marker: &str,
    leader: Option<ProcessId>,
    patience: Duration,
) -> Result<Stopped, StopError> {
    let mut stopped = Stopped::default();
    let asked = handles(&members(marker, leader).map_err(StopError::Table)?)?;
    stopped.asked = asked.len();
    if !patience.is_zero() {
        signal_all(&asked, Signal::TERM)?;
        let _ = tokio::time::timeout(patience, all_ended(&asked)).await;
    }
    for _ in 0..KILL_ROUNDS_MAX {
        // Those of the first look are asked for again: once their leader is gone, a process that cleared
        // its environment is found by no other means.
        let mut left = handles(&members(marker, leader).map_err(StopError::Table)?)?;
        for known in &asked {
            if !left.iter().any(|found| found.id == known.id) {
                left.extend(open(known.id)?);
            }
        }
        if left.is_empty() {
            return Ok(stopped);
        }
        stopped.killed += left.len();
        signal_all(&left, Signal::KILL)?;
        let _ = tokio::time::timeout(KILL_WAIT, all_ended(&left)).await;
    }
    match members(marker, leader).map_err(StopError::Table)?.first() {
        Some(survivor) => Err(StopError::Survives(survivor.id.pid)),
        None => Ok(stopped),
    }
}

/// Kills every process of a session at once, without waiting for them to be gone. For `Drop`.
pub(crate) fn kill_now(marker: &str, leader: Option<ProcessId>) {
    for _ in 0..KILL_ROUNDS_MAX {
        let Ok(mut left) = members(marker, leader) else {
            return;
        };
        // Children first, so that the session is still known by its leader in the next round.
        left.sort_by_key(|member| Some(member.id) == leader);
        if left.is_empty() {
            return;
        }
        for member in left {
            kill(member.id);
        }
        std::thread::yield_now();
    }
}

fn handles(members: &[ProcessStat]) -> Result<Vec<ProcessHandle>, StopError> {
    let mut handles = Vec::with_capacity(members.len());
    for member in members {
        handles.extend(open(member.id)?);
    }
    Ok(handles)
}

fn open(id: ProcessId) -> Result<Option<ProcessHandle>, StopError> {
    ProcessHandle::open(id).map_err(|source| StopError::Signal {
        pid: id.pid,
        source,
    })
}

fn signal_all(processes: &[ProcessHandle], signal: Signal) -> Result<(), StopError> {
    for process in processes {
        let pid = process.id.pid;
        process
            .signal(signal)
            .map_err(|source| StopError::Signal { pid, source })?;
    }
    Ok(())
}

async fn all_ended(processes: &[ProcessHandle]) {
    join_all(processes.iter().map(ProcessHandle::ended)).await;
}

/// Standard input with this in it. It lies in memory, not in a pipe: a process that does not read it
/// keeps nobody waiting.
fn input_of(bytes: &[u8]) -> io::Result<Stdio> {
    if bytes.is_empty() {
        return Ok(Stdio::null());
    }
    let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(Stdio::from(file))
}
