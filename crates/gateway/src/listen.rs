//! Binds every socket before anything starts, so that a start either works or names what is in the
//! way.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::bounds::LISTEN_BACKLOG;
use crate::error::GatewayError;
use crate::settings::AdminListen;

/// The admin API's socket.
#[derive(Debug)]
pub(crate) enum AdminListener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl AdminListener {
    /// Where it listens; `None` for a Unix socket.
    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            AdminListener::Tcp(listener) => listener.local_addr().ok(),
            AdminListener::Unix(_) => None,
        }
    }
}

/// One listener per worker on the same address. With port 0 the first one's port is taken for all.
pub(crate) fn bind_workers(
    address: SocketAddr,
    workers: usize,
) -> Result<(SocketAddr, Vec<TcpListener>), GatewayError> {
    let error = |source| GatewayError::Listen { address, source };
    // SO_REUSEPORT would let a second gateway of the same user share the port and take half of the
    // requests. So the port is first taken without it, and the test socket closed again.
    drop(bind_tcp(address, false).map_err(error)?);
    let first = bind_tcp(address, true).map_err(error)?;
    let bound = first.local_addr().map_err(error)?;
    let mut listeners = vec![first];
    for _ in 1..workers {
        listeners.push(bind_tcp(bound, true).map_err(error)?);
    }
    Ok((bound, listeners))
}

/// What each worker listens on, of sockets that were opened elsewhere: by systemd, or by the gateway that
/// this one succeeds. Every socket has a queue of its own, so each is given to a worker; where there are
/// fewer than workers, workers share one, and the system wakes whoever is free.
pub(crate) fn share_out(
    listeners: Vec<TcpListener>,
    workers: usize,
) -> io::Result<Vec<Vec<TcpListener>>> {
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    let mut shares: Vec<Vec<TcpListener>> = Vec::new();
    shares.resize_with(workers, Vec::new);
    if let Some(last) = listeners.len().checked_sub(1) {
        for (worker, share) in shares.iter_mut().enumerate().skip(last + 1) {
            share.push(listeners[worker % (last + 1)].try_clone()?);
        }
    }
    for (index, listener) in listeners.into_iter().enumerate() {
        shares[index % workers].push(listener);
    }
    Ok(shares)
}

/// The admin API's socket, which only the local machine can reach.
pub(crate) fn bind_admin(listen: &AdminListen) -> Result<AdminListener, GatewayError> {
    match listen {
        AdminListen::Tcp { address, .. } if !address.ip().is_loopback() => {
            Err(GatewayError::AdminNotLoopback { address: *address })
        }
        AdminListen::Tcp { address, .. } => bind_tcp(*address, false)
            .map(AdminListener::Tcp)
            .map_err(|source| GatewayError::AdminListen {
                address: address.to_string(),
                source,
            }),
        AdminListen::Unix(path) => {
            bind_unix(path)
                .map(AdminListener::Unix)
                .map_err(|source| GatewayError::AdminListen {
                    address: path.display().to_string(),
                    source,
                })
        }
    }
}

/// The socket for metrics, on any address.
pub(crate) fn bind_metrics(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    bind_tcp(address, false).map_err(|source| GatewayError::MetricsListen { address, source })
}

fn bind_tcp(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the path exists and is not a socket",
            ));
        }
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "something answers there",
            ));
        }
        // Left behind by a gateway that is gone.
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before `listen`, so there is no moment with other permissions.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}
