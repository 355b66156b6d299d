//! Where the server listens: bound here, or taken over from systemd or from a predecessor.

use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket, made with mode 0600.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the API cannot listen on {place}")]
pub struct ServerError {
    /// Where.
    pub place: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// A listening socket for the API.
#[derive(Debug)]
pub enum Listener {
    /// A Unix socket.
    Unix(UnixListener),
    /// A TCP socket.
    Tcp(TcpListener),
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// When the socket or address cannot be listened on.
    pub fn bind(listen: &Listen) -> Result<Listener, ServerError> {
        let (place, bound) = match listen {
            Listen::Unix(path) => (
                path.display().to_string(),
                bind_unix(path).map(Listener::Unix),
            ),
            Listen::Tcp(address) => (
                address.to_string(),
                TcpListener::bind(address).map(Listener::Tcp),
            ),
        };
        bound
            .and_then(Listener::without_blocking)
            .map_err(|source| ServerError { place, source })
    }

    /// Makes a socket that was opened elsewhere fit to be served on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn without_blocking(self) -> io::Result<Listener> {
        match &self {
            Listener::Unix(listener) => listener.set_nonblocking(true)?,
            Listener::Tcp(listener) => listener.set_nonblocking(true)?,
        }
        Ok(self)
    }

    /// A copy that shares the queue of connections.
    ///
    /// # Errors
    /// When there is no free file descriptor.
    pub fn try_clone(&self) -> io::Result<Listener> {
        match self {
            Listener::Unix(listener) => listener.try_clone().map(Listener::Unix),
            Listener::Tcp(listener) => listener.try_clone().map(Listener::Tcp),
        }
    }

    /// The TCP address it listens on, if it listens on one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Unix(_) => None,
            Listener::Tcp(listener) => listener.local_addr().ok(),
        }
    }

    /// Where it listens, for messages.
    pub fn place(&self) -> String {
        let path = match self {
            Listener::Unix(listener) => listener.local_addr().ok(),
            Listener::Tcp(_) => None,
        };
        let path = path.and_then(|address| Some(address.as_pathname()?.display().to_string()));
        let address = self.address().map(|address| address.to_string());
        path.or(address)
            .unwrap_or_else(|| "an unnamed socket".to_owned())
    }
}

impl From<Listener> for OwnedFd {
    fn from(listener: Listener) -> OwnedFd {
        match listener {
            Listener::Unix(listener) => listener.into(),
            Listener::Tcp(listener) => listener.into(),
        }
    }
}

/// Binds a socket that only this user may open. A socket that a dead server left is removed; the caller
/// holds the state folder's lock, so no living server uses it.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}
