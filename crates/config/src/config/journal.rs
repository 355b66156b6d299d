//! Where the journal is.

use crate::SecretText;

/// Where the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalConfig {
    /// `journal.db` in the state folder.
    Sqlite,
    /// A PostgreSQL database: its URL, or a reference to it.
    Postgres(SecretText),
}
