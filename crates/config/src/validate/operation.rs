//! Portcullis itself: what it listens on and where it keeps its state.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::{Context, text};
use crate::Code;
use crate::config::{
    AccessLogConfig, AccessLogPlace, ClientsConfig, GatewayConfig, HealthConfig, JournalConfig,
    Listen, MetricsConfig, SecretText, ServerConfig, StateConfig, StickyConfig, UnknownRequest,
};
use crate::origin::Wanted;
use crate::raw::{RawConfig, RawGateway, RawHealth, RawServer, RawState, value_or_default};
use crate::report::{At, Report, Wrong};

/// The gateway's socket within the state folder.
const GATEWAY_SOCKET: &str = "gateway.sock";
/// The server's socket within the state folder.
const SERVER_SOCKET: &str = "api.sock";
/// The vault within the state folder.
const VAULT: &str = "vault";
/// The cookie, unless the file names another.
const COOKIE: &str = "portcullis_user";
/// What stands in for an address that could not be read.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Portcullis's own folders, and its journal.
pub(super) fn state(raw: &RawState, context: &Context<'_>) -> StateConfig {
    let folder = context.absolute(text(raw.folder.as_ref()).unwrap_or_default());
    let vault = match &raw.vault {
        Some(vault) => context.absolute(&vault.value),
        None => folder.join(VAULT),
    };
    let journal = match raw.journal.as_ref().map(|at| &at.value) {
        Some(JournalConfig::Postgres(url)) => {
            let url = context.referenced(url.expose().to_owned());
            JournalConfig::Postgres(SecretText::new(url))
        }
        Some(JournalConfig::Sqlite) | None => JournalConfig::Sqlite,
    };
    StateConfig {
        folder,
        vault,
        journal,
        lease_ttl_ms: raw.lease_ttl_ms,
    }
}

/// The gateway.
pub(super) fn gateway(
    raw: &RawConfig,
    state: &StateConfig,
    context: &mut Context<'_>,
) -> GatewayConfig {
    let gateway = &raw.gateway;
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
        context
            .report
            .add(spot, Wrong::new(Code::BadValue, message).hint(hint));
    }
    GatewayConfig {
        listen: gateway.listen.as_ref().map_or(NOWHERE, |at| at.value),
        admin: listen(
            gateway.admin.as_ref(),
            &state.folder,
            GATEWAY_SOCKET,
            context,
        ),
        sticky: sticky(gateway, context.report),
        force_header: gateway.force_header,
        health: health(&gateway.health, raw.service.ready.path.as_ref(), context),
        canary_users: Vec::new(),
        shadow_percent: 0,
        unknown: UnknownRequest::Service,
        clients: ClientsConfig::default(),
        tls: None,
        upstreams: Vec::new(),
        routes: Vec::new(),
        limits: Vec::new(),
        access: Vec::new(),
        log: AccessLogConfig {
            to: AccessLogPlace::Off,
            sample: 1,
        },
        metrics: MetricsConfig { listen: None },
        traces: None,
        shared: None,
    }
}

/// The server.
pub(super) fn server(
    raw: &RawServer,
    state: &StateConfig,
    context: &mut Context<'_>,
) -> ServerConfig {
    if let Some(At {
        value: Some(address),
        spot,
        ..
    }) = &raw.listen
        && !address.ip().is_loopback()
        && !raw.allow_remote
    {
        let message =
            format!("{address} can be reached by other machines, and nothing is encrypted");
        let hint = format!(
            "did you mean \"127.0.0.1:{}\"? if not, set allow_remote = true in [server]",
            address.port()
        );
        context
            .report
            .add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    }
    let listen = listen(raw.listen.as_ref(), &state.folder, SERVER_SOCKET, context);
    ServerConfig {
        listen,
        allow_remote: raw.allow_remote,
    }
}

/// No address is taken twice, and none lies among the releases' ports.
pub(super) fn addresses(raw: &RawConfig, report: &Report<'_>) {
    let tcp = |at: &Option<At<Option<SocketAddr>>>| {
        at.clone()
            .and_then(|At { value, spot, given }| value.map(|value| At { value, spot, given }))
    };
    let all = [
        ("gateway.listen", raw.gateway.listen.clone()),
        ("gateway.admin", tcp(&raw.gateway.admin)),
        ("server.listen", tcp(&raw.server.listen)),
    ];
    let given: Vec<(&str, At<SocketAddr>)> = all
        .into_iter()
        .filter_map(|(name, at)| at.map(|at| (name, at)))
        .filter(|(_, at)| at.value.port() != 0)
        .collect();
    for (index, (_, at)) in given.iter().enumerate() {
        if let Some((name, _)) = given[..index].iter().find(|(_, other)| clash(other, at)) {
            let message = format!("port {} is already that of {name}", at.value.port());
            report.add(&at.spot, Wrong::new(Code::Duplicate, message));
        }
        let local = at.value.ip().is_loopback() || at.value.ip().is_unspecified();
        if let Some(ports) = raw.service.ports.as_ref().filter(|_| local)
            && ports.value.contains(at.value.port())
        {
            let message = format!(
                "port {} lies in service.ports ({}), which the releases are given",
                at.value.port(),
                ports.value
            );
            report.add(&at.spot, Wrong::new(Code::Contradiction, message));
        }
    }
}

fn clash(one: &At<SocketAddr>, other: &At<SocketAddr>) -> bool {
    let (one, other) = (one.value, other.value);
    let all = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (all || one.ip() == other.ip())
}

fn listen(
    at: Option<&At<Option<SocketAddr>>>,
    folder: &Path,
    socket: &str,
    context: &mut Context<'_>,
) -> Listen {
    match at {
        Some(At {
            value: Some(address),
            ..
        }) => Listen::Tcp(*address),
        Some(At { spot, .. }) => {
            let path = folder.join(socket);
            context.needs(&path, Wanted::Socket, spot);
            Listen::Unix(path)
        }
        None => Listen::Unix(folder.join(socket)),
    }
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

fn health(raw: &RawHealth, ready: Option<&At<String>>, context: &Context<'_>) -> HealthConfig {
    // The ready check's path may have places; the gateway's has none, so it is looked at here too.
    let path = match (&raw.path, ready, &raw.spot) {
        (Some(path), _, _) => {
            context.places.refuse(path);
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
    HealthConfig {
        path: path.unwrap_or_default(),
        interval_ms: raw.interval_ms,
        timeout_ms: raw.timeout_ms,
        unhealthy_after: raw.unhealthy_after,
        healthy_after: raw.healthy_after,
    }
}
