//! What is noted about one table of a database.

use serde::{Deserialize, Serialize};

/// One table of a database. Two are equal when they have the same name and the same rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableEntry {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// The digest of its rows, in whatever order they are read.
    pub digest: String,
    /// The largest value of its primary key, where that is one whole number: a row with a larger one was added later.
    /// Missing where it has no such key or no row, and in backups of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_key: Option<i64>,
}

impl PartialEq for TableEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.rows, &self.digest) == (&other.name, other.rows, &other.digest)
    }
}

impl Eq for TableEntry {}

impl TableEntry {
    /// Its line in the digest of the whole database. The name is quoted as JSON does it, so that no name can
    /// look like the end of a line.
    pub(crate) fn line(&self) -> String {
        let Self {
            name, rows, digest, ..
        } = self;
        format!("table {rows} {digest} {}\n", serde_json::json!(name))
    }

    /// The last key of the table of this name, as a backup knows it.
    pub(crate) fn last_key_of(tables: &[Self], name: &str) -> Option<i64> {
        tables.iter().find(|table| table.name == name)?.last_key
    }
}
