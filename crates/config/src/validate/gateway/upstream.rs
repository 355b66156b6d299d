//! Servers besides the service.

use super::super::service::{fits_protocol, protocol};
use super::{Context, checks, text};
use crate::Code;
use crate::config::{EjectConfig, ServerWeight, UpstreamChoice, UpstreamConfig, UpstreamTls};
use crate::origin::Content;
use crate::raw::{RawEject, RawServerWeight, RawUpstream, RawUpstreamTls, value_or_default};
use crate::report::{Report, Wrong};
use crate::units::duration_text;

/// The word that routes have for the releases of the service.
pub(super) const SERVICE: &str = "service";

/// The upstreams, in the order of the file.
pub(super) fn upstreams(raw: &[RawUpstream], context: &mut Context<'_>) -> Vec<UpstreamConfig> {
    raw.iter()
        .map(|upstream| self::upstream(upstream, context))
        .collect()
}

fn upstream(raw: &RawUpstream, context: &mut Context<'_>) -> UpstreamConfig {
    if let Some(name) = raw.name.as_ref().filter(|name| name.value == SERVICE) {
        let message = "`service` stands for the releases of the service";
        let wrong = Wrong::new(Code::Duplicate, message).hint("choose another name");
        context.report.add(&name.spot, wrong);
    }
    let protocol = protocol(raw.protocol.as_ref());
    UpstreamConfig {
        name: value_or_default(raw.name.clone()).into(),
        servers: servers(raw, context.report),
        choice: match text(raw.choice.as_ref()) {
            Some("round-robin") => UpstreamChoice::RoundRobin,
            Some("client-hash") => UpstreamChoice::ClientHash,
            _ => UpstreamChoice::LeastLoaded,
        },
        protocol,
        tls: raw.tls.as_ref().map(|tls| self::tls(tls, context)),
        health: raw.health.as_ref().map(|health| {
            if let Some(path) = &health.path {
                context.places.refuse(path);
                fits_protocol(path, protocol, context.report);
            }
            checks(health, value_or_default(health.path.clone()))
        }),
        eject: eject(&raw.eject, context.report),
    }
}

/// The servers have different addresses, and one of them has a weight.
fn servers(raw: &RawUpstream, report: &Report<'_>) -> Vec<ServerWeight> {
    let address = |server: &RawServerWeight| text(server.address.as_ref()).map(str::to_owned);
    for (index, server) in raw.servers.iter().enumerate() {
        let Some(at) = &server.address else { continue };
        let before = &raw.servers[..index];
        if before.iter().any(|other| address(other) == address(server)) {
            let message = format!("{} is already a server of this upstream", at.value);
            let hint = "give it one table, with a larger weight";
            report.add(&at.spot, Wrong::new(Code::Duplicate, message).hint(hint));
        }
    }
    let none = |server: &RawServerWeight| server.weight.as_ref().is_some_and(|at| at.value == 0);
    if !raw.servers.is_empty() && raw.servers.iter().all(none) {
        let message = "no server of this upstream has a weight";
        let hint = "one with weight = 0 only stands in for others: give one of them a weight";
        report.add(
            &raw.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    raw.servers
        .iter()
        .map(|server| ServerWeight {
            address: value_or_default(server.address.clone()),
            weight: value_or_default(server.weight.clone()),
        })
        .collect()
}

/// A certificate of our own needs its key, and the other way round.
fn tls(raw: &RawUpstreamTls, context: &mut Context<'_>) -> UpstreamTls {
    let missing = match raw.client_given {
        [true, false] => Some(("chain", "key")),
        [false, true] => Some(("key", "chain")),
        _ => None,
    };
    if let Some((given, missing)) = missing {
        let message = format!("`{given}` is of no use without `{missing}`");
        let hint = "a certificate of the gateway's own needs both, each a PEM file";
        let wrong = Wrong::new(Code::MissingKey, message).hint(hint);
        context.report.add(&raw.spot, wrong);
    }
    let ca = raw.ca.as_ref();
    let client = match (&raw.chain, &raw.key) {
        (Some(chain), Some(key)) => Some((
            context.file(Some(chain), Content::Certificates),
            context.file(Some(key), Content::PrivateKey),
        )),
        _ => None,
    };
    UpstreamTls {
        server_name: raw.server_name.as_ref().map(|at| at.value.clone()),
        ca_file: ca.map(|ca| context.file(Some(ca), Content::Certificates)),
        client,
    }
}

fn eject(raw: &RawEject, report: &Report<'_>) -> EjectConfig {
    if let (Some(min), Some(max)) = (&raw.min_ms, &raw.max_ms)
        && min.value > max.value
    {
        let (least, most) = (duration_text(min.value), duration_text(max.value));
        let message = format!("`min` ({least}) is above `max` ({most})");
        let at = if min.given { min } else { max };
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(&at.spot, wrong.hint("lower `min` or raise `max`"));
    }
    EjectConfig {
        failures: raw.failures,
        min_ms: value_or_default(raw.min_ms.clone()),
        max_ms: value_or_default(raw.max_ms.clone()),
        share_max_percent: raw.share_max_percent.into(),
    }
}
