//! Rate limits.

use crate::report::At;
use crate::table::Table;
use crate::units;

/// A `[[gateway.limit]]` as written.
#[derive(Debug)]
pub(crate) struct RawLimit {
    pub(crate) name: Option<At<String>>,
    /// Requests, and in how many milliseconds.
    pub(crate) rate: Option<At<(u32, u64)>>,
    pub(crate) burst: Option<u32>,
    pub(crate) key: Option<At<String>>,
    pub(crate) header: Option<At<String>>,
    /// Whether the file gives a header, rightly or not.
    pub(crate) header_given: bool,
}

impl RawLimit {
    pub(super) fn read(table: Table<'_>) -> RawLimit {
        RawLimit {
            name: table.text("name"),
            rate: table.read("rate", units::request_rate),
            burst: table.count("burst").map(|at| at.value),
            key: table.text("key"),
            header: table.text("header"),
            header_given: table.has("header"),
        }
    }
}
