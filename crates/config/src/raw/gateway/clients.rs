//! What clients may do.

use ipnet::IpNet;

use crate::config::ClientsConfig;
use crate::raw::value_or_default;
use crate::report::At;
use crate::table::Table;
use crate::units;

/// `[gateway.clients]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawClients {
    /// What it means.
    pub(crate) config: ClientsConfig,
    pub(crate) trusted_proxies: Vec<At<IpNet>>,
    pub(crate) connections_max: Option<At<u32>>,
    pub(crate) connections_per_address_max: Option<At<u32>>,
}

impl RawClients {
    pub(super) fn read(table: Table<'_>) -> RawClients {
        let trusted_proxies = value_or_default(table.items("trusted_proxies", units::network));
        let connections_max = table.count("connections_max");
        let connections_per_address_max = table.count("connections_per_address_max");
        let mut config = config(&table);
        config.trusted_proxies = trusted_proxies.iter().map(|at| at.value).collect();
        config.connections_max = value_or_default(connections_max.clone());
        config.connections_per_address_max = value_or_default(connections_per_address_max.clone());
        RawClients {
            config,
            trusted_proxies,
            connections_max,
            connections_per_address_max,
        }
    }
}

/// The keys in which nothing depends on anything else.
fn config(table: &Table<'_>) -> ClientsConfig {
    let head_bytes_max = value_or_default(table.read("head_max", units::bytes));
    ClientsConfig {
        forwarded: value_or_default(table.boolean("forwarded")),
        head_timeout_ms: value_or_default(table.duration_ms("head_timeout")),
        body_bytes_per_second_min: value_or_default(table.read("body_rate_min", units::bytes)),
        stall_timeout_ms: value_or_default(table.duration_ms("stall_timeout")),
        idle_timeout_ms: value_or_default(table.duration_ms("idle_timeout")),
        headers_max: value_or_default(table.count("headers_max")),
        // The key's bounds fit 32 bits.
        head_bytes_max: u32::try_from(head_bytes_max).unwrap_or(u32::MAX),
        streams_max: value_or_default(table.count("streams_max")),
        ..ClientsConfig::default()
    }
}
