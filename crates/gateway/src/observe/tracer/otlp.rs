//! Spans as OpenTelemetry has them: the protobuf messages of OTLP 1, and the names of the semantic conventions for
//! HTTP (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>), of which only the stable ones are used.
//! What the conventions have no name for begins with `portcullis.`. Left out on purpose are the query,
//! the user agent and the full address of the client.

use http::Version;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use crate::observe::span::{AttemptSpan, RequestSpan};

/// The name under which traces show this gateway.
const SERVICE_NAME: &str = "portcullis-gateway";
/// The flag that says that the next one means something: whether the parent is of another process.
const FLAG_KNOWS_PARENT: u32 = 0x100;
/// The flag that says that the parent is of another process.
const FLAG_PARENT_IS_REMOTE: u32 = 0x200;
/// The method of spans whose method is not one of the common ones.
const METHOD_OTHER: &str = "_OTHER";

/// What sends the spans: the same for all of them.
pub(super) fn resource(instance: &str) -> Resource {
    Resource {
        attributes: vec![
            text("service.name", SERVICE_NAME),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", instance),
        ],
        ..Resource::default()
    }
}

/// The message for a batch of requests.
pub(super) fn message(resource: &Resource, requests: &[RequestSpan]) -> ExportTraceServiceRequest {
    let mut spans = Vec::with_capacity(requests.len() * 2);
    for request in requests {
        spans.push(server_span(request));
        let attempts = request.attempts.iter().enumerate();
        spans.extend(attempts.map(|(place, attempt)| client_span(request, place, attempt)));
    }
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans,
        ..ScopeSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }],
    }
}

/// The request as the gateway was asked it.
fn server_span(request: &RequestSpan) -> Span {
    let mut attributes = method_attributes(request);
    attributes.extend([
        text("url.scheme", scheme(request.is_secure)),
        text("client.address", &request.client.to_string()),
        text("portcullis.request_id", &request.request_id),
    ]);
    if !request.path.is_empty() {
        attributes.push(text("url.path", &request.path));
    }
    attributes.extend(server_attributes(&request.host));
    let version = version(request.version);
    attributes.extend(version.map(|version| text("network.protocol.version", version)));
    let texts = [
        ("portcullis.route", request.route.as_deref()),
        ("portcullis.release", request.release.as_deref()),
        ("portcullis.refusal", request.refusal),
    ];
    let texts = texts.into_iter();
    attributes.extend(texts.filter_map(|(name, value)| Some(text(name, value?))));
    attributes.extend([
        number("portcullis.bytes_in", request.bytes_in),
        number("portcullis.bytes_out", request.bytes_out),
    ]);
    let queued = request.queued_us;
    attributes.extend(queued.map(|us| number("portcullis.queued_us", us)));
    let failure = match (request.status, request.is_cut) {
        (None, _) => Some("client_gone".to_owned()),
        (Some(status), _) if status >= 500 => Some(status.to_string()),
        (Some(_), true) => Some("answer_cut".to_owned()),
        // The conventions for RPC name the type of such an error by the status.
        (Some(_), false) => {
            let status = request.grpc_status;
            let status = status.filter(|status| status.is_servers_fault());
            status.map(|status| status.number().to_string())
        }
    };
    let grpc_status = request.grpc_status;
    attributes
        .extend(grpc_status.map(|status| number("portcullis.grpc_status", status.number().into())));
    end_attributes(&mut attributes, request.status, failure.as_deref());
    let name = match &request.route {
        Some(route) => format!("{} {route}", name(request)),
        None => name(request).to_owned(),
    };
    let (parent_span_id, remote) = match request.client_span {
        Some(span_id) => (span_id.to_be_bytes().to_vec(), FLAG_PARENT_IS_REMOTE),
        None => (Vec::new(), 0),
    };
    Span {
        trace_id: request.own.trace_id.to_be_bytes().to_vec(),
        span_id: request.own.span_id.to_be_bytes().to_vec(),
        trace_state: request.state.clone(),
        parent_span_id,
        flags: u32::from(request.own.flags) | FLAG_KNOWS_PARENT | remote,
        name,
        kind: SpanKind::Server.into(),
        start_time_unix_nano: request.started_us.saturating_mul(1000),
        end_time_unix_nano: (request.started_us + request.took_us).saturating_mul(1000),
        attributes,
        status: status(failure.is_some()),
        ..Span::default()
    }
}

