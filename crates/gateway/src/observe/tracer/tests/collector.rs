//! A collector to send spans to: a real HTTP server that decodes what it is sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// A collector on a free port. Dropping it closes the port.
pub(super) struct TestCollector {
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<ExportTraceServiceRequest>>,
    /// What it answers, one after the other; then 200.
    answers: Mutex<VecDeque<(StatusCode, Vec<u8>)>>,
    hangs: bool,
}

impl TestCollector {
    pub(super) fn start(answers: impl IntoIterator<Item = (StatusCode, Vec<u8>)>) -> TestCollector {
        TestCollector::with(Seen {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Seen::default()
        })
    }

    /// One that takes connections and requests, and never answers.
    pub(super) fn start_hanging() -> TestCollector {
        TestCollector::with(Seen {
            hangs: true,
            ..Seen::default()
        })
    }

    fn with(seen: Seen) -> TestCollector {
        let seen = Arc::new(seen);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let router = axum::Router::new()
            .route("/v1/traces", post(take))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&seen));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        TestCollector {
            address,
            seen,
            _runtime: runtime,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests came.
    pub(super) fn requests(&self) -> usize {
        self.seen.requests.lock().unwrap().len()
    }

    /// Every span that came.
    pub(super) fn spans(&self) -> Vec<Span> {
        let requests = self.seen.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Who sent the first ones.
    pub(super) fn resource(&self) -> Resource {
        let requests = self.seen.requests.lock().unwrap();
        requests[0].resource_spans[0].resource.clone().unwrap()
    }
}

async fn take(
    State(seen): State<Arc<Seen>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    seen.requests.lock().unwrap().push(request);
    if seen.hangs {
        std::future::pending::<()>().await;
    }
    let answer = seen.answers.lock().unwrap().pop_front();
    answer.unwrap_or((StatusCode::OK, Vec::new()))
}
