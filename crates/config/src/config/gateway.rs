//! The gateway in front of the service.

use std::net::SocketAddr;

use crate::Listen;

/// Where clients connect, and how they are divided between two releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Where clients connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the gateway's own interface is reached; a TCP address is always on loopback.
    pub admin: Listen,
    /// What ties a user to one release while a split is in force.
    pub sticky: StickyConfig,
    /// Whether a request with the header `canary: true` goes to the canary whatever the weight.
    pub force_header: bool,
    /// How the gateway finds out whether a release is healthy.
    pub health: HealthConfig,
}

/// What ties a user to one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StickyConfig {
    /// A cookie that the gateway issues.
    Cookie {
        /// The cookie's name.
        name: String,
    },
    /// The value of a request header.
    Header {
        /// The header's name.
        name: String,
    },
    /// The client's IP address.
    Address,
}

/// How health is checked: `GET` of a path, any 2xx answer passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthConfig {
    /// The path, beginning with a slash; that of the service's ready check unless the file says
    /// otherwise.
    pub path: String,
    /// Pause between two checks, in milliseconds.
    pub interval_ms: u64,
    /// How long one check may take, in milliseconds.
    pub timeout_ms: u64,
    /// Failed checks in a row after which a release is unhealthy; at least 1.
    pub unhealthy_after: u32,
    /// Passed checks in a row after which it is healthy again; at least 1.
    pub healthy_after: u32,
}
