//! Asking a server elsewhere for a document, over HTTP or HTTPS.
//!
//! Every question has a connection of its own, without a proxy and without redirects: an answer comes from where it
//! is said to come from. A server over HTTPS must show a certificate of an authority that is trusted and that names it;
//! there is no way to leave that out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest::Url;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use crate::bounds::CHECK_CONNECT_TIMEOUT;

mod words;

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Asks servers for documents. Clones share the authorities that the system trusts.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebClient {
    system: Arc<OnceCell<Arc<RootCertStore>>>,
}

/// One question, a `GET`.
#[derive(Debug, Clone)]
pub(crate) struct Question<'q> {
    /// Where, over `http` or `https`. A user and a password in it are shown to the server.
    pub(crate) url: &'q str,
    /// What is added to the URL's query.
    pub(crate) query: &'q [(&'q str, &'q str)],
    /// What is shown to the server.
    pub(crate) shown: Option<Shown>,
    /// A PEM file with the authorities that are trusted instead of the system's.
    pub(crate) ca: Option<PathBuf>,
    /// The longest answer that is read, in bytes.
    pub(crate) bytes_max: usize,
}

/// What is shown to a server so that it answers.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// `Authorization: Bearer`.
    Token(SecretString),
    /// `Authorization: Basic`, a user and a password.
    Basic(String, SecretString),
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl WebClient {
    /// Asks. The error says in words why there is no answer; it has neither the URL nor a secret in it.
    pub(crate) async fn get(&self, question: &Question<'_>) -> Result<Document, String> {
        let (url, shown) = address(question)?;
        let request = request(&url, shown.as_ref().or(question.shown.as_ref()))?;
        let client = self.client(&url, question.ca.as_deref()).await?;
        let host = url.host_str().unwrap_or_default();
        let told = |error| words::no_answer(&error, host, question.ca.as_deref());
        let answer = client.request(request).await.map_err(told)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, question.bytes_max).collect().await;
        let body = body.map_err(|error| words::broken_body(error.as_ref(), question.bytes_max))?;
        Ok(Document {
            status: head.status,
            body: body.to_bytes(),
        })
    }

    async fn client(&self, url: &Url, ca: Option<&Path>) -> Result<HttpClient, String> {
        let roots = match (url.scheme(), ca) {
            ("https", Some(file)) => Arc::new(authorities(file).await?),
            ("https", None) => self.system_authorities().await?,
            _ => Arc::new(RootCertStore::empty()),
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CHECK_CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector))
    }

    /// The authorities that the system trusts, read once.
    async fn system_authorities(&self) -> Result<Arc<RootCertStore>, String> {
        let read = || async {
            let loaded = tokio::task::spawn_blocking(|| {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                roots
            });
            let roots = loaded.await.unwrap_or_else(|_| RootCertStore::empty());
            match roots.is_empty() {
                true => Err(
                    "this system trusts no authority, so no certificate can be checked; install \
                             ca-certificates, or name the authority's certificate with `ca`"
                        .to_owned(),
                ),
                false => Ok(Arc::new(roots)),
            }
        };
        self.system.get_or_try_init(read).await.cloned()
    }
}

/// The authorities of a PEM file. It is read each time, so a renewed one counts at once.
async fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let shown = file.display();
    let text = tokio::fs::read(file)
        .await
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

/// The URL without a user and a password, and these.
fn address(question: &Question<'_>) -> Result<(Url, Option<Shown>), String> {
    let mut url = Url::parse(question.url).map_err(|error| format!("the URL is none: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the URL begins neither with http:// nor with https://".to_owned());
    }
    if !question.query.is_empty() {
        url.query_pairs_mut().extend_pairs(question.query);
    }
    let password = url.password().unwrap_or_default().to_owned();
    let shown = match url.username() {
        "" => None,
        user => Some(Shown::Basic(user.to_owned(), SecretString::from(password))),
    };
    // Neither fails for a URL with a host, which one of these schemes has.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok((url, shown))
}

fn request(url: &Url, shown: Option<&Shown>) -> Result<Request<Empty<Bytes>>, String> {
    let mut request = Request::get(url.as_str()).header(ACCEPT, "application/json, */*;q=0.5");
    if let Some(shown) = shown {
        let text = match shown {
            Shown::Token(token) => format!("Bearer {}", token.expose_secret()),
            Shown::Basic(user, password) => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| "the token has characters that a header cannot carry".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(Empty::new());
    request.map_err(|error| format!("the URL cannot be asked: {error}"))
}
