//! Why a gateway does not start, or does not take other settings.

use std::io;
use std::net::SocketAddr;

use crate::acme::AcmeError;
use crate::masking::vault::VaultError;
use crate::routing::RoutingError;
use crate::shared::SharedError;
use crate::state_file::StateFileError;
use crate::tls::TlsError;

/// Why a gateway does not start, or does not take other settings.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The settings contradict themselves.
    #[error("{0}")]
    Settings(String),
    /// A route, or what it names.
    #[error("the gateway's routes cannot be carried out")]
    Routing(#[from] RoutingError),
    /// A running gateway cannot change this.
    #[error("{what} cannot be changed while the gateway runs; restart it")]
    Restart {
        /// The settings.
        what: String,
    },
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
    /// The address for metrics cannot be had.
    #[error("cannot listen for metrics on {address}: is another process using it?")]
    MetricsListen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nothing can be told about requests.
    #[error("requests cannot be logged or traced as the settings say")]
    Observe(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    /// What is shared with other gateways cannot be set up.
    #[error("the shared state of the gateway cannot be set up")]
    Shared(#[from] SharedError),
    /// It cannot be kept what was hidden.
    #[error("what is hidden from applications cannot be kept")]
    Conversations(#[from] VaultError),
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

impl GatewayError {
    /// What a person can do about it; `None` where the message says all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            GatewayError::Routing(error) => error.hint(),
            GatewayError::Conversations(error) => error.hint(),
            _ => None,
        }
    }
}

/// An error and what caused it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
