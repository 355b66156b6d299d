//! `/metrics`, `/healthz` and `/readyz`: on the admin API, and alone on an address of their own.
//!
//! The address may be one that other machines reach, so it takes few connections at once, one request on
//! each, and little time for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Gathering;
use crate::bounds::{ACCEPT_RETRY_MS, METRICS_CONNECTIONS_MAX, METRICS_TIMEOUT_MS};
use crate::health_endpoints::HealthAnswer;
use crate::metrics::Format;
use crate::problem::{PROBLEM_JSON, Problem};

/// An answer with all of its body.
pub(crate) type WholeAnswer = Response<Full<Bytes>>;

/// `/metrics`.
pub(crate) async fn metrics(gathering: &Gathering, headers: &HeaderMap) -> WholeAnswer {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::from_accept(accept);
    let text = gathering.metrics(format).await;
    answer(StatusCode::OK, format.content_type(), text)
}

/// `/healthz`.
pub(crate) fn alive(gathering: &Gathering) -> WholeAnswer {
    health(gathering.alive())
}

/// `/readyz`.
pub(crate) async fn ready(gathering: &Gathering) -> WholeAnswer {
    health(gathering.ready().await)
}

/// Serves the three paths, and nothing else, until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, gathering: Arc<Gathering>) {
    let places = Arc::new(Semaphore::new(METRICS_CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let gathering = Arc::clone(&gathering);
                tokio::spawn(async move {
                    serve_one(stream, gathering).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection for metrics");
                tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
            }
        }
    }
}

async fn serve_one(stream: TcpStream, gathering: Arc<Gathering>) {
    let service = service_fn(|request| {
        let gathering = Arc::clone(&gathering);
        async move { Ok::<_, Infallible>(route(&gathering, &request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false);
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let limit = Duration::from_millis(METRICS_TIMEOUT_MS);
    if !matches!(tokio::time::timeout(limit, served).await, Ok(Ok(()))) {
        tracing::debug!("a connection for metrics ended early");
    }
}

async fn route(gathering: &Gathering, request: &Request<Incoming>) -> WholeAnswer {
    let path = request.uri().path();
    if !["/metrics", "/healthz", "/readyz"].contains(&path) {
        return refuse(
            StatusCode::NOT_FOUND,
            "urn:portcullis:problem:not-found",
            "Not found",
            "only /metrics, /healthz and /readyz are here",
        );
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refused = refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "urn:portcullis:problem:method-not-allowed",
            "Method not allowed",
            "this can only be read: use GET",
        );
        let allow = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allow);
        return refused;
    }
    match path {
        "/metrics" => metrics(gathering, request.headers()).await,
        "/healthz" => alive(gathering),
        _ => ready(gathering).await,
    }
}

fn health(health: HealthAnswer) -> WholeAnswer {
    answer(health.status, "application/json", health.body)
}

fn refuse(
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: &'static str,
) -> WholeAnswer {
    let problem = Problem::new(status, kind, title, detail);
    answer(status, PROBLEM_JSON, problem.to_json())
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> WholeAnswer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
