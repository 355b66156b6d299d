//! Portcullis itself.

use std::net::SocketAddr;

use crate::raw::value_or_default;
use crate::report::{At, Spot};
use crate::table::Table;
use crate::units;

/// `[gateway]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawGateway {
    pub(crate) listen: Option<At<SocketAddr>>,
    /// `None` within is `"unix"`.
    pub(crate) admin: Option<At<Option<SocketAddr>>>,
    pub(crate) sticky: Option<At<String>>,
    pub(crate) sticky_name: Option<At<String>>,
    pub(crate) force_header: bool,
    pub(crate) health: RawHealth,
}

/// `[gateway.health]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawHealth {
    pub(crate) path: Option<At<String>>,
    pub(crate) interval_ms: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) unhealthy_after: u32,
    pub(crate) healthy_after: u32,
    /// The table's place.
    pub(crate) spot: Option<Spot>,
}

/// `[server]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawServer {
    /// `None` within is `"unix"`.
    pub(crate) listen: Option<At<Option<SocketAddr>>>,
    pub(crate) allow_remote: bool,
}

/// `[state]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawState {
    pub(crate) folder: Option<At<String>>,
    pub(crate) vault: Option<At<String>>,
}

impl RawGateway {
    pub(crate) fn read(table: Table<'_>) -> RawGateway {
        RawGateway {
            listen: table.read("listen", units::address),
            admin: table.read("admin", |_, value| units::listen(value)),
            sticky: table.text("sticky"),
            sticky_name: table.text("sticky_name"),
            force_header: value_or_default(table.boolean("force_header")),
            health: table.table("health", RawHealth::read).unwrap_or_default(),
        }
    }
}

impl RawHealth {
    fn read(table: Table<'_>) -> RawHealth {
        RawHealth {
            path: table.text("path"),
            interval_ms: value_or_default(table.duration_ms("interval")),
            timeout_ms: value_or_default(table.duration_ms("timeout")),
            unhealthy_after: value_or_default(table.count("unhealthy_after")),
            healthy_after: value_or_default(table.count("healthy_after")),
            spot: Some(table.spot.clone()),
        }
    }
}

impl RawServer {
    pub(crate) fn read(table: Table<'_>) -> RawServer {
        RawServer {
            listen: table.read("listen", |_, value| units::listen(value)),
            allow_remote: value_or_default(table.boolean("allow_remote")),
        }
    }
}

impl RawState {
    pub(crate) fn read(table: Table<'_>) -> RawState {
        RawState {
            folder: table.text("folder"),
            vault: table.text("vault"),
        }
    }
}
