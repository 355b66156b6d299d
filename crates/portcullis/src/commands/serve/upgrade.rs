//! A new binary takes over from this one without a dropped request.
//!
//! In this order, so that nothing is half done: the new binary must accept the configuration; no step may
//! be under way; this process stops acting, and keeps serving; the new one starts on the same listening
//! sockets, recovers as after a crash, and says that it is ready. Only then does this one stop to accept
//! connections. Whatever goes wrong before, this process acts again.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use command_fds::{CommandFdExt, FdMapping};
use portcullis_config::Config;
use portcullis_gateway::Gateway;
use portcullis_server::Listener;
use tokio::process::{Child, Command};

use super::reload;
use super::sockets::{API, GATEWAY};
use super::succession::{ACTING, Peer, SERVING, SUCCESSOR};
use crate::bounds::{UPGRADE_CHECK, UPGRADE_READY};
use crate::command_error::{CommandError, Exit};
use crate::connect;
use crate::site::Site;

/// The first descriptor that is passed on (sd_listen_fds(3)).
const FIRST_DESCRIPTOR: i32 = 3;
/// How much of what a new binary says about a refusal is repeated, in bytes.
const WORDS_MAX: usize = 2000;

/// A successor that could take over.
#[derive(Debug)]
pub(super) struct Successor {
    /// Its process.
    pub(super) pid: u32,
    /// Its end of the socket.
    pub(super) peer: Peer,
}

/// What a successor is started with.
pub(super) struct Bequest {
    /// The program.
    pub(super) program: PathBuf,
    /// Whether the engine acted until now.
    pub(super) acted: bool,
    /// The API's socket.
    pub(super) api: Option<Listener>,
}

/// Asks the binary at `program` whether it accepts the configuration, and looks whether it can go on by that
/// file with what is handed over to it.
///
/// # Errors
/// When it does not start, refuses, or takes too long, and when the file needs other sockets.
pub(super) async fn check(
    program: &Path,
    site: &Site,
    in_force: &Config,
) -> Result<(), CommandError> {
    let mut command = Command::new(program);
    command.arg("--file").arg(&site.file);
    if let Some(environment) = &site.environment {
        command.arg("--env").arg(environment);
    }
    command
        .arg("check")
        .stdin(Stdio::null())
        .env_remove("NOTIFY_SOCKET")
        .kill_on_drop(true);
    let refused = |why: String| {
        let what = format!("{} cannot take over: {why}", program.display());
        CommandError::new(Exit::Failed, what)
    };
    let output = match tokio::time::timeout(UPGRADE_CHECK, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(refused(format!("it does not start: {error}"))),
        Err(_) => {
            let limit = UPGRADE_CHECK.as_secs();
            return Err(refused(format!("`check` took longer than {limit} s")));
        }
    };
    if output.status.success() {
        return reload::may_be_taken_over(in_force, &connect::config(site)?);
    }
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words[..words.len().min(WORDS_MAX)]).into_owned();
    Err(refused(format!(
        "`check` ended with {}: {}",
        output.status,
        words.trim()
    )))
}

/// Starts a successor and waits until it is ready. One that is not ready in time is gone when this
/// returns.
///
/// # Errors
/// When it does not start, ends, or is not ready in time.
pub(super) async fn start(gateway: &Gateway, bequest: Bequest) -> Result<Successor, CommandError> {
    let (mut child, mut peer) = spawn(gateway, bequest)?;
    let ready = tokio::time::timeout(UPGRADE_READY, peer.is_ready()).await;
    let why = match (ready, child.id()) {
        (Ok(true), Some(pid)) => return Ok(Successor { pid, peer }),
        (Err(_), _) => format!("it was not ready within {} s", UPGRADE_READY.as_secs()),
        _ => "it ended, or gave up; its own words are above".to_owned(),
    };
    let _ = child.start_kill();
    let ended = child.wait().await;
    let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
    Err(CommandError::new(
        Exit::Failed,
        format!("the successor could not take over: {why} ({how})"),
    ))
}

fn spawn(gateway: &Gateway, bequest: Bequest) -> Result<(Child, Peer), CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::new(
            Exit::Failed,
            format!("the successor could not be started: {error}"),
        )
    };
    let mut names = Vec::new();
    let mut sockets: Vec<OwnedFd> = Vec::new();
    for listener in gateway.listeners().map_err(failed)? {
        names.push(GATEWAY);
        sockets.push(listener.into());
    }
    if let Some(listener) = bequest.api {
        names.push(API);
        sockets.push(listener.into());
    }
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let mut command = Command::new(&bequest.program);
    command
        .args(std::env::args_os().skip(1))
        .stdin(OwnedFd::from(theirs))
        .env("LISTEN_FDS", sockets.len().to_string())
        .env("LISTEN_FDNAMES", names.join(":"))
        // Both name a process, and the next one is another.
        .env_remove("LISTEN_PID")
        .env_remove("WATCHDOG_PID")
        .env(SUCCESSOR, if bequest.acted { ACTING } else { SERVING });
    let mapped = sockets.into_iter().zip(FIRST_DESCRIPTOR..);
    let mapped = mapped.map(|(parent_fd, child_fd)| FdMapping {
        parent_fd,
        child_fd,
    });
    command
        .fd_mappings(mapped.collect())
        .map_err(|error| failed(std::io::Error::other(error)))?;
    let child = command.spawn().map_err(failed)?;
    let peer = Peer::new(ours).map_err(failed)?;
    Ok((child, peer))
}
