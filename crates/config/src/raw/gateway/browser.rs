//! What concerns browsers.

use crate::raw::value_or_default;
use crate::report::{At, Spot};
use crate::table::Table;
use crate::units;

/// `[gateway.route.cors]` as written.
#[derive(Debug)]
pub(crate) struct RawCors {
    pub(crate) origins: Vec<At<String>>,
    pub(crate) methods: Vec<String>,
    pub(crate) headers: Vec<String>,
    pub(crate) expose: Vec<String>,
    pub(crate) credentials: Option<At<bool>>,
    pub(crate) max_age_s: u64,
}

/// `[gateway.route.upload]` as written.
#[derive(Debug)]
pub(crate) struct RawUpload {
    pub(crate) types: Vec<At<String>>,
    pub(crate) bytes_max: Option<At<u64>>,
    /// The table's place.
    pub(crate) spot: Spot,
}

impl RawCors {
    pub(super) fn read(table: Table<'_>) -> RawCors {
        RawCors {
            origins: table.texts("origins"),
            methods: table.plain_texts("methods"),
            headers: table.plain_texts("headers"),
            expose: table.plain_texts("expose"),
            credentials: table.boolean("credentials"),
            max_age_s: value_or_default(table.read("max_age", units::seconds)),
        }
    }
}

impl RawUpload {
    pub(super) fn read(table: Table<'_>) -> RawUpload {
        RawUpload {
            types: table.texts("types"),
            bytes_max: table.read("max", units::bytes),
            spot: table.spot.clone(),
        }
    }
}
