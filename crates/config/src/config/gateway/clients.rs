//! What clients may do.

use ipnet::IpNet;

/// What a client may do before anybody looks at its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientsConfig {
    /// From whom `X-Forwarded-For` and `Forwarded` are believed. Of the addresses in them, the last one that
    /// is not in this list is the client's.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether `Forwarded` (RFC 7239) is sent on besides `X-Forwarded-*`.
    pub forwarded: bool,
    /// Connections at once.
    pub connections_max: u32,
    /// Connections at once of one address.
    pub connections_per_address_max: u32,
    /// How long a request's head may take, in milliseconds.
    pub head_timeout_ms: u64,
    /// The slowest that a body may come, in bytes a second, measured over ten seconds; 0 sets no limit. What
    /// counts is the time in which the client is waited for, until the answer begins; calls of gRPC are
    /// streams, and not measured.
    pub body_bytes_per_second_min: u64,
    /// How long a client may pause in the middle of a request's body, or take nothing of an answer, in
    /// milliseconds.
    pub stall_timeout_ms: u64,
    /// How long a connection without a request stays open, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Header lines in a request, at most.
    pub headers_max: u32,
    /// The bytes of a request's head, at most.
    pub head_bytes_max: u32,
    /// Streams at once on one HTTP/2 connection.
    pub streams_max: u32,
}

impl Default for ClientsConfig {
    /// What a file that says nothing gets.
    fn default() -> ClientsConfig {
        ClientsConfig {
            trusted_proxies: Vec::new(),
            forwarded: false,
            connections_max: 20_000,
            connections_per_address_max: 2_000,
            head_timeout_ms: 10_000,
            body_bytes_per_second_min: 100,
            stall_timeout_ms: 60_000,
            idle_timeout_ms: 75_000,
            headers_max: 100,
            head_bytes_max: 64 * 1024,
            streams_max: 100,
        }
    }
}
