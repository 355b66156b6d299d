//! Servers besides the service.

use crate::raw::{RawHealth, value_or_default};
use crate::report::{At, Spot};
use crate::table::Table;
use crate::units;

/// A `[[gateway.upstream]]` as written.
#[derive(Debug)]
pub(crate) struct RawUpstream {
    pub(crate) name: Option<At<String>>,
    pub(crate) servers: Vec<RawServerWeight>,
    pub(crate) choice: Option<At<String>>,
    pub(crate) protocol: Option<At<String>>,
    pub(crate) tls: Option<RawUpstreamTls>,
    pub(crate) health: Option<RawHealth>,
    pub(crate) eject: RawEject,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// A `[[gateway.upstream.server]]` as written.
#[derive(Debug)]
pub(crate) struct RawServerWeight {
    pub(crate) address: Option<At<String>>,
    pub(crate) weight: Option<At<u32>>,
}

/// `[gateway.upstream.tls]` as written.
#[derive(Debug)]
pub(crate) struct RawUpstreamTls {
    pub(crate) server_name: Option<At<String>>,
    pub(crate) ca: Option<At<String>>,
    pub(crate) chain: Option<At<String>>,
    pub(crate) key: Option<At<String>>,
    /// Whether the file gives a chain and a key, rightly or not.
    pub(crate) client_given: [bool; 2],
    /// The table's place.
    pub(crate) spot: Spot,
}

/// `[gateway.upstream.eject]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawEject {
    pub(crate) failures: u32,
    pub(crate) min_ms: Option<At<u64>>,
    pub(crate) max_ms: Option<At<u64>>,
    pub(crate) share_max_percent: u8,
}

impl RawUpstream {
    pub(super) fn read(table: Table<'_>) -> RawUpstream {
        RawUpstream {
            name: table.text("name"),
            servers: table.tables("server", RawServerWeight::read),
            choice: table.text("choice"),
            protocol: table.text("protocol"),
            tls: table.optional_table("tls", RawUpstreamTls::read),
            health: table.optional_table("health", RawHealth::read),
            eject: table.table("eject", RawEject::read).unwrap_or_default(),
            spot: table.spot.clone(),
        }
    }
}

impl RawServerWeight {
    fn read(table: Table<'_>) -> RawServerWeight {
        RawServerWeight {
            address: table.text("address"),
            weight: table.count("weight"),
        }
    }
}

impl RawUpstreamTls {
    fn read(table: Table<'_>) -> RawUpstreamTls {
        RawUpstreamTls {
            server_name: table.text("server_name"),
            ca: table.text("ca"),
            chain: table.text("chain"),
            key: table.text("key"),
            client_given: ["chain", "key"].map(|name| table.has(name)),
            spot: table.spot.clone(),
        }
    }
}

impl RawEject {
    fn read(table: Table<'_>) -> RawEject {
        RawEject {
            failures: value_or_default(table.count("failures")),
            min_ms: table.duration_ms("min"),
            max_ms: table.duration_ms("max"),
            share_max_percent: value_or_default(table.read("share_max", units::percent)),
        }
    }
}
