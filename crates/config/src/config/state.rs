//! Where Portcullis keeps what it knows.

use std::path::PathBuf;

/// Portcullis's own folders, absolute. They are made when needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateConfig {
    /// The journal, the gateway's saved routes, logs and sockets.
    pub folder: PathBuf,
    /// Backups.
    pub vault: PathBuf,
}
