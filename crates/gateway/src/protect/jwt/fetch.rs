//! Fetches a key set from a URL.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::JwksError;
use crate::protect::bounds::{JWKS_BYTES_MAX, JWKS_FETCH_TIMEOUT_MS};

/// Fetches a key set: at most 1 MiB, in at most five seconds, over a connection of its own, without
/// following redirects. Under `https` the server is checked with the system's certificates.
///
/// # Errors
///
/// There is no good answer in time.
pub async fn fetch_jwks(url: &str) -> Result<Vec<u8>, JwksError> {
    let bad = || JwksError::Url {
        url: url.to_owned(),
    };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let host = uri.host().ok_or_else(bad)?.to_owned();
    let whole = Duration::from_millis(JWKS_FETCH_TIMEOUT_MS);
    let fetched = tokio::time::timeout(whole, fetch(&uri, &host, bad)).await;
    fetched.unwrap_or(Err(JwksError::Timeout { host }))
}

async fn fetch(uri: &Uri, host: &str, bad: impl Fn() -> JwksError) -> Result<Vec<u8>, JwksError> {
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(bad()),
    };
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let name = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((name, port)).await;
    let stream = stream.map_err(|source| failed(host, "no connection", source))?;
    if !tls {
        return get(stream, uri, host).await;
    }
    let server_name = ServerName::try_from(name.to_owned()).map_err(|_| bad())?;
    let connector = TlsConnector::from(Arc::new(client_config(host)?));
    let stream = connector.connect(server_name, stream).await;
    get(
        stream.map_err(|source| failed(host, "no TLS", source))?,
        uri,
        host,
    )
    .await
}

async fn get<S>(stream: S, uri: &Uri, host: &str) -> Result<Vec<u8>, JwksError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let broken = |source: hyper::Error| failed(host, "the connection broke", source);
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(broken)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json, application/jwk-set+json")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|source| failed(host, "the URL's path", source))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        if answer.status() != StatusCode::OK {
            return Err(JwksError::Status {
                host: host.to_owned(),
                status: answer.status().as_u16(),
            });
        }
        let body = Limited::new(answer.into_body(), JWKS_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|source| match source.downcast::<hyper::Error>() {
            Ok(error) => broken(*error),
            Err(_) => JwksError::TooLarge,
        })?;
        Ok(body.to_bytes().to_vec())
    };
    // The connection is driven here, so that nothing outlives this call. When it ends first, the
    // sender knows.
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}

fn client_config(host: &str) -> Result<ClientConfig, JwksError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(JwksError::NoRoots {
            host: host.to_owned(),
        });
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|source| failed(host, "no TLS", source))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn failed(
    host: &str,
    step: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> JwksError {
    JwksError::Connection {
        host: host.to_owned(),
        step,
        source: source.into(),
    }
}
