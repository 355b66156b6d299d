//! TLS to the servers of an upstream.
//!
//! - A server must have a certificate for its name from an authority that is believed: there is no way
//!   to do without.
//! - Files are read again when they change ([`UpstreamTlsClient::look`]). Bad ones never take effect:
//!   whoever starts is told, and whoever runs keeps what it has. Connections that are open stay.
//! - Sessions are resumed, but not over a change of the files: a resumed session shows no certificate,
//!   so it would be believed by what was true before.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use portcullis_config::{UpstreamProtocol, UpstreamTls};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::UpstreamStream;
use crate::tls::{TlsError, Versions, authorities, chain, key};

/// The name of HTTP/2 over TLS (RFC 9113, 3.1).
const HTTP2: &[u8] = b"h2";
/// The name of HTTP/1.1 (RFC 7301, 6).
const HTTP1: &[u8] = b"http/1.1";

/// What connections to the servers of one upstream are made with, for all workers.
#[derive(Debug)]
pub(crate) struct UpstreamTlsClient {
    settings: UpstreamTls,
    protocol: UpstreamProtocol,
    current: ArcSwap<ClientConfig>,
    /// How the files were when they were looked at last.
    seen: Mutex<Versions>,
}

impl UpstreamTlsClient {
    /// Reads authorities, and the client's certificate and key if there is one. This takes some
    /// milliseconds, for the system's authorities.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(crate) fn load(
        settings: &UpstreamTls,
        protocol: UpstreamProtocol,
    ) -> Result<UpstreamTlsClient, TlsError> {
        // Before they are read, so that a change meanwhile is seen as one.
        let seen = versions(settings);
        Ok(UpstreamTlsClient {
            current: ArcSwap::from_pointee(configure(settings, protocol)?),
            settings: settings.clone(),
            protocol,
            seen: Mutex::new(seen),
        })
    }

    /// Whether it was made with these settings.
    pub(crate) fn is_of(&self, settings: &UpstreamTls, protocol: UpstreamProtocol) -> bool {
        self.settings == *settings && self.protocol == protocol
    }

    /// Reads the files again if one has changed, and says so in the log. Until they can be used, the
    /// old ones stay. To be called once in a while, on a thread that may wait for the disk.
    pub(crate) fn look(&self) {
        let now = versions(&self.settings);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now == *seen {
            return;
        }
        *seen = now;
        match configure(&self.settings, self.protocol) {
            Ok(next) => {
                self.current.store(Arc::new(next));
                tracing::info!("certificates for servers were read again");
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(
                    %error,
                    cause,
                    "changed certificates for servers are not used; the old ones stay"
                );
            }
        }
    }

    /// The name that the certificate of the server at `address` (`host:port`) must have; the error
    /// says why there is none.
    pub(crate) fn server_name(&self, address: &str) -> Result<ServerName<'static>, String> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        // An IPv6 address has brackets there.
        let host = host.trim_matches(['[', ']']);
        let name = self.settings.server_name.as_deref().unwrap_or(host);
        ServerName::try_from(name.to_owned()).map_err(|_| {
            format!(
                "`{name}` is no name that a certificate can have; give `server_name` under `tls`"
            )
        })
    }

    /// Shakes hands with a server. The caller bounds the time.
    ///
    /// # Errors
    /// The server cannot be believed, refuses, or does not speak the protocol: the text says what to do.
    pub(crate) async fn shake_hands(
        &self,
        stream: TcpStream,
        name: &ServerName<'static>,
    ) -> io::Result<UpstreamStream> {
        let connector = TlsConnector::from(self.current.load_full());
        let stream = match connector.connect(name.clone(), stream).await {
            Ok(stream) => stream,
            Err(error) => return Err(self.explain(error, name)),
        };
        let agreed = stream.get_ref().1.alpn_protocol();
        if self.protocol == UpstreamProtocol::Http2 && agreed != Some(HTTP2) {
            return Err(no_http2(&name.to_str()));
        }
        Ok(UpstreamStream::Tls(Box::new(stream)))
    }

    /// The error of a handshake with what to do about it.
    fn explain(&self, error: io::Error, name: &ServerName<'_>) -> io::Error {
        let name = name.to_str();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        let text = match inner {
            Some(rustls::Error::InvalidCertificate(wrong)) => match wrong {
                // The second is seen where an authority has the name of one that is believed, and another key.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                    "the certificate of `{name}` is from an authority that is not believed; give the \
                     authority's certificate as `ca` under `tls`"
                ),
                CertificateError::NotValidForName => not_for(&name, &[]),
                CertificateError::NotValidForNameContext { presented, .. } => {
                    not_for(&name, presented)
                }
                wrong => format!("the certificate of `{name}` is not valid: {wrong}"),
            },
            Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol))
                if self.protocol == UpstreamProtocol::Http2 =>
            {
                return no_http2(&name);
            }
            Some(rustls::Error::AlertReceived(alert)) if is_about_certificate(*alert) => format!(
                "`{name}` does not accept the gateway's certificate ({alert:?}); give one that it \
                 believes as `chain` and `key` under `tls`"
            ),
            _ => format!("no TLS with `{name}`: {error}"),
        };
        io::Error::new(error.kind(), text)
    }
}

fn not_for(name: &str, presented: &[String]) -> String {
    let names = match presented {
        [] => "for another name".to_owned(),
        names => format!("for {}", names.join(", ")),
    };
    format!(
        "the certificate of `{name}` is not for this name but {names}; correct it, or give its name \
         as `server_name` under `tls`"
    )
}

fn no_http2(name: &str) -> io::Error {
    let text = format!(
        "`{name}` does not speak HTTP/2 over TLS; give the upstream `protocol = \"http1\"`, or let \
         the server offer `h2`"
    );
    io::Error::new(io::ErrorKind::Unsupported, text)
}

/// Whether an alert is about the client's certificate (RFC 8446, 6.2).
fn is_about_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
    )
}

fn configure(settings: &UpstreamTls, protocol: UpstreamProtocol) -> Result<ClientConfig, TlsError> {
    let roots = match &settings.ca_file {
        Some(file) => authorities(file)?,
        None => system_authorities()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots);
    let mut config = match &settings.client {
        None => builder.with_no_client_auth(),
        Some((chain_file, key_file)) => builder
            .with_client_auth_cert(chain(chain_file)?, key(key_file)?)
            .map_err(|source| TlsError::Pair {
                chain: chain_file.clone(),
                key: key_file.clone(),
                source,
            })?,
    };
    let name = match protocol {
        UpstreamProtocol::Http1 => HTTP1,
        UpstreamProtocol::Http2 => HTTP2,
    };
    config.alpn_protocols = vec![name.to_vec()];
    Ok(config)
}

fn system_authorities() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(TlsError::NoSystemAuthority),
        false => Ok(roots),
    }
}

fn versions(settings: &UpstreamTls) -> Versions {
    let client = settings.client.iter();
    let pairs = client.flat_map(|(chain, key)| [chain, key]);
    let files = settings.ca_file.iter().chain(pairs);
    Versions::of(files.map(|file| file.as_path()))
}

#[cfg(test)]
pub(crate) mod tests;
