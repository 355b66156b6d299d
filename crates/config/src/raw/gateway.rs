//! The gateway.

use std::net::SocketAddr;

use crate::config::TracesConfig;
use crate::raw::value_or_default;
use crate::report::{At, Spot};
use crate::table::Table;
use crate::units;

mod access;
mod browser;
mod clients;
mod conversations;
mod limit;
mod mask;
mod observe;
mod route;
mod tls;
mod upstream;

pub(crate) use access::{RawAccess, RawJwt, RawKeys};
pub(crate) use browser::{RawCors, RawUpload};
pub(crate) use clients::RawClients;
pub(crate) use conversations::RawConversations;
pub(crate) use limit::RawLimit;
pub(crate) use mask::{RawClues, RawDictionary, RawMask, RawRecognizer};
pub(crate) use observe::{RawLog, RawShared};
pub(crate) use route::RawRoute;
pub(crate) use tls::{RawAcme, RawCertificate, RawTls};
pub(crate) use upstream::{RawEject, RawServerWeight, RawUpstream, RawUpstreamTls};

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
    pub(crate) canary_users: Vec<At<String>>,
    pub(crate) shadow_percent: u8,
    pub(crate) unknown: Option<At<String>>,
    pub(crate) clients: RawClients,
    pub(crate) tls: Option<RawTls>,
    pub(crate) upstreams: Vec<RawUpstream>,
    pub(crate) routes: Vec<RawRoute>,
    pub(crate) limits: Vec<RawLimit>,
    pub(crate) access: Vec<RawAccess>,
    pub(crate) masks: Vec<RawMask>,
    pub(crate) default_mask: Option<At<String>>,
    /// Whether the file gives it, rightly or not.
    pub(crate) default_mask_given: bool,
    pub(crate) conversations: RawConversations,
    pub(crate) log: RawLog,
    pub(crate) metrics_listen: Option<At<SocketAddr>>,
    pub(crate) traces: Option<TracesConfig>,
    pub(crate) shared: Option<RawShared>,
}

/// `[gateway.health]` or `[gateway.upstream.health]` as written.
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

impl RawGateway {
    pub(crate) fn read(table: Table<'_>) -> RawGateway {
        let listen = |table: Table<'_>| table.read("listen", units::address);
        RawGateway {
            listen: table.read("listen", units::address),
            admin: table.read("admin", |_, value| units::listen(value)),
            sticky: table.text("sticky"),
            sticky_name: table.text("sticky_name"),
            force_header: value_or_default(table.boolean("force_header")),
            health: table.table("health", RawHealth::read).unwrap_or_default(),
            canary_users: table.texts("canary_users"),
            shadow_percent: value_or_default(table.read("shadow", units::percent)),
            unknown: table.text("unknown"),
            clients: table.table("clients", RawClients::read).unwrap_or_default(),
            tls: table.optional_table("tls", RawTls::read),
            upstreams: table.tables("upstream", RawUpstream::read),
            routes: table.tables("route", RawRoute::read),
            limits: table.tables("limit", RawLimit::read),
            access: table.tables("access", RawAccess::read),
            masks: table.tables("mask", RawMask::read),
            default_mask: table.text("default_mask"),
            default_mask_given: table.has("default_mask"),
            conversations: table
                .table("conversations", RawConversations::read)
                .unwrap_or_default(),
            log: table.table("log", RawLog::read).unwrap_or_default(),
            metrics_listen: table.table("metrics", listen).flatten(),
            traces: table.optional_table("traces", observe::traces),
            shared: table.optional_table("shared", RawShared::read),
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
