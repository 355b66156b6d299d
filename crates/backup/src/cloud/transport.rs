//! Requests to whoever keeps objects, by the client and the TLS of the rest of the workspace: ring, and the authorities
//! that the system trusts.
//!
//! Every answer is read whole before it is handed on: pieces that are asked for are small, and an answer that breaks off
//! is then a request that failed, which is tried again.

use std::error::Error;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use crate::bounds::{COPY_ANSWER_BYTES_MAX, COPY_CONNECT_S, COPY_PART_BYTES, COPY_REQUEST_S};

/// Sends requests.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<TcpConnector>, HttpRequestBody>,
}

/// An answer that was read whole.
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Bytes,
}

/// The connection broke, or the answer did.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(String);

impl Transport {
    /// Trusts the authorities of the PEM file, or those of the system.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self, String> {
        let roots = match ca {
            Some(file) => authorities(file)?,
            None => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                roots
            }
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(Duration::from_secs(COPY_CONNECT_S)));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// Sends a request and reads its answer whole, within the time that one may take.
    pub(crate) async fn whole(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        if let Err(why) = may_be_asked(request.uri()) {
            return Err(HttpError::new(HttpErrorKind::Unknown, Broken(why)));
        }
        let seconds = seconds_for(request.body().content_length() as u64);
        let limit = Duration::from_secs(seconds);
        timeout(limit, self.ask(request)).await.unwrap_or_else(|_| {
            let why = format!("no whole answer within {seconds} s");
            Err(HttpError::new(HttpErrorKind::Timeout, Broken(why)))
        })
    }

    async fn ask(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let answer = self.client.request(request).await.map_err(|error| {
            let kind = match error.is_connect() {
                true => HttpErrorKind::Connect,
                false => HttpErrorKind::Interrupted,
            };
            let what = match error.is_connect() {
                true => "could not connect",
                false => "got no answer",
            };
            HttpError::new(kind, Broken(format!("{what}: {}", innermost(&error))))
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, COPY_ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| {
            let why = format!("the answer broke off: {}", innermost(&*error));
            HttpError::new(HttpErrorKind::Interrupted, Broken(why))
        })?;
        Ok(Answer {
            head,
            body: body.to_bytes(),
        })
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let Answer { head, body } = self.whole(request).await?;
        let body = Full::new(body).map_err(|never| match never {});
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

/// How long a request with a body of so many bytes may take, in seconds: a larger piece takes longer.
fn seconds_for(bytes: u64) -> u64 {
    COPY_REQUEST_S.saturating_mul(bytes.div_ceil(COPY_PART_BYTES).max(1))
}

/// Nothing that is copied, and no signature, goes over a network in the clear, whoever said where to: an address may come
/// from a variable of the provider's or from the file of a key. Only this machine, and what a provider's machine asks for
/// its role, is asked so.
fn may_be_asked(uri: &http::Uri) -> Result<(), String> {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    let near = match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            let of_the_machine = address.segments()[..2] == [0xfd00, 0x0ec2];
            address.is_loopback() || address.is_unicast_link_local() || of_the_machine
        }
        Err(_) => ["localhost", "metadata.google.internal"].contains(&bare),
    };
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if near => Ok(()),
        _ => Err(format!(
            "http://{host} is not encrypted and not on this machine, so nothing was sent; use https:// (an address may \
             come from the environment, for example from AWS_ENDPOINT_URL)"
        )),
    }
}

impl HttpConnector for Transport {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let shown = file.display();
    let text = std::fs::read(file)
        .map_err(|error| format!("the authorities in {shown} cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate =
            certificate.map_err(|error| format!("the authorities in {shown}: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("an authority in {shown} is no certificate: {error}"))?;
    }
    match roots.is_empty() {
        true => Err(format!("{shown} has no certificate in it (PEM)")),
        false => Ok(roots),
    }
}

/// The innermost cause: the outer ones only say that there is one.
fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_over_a_network_in_the_clear() {
        for (uri, may) in [
            ("https://s3.example/b", true),
            ("http://127.0.0.1:9000/b", true),
            ("http://[::1]:9000/b", true),
            ("http://localhost/b", true),
            ("http://169.254.169.254/latest/api/token", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://metadata.google.internal/computeMetadata", true),
            ("http://s3.example/b", false),
            ("http://10.0.0.1:9000/b", false),
            ("http://127.0.0.1.example/b", false),
            ("http://[fd00::1]/b", false),
            ("ftp://127.0.0.1/b", false),
        ] {
            let asked = may_be_asked(&uri.parse().unwrap());
            assert_eq!(asked.is_ok(), may, "{uri}: {asked:?}");
        }
    }

    #[test]
    fn a_larger_piece_has_more_time() {
        assert_eq!(seconds_for(0), COPY_REQUEST_S);
        assert_eq!(seconds_for(COPY_PART_BYTES), COPY_REQUEST_S);
        assert_eq!(seconds_for(COPY_PART_BYTES * 9), COPY_REQUEST_S * 9);
    }
}
