//! A transaction of somebody else's in a store.

/// A transaction that has been open for long, for which a migration may have to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// Whose it is, in words: `session 4711 of dify (psql), idle in a transaction`.
    pub of: String,
    /// For how long it has been open, in milliseconds.
    pub open_ms: u64,
}
