//! Where Portcullis keeps what it knows.

use std::path::PathBuf;

use crate::config::JournalConfig;

/// Portcullis's own folders, absolute (they are made when needed), and its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateConfig {
    /// The journal, if it is not in PostgreSQL, the gateway's saved routes, logs and sockets.
    pub folder: PathBuf,
    /// Backups.
    pub vault: PathBuf,
    /// Where the journal is.
    pub journal: JournalConfig,
    /// How long a lease is good for without being renewed, in milliseconds; at least 3000.
    pub lease_ttl_ms: u64,
}
