//! Reading `/proc`: which processes live, and which of them belong to an instance.
//!
//! A number alone does not name a process: numbers are used again. A process is named by its number and
//! its start time (field 22 of `/proc/PID/stat`, clock ticks since the system was started) within one
//! run of the system (`/proc/sys/kernel/random/boot_id`). Formats: proc(5).

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::environment::MARKER;

/// One process of one run of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    /// Its number.
    pub(crate) pid: i32,
    /// When it was started, in clock ticks since the system was.
    pub(crate) start_ticks: u64,
}

/// What `/proc/PID/stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    pub(crate) id: ProcessId,
    pub(crate) session: i32,
    /// It has ended and only waits for its parent to notice.
    pub(crate) ended: bool,
}

/// A living process that can be waited for and signalled without mistaking another for it.
#[derive(Debug)]
pub(crate) struct ProcessHandle {
    pub(crate) id: ProcessId,
    fd: AsyncFd<OwnedFd>,
}

impl ProcessHandle {
    /// A handle of a process; `None` when it has ended.
    pub(crate) fn open(id: ProcessId) -> io::Result<Option<ProcessHandle>> {
        let Some(pid) = Pid::from_raw(id.pid) else {
            return Ok(None);
        };
        let fd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        // The number may have changed hands before the handle was opened, but not since.
        if living(id).is_none() {
            return Ok(None);
        }
        // A handle becomes readable when its process ends: pidfd_open(2).
        let fd = watch(fd)?;
        Ok(Some(ProcessHandle { id, fd }))
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&self) {
        if self.fd.readable().await.is_ok() {
            return;
        }
        // The runtime is shutting down: nobody is left to act on the answer.
        std::future::pending::<()>().await;
    }

    /// Sends a signal; a process that has ended meanwhile needs none.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(self.fd.get_ref(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// This run of the system; differs after every restart of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// The process with this number, unless there is none.
pub(crate) fn stat(pid: i32) -> Option<ProcessStat> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The process, if it lives.
pub(crate) fn living(id: ProcessId) -> Option<ProcessStat> {
    stat(id.pid).filter(|stat| stat.id == id && !stat.ended)
}

/// Kills a process, if it lives, without waiting for its end.
pub(crate) fn kill(id: ProcessId) {
    let Some(pid) = Pid::from_raw(id.pid) else {
        return;
    };
    // The handle is opened before the start time is compared, so no other process can be hit.
    let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if living(id).is_some() {
        let _ = pidfd_send_signal(&fd, Signal::KILL);
    }
}

/// All living processes that belong to an instance: those that carry its marker, and those in the
/// session of `leader` while that lives (a child may have cleared its environment).
pub(crate) fn members(marker: &str, leader: Option<ProcessId>) -> io::Result<Vec<ProcessStat>> {
    let session = leader
        .filter(|leader| living(*leader).is_some())
        .map(|leader| leader.pid);
    let all = everyone()?;
    let member = |stat: &ProcessStat| {
        Some(stat.session) == session || has_variable(stat.id.pid, MARKER, |found| found == marker)
    };
    Ok(all.into_iter().filter(member).collect())
}

/// All living processes whose variable `name` has a value that `wanted` accepts.
pub(crate) fn with_variable(
    name: &str,
    wanted: impl Fn(&str) -> bool,
) -> io::Result<Vec<ProcessStat>> {
    Ok(everyone()?
        .into_iter()
        .filter(|stat| has_variable(stat.id.pid, name, &wanted))
        .collect())
}

/// The command's name as the kernel keeps it, at most 15 bytes; a number where it cannot be read.
pub(crate) fn name_of(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    if name.trim().is_empty() {
        format!("process {pid}")
    } else {
        name.trim().to_owned()
    }
}

// The successor of this function is unsafe because an arbitrary type may change its descriptor under
// tokio's hands; an `OwnedFd` that is never taken out again cannot.
#[allow(deprecated)]
fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

fn everyone() -> io::Result<Vec<ProcessStat>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that ended since the folder was listed is not there any more.
        found.extend(stat(pid).filter(|stat| !stat.ended));
    }
    Ok(found)
}

fn has_variable(pid: i32, name: &str, wanted: impl Fn(&str) -> bool) -> bool {
    // Processes of other users cannot be read, and are not ours.
    let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else {
        return false;
    };
    environ.split(|byte| *byte == 0).any(|variable| {
        let Ok(variable) = std::str::from_utf8(variable) else {
            return false;
        };
        variable
            .split_once('=')
            .is_some_and(|(found, value)| found == name && wanted(value))
    })
}

fn parse_stat(pid: i32, text: &str) -> Option<ProcessStat> {
    // The second field is the command's name in brackets and may itself hold brackets and spaces.
    let fields: Vec<&str> = text
        .get(text.rfind(')')? + 1..)?
        .split_ascii_whitespace()
        .collect();
    let ended = matches!(*fields.first()?, "Z" | "X" | "x");
    let session = fields.get(3)?.parse().ok()?;
    let start_ticks = fields.get(19)?.parse().ok()?;
    Some(ProcessStat {
        id: ProcessId { pid, start_ticks },
        session,
        ended,
    })
}

#[cfg(test)]
mod tests;
