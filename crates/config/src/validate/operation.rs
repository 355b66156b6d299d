//! Portcullis itself: what it listens on and where it keeps its state.

use std::net::SocketAddr;
use std::path::Path;

use super::{Context, text};
use crate::Code;
use crate::config::{JournalConfig, Listen, SecretText, ServerConfig, StateConfig};
use crate::origin::Wanted;
use crate::raw::{RawConfig, RawServer, RawState};
use crate::report::{At, Report, Wrong};

/// The server's socket within the state folder.
const SERVER_SOCKET: &str = "api.sock";
/// The vault within the state folder.
const VAULT: &str = "vault";

/// Portcullis's own folders, and its journal.
pub(super) fn state(raw: &RawState, context: &mut Context<'_>) -> StateConfig {
    let folder = context.absolute(text(raw.folder.as_ref()).unwrap_or_default());
    let vault = match &raw.vault {
        Some(at) => {
            let vault = context.absolute(&at.value);
            context.needs(&vault, Wanted::Vault, &at.spot);
            vault
        }
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
        (
            "gateway.tls.listen",
            raw.gateway.tls.as_ref().and_then(|tls| tls.listen.clone()),
        ),
        ("gateway.metrics.listen", raw.gateway.metrics_listen.clone()),
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

/// Where something of ours listens: an address, or a socket in the state folder.
pub(super) fn listen(
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
