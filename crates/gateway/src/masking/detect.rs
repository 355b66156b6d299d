//! Asks a Dify server which version it runs.
//!
//! Only what the server itself says counts, in this order: `X-Version` of its answer to `GET /v1/`, the welcome in that
//! answer's body, and `GET /health`, which a server that is asked directly has. `/console/api/version` is never asked: it
//! names the latest version that was published.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use portcullis_mask::wire::{Detected, DifyVersion, version_of_header, version_of_welcome};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::bounds::DETECT_BYTES_MAX;
use crate::error::with_causes;
use crate::tls::{TlsError, authorities};

/// How a Dify server is asked.
#[derive(Debug, Clone, Copy)]
pub struct DifyQuestion<'a> {
    /// Where it is, with or without `/v1`.
    pub url: &'a str,
    /// A PEM file with the authorities to believe; the system's when there is none.
    pub ca_file: Option<&'a Path>,
    /// A key to show as `Authorization: Bearer`, for servers behind something that asks for one. Dify itself tells its
    /// version to everybody.
    pub key: Option<&'a SecretString>,
    /// How long all of it may take, in milliseconds.
    pub timeout_ms: u64,
}

/// A Dify server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifyServer {
    /// What it said, such as `1.7.0`; `None` for one that is Dify and says no version that is understood.
    pub version: Option<String>,
    /// Where it said so.
    pub source: Option<VersionSource>,
    /// The table that is used for it.
    pub table: DifyVersion,
    /// Whether the table was written for this version.
    pub is_exact: bool,
    /// What the welcome said, where it is another version than that of the header.
    pub otherwise: Option<String>,
}

/// Where a server said its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionSource {
    /// In `X-Version`.
    Header,
    /// In the body of `GET /v1/`.
    Welcome,
    /// In the body of `GET /health`.
    Health,
}

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The URL.
    #[error("{url:?} is not a URL that can be asked: {why}")]
    Url {
        /// As it was given, without a password.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The authorities.
    #[error("there are no authorities to check the server's certificate with")]
    Authorities(#[source] Option<TlsError>),
    /// The key.
    #[error("the key cannot be sent in a header: it holds characters that are not allowed there")]
    Key,
    /// Nobody answers.
    #[error("no server answers at {host}: {why}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// What went wrong.
        why: String,
    },
    /// It is something else.
    #[error("what answers at {host} does not say that it is Dify: {why}")]
    NotDify {
        /// Who was asked.
        host: String,
        /// What it answered.
        why: String,
    },
}

impl VersionSource {
    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            VersionSource::Header => "header",
            VersionSource::Welcome => "welcome",
            VersionSource::Health => "health",
        }
    }
}

/// What Dify's container answers to `GET /health`.
#[derive(Deserialize)]
struct Health {
    status: String,
    version: String,
    #[serde(rename = "pid")]
    _pid: u64,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Asks a server.
///
/// # Errors
/// It cannot be asked, nobody answers in time, or what answers is not Dify.
pub async fn detect_dify(question: DifyQuestion<'_>) -> Result<DifyServer, DetectError> {
    let base = base(question.url)?;
    let host = base
        .authority()
        .map_or_else(String::new, ToString::to_string);
    let client = client(&base, question.ca_file)?;
    let key = match question.key {
        None => None,
        Some(key) => {
            let value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()));
            let mut value = value.map_err(|_| DetectError::Key)?;
            value.set_sensitive(true);
            Some(value)
        }
    };
    let asked = ask(&client, (&base, &host), key.as_ref());
    let limit = Duration::from_millis(question.timeout_ms);
    match tokio::time::timeout(limit, asked).await {
        Ok(found) => found,
        Err(_) => Err(DetectError::Unreachable {
            host,
            why: format!("no answer within {} ms", question.timeout_ms),
        }),
    }
}

async fn ask(
    client: &HttpClient,
    (base, host): (&Uri, &str),
    key: Option<&HeaderValue>,
) -> Result<DifyServer, DetectError> {
    let unreachable = |why| DetectError::Unreachable {
        host: host.to_owned(),
        why,
    };
    let welcome = get(client, base, "/v1/", key).await.map_err(unreachable)?;
    if let Some(server) = of_welcome(&welcome) {
        return Ok(server);
    }
    let health = get(client, base, "/health", key)
        .await
        .map_err(unreachable)?;
    if let Some(server) = of_health(&health) {
        return Ok(server);
    }
    Err(DetectError::NotDify {
        host: host.to_owned(),
        why: described(&welcome),
    })
}

