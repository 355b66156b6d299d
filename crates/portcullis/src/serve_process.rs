//! The `portcullis serve` of a state folder, seen from outside: whether one runs, and why it does not answer.
//!
//! Whoever is told to start what runs already, or to stop what serves users, makes things worse. So before
//! anything is said about a server that does not answer, the lock of its state folder is asked.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;

use portcullis_config::Listen;

use crate::state_folder::{Holder, StateFolder};

/// How a server that does not answer stands.
#[derive(Debug)]
pub(crate) enum ServeProcess {
    /// None runs on this folder.
    None,
    /// One runs.
    Runs {
        /// Who holds the folder's lock.
        holder: Holder,
        /// Why it does not answer.
        why: Why,
    },
    /// This user may not look at the folder's lock.
    Hidden(std::io::Error),
}

/// Why a server that runs does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// A signal has stopped it.
    Suspended,
    /// Somebody removed the socket on which it listens.
    SocketRemoved,
    /// It listens and says nothing.
    Silent,
    /// It does not listen: it starts or ends, or its engine does not act.
    NotActing,
}

impl ServeProcess {
    /// The process that acts on a state folder and should answer at `listen`.
    pub(crate) fn of(folder: &Path, listen: &Listen) -> ServeProcess {
        match StateFolder::new(folder).holder() {
            Ok(None) => ServeProcess::None,
            Ok(Some(holder)) => ServeProcess::Runs {
                holder,
                why: why(holder, listen),
            },
            Err(error) => ServeProcess::Hidden(error),
        }
    }

    /// What is known, in a sentence without its full stop.
    pub(crate) fn sentence(&self) -> String {
        match self {
            ServeProcess::None => "no server runs".to_owned(),
            ServeProcess::Hidden(error) => {
                format!("whether a server runs cannot be seen: the state folder's lock: {error}")
            }
            ServeProcess::Runs { holder, why } => {
                let serve = named(*holder);
                match why {
                    Why::Suspended => {
                        format!("{serve} runs but does not answer: a signal has suspended it")
                    }
                    Why::Silent => format!("{serve} runs but does not answer"),
                    Why::SocketRemoved => {
                        format!("{serve} runs but cannot be reached: its socket was removed")
                    }
                    Why::NotActing => format!("{serve} runs and its engine does not act"),
                }
            }
        }
    }

    /// What to do.
    pub(crate) fn hint(&self) -> String {
        match self {
            ServeProcess::None => {
                "start it with `portcullis serve`, or name the right file with --file".to_owned()
            }
            ServeProcess::Hidden(_) => "run this as the user that runs `portcullis serve`".to_owned(),
            ServeProcess::Runs { holder, why } => match (why, holder.pid) {
                (Why::Suspended, Some(pid)) => format!("`kill -CONT {pid}` lets it go on"),
                (Why::Suspended | Why::Silent, _) => {
                    "see its log; if it stays so, stop it and start `portcullis serve` again: services go on"
                        .to_owned()
                }
                (Why::SocketRemoved, _) => {
                    "users are still served; stop it and start `portcullis serve` again: it makes the \
                     socket anew, and services go on"
                        .to_owned()
                }
                (Why::NotActing, _) => {
                    "its log says why, or that it is just starting; users are still served from the last \
                     saved routes"
                        .to_owned()
                }
            },
        }
    }
}

fn named(holder: Holder) -> String {
    match holder.pid {
        Some(pid) => format!("`portcullis serve` (pid {pid})"),
        None => "a `portcullis serve`".to_owned(),
    }
}

fn why(holder: Holder, listen: &Listen) -> Why {
    if holder.pid.is_some_and(is_suspended) {
        return Why::Suspended;
    }
    match listen {
        Listen::Unix(path) => match UnixStream::connect(path) {
            Ok(_) => Why::Silent,
            Err(error) if error.kind() == ErrorKind::NotFound && is_bound(path) => {
                Why::SocketRemoved
            }
            Err(_) => Why::NotActing,
        },
        Listen::Tcp(address) => {
            let patience = crate::bounds::LOOK_PATIENCE;
            match std::net::TcpStream::connect_timeout(address, patience) {
                Ok(_) => Why::Silent,
                Err(_) => Why::NotActing,
            }
        }
    }
}

/// Whether a process is stopped, by its state in proc(5).
fn is_suspended(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mut lines = status.lines();
    let state = lines.find_map(|line| line.strip_prefix("State:"));
    state.is_some_and(|state| state.trim_start().starts_with(['T', 't']))
}

/// Whether a process listens on a Unix socket that was bound to this path, whatever became of the file.
fn is_bound(path: &Path) -> bool {
    let Some(path) = path.to_str() else {
        return false;
    };
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    table.lines().any(|line| is_listening_at(line, path))
}

/// Whether a line of `/proc/net/unix` is of a socket that listens at a path. The fourth field has the flags;
/// 0x10000 says that it accepts connections.
fn is_listening_at(line: &str, path: &str) -> bool {
    let mut fields = line.split_whitespace();
    fields.nth(3) == Some("00010000") && line.ends_with(&format!(" {path}"))
}

#[cfg(test)]
mod tests;
