//! The server, and the ports that releases and clients use.

use std::net::{SocketAddr, TcpListener};

use portcullis_api::ClientError;
use portcullis_api::engine::{EngineStanding, Status};
use portcullis_config::Config;

use super::Patient;
use super::finding::Finding;
use crate::commands::report;
use crate::connect;
use crate::serve_process::ServeProcess;

mod holder;

/// Whether the server answers, and whether its engine acts.
pub(super) async fn server(config: &Config) -> (Option<Status>, Vec<Finding>) {
    let client = match connect::client(config) {
        Ok(client) => client,
        // The token has its own line.
        Err(_) => return (None, Vec::new()),
    };
    match client.get::<Status>("/api/v1/status").await {
        Ok(status) => {
            let found = match &status.engine {
                EngineStanding::Acting => Finding::ok(
                    "server",
                    format!("answers at {}; its engine acts", client.endpoint()),
                ),
                EngineStanding::Stopped { why } => {
                    Finding::fail("server", format!("answers, but its engine stopped: {why}"))
                        .hint("mend the cause and start `portcullis serve` again")
                }
            };
            let version = version(status.server_version.as_deref());
            (Some(status), vec![found, version])
        }
        Err(ClientError::Unreachable { .. }) => {
            let process = ServeProcess::of(&config.state.folder, &config.server.listen);
            let message = format!("no server answers at {}", client.endpoint());
            let found = match process {
                ServeProcess::None => {
                    Finding::warn("server", message).hint("start it with `portcullis serve`")
                }
                ServeProcess::Runs { .. } | ServeProcess::Hidden(_) => {
                    let message = format!("{message}: {}", process.sentence());
                    Finding::fail("server", message).hint(process.hint())
                }
            };
            (None, vec![found])
        }
        Err(error) => {
            let hint =
                "`portcullis status` tells more; the token and the server must belong together";
            (
                None,
                vec![Finding::fail("server", error.to_string()).hint(hint)],
            )
        }
    }
}

/// Whether the server is of this version. All crates of Portcullis have one version.
fn version(server: Option<&str>) -> Finding {
    let (about, ours) = ("server version", env!("CARGO_PKG_VERSION"));
    let message = match server {
        Some(server) if server == ours => {
            return Finding::ok(about, format!("{server}, as this command"));
        }
        Some(server) => format!("the server is {server}, this command is {ours}"),
        None => format!("the server does not tell its version, this command is {ours}"),
    };
    Finding::warn(about, message).hint(
        "use the `portcullis` that the server was started from, or bring the server to this version: \
         `portcullis docs upgrading-portcullis`",
    )
}

/// Whether enough ports are free for a rollout, and who has the others.
pub(super) fn ports(patient: &Patient) -> Vec<Finding> {
    let range = patient.config.service.ports;
    let taken: Vec<u16> = range
        .ports()
        .filter(|port| !is_free(loopback(*port)))
        .collect();
    let ours = serving_port(patient);
    let strangers: Vec<String> = taken
        .iter()
        .filter(|port| Some(**port) != ours)
        .map(|port| format!("{port}{}", by_whom(*port)))
        .collect();
    let total = range.ports().count();
    let free = total - taken.len();
    // The release that serves keeps its port; the new one and two try-outs need one each.
    let needed = 3;
    let mut message = format!("{free} of {total} are free in {range}");
    if !strangers.is_empty() {
        let shown: Vec<&str> = strangers.iter().take(5).map(String::as_str).collect();
        message = format!("{message}; taken: {}", shown.join(", "));
    }
    if free < needed {
        let hint = "make service.ports wider, or stop what listens there";
        return vec![Finding::fail("ports", message).hint(hint)];
    }
    vec![Finding::ok("ports", message)]
}

/// Whether the gateway's port is free, or served by us.
pub(super) fn gateway(patient: &Patient) -> Finding {
    let address = patient.config.gateway.listen;
    if address.port() == 0 || is_free(address) {
        return if patient.status.is_some() {
            Finding::fail(
                "gateway",
                format!("the server runs, but nothing listens on {address}"),
            )
            .hint("the configuration was changed since: start `portcullis serve` again")
        } else {
            Finding::ok("gateway", format!("{address} is free"))
        };
    }
    let by = by_whom(address.port());
    let listen = &patient.config.server.listen;
    let process = ServeProcess::of(&patient.config.state.folder, listen);
    // Whoever stops what serves users takes the service down.
    match (&process, &patient.status) {
        (ServeProcess::Runs { .. }, _) | (_, Some(_)) => {
            return Finding::ok("gateway", format!("{address} is served{by}"));
        }
        (ServeProcess::Hidden(_), None) => {
            let message = format!("{address} is taken{by}; {}", process.sentence());
            return Finding::warn("gateway", message).hint(process.hint());
        }
        (ServeProcess::None, None) => {}
    }
    Finding::fail(
        "gateway",
        format!("{address} is taken{by}, and no server of this folder runs"),
    )
    .hint("stop what listens there, or change gateway.listen")
}

/// Whether the gateway divides requests as the journal says.
pub(super) async fn split(patient: &Patient) -> Option<Finding> {
    let route = report::route_of_gateway(&patient.config).await?;
    let status = match &patient.status {
        Some(status) => status.clone(),
        None => {
            let service = &patient.config.service;
            let (name, environment) = (service.name.as_str(), &service.environment);
            let standing = EngineStanding::Stopped { why: String::new() };
            portcullis_server::status(name, environment, patient.history.as_ref()?, standing, 0)
        }
    };
    let wanted = status.split.as_ref()?;
    let Some(differs) = report::split_differs(&status, &route) else {
        return Some(Finding::ok(
            "split",
            format!("as the journal says: {wanted}"),
        ));
    };
    let hint = "an engine that acts gives the gateway the journal's split again; the log of `portcullis \
                serve` says what keeps it from that";
    let found = match &route.split {
        Some(split) if split.stable == wanted.stable => Finding::warn("split", differs),
        _ => Finding::fail("split", differs),
    };
    Some(found.hint(hint))
}

fn serving_port(patient: &Patient) -> Option<u16> {
    let serving = patient.history.as_ref()?.serving()?;
    serving.target.address.rsplit(':').next()?.parse().ok()
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Whether a process could listen there; the socket is closed again at once.
fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

fn by_whom(port: u16) -> String {
    match holder::of_port(port) {
        Some((pid, name)) => format!(" by process {pid} ({name})"),
        None => String::new(),
    }
}
