//! The archive of a PostgreSQL store from which any moment can be recovered to.

/// The continuous archive of a PostgreSQL store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContinuousConfig {
    /// The name of the store.
    pub store: String,
    /// A reference to the URL of a user that may replicate, or a URL without a password; `None` is that of the store.
    pub url: Option<String>,
    /// The name of the replication slot.
    pub slot: String,
    /// After how much time the cluster is copied again, in milliseconds.
    pub base_every_ms: u64,
    /// How many copies of the cluster are kept; at least 1.
    pub keep: u32,
    /// How far the archive may be behind, in milliseconds.
    pub rpo_ms: u64,
    /// After how much time it is read back again, in milliseconds. It counts as verified for twice as long.
    pub verify_every_ms: u64,
    /// How much the slot may make the server keep, in bytes.
    pub slot_bytes_max: u64,
    /// Whether what is received is synced at once.
    pub synchronous: bool,
    /// Agreed that it is not encrypted where backups are.
    pub in_clear: bool,
}
