//! Rate limits.

use std::sync::Arc;

/// How many requests somebody may make: a bucket of tokens that fills at a steady rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitConfig {
    /// Its name, different from all others.
    pub name: Arc<str>,
    /// How many requests ...
    pub requests: u32,
    /// ... in how many milliseconds.
    pub per_ms: u64,
    /// How many at once after a pause; at least 1. `requests` unless the file says otherwise.
    pub burst: u32,
    /// Who has a bucket of their own.
    pub key: LimitKey,
}

/// Who has a bucket of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitKey {
    /// Each client address; of IPv6 the first 64 bits.
    ClientAddress,
    /// Each API key or subject of a token; requests without one by their client address.
    Caller,
    /// Each value of this request header (in lower case); requests without it by their client address.
    Header(String),
    /// Everybody together.
    Route,
}
