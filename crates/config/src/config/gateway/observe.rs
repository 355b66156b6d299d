//! What is told about requests.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::SecretText;

/// The log of requests: one JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogConfig {
    /// Where it goes.
    pub to: AccessLogPlace,
    /// Of every how many requests without an error one is written; 1 writes all. Errors are always written.
    pub sample: u32,
    /// How it shows paths; spans of traces show them in the same way.
    pub paths: LoggedPaths,
}

/// How the log of requests shows paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedPaths {
    /// With labels in place of what looks personal or secret.
    Masked,
    /// As clients send them.
    Whole,
    /// Not at all.
    Off,
}

/// Where the log of requests goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLogPlace {
    /// Nowhere.
    Off,
    /// Standard error, as the rest of the log.
    Log,
    /// A file, absolute, opened anew on SIGHUP.
    File(PathBuf),
}

/// Metrics for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Where `GET /metrics` is answered, without a token; `None` answers it at the admin API only.
    pub listen: Option<SocketAddr>,
}

/// Traces for an OpenTelemetry collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracesConfig {
    /// The collector's URL for OTLP over HTTP, such as `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Of every how many requests without a trace of their own one is traced.
    pub sample: u32,
}

/// State that several gateways share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedConfig {
    /// A Redis or Valkey server: its URL, or a reference to it.
    pub redis: SecretText,
    /// What every key begins with.
    pub prefix: String,
    /// How long an answer of it may take, in milliseconds; then limits are counted here alone.
    pub timeout_ms: u64,
}
