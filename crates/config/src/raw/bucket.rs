//! Where the objects of a store are.

use super::copies::{access_key, endpoint, url};
use crate::report::{At, Spot};
use crate::table::Table;

/// `[store.bucket]` as written.
#[derive(Debug)]
pub(crate) struct RawBucket {
    pub(crate) url: Option<At<String>>,
    pub(crate) endpoint: Option<At<String>>,
    pub(crate) region: Option<At<String>>,
    pub(crate) ca: Option<At<String>>,
    pub(crate) access_key: Option<At<String>>,
    pub(crate) secret: Option<At<String>>,
    /// The table's place.
    pub(crate) spot: Spot,
}

impl RawBucket {
    pub(crate) fn read(table: Table<'_>) -> RawBucket {
        RawBucket {
            url: table.read("url", url),
            endpoint: table.read("endpoint", endpoint),
            region: table.text("region"),
            ca: table.text("ca"),
            access_key: table.read("access_key", access_key),
            secret: table.read("secret", super::metric::secret),
            spot: table.spot.clone(),
        }
    }
}