/// What the answer to `GET /v1/` says; `None` if it is not Dify's.
fn of_welcome(answer: &Answer) -> Option<DifyServer> {
    let header = of_header(&answer.headers);
    let body = version_of_welcome(&answer.body);
    // Others have such a header too, but not both.
    let is_dify = body.is_some()
        || is_welcome(&answer.body)
        || (header.is_some() && answer.headers.contains_key("x-env"));
    if !is_dify {
        return None;
    }
    let Some(header) = header else {
        return Some(match body {
            Some(body) => server(body, VersionSource::Welcome),
            None => DifyServer {
                version: None,
                source: None,
                // It has all paths of the older one.
                table: DifyVersion::V1,
                is_exact: false,
                otherwise: None,
            },
        });
    };
    let otherwise = body.filter(|body| body.version != header.version);
    Some(DifyServer {
        otherwise: otherwise.map(|body| body.version),
        ..server(header, VersionSource::Header)
    })
}

/// What the answer to `GET /health` says; `None` if it is not Dify's.
fn of_health(answer: &Answer) -> Option<DifyServer> {
    let health: Health = serde_json::from_slice(&answer.body).ok()?;
    if answer.status != StatusCode::OK || health.status != "ok" {
        return None;
    }
    Some(match of_header(&answer.headers) {
        Some(header) => server(header, VersionSource::Header),
        None => server(version_of_header(&health.version)?, VersionSource::Health),
    })
}

fn of_header(headers: &HeaderMap) -> Option<Detected> {
    let said = headers.get("x-version")?.to_str().ok()?;
    version_of_header(said)
}

/// Whether a body is Dify's welcome, whatever its version is.
fn is_welcome(body: &[u8]) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let welcome = body.as_ref().and_then(|body| body.get("welcome")?.as_str());
    welcome.is_some_and(|welcome| welcome.contains("Dify"))
}

fn server(detected: Detected, source: VersionSource) -> DifyServer {
    DifyServer {
        version: Some(detected.version),
        source: Some(source),
        table: detected.table,
        is_exact: detected.exact,
        otherwise: None,
    }
}

/// What something else answered, without anything of its text.
fn described(answer: &Answer) -> String {
    let status = answer.status;
    let elsewhere = answer
        .headers
        .get(LOCATION)
        .filter(|_| status.is_redirection())
        .and_then(|location| location.to_str().ok());
    if let Some(location) = elsewhere {
        let location = location.split(['?', '#']).next().unwrap_or_default();
        return format!("GET /v1/ is answered with {status} to {location}; ask there");
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
            "GET /v1/ is answered with {status}; give the key that something before it asks for"
        ),
        _ => format!(
            "GET /v1/ is answered with {status}, without Dify's welcome and without X-Version and X-Env"
        ),
    }
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

fn client(base: &Uri, ca_file: Option<&Path>) -> Result<HttpClient, DetectError> {
    let roots = match (base.scheme_str(), ca_file) {
        (_, Some(file)) => {
            authorities(file).map_err(|error| DetectError::Authorities(Some(error)))?
        }
        (Some("https"), None) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(DetectError::Authorities(None));
            }
            roots
        }
        _ => RootCertStore::empty(),
    };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| DetectError::Authorities(None))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

async fn get(
    client: &HttpClient,
    base: &Uri,
    path: &str,
    key: Option<&HeaderValue>,
) -> Result<Answer, String> {
    let uri = format!("{}{path}", base.to_string().trim_end_matches('/'));
    let mut request = Request::get(uri).header(ACCEPT, "application/json");
    if let Some(key) = key {
        request = request.header(AUTHORIZATION, key);
    }
    let request = request.body(Empty::new());
    let request = request.map_err(|error| with_causes(&error))?;
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| with_causes(&error))?;
    let (head, body) = answer.into_parts();
    // One that is too long is none of Dify's; its head may be.
    let body = Limited::new(body, DETECT_BYTES_MAX).collect().await;
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: body.map(|body| body.to_bytes()).unwrap_or_default(),
    })
}

/// Where the server is: its URL without `/v1`.
fn base(url: &str) -> Result<Uri, DetectError> {
    let bad = |why| DetectError::Url {
        url: without_user(url),
        why,
    };
    let uri: Uri = url.trim().parse().map_err(|_| bad("it cannot be read"))?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if !is_http {
        return Err(bad("it must begin with http:// or https://"));
    }
    let Some(authority) = uri.authority() else {
        return Err(bad("it has no host"));
    };
    if authority.as_str().contains('@') {
        return Err(bad("it must have no user and no password"));
    }
    if uri.query().is_some() {
        return Err(bad("it must have no query"));
    }
    let path = uri.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path);
    let scheme = uri.scheme_str().unwrap_or("http");
    let base = format!("{scheme}://{authority}{path}/");
    base.parse().map_err(|_| bad("it cannot be read"))
}

/// A URL as it may be shown.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
