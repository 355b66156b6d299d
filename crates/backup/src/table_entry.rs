//! What is noted about one table of a database.

use serde::{Deserialize, Serialize};

/// One table of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// The digest of its rows, in whatever order they are read.
    pub digest: String,
}

impl TableEntry {
    /// Its line in the digest of the whole database. The name is quoted as JSON does it, so that no name can
    /// look like the end of a line.
    pub(crate) fn line(&self) -> String {
        let Self { name, rows, digest } = self;
        format!("table {rows} {digest} {}\n", serde_json::json!(name))
    }
}
