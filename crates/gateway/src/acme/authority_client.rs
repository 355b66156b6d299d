//! How an ACME authority is asked: over a connection of its own each time, over TLS, with the authorities
//! of the settings or the system's, and within bounds. The library's own client needs a TLS provider for
//! the whole process, which would be every other client's too.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::AcmeError;
use crate::bounds::{ACME_ANSWER_BYTES_MAX, ACME_REQUEST_TIMEOUT_MS};
use crate::tls;

/// Asks an authority. Copies share what it said about asking again.
#[derive(Clone)]
pub(super) struct AuthorityClient {
    connector: TlsConnector,
    retry_after_s: Arc<AtomicU64>,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl AuthorityClient {
    /// A client that believes the authorities of a PEM file, or the system's.
    ///
    /// # Errors
    /// When they cannot be used, or there are none.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<AuthorityClient, AcmeError> {
        let roots = match ca_file {
            Some(file) => {
                tls::authorities(file).map_err(|error| AcmeError::Roots(Box::new(error)))?
            }
            None => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                roots
            }
        };
        if roots.is_empty() {
            return Err(AcmeError::NoRoots);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(AcmeError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(AuthorityClient {
            connector: TlsConnector::from(Arc::new(config)),
            retry_after_s: Arc::default(),
        })
    }

    /// How long the authority wants not to be asked, said with its last refusal, in milliseconds. Asked
    /// for once.
    pub(super) fn take_retry_after_ms(&self) -> u64 {
        self.retry_after_s.swap(0, Relaxed).saturating_mul(1_000)
    }
}

impl HttpClient for AuthorityClient {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Boxed<Result<BytesResponse, Error>> {
        let client = self.clone();
        Box::pin(async move {
            let limit = Duration::from_millis(ACME_REQUEST_TIMEOUT_MS);
            let host = request.uri().host().unwrap_or_default().to_owned();
            let answer = tokio::time::timeout(limit, client.exchange(request)).await;
            let answer = answer.unwrap_or_else(|_| {
                let limit_s = limit.as_secs();
                Err(format!("{host} did not answer in {limit_s} s").into())
            });
            let answer = answer.map_err(Error::Other)?;
            client.note(&answer);
            let (parts, body) = answer.into_parts();
            Ok(BytesResponse {
                parts,
                body: Box::new(body),
            })
        })
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl AuthorityClient {
    /// Takes note of when a refusal says that it may be asked again (RFC 8555, 6.6).
    fn note(&self, answer: &Response<Bytes>) {
        let refused = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        if !refused.contains(&answer.status()) {
            return;
        }
        let after = answer.headers().get(RETRY_AFTER);
        let seconds = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        self.retry_after_s.store(seconds.unwrap_or(0), Relaxed);
    }

    async fn exchange(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Bytes>, AnyError> {
        let uri = request.uri().clone();
        let host = uri.host().ok_or("the URL has no host")?;
        let name = host.trim_matches(['[', ']']);
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_here(name) => false,
            _ => return Err(format!("{host} is to be asked without TLS, which is refused").into()),
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((name, port)).await;
        let stream = stream.map_err(|error| format!("no connection to {host}:{port}: {error}"))?;
        if !secure {
            return exchange_over(stream, &uri, request).await;
        }
        let server_name = ServerName::try_from(name.to_owned())?;
        let stream = self.connector.connect(server_name, stream).await;
        let stream = stream.map_err(|error| format!("no TLS with {host}:{port}: {error}"))?;
        exchange_over(stream, &uri, request).await
    }
}

async fn exchange_over<S>(
    stream: S,
    uri: &Uri,
    request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Bytes>, AnyError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut head, body) = request.into_parts();
    let authority = uri.authority().ok_or("the URL has no host")?.as_str();
    head.headers.insert(HOST, HeaderValue::from_str(authority)?);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse()?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake?;
    let answer = async {
        let answer = sender.send_request(Request::from_parts(head, body)).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ACME_ANSWER_BYTES_MAX).collect().await?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    // The connection is driven here, so that nothing outlives this call.
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}

/// Whether a host is this machine, which may be asked without TLS.
fn is_here(host: &str) -> bool {
    let address: Option<std::net::IpAddr> = host.parse().ok();
    host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
