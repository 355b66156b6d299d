use std::rc::Rc;
use std::time::Duration;

use http::{Request, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use portcullis_api::gateway::Arm;
use portcullis_config::{AccessLogConfig, AccessLogPlace, LoggedPaths, UpstreamProtocol};
use prost::Message;

use self::collector::TestCollector;
use super::*;
use crate::arm::ArmState;
use crate::clock;
use crate::observe::{Beginning, Observers, WorkerObservers};

mod collector;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN: &str = "b7ad6b7169203331";

fn observers(endpoint: String) -> (Rc<WorkerObservers>, Arc<TracerCounters>) {
    let log = AccessLogConfig {
        to: AccessLogPlace::Off,
        sample: 1,
        paths: LoggedPaths::Masked,
    };
    let traces = TracesConfig {
        endpoint,
        sample: 1,
    };
    let observers = Arc::new(Observers::start(&log, Some(&traces), 1).unwrap());
    let counters = Arc::clone(&observers.tracer().unwrap().counters);
    (WorkerObservers::new(observers, 0), counters)
}

/// A request of one span.
fn ask(observers: &Rc<WorkerObservers>) {
    let (head, ()) = Request::get("/").body(()).unwrap().into_parts();
    observers.begin(&Beginning {
        started_us: clock::monotonic_us(),
        head: &head,
        client: "192.0.2.77".parse().unwrap(),
        is_secure: false,
    });
}

fn arm(release: &str, port: u16) -> Arc<ArmState> {
    let arm = Arm {
        release: release.to_owned(),
        address: format!("127.0.0.1:{port}"),
    };
    Arc::new(ArmState::new(arm, UpstreamProtocol::Http1, 1).unwrap())
}

/// The attributes as text.
fn told(attributes: &[KeyValue]) -> Vec<(&str, String)> {
    let value = |attribute: &KeyValue| match &attribute.value.as_ref().unwrap().value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let mut told: Vec<_> = attributes
        .iter()
        .map(|attribute| (attribute.key.as_str(), value(attribute)))
        .collect();
    told.sort();
    told
}

fn assert_told(span: &Span, wanted: &[(&str, &str)]) {
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    assert_eq!(told(&span.attributes), wanted);
}

fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if is_true() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("never: {what}");
}

/// A request with a query and a trace of its own, which a canary does not answer and the stable arm does.
fn ask_with_failover(observers: &Rc<WorkerObservers>) {
    let request = Request::get("http://shop.example:8443/cart/jane@example.org?secret=1")
        .header("traceparent", format!("00-{TRACE}-{CLIENT_SPAN}-01"))
        .header("tracestate", "vendor=1")
        .header("x-request-id", "request-1")
        .header("user-agent", "somebody's browser");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let observed = observers.begin(&Beginning {
        started_us: clock::monotonic_us(),
        head: &head,
        client: "192.0.2.77".parse().unwrap(),
        is_secure: true,
    });
    observed.route(&observers.shared.route("shop"));
    observed.queued(42);
    let mut sent = Request::get("/v2/cart/jane%40example.org?secret=1")
        .body(())
        .unwrap();
    observed.arm(&arm("1.1", 81));
    let attempt = observed.attempt(&mut sent);
    observed.attempt_failed(attempt, "unreachable");
    observed.arm(&arm("1.0", 80));
    let attempt = observed.attempt(&mut sent);
    observed.attempt_answered(attempt, StatusCode::OK);
    observed.answered(StatusCode::OK);
    observed.bytes_in(1);
    observed.bytes_out(2);
    observed.complete();
}

/// What a collector got of [`ask_with_failover`].
fn collected() -> TestCollector {
    let collector = TestCollector::start([]);
    let (observers, counters) = observers(collector.url());
    ask_with_failover(&observers);
    // Nothing is waited for: what is there is sent at the end.
    drop(observers);
    assert_eq!(counters.sent.load(Relaxed), 3);
    assert_eq!(counters.dropped.load(Relaxed), 0);
    collector
}

#[test]
fn what_arrives_has_the_names_of_the_conventions_and_no_query_and_no_whole_address() {
    let spans = collected().spans();
    let [server, failed, answered] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_told(
        server,
        &[
            ("client.address", "192.0.2.0"),
            ("http.request.method", "GET"),
            ("http.response.status_code", "200"),
            ("network.protocol.version", "1.1"),
            ("portcullis.bytes_in", "1"),
            ("portcullis.bytes_out", "2"),
            ("portcullis.queued_us", "42"),
            ("portcullis.release", "1.0"),
            ("portcullis.request_id", "request-1"),
            ("portcullis.route", "shop"),
            ("server.address", "shop.example"),
            ("server.port", "8443"),
            ("url.path", "/cart/{email}"),
            ("url.scheme", "https"),
        ],
    );
    assert_told(
        failed,
        &[
            ("error.type", "unreachable"),
            ("http.request.method", "GET"),
            ("portcullis.release", "1.1"),
            ("server.address", "127.0.0.1"),
            ("server.port", "81"),
            ("url.full", "http://127.0.0.1:81/v2/cart/{email}"),
        ],
    );
    assert_told(
        answered,
        &[
            ("http.request.method", "GET"),
            ("http.request.resend_count", "1"),
            ("http.response.status_code", "200"),
            ("portcullis.release", "1.0"),
            ("server.address", "127.0.0.1"),
            ("server.port", "80"),
            ("url.full", "http://127.0.0.1:80/v2/cart/{email}"),
        ],
    );
}

