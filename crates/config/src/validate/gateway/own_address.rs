//! A gateway that sends requests to itself.
//!
//! It would send each of them again and again until something gives way. Only what the file tells is
//! compared: other names and addresses of this machine are not known here.

use std::net::{IpAddr, SocketAddr};

use crate::Code;
use crate::raw::RawGateway;
use crate::report::{Report, Wrong};

/// Reports servers of upstreams at which the gateway itself listens.
pub(super) fn check(raw: &RawGateway, report: &Report<'_>) {
    let secure = raw.tls.as_ref().and_then(|tls| tls.listen.as_ref());
    let own = [
        ("gateway.listen", raw.listen.as_ref()),
        ("gateway.tls.listen", secure),
    ];
    for server in raw.upstreams.iter().flat_map(|one| &one.servers) {
        let Some(address) = &server.address else {
            continue;
        };
        let met = own.iter().find_map(|(key, listen)| {
            let listen = listen.filter(|listen| reaches(&address.value, listen.value))?;
            Some((key, listen.value))
        });
        if let Some((key, listen)) = met {
            let message = format!(
                "{} is the gateway itself ({key} = \"{listen}\"): it would send each request to itself \
                 without end",
                address.value
            );
            let hint = "write the address of another server; for the releases of the service, remove this \
                        upstream and write to = \"service\" in the route";
            let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
            report.add(&address.spot, wrong);
        }
    }
}

/// Whether a connection to `address`, a host with a port, arrives where `listen` says.
fn reaches(address: &str, listen: SocketAddr) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    if listen.port() == 0 || port.parse() != Ok(listen.port()) {
        return false;
    }
    let ours = listen.ip().to_canonical();
    let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    if host == "localhost" || host.ends_with(".localhost") {
        return is_here(ours);
    }
    let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() else {
        return false;
    };
    let ip = ip.to_canonical();
    // A connection to no address is one to this machine.
    ip == ours || (ours.is_unspecified() && is_here(ip)) || (ip.is_unspecified() && is_here(ours))
}
