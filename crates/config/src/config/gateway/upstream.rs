//! Servers that are not releases of the guarded service.

use std::path::PathBuf;
use std::sync::Arc;

use super::HealthConfig;

/// Some servers that answer alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Its name, different from all others.
    pub name: Arc<str>,
    /// The servers; at least one, with different addresses.
    pub servers: Vec<ServerWeight>,
    /// How one is chosen for a request.
    pub choice: UpstreamChoice,
    /// Which protocol is spoken.
    pub protocol: UpstreamProtocol,
    /// TLS to the servers; `None` speaks plain text.
    pub tls: Option<UpstreamTls>,
    /// Active checks; `None` makes none.
    pub health: Option<HealthConfig>,
    /// When a server is left out because of its answers.
    pub eject: EjectConfig,
}

/// A server and its share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerWeight {
    /// `host:port`.
    pub address: String,
    /// Its share among the others, 0..=1000; one with 0 gets requests only when no other is there.
    pub weight: u32,
}

/// How a server is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamChoice {
    /// Of two that are drawn by weight, the one with fewer requests under way.
    LeastLoaded,
    /// In turn, by weight.
    RoundRobin,
    /// By a hash of the client's address: the same client keeps its server while the set stays.
    ClientHash,
}

/// Which protocol is spoken to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN under TLS, with prior knowledge in plain text. gRPC needs it.
    Http2,
}

/// TLS to the servers of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The name that the certificate must have; `None` takes the host of the address.
    pub server_name: Option<String>,
    /// A PEM file with the authorities to believe, absolute; `None` takes those of the system.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain and its key, PEM files, absolute.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// When a server is left out because of its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EjectConfig {
    /// Failures in a row (no connection, broken answers, 502, 503 and 504) after which it is left out;
    /// 0 never leaves one out.
    pub failures: u32,
    /// For how long at first, in milliseconds; it doubles each time up to `max_ms`.
    pub min_ms: u64,
    /// For how long at most, in milliseconds.
    pub max_ms: u64,
    /// How many of the servers may be out at once, in percent: beyond it all are used.
    pub share_max_percent: u32,
}
