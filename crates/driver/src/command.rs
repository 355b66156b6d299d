//! Running a command to its end, with all that it starts.

use std::io::{self, PipeReader};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use std::os::unix::process::ExitStatusExt;

use portcullis_rollout::{Command, Fact};
use tokio::net::unix::pipe;

use crate::bounds::{EVIDENCE_READ_BYTES_MAX, OUTPUT_TAIL_WAIT};
use crate::causes::with_causes;
use crate::clock::Stopwatch;
use crate::environment::environment;
use crate::evidence::last_lines;
use crate::session::{Session, Spawn, stop};

/// How a command ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// How it ended.
    pub end: CommandEnd,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Its last lines on both standard output and standard error, in the order they were written;
    /// bounded in number and length.
    pub last_lines: String,
    /// Processes that it started, that were still there when it ended, and that were killed: nothing
    /// goes on changing data behind a finished command.
    pub left_behind: usize,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandEnd {
    /// It exited with this code.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It took longer than it may and was killed with all that it had started.
    TimedOut,
    /// It could not be started; says why.
    NotStarted(String),
    /// It was started, but it could not be told how it ended or it could not be stopped; says why.
    Lost(String),
}

/// Runs a command to its end and captures its output: no shell, no input, its own session, and only a
/// short list of inherited variables (`PATH HOME LANG LC_* TZ TMPDIR`) besides its own. When `deadline`
/// passes, or the future is dropped, it is killed with all that it started.
pub async fn run_command(command: &Command, deadline: Duration) -> CommandOutcome {
    match random_marker() {
        Ok(marker) => run_marked(command, deadline, &marker, &[], &[]).await,
        Err(error) => CommandOutcome::not_started(error.to_string()),
    }
}

/// As [`run_command`], with the marker that its processes carry, further variables, and what it reads
/// from standard input.
pub(crate) async fn run_marked(
    command: &Command,
    deadline: Duration,
    marker: &str,
    variables: &[(&str, &str)],
    input: &[u8],
) -> CommandOutcome {
    let watch = Stopwatch::start();
    // The time that secrets take counts, too.
    let environment = environment(&command.env, &command.folder, marker);
    let mut environment = match tokio::time::timeout(deadline, environment).await {
        Ok(Ok(environment)) => environment,
        Ok(Err(error)) => return CommandOutcome::not_started(error.to_string()),
        Err(_) => return CommandOutcome::not_started("its secrets took too long".to_owned()),
    };
    environment.extend(
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    let spawn = Spawn {
        argv: &command.argv,
        folder: &command.folder,
        environment,
        input,
    };
    let (reader, mut session) = match start(&spawn, marker).await {
        Ok(started) => started,
        Err(error) => return CommandOutcome::not_started(explain(command, &error)),
    };
    let leader = session.id();
    let mut output = Output::default();
    let ended = tokio::select! {
        ended = session.ended() => Some(ended),
        () = tokio::time::sleep(watch.left_of(deadline)) => None,
        never = output.follow(&reader) => match never {},
    };
    // Whatever is still in the session now was left behind by the command, or is to be killed.
    let stopped = stop(marker, Some(leader), Duration::ZERO).await;
    let _ = tokio::time::timeout(OUTPUT_TAIL_WAIT, output.finish(&reader)).await;
    let timed_out = ended.is_none();
    if timed_out {
        let _ = session.ended().await;
    }
    let _ = session.release();
    let (end, left_behind) = match (ended, stopped) {
        (_, Err(error)) => (CommandEnd::Lost(with_causes(&error)), 0),
        (None, Ok(_)) => (CommandEnd::TimedOut, 0),
        (Some(Ok(status)), Ok(stopped)) => (CommandEnd::of(status), stopped.asked),
        (Some(Err(error)), Ok(stopped)) => (CommandEnd::Lost(error.to_string()), stopped.asked),
    };
    let last_lines = last_lines(&output.bytes);
    CommandOutcome {
        end,
        took_ms: watch.elapsed_ms(),
        last_lines,
        left_behind,
    }
}

impl CommandOutcome {
    /// Whether it exited with code 0. That is no proof that it did what it should.
    pub fn succeeded(&self) -> bool {
        self.end == CommandEnd::Exited(0)
    }

    /// The outcome as evidence.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![Fact::new("command", &self.end)];
        facts.push(Fact::new("took", format!("{} ms", self.took_ms)));
        if self.left_behind > 0 {
            let text = format!("{} processes, killed", self.left_behind);
            facts.push(Fact::new("left behind", text));
        }
        if !self.last_lines.is_empty() {
            facts.push(Fact::new("last lines", &self.last_lines));
        }
        facts
    }

    pub(crate) fn not_started(why: String) -> CommandOutcome {
        CommandOutcome {
            end: CommandEnd::NotStarted(why),
            took_ms: 0,
            last_lines: String::new(),
            left_behind: 0,
        }
    }
}