/// One attempt to have the request answered; the attempt whose answer was passed on lasts as long as the request.
fn client_span(request: &RequestSpan, place: usize, attempt: &AttemptSpan) -> Span {
    let mut attributes = method_attributes(request);
    let scheme = scheme(attempt.is_secure);
    let url = format!("{scheme}://{}{}", attempt.address, attempt.path);
    attributes.push(text("url.full", &url));
    attributes.extend(server_attributes(&attempt.address));
    if place > 0 {
        attributes.push(number("http.request.resend_count", place as u64));
    }
    let release = attempt.release.as_deref();
    attributes.extend(release.map(|release| text("portcullis.release", release)));
    let failure = match (attempt.failure, attempt.status) {
        (Some(failure), _) => Some(failure.to_owned()),
        (None, Some(status)) if status >= 400 => Some(status.to_string()),
        (None, Some(_)) if request.is_cut => Some("answer_cut".to_owned()),
        (None, Some(_)) => None,
        (None, None) => Some("given_up".to_owned()),
    };
    end_attributes(&mut attributes, attempt.status, failure.as_deref());
    let started_us = request.started_us + attempt.after_us;
    let ended_us = match attempt.took_us {
        Some(took_us) => started_us + took_us,
        None => request.started_us + request.took_us,
    };
    Span {
        trace_id: request.own.trace_id.to_be_bytes().to_vec(),
        span_id: attempt.span_id.to_be_bytes().to_vec(),
        trace_state: request.state.clone(),
        parent_span_id: request.own.span_id.to_be_bytes().to_vec(),
        flags: u32::from(request.own.flags) | FLAG_KNOWS_PARENT,
        name: name(request).to_owned(),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: started_us.saturating_mul(1000),
        end_time_unix_nano: ended_us.saturating_mul(1000),
        attributes,
        status: status(failure.is_some()),
        ..Span::default()
    }
}

/// What a span is called by its method: one that a client made up makes no name (conventions, "Name").
fn name(request: &RequestSpan) -> &str {
    match request.is_method_known {
        true => &request.method,
        false => "HTTP",
    }
}

fn method_attributes(request: &RequestSpan) -> Vec<KeyValue> {
    match request.is_method_known {
        true => vec![text("http.request.method", &request.method)],
        false => vec![
            text("http.request.method", METHOD_OTHER),
            text("http.request.method_original", &request.method),
        ],
    }
}

fn scheme(is_secure: bool) -> &'static str {
    if is_secure { "https" } else { "http" }
}

/// Host and port of `host:port`; a port that is not named is left out.
fn server_attributes(authority: &str) -> Vec<KeyValue> {
    let parsed = authority.parse::<http::uri::Authority>();
    let Ok(parsed) = parsed else {
        return Vec::new();
    };
    let mut attributes = vec![text("server.address", parsed.host())];
    let port = parsed.port_u16();
    attributes.extend(port.map(|port| number("server.port", port.into())));
    attributes
}

fn end_attributes(attributes: &mut Vec<KeyValue>, status: Option<u16>, failure: Option<&str>) {
    attributes.extend(status.map(|status| number("http.response.status_code", status.into())));
    attributes.extend(failure.map(|failure| text("error.type", failure)));
}

/// The status of a span: unset or an error; *ok* is for people to say.
fn status(has_failed: bool) -> Option<Status> {
    has_failed.then(|| Status {
        code: StatusCode::Error.into(),
        ..Status::default()
    })
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        _ => None,
    }
}

fn text(name: &str, value: &str) -> KeyValue {
    attribute(name, Value::StringValue(value.to_owned()))
}

fn number(name: &str, value: u64) -> KeyValue {
    attribute(
        name,
        Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)),
    )
}

fn attribute(name: &str, value: Value) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests;