#[test]
fn a_request_and_its_attempts_arrive_as_one_trace() {
    let collector = collected();
    let spans = collector.spans();
    let [server, failed, answered] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!([&*server.name, &*failed.name], ["GET shop", "GET"]);
    let kinds = spans.iter().map(Span::kind).collect::<Vec<_>>();
    assert_eq!(
        kinds,
        [SpanKind::Server, SpanKind::Client, SpanKind::Client]
    );
    assert!(
        spans
            .iter()
            .all(|span| hex::encode(&span.trace_id) == TRACE)
    );
    assert!(spans.iter().all(|span| span.trace_state == "vendor=1"));
    assert_eq!(hex::encode(&server.parent_span_id), CLIENT_SPAN);
    assert_eq!(server.flags, 0x301, "sampled, and the parent is elsewhere");
    assert_eq!([failed.flags, answered.flags], [0x101; 2]);
    assert_eq!(failed.parent_span_id, server.span_id);
    assert_eq!(answered.parent_span_id, server.span_id);
    assert!(failed.status.is_some() && answered.status.is_none() && server.status.is_none());
    for span in &spans {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        assert!(server.start_time_unix_nano <= span.start_time_unix_nano);
        assert!(span.end_time_unix_nano <= server.end_time_unix_nano);
    }
    let resource = collector.resource();
    let resource = told(&resource.attributes);
    assert!(resource.contains(&("service.name", "portcullis-gateway".to_owned())));
}

#[test]
fn a_batch_is_sent_while_the_gateway_runs_and_again_when_the_collector_says_later() {
    let collector = TestCollector::start([(StatusCode::SERVICE_UNAVAILABLE, Vec::new())]);
    let (observers, counters) = observers(collector.url());
    ask(&observers);
    wait_for("sent", || counters.sent.load(Relaxed) == 1);
    assert_eq!(collector.requests(), 2);
    assert_eq!(counters.dropped.load(Relaxed), 0);
}

#[test]
fn what_the_collector_refuses_is_dropped_and_counted() {
    let partial = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: "too old".to_owned(),
        }),
    };
    let answers = [
        (StatusCode::BAD_REQUEST, Vec::new()),
        (StatusCode::OK, partial.encode_to_vec()),
    ];
    let collector = TestCollector::start(answers);
    let (observers, counters) = observers(collector.url());
    ask(&observers);
    wait_for("dropped", || counters.dropped.load(Relaxed) == 1);
    ask_with_failover(&observers);
    wait_for("sent", || counters.sent.load(Relaxed) == 2);
    assert_eq!(counters.dropped.load(Relaxed), 2);
    assert_eq!(collector.requests(), 2, "nothing is sent again");
}

#[test]
fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (observers, counters) = observers(format!("http://{closed}"));
    ask(&observers);
    drop(observers);
    assert_eq!(counters.dropped.load(Relaxed), 1);
    assert_eq!(counters.sent.load(Relaxed), 0);
}

#[test]
fn a_collector_that_hangs_makes_the_queue_full_and_no_request_waits() {
    let collector = TestCollector::start_hanging();
    let (observers, counters) = observers(collector.url());
    ask(&observers);
    wait_for("asked", || collector.requests() == 1);
    let began_us = clock::monotonic_us();
    let all = SPANS_QUEUE_MAX as u64 + 100;
    for _ in 0..all {
        ask(&observers);
    }
    let took_us = clock::monotonic_us() - began_us;
    assert_eq!(counters.dropped.load(Relaxed), 100);
    assert!(took_us < 5_000_000, "{took_us} us: it waited");
    drop(observers);
    assert_eq!(counters.dropped.load(Relaxed), all + 1);
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    for endpoint in [
        "",
        "collector:4318",
        "ftp://collector",
        "http://",
        "not a url",
    ] {
        let config = TracesConfig {
            endpoint: endpoint.to_owned(),
            sample: 1,
        };
        let error = Tracer::start(&config).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            cause.contains("http://127.0.0.1:4318"),
            "{endpoint}: {cause}"
        );
    }
}
