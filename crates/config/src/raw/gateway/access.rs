//! Who may use a route.

use ipnet::IpNet;

use crate::raw::value_or_default;
use crate::report::{At, Spot};
use crate::table::Table;
use crate::units;

/// A `[[gateway.access]]` as written.
#[derive(Debug)]
pub(crate) struct RawAccess {
    pub(crate) name: Option<At<String>>,
    pub(crate) allow: Vec<At<IpNet>>,
    pub(crate) deny: Vec<At<IpNet>>,
    pub(crate) scopes: Option<At<Vec<At<String>>>>,
    pub(crate) keys: Option<RawKeys>,
    pub(crate) jwt: Option<RawJwt>,
    /// Whether the file asks for keys or tokens, rightly or not.
    pub(crate) asks: bool,
    /// Whether it names addresses, rightly or not.
    pub(crate) names_addresses: bool,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// `[gateway.access.keys]` as written.
#[derive(Debug)]
pub(crate) struct RawKeys {
    pub(crate) file: Option<At<String>>,
    pub(crate) header: Option<At<String>>,
    pub(crate) hide: bool,
}

/// `[gateway.access.jwt]` as written.
#[derive(Debug)]
pub(crate) struct RawJwt {
    pub(crate) file: Option<At<String>>,
    pub(crate) url: Option<At<String>>,
    /// Whether the file gives a key set as file and as URL, rightly or not.
    pub(crate) given: [bool; 2],
    pub(crate) algorithms: Vec<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) skew_s: u64,
    /// The table's place.
    pub(crate) spot: Spot,
}

impl RawAccess {
    pub(super) fn read(table: Table<'_>) -> RawAccess {
        let allow = table.items("allow", units::network);
        let deny = table.items("deny", units::network);
        RawAccess {
            name: table.text("name"),
            names_addresses: table.has("allow")
                || (table.has("deny") && !table.is_empty_list("deny")),
            allow: value_or_default(allow),
            deny: value_or_default(deny),
            scopes: table.items("scopes", units::plain),
            keys: table.optional_table("keys", RawKeys::read),
            jwt: table.optional_table("jwt", RawJwt::read),
            asks: table.has("keys") || table.has("jwt"),
            spot: table.spot.clone(),
        }
    }
}

impl RawKeys {
    fn read(table: Table<'_>) -> RawKeys {
        RawKeys {
            file: table.text("file"),
            header: table.text("header"),
            hide: value_or_default(table.boolean("hide")),
        }
    }
}

impl RawJwt {
    fn read(table: Table<'_>) -> RawJwt {
        RawJwt {
            file: table.text("jwks_file"),
            url: table.text("jwks_url"),
            given: ["jwks_file", "jwks_url"].map(|name| table.has(name)),
            algorithms: table.plain_texts("algorithms"),
            issuer: table.text("issuer").map(|at| at.value),
            audiences: table.plain_texts("audiences"),
            skew_s: value_or_default(table.read("skew", units::seconds)),
            spot: table.spot.clone(),
        }
    }
}
