//! Where connections are made to, and what they are kept by: the same for an arm of the guarded service
//! and for a server of an upstream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use http::HeaderValue;
use portcullis_config::UpstreamProtocol;
use rustls::pki_types::ServerName;

use crate::upstream::UpstreamTlsClient;

/// A place to connect to and how it is spoken to. None of it changes but whether it is retired.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Where to connect.
    pub(crate) destination: Destination,
    /// Which protocol it speaks.
    pub(crate) protocol: UpstreamProtocol,
    /// The address as a `Host` header has it.
    pub(crate) host_header: HeaderValue,
    /// TLS to it; `None` speaks plain text.
    pub(crate) tls: Option<EndpointTls>,
    /// Whether its connections are not kept.
    retired: AtomicBool,
}

/// TLS to one endpoint.
#[derive(Debug)]
pub(crate) struct EndpointTls {
    /// What connections are made with.
    pub(crate) client: Arc<UpstreamTlsClient>,
    /// The name that the certificate must have.
    pub(crate) server_name: ServerName<'static>,
}

/// Where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// An IP address: nothing to look up.
    Address(SocketAddr),
    /// A host name with a port, looked up at every connect.
    Name(String),
}

impl Endpoint {
    /// An endpoint at `host:port` that is not retired, with TLS if `tls` is given; the error says what is
    /// wrong with the address.
    pub(crate) fn new(
        address: &str,
        protocol: UpstreamProtocol,
        tls: Option<Arc<UpstreamTlsClient>>,
    ) -> Result<Endpoint, String> {
        let destination = Destination::parse(address)?;
        let tls = tls.map(|client| {
            let server_name = client.server_name(address)?;
            Ok::<_, String>(EndpointTls {
                client,
                server_name,
            })
        });
        Ok(Endpoint {
            destination,
            protocol,
            host_header: HeaderValue::from_str(address).map_err(|error| error.to_string())?,
            tls: tls.transpose()?,
            retired: AtomicBool::new(false),
        })
    }

    /// The address, `host:port`.
    pub(crate) fn address(&self) -> &str {
        // An address has nothing but ASCII characters.
        self.host_header.to_str().unwrap_or_default()
    }

    /// Whether it is spoken to in this way.
    pub(crate) fn speaks(
        &self,
        protocol: UpstreamProtocol,
        tls: Option<&Arc<UpstreamTlsClient>>,
    ) -> bool {
        let same_tls = match (&self.tls, tls) {
            (None, None) => true,
            (Some(own), Some(other)) => Arc::ptr_eq(&own.client, other),
            _ => false,
        };
        self.protocol == protocol && same_tls
    }

    /// Whether connections to it are not kept.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(SeqCst)
    }

    /// Marks it as out of service, so that its connections are closed, or as back in it.
    pub(crate) fn set_retired(&self, retired: bool) {
        self.retired.store(retired, SeqCst);
    }
}

impl Destination {
    /// Reads `host:port`; the error says what is wrong with it.
    pub(crate) fn parse(address: &str) -> Result<Destination, String> {
        if let Ok(parsed) = address.parse::<SocketAddr>() {
            if parsed.port() == 0 {
                return Err(format!(
                    "address `{address}` has port 0; give the port it listens on"
                ));
            }
            return Ok(Destination::Address(parsed));
        }
        let host_port = address.rsplit_once(':');
        let named = |host: &str| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        match host_port {
            Some((host, port)) if named(host) && port.parse::<u16>().is_ok_and(|port| port > 0) => {
                Ok(Destination::Name(address.to_owned()))
            }
            _ => Err(format!(
                "address `{address}` is not `host:port`, for example `127.0.0.1:8080`"
            )),
        }
    }
}

#[cfg(test)]
mod tests;
