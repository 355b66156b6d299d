//! An OpenTelemetry collector: OTLP over HTTP with protobuf
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::bounds::{
    COLLECTOR_ANSWER_BYTES_MAX, COLLECTOR_ANSWER_TIMEOUT_MS, COLLECTOR_IDLE_TIMEOUT_MS,
};

/// The path of traces.
const PATH: &str = "/v1/traces";

/// Where spans are sent.
#[derive(Debug)]
pub(super) struct Collector {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The collector took it, but for so many spans.
    Taken {
        /// Spans that it did not take.
        rejected: u64,
    },
    /// It may take it later.
    Later {
        /// What happened.
        reason: String,
        /// After how long, if it said so.
        after_ms: Option<u64>,
    },
    /// It will never take it.
    Refused {
        /// What it answered.
        reason: String,
    },
}

/// Why a collector cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectorError {
    /// The URL is none.
    #[error("`{url}` is not the URL of a collector; write it like `http://127.0.0.1:4318`")]
    Url {
        /// What was given.
        url: String,
    },
    /// There is no TLS.
    #[error("TLS for the collector cannot be set up")]
    Tls(#[source] rustls::Error),
    /// There is nothing to check its certificate with.
    #[error(
        "the collector `{url}` is reached by https, and this system has no certificates of authorities to check it with; \
         install them (package ca-certificates) or use http"
    )]
    NoRoots {
        /// The URL.
        url: String,
    },
}

impl Collector {
    /// The collector at a URL, to which the path of traces is added. Nothing is connected yet.
    pub(super) fn new(endpoint: &str) -> Result<Collector, CollectorError> {
        let refuse = || CollectorError::Url {
            url: endpoint.to_owned(),
        };
        let uri: Uri = format!("{}{PATH}", endpoint.trim_end_matches('/'))
            .parse()
            .map_err(|_| refuse())?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse()),
        };
        let mut roots = RootCertStore::empty();
        if is_secure {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(CollectorError::NoRoots {
                    url: endpoint.to_owned(),
                });
            }
        }
        // Named here, because this process may have none as its default.
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(CollectorError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_millis(COLLECTOR_IDLE_TIMEOUT_MS))
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Collector { uri, client })
    }

    /// Sends a batch once.
    pub(super) async fn send(&self, batch: &ExportTraceServiceRequest) -> Delivery {
        let whole = Duration::from_millis(COLLECTOR_ANSWER_TIMEOUT_MS);
        let sent = tokio::time::timeout(whole, self.post(batch)).await;
        sent.unwrap_or_else(|_| {
            later(
                format!("the collector did not answer in {COLLECTOR_ANSWER_TIMEOUT_MS} ms"),
                None,
            )
        })
    }

    async fn post(&self, batch: &ExportTraceServiceRequest) -> Delivery {
        let body = Full::new(Bytes::from(batch.encode_to_vec()));
        let request = Request::post(&self.uri)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(
                USER_AGENT,
                concat!("portcullis/", env!("CARGO_PKG_VERSION")),
            )
            .body(body);
        let request = match request {
            Ok(request) => request,
            Err(error) => return refused(error.to_string()),
        };
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => return later(told(&error), None),
        };
        let (head, body) = answer.into_parts();
        // Read to its end, so that the connection can be used again.
        let body = Limited::new(body, COLLECTOR_ANSWER_BYTES_MAX)
            .collect()
            .await;
        match head.status {
            StatusCode::OK => {
                let body = body.map(http_body_util::Collected::to_bytes);
                let answer = body
                    .ok()
                    .and_then(|body| ExportTraceServiceResponse::decode(body).ok());
                let partial = answer.and_then(|answer| answer.partial_success);
                let rejected = partial.map_or(0, |partial| partial.rejected_spans);
                Delivery::Taken {
                    rejected: u64::try_from(rejected).unwrap_or(0),
                }
            }
            // The only ones that the specification lets a client try again.
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => later(
                format!("the collector answered {}", head.status),
                retry_after_ms(&head.headers),
            ),
            status => refused(format!("the collector answered {status}")),
        }
    }
}

fn later(reason: String, after_ms: Option<u64>) -> Delivery {
    Delivery::Later { reason, after_ms }
}

fn refused(reason: String) -> Delivery {
    Delivery::Refused { reason }
}

/// `Retry-After` in seconds; a date is as none.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(seconds.saturating_mul(1000))
}

/// An error and what caused it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
