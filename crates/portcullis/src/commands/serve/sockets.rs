//! Listening sockets that were opened by somebody else: by systemd, or by the `serve` that this one
//! succeeds. Protocol: sd_listen_fds(3).

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use portcullis_config::Listen;
use portcullis_server::Listener;

use crate::command_error::{CommandError, Exit};

/// The name of the sockets that clients connect to.
pub(super) const GATEWAY: &str = "gateway";
/// The name of the API's socket.
pub(super) const API: &str = "api";

/// The sockets that were passed to this process.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    /// Those that clients connect to.
    pub(super) gateway: Vec<TcpListener>,
    /// That of the API.
    pub(super) api: Option<Listener>,
}

impl Inherited {
    /// Takes what was passed. The sockets are not passed on to other programs by accident.
    ///
    /// # Errors
    /// When a socket has no known name or is not of the right kind.
    pub(super) fn take() -> Result<Inherited, CommandError> {
        let mut sockets = ListenFd::from_env();
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<&str> = names.split(':').collect();
        let mut inherited = Inherited::default();
        for index in 0..sockets.len() {
            let name = names.get(index).copied().unwrap_or_default();
            let wrong = |why: String| {
                CommandError::new(
                    Exit::Usage,
                    format!(
                        "the socket `{name}` that was passed to this process cannot be used: {why}"
                    ),
                )
                .hint(
                    "name sockets with FileDescriptorName= in the socket unit: `gateway` for the \
                     port that clients connect to (TCP), `api` for the API (Unix or TCP)",
                )
            };
            let gone = || wrong("it is not there".to_owned());
            match name {
                GATEWAY => {
                    let taken = sockets.take_tcp_listener(index);
                    let taken = taken.map_err(|error| wrong(error.to_string()))?;
                    inherited.gateway.push(taken.ok_or_else(gone)?);
                }
                API => {
                    let listener = match sockets.take_unix_listener(index) {
                        Ok(taken) => Listener::Unix(taken.ok_or_else(gone)?),
                        Err(_) => {
                            let taken = sockets.take_tcp_listener(index);
                            let taken = taken.map_err(|error| wrong(error.to_string()))?;
                            Listener::Tcp(taken.ok_or_else(gone)?)
                        }
                    };
                    let ready = listener.without_blocking();
                    inherited.api = Some(ready.map_err(|error| wrong(error.to_string()))?);
                }
                _ => return Err(wrong("its name says nothing about its use".to_owned())),
            }
        }
        Ok(inherited)
    }

    /// Says which sockets were passed, and warns of each that is not where the configuration has it.
    pub(super) fn compare(&self, gateway: SocketAddr, api: &Listen) {
        if let Some(address) = self.gateway.first().and_then(|s| s.local_addr().ok()) {
            tracing::info!(%address, sockets = self.gateway.len(), "clients connect to a socket that was passed to this process");
            let any_port = gateway.port() == 0;
            if address != gateway && !any_port {
                tracing::warn!(%address, configured = %gateway, "the passed socket wins over gateway.listen; make them the same");
            }
        }
        if let Some(listener) = &self.api {
            let (place, configured) = (listener.place(), place(api));
            tracing::info!(%place, "the API is on a socket that was passed to this process");
            if place != configured {
                tracing::warn!(%place, %configured, "the passed socket wins over server.listen; clients of this configuration ask at the other one");
            }
        }
    }
}

fn place(listen: &Listen) -> String {
    match listen {
        Listen::Unix(path) => path.display().to_string(),
        Listen::Tcp(address) => address.to_string(),
    }
}
