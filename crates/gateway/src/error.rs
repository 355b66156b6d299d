//! Why a gateway does not start.

use std::io;
use std::net::SocketAddr;

use crate::acme::AcmeError;
use crate::state_file::StateFileError;
use crate::tls::TlsError;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The settings contradict themselves.
    #[error("{0}")]
    Settings(String),
    /// The address for clients cannot be had.
    #[error("cannot listen for clients on {address}: is another process using it?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The admin API's address cannot be had.
    #[error("cannot listen for the admin API on {address}: is another gateway running?")]
    AdminListen {
        /// The address or path.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The admin API would be reachable from other machines.
    #[error(
        "the admin API may not listen on {address}: it has no authentication, so give a loopback \
         address such as 127.0.0.1 or a Unix socket"
    )]
    AdminNotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The saved splits cannot be read.
    #[error("the gateway's saved state cannot be used")]
    State(#[from] StateFileError),
    /// TLS towards clients cannot be set up.
    #[error("TLS towards clients cannot be set up")]
    Tls(#[from] TlsError),
    /// What was kept of ACME cannot be used.
    #[error("certificates by ACME cannot be set up")]
    Acme(#[from] AcmeError),
    /// A thread or its runtime could not be started.
    #[error("cannot start the gateway's threads")]
    Threads(#[source] io::Error),
}
