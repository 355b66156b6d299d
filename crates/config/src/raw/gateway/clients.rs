//! What clients may do.

use crate::config::ClientsConfig;
use crate::raw::value_or_default;
use crate::table::Table;
use crate::units;

/// `[gateway.clients]`, in which nothing depends on anything else.
pub(super) fn read(table: Table<'_>) -> ClientsConfig {
    let networks = table.items("trusted_proxies", units::network);
    let head_bytes_max = value_or_default(table.read("head_max", units::bytes));
    ClientsConfig {
        trusted_proxies: value_or_default(networks)
            .into_iter()
            .map(|at| at.value)
            .collect(),
        forwarded: value_or_default(table.boolean("forwarded")),
        connections_max: value_or_default(table.count("connections_max")),
        connections_per_address_max: value_or_default(table.count("connections_per_address_max")),
        head_timeout_ms: value_or_default(table.duration_ms("head_timeout")),
        body_bytes_per_second_min: value_or_default(table.read("body_rate_min", units::bytes)),
        stall_timeout_ms: value_or_default(table.duration_ms("stall_timeout")),
        idle_timeout_ms: value_or_default(table.duration_ms("idle_timeout")),
        headers_max: value_or_default(table.count("headers_max")),
        // The key's bounds fit 32 bits.
        head_bytes_max: u32::try_from(head_bytes_max).unwrap_or(u32::MAX),
        streams_max: value_or_default(table.count("streams_max")),
    }
}
