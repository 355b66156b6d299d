//! Portcullis's own interface.

use crate::Listen;

/// Where the API is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The Unix socket or the address; an address is on loopback unless `allow_remote` is set.
    pub listen: Listen,
    /// Whether an address that other machines can reach was asked for on purpose. The API has no
    /// encryption of its own.
    pub allow_remote: bool,
}
