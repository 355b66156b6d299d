//! The gateway: where it listens, and how it divides clients.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::operation::listen;
use super::service::fits_protocol;
use super::{Context, text};
use crate::config::{GatewayConfig, HealthConfig, StateConfig, StickyConfig, UnknownRequest};
use crate::raw::{RawConfig, RawGateway, RawHealth, RawService, value_or_default};
use crate::report::{At, Report, Wrong};
use crate::{Code, MetricsConfig};

mod access;
mod browser;
mod clients;
mod conversations;
mod header_names;
mod limit;
mod mask;
mod media_type;
mod observe;
mod own_address;
mod reach;
mod redirect;
mod route;
mod tls;
mod unused;
mod upstream;
mod waits;

/// The gateway's socket within the state folder.
const SOCKET: &str = "gateway.sock";
/// The cookie, unless the file names another.
const COOKIE: &str = "portcullis_user";
/// What stands in for an address that could not be read.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The gateway.
pub(super) fn gateway(
    raw: &RawConfig,
    state: &StateConfig,
    context: &mut Context<'_>,
) -> GatewayConfig {
    let gateway = &raw.gateway;
    admin_is_local(gateway, context.report);
    own_address::check(gateway, context.report);
    unused::check(gateway, context.report);
    clients::check(&gateway.clients, context.report);
    let config = GatewayConfig {
        listen: address(gateway.listen.as_ref()),
        admin: listen(gateway.admin.as_ref(), &state.folder, SOCKET, context),
        sticky: sticky(gateway, context.report),
        force_header: gateway.force_header,
        health: health(&gateway.health, &raw.service, context),
        canary_users: canary_users(gateway, context.report),
        shadow_percent: gateway.shadow_percent,
        unknown: unknown(gateway, context.report),
        clients: gateway.clients.config.clone(),
        tls: gateway
            .tls
            .as_ref()
            .map(|tls| tls::tls(tls, gateway.listen.as_ref(), context)),
        upstreams: upstream::upstreams(&gateway.upstreams, context),
        routes: route::routes(gateway, context),
        limits: limit::limits(&gateway.limits, context.report),
        access: access::policies(&gateway.access, context),
        masks: mask::masks(&gateway.masks, context),
        default_mask: default_mask(gateway, context.report),
        conversations: conversations::conversations(gateway, context),
        log: observe::log(&gateway.log, context),
        metrics: MetricsConfig {
            listen: gateway.metrics_listen.as_ref().map(|at| at.value),
        },
        traces: gateway.traces.clone(),
        shared: gateway
            .shared
            .as_ref()
            .map(|shared| observe::shared(shared, context)),
    };
    observe::log_has_its_own_file(&gateway.log, context);
    config
}

/// The address, or what stands in for one that could not be read.
fn address(at: Option<&At<SocketAddr>>) -> SocketAddr {
    at.map_or(NOWHERE, |at| at.value)
}

/// Other machines do not reach the gateway's own interface.
fn admin_is_local(gateway: &RawGateway, report: &Report<'_>) {
    if let Some(At {
        value: Some(address),
        spot,
        ..
    }) = &gateway.admin
        && !address.ip().is_loopback()
    {
        let message = format!(
            "{address} can be reached by other machines, and the gateway's own \
                               interface asks nobody who they are"
        );
        let hint = format!("did you mean \"127.0.0.1:{}\"?", address.port());
        report.add(spot, Wrong::new(Code::BadValue, message).hint(hint));
    }
}

/// Users that always get the canary; by address, they are addresses.
fn canary_users(raw: &RawGateway, report: &Report<'_>) -> Vec<String> {
    if text(raw.sticky.as_ref()) == Some("address") {
        for user in &raw.canary_users {
            if user.value.parse::<IpAddr>().is_err() {
                let message = format!(
                    "sticky = \"address\" ties users by their IP address, and \"{}\" is none",
                    user.value.escape_debug()
                );
                let hint = "write the user's address, or choose sticky = \"header\"";
                let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
                report.add(&user.spot, wrong);
            }
        }
    }
    let users = raw.canary_users.iter();
    users.map(|user| user.value.clone()).collect()
}

/// A gateway that refuses what no route takes has routes.
fn unknown(raw: &RawGateway, report: &Report<'_>) -> UnknownRequest {
    match &raw.unknown {
        Some(at) if at.value == "refuse" => {
            if raw.routes.is_empty() {
                let message = "without a route every request would be refused";
                let hint = "add a [[gateway.route]] for each host, or set unknown = \"service\"";
                let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
                report.add(&at.spot, wrong);
            }
            UnknownRequest::Refuse
        }
        _ => UnknownRequest::Service,
    }
}

/// The mask of requests that no route takes, where there may be any.
fn default_mask(raw: &RawGateway, report: &Report<'_>) -> Option<Arc<str>> {
    let at = raw.default_mask.as_ref()?;
    if text(raw.unknown.as_ref()) == Some("refuse") {
        let message =
            "unknown = \"refuse\" refuses what no route takes, so nothing is left for this mask";
        let hint = "write mask = \"NAME\" in each [[gateway.route]] that is to be masked, and remove it here";
        report.add(
            &at.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    Some(at.value.as_str().into())
}

fn sticky(raw: &RawGateway, report: &Report<'_>) -> StickyConfig {
    let name = raw.sticky_name.as_ref();
    match text(raw.sticky.as_ref()) {
        Some("header") => {
            if let (None, Some(sticky)) = (name, &raw.sticky) {
                let message = "sticky = \"header\" needs the header's name";
                let hint = "add sticky_name = \"x-user-id\", or whichever header tells who asks";
                report.add(
                    &sticky.spot,
                    Wrong::new(Code::MissingKey, message).hint(hint),
                );
            }
            StickyConfig::Header {
                name: value_or_default(name.cloned()),
            }
        }
        Some("address") => {
            if let Some(name) = name {
                let message = "sticky = \"address\" has no name";
                let wrong = Wrong::new(Code::Contradiction, message);
                report.add(
                    &name.spot,
                    wrong.hint("remove it, or choose \"cookie\" or \"header\""),
                );
            }
            StickyConfig::Address
        }
        _ => {
            let name = name.map_or(COOKIE, |at| &at.value);
            StickyConfig::Cookie {
                name: name.to_owned(),
            }
        }
    }
}

fn health(raw: &RawHealth, service: &RawService, context: &Context<'_>) -> HealthConfig {
    let protocol = super::service::protocol(service.protocol.as_ref());
    let ready = service.ready.path.as_ref();
    // The ready check's path may have places; the gateway's has none, so it is looked at here too.
    let path = match (&raw.path, ready, &raw.spot) {
        (Some(path), _, _) => {
            context.places.refuse(path);
            fits_protocol(path, protocol, context.report);
            Some(path.value.clone())
        }
        (None, Some(ready), Some(_)) if super::places::mentions_any(&ready.value) => {
            let message =
                "service.ready has a path with places, which the gateway does not fill in";
            let hint = "give the gateway its own: health = { path = \"/health\" } in [gateway]";
            context.report.add(
                &ready.spot,
                Wrong::new(Code::Contradiction, message).hint(hint),
            );
            None
        }
        (None, ready, _) => ready.map(|ready| ready.value.clone()),
    };
    checks(raw, path.unwrap_or_default())
}

/// Checks of a path.
fn checks(raw: &RawHealth, path: String) -> HealthConfig {
    HealthConfig {
        path,
        interval_ms: raw.interval_ms,
        timeout_ms: raw.timeout_ms,
        unhealthy_after: raw.unhealthy_after,
        healthy_after: raw.healthy_after,
    }
}