impl CommandEnd {
    pub(crate) fn of(status: ExitStatus) -> CommandEnd {
        match (status.code(), status.signal()) {
            (Some(code), _) => CommandEnd::Exited(code),
            (None, Some(signal)) => CommandEnd::Signalled(signal),
            (None, None) => CommandEnd::Lost(status.to_string()),
        }
    }
}

impl std::fmt::Display for CommandEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CommandEnd::Exited(code) => write!(f, "exited with code {code}"),
            CommandEnd::Signalled(signal) => write!(f, "was ended by signal {signal}"),
            CommandEnd::TimedOut => f.write_str("took too long and was killed"),
            CommandEnd::NotStarted(why) => write!(f, "could not be started: {why}"),
            CommandEnd::Lost(why) => write!(f, "was lost: {why}"),
        }
    }
}

/// A marker that no other process has.
pub(crate) fn random_marker() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(hex::encode(bytes))
}

/// Why a program could not be started, in words that say what to look at.
pub(crate) fn explain(command: &Command, error: &io::Error) -> String {
    let program = command.argv.first().map_or("", String::as_str);
    let folder = command.folder.display();
    match error.kind() {
        _ if !command.folder.is_dir() => format!("its folder {folder} does not exist"),
        io::ErrorKind::NotFound => format!("the program `{program}` was not found"),
        io::ErrorKind::PermissionDenied => {
            format!("the program `{program}` may not be executed; check its permissions")
        }
        _ => format!("`{program}` in {folder}: {error}"),
    }
}

async fn start(spawn: &Spawn<'_>, marker: &str) -> io::Result<(pipe::Receiver, Session)> {
    let (reader, writer): (PipeReader, _) = io::pipe()?;
    // One pipe for both keeps the lines in the order in which they were written.
    let output = || {
        Ok((
            Stdio::from(writer.try_clone()?),
            Stdio::from(writer.try_clone()?),
        ))
    };
    let session = Session::spawn(spawn, marker, output).await?;
    Ok((pipe::Receiver::from_owned_fd(reader.into())?, session))
}

/// The end of a command's output.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    closed: bool,
}

impl Output {
    /// Reads for ever, so that the command never waits for its output to be taken.
    async fn follow(&mut self, reader: &pipe::Receiver) -> std::convert::Infallible {
        loop {
            if self.closed {
                std::future::pending::<()>().await;
            }
            self.read(reader).await;
        }
    }

    /// Reads until all writers are gone.
    async fn finish(&mut self, reader: &pipe::Receiver) {
        while !self.closed {
            self.read(reader).await;
        }
    }

    async fn read(&mut self, reader: &pipe::Receiver) {
        let mut chunk = [0; 8192];
        if reader.readable().await.is_err() {
            self.closed = true;
            return;
        }
        match reader.try_read(&mut chunk) {
            Ok(0) => self.closed = true,
            Ok(n) => self.keep(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.closed = true,
        }
    }

    fn keep(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        let bound = EVIDENCE_READ_BYTES_MAX as usize;
        // Cutting at twice the bound moves each byte at most once.
        if self.bytes.len() > 2 * bound {
            self.bytes.drain(..self.bytes.len() - bound);
        }
    }
}
