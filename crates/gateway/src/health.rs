//! Active health checks: one request to an arm or a server, any 2xx answer in time passes. Servers of gRPC
//! are asked in gRPC, by the path of its health checking protocol.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, TE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_api::grpc_health;
use portcullis_config::{HealthConfig, UpstreamProtocol};

use crate::arm::{ArmState, Health};
use crate::bounds::HEALTH_ANSWER_BYTES_MAX;
use crate::endpoint::Endpoint;
use crate::error::with_causes;
use crate::settings::HealthSettings;
use crate::upstream::dial;
use crate::upstream_set::UpstreamServer;

/// Checks an arm again and again until the future is dropped.
pub(crate) async fn watch(arm: Arc<ArmState>, settings: HealthSettings) {
    loop {
        // The arm takes note of the result.
        let _ = check(&arm, &settings).await;
        tokio::time::sleep(Duration::from_millis(settings.interval_ms)).await;
    }
}

/// Checks an arm at once, as often in a row as it needs to count as healthy; the error says why it
/// does not.
pub(crate) async fn ensure(arm: &ArmState, settings: &HealthSettings) -> Result<(), String> {
    for attempt in 0..settings.healthy_after.max(1) {
        // Nobody checks an arm outside the split, so what is known of it may be old.
        if arm.health() == Health::Healthy && !(arm.is_retired() && attempt == 0) {
            return Ok(());
        }
        check(arm, settings).await?;
    }
    match arm.health() {
        Health::Healthy => Ok(()),
        _ => Err(arm.last_failure()),
    }
}

/// One check, which the arm takes note of.
pub(crate) async fn check(arm: &ArmState, settings: &HealthSettings) -> Result<(), String> {
    let result = ask_in_time(&arm.endpoint, &settings.path, settings.timeout_ms).await;
    arm.record_check(&result, settings);
    result
}

/// Checks a server of an upstream again and again until the future is dropped.
pub(crate) async fn watch_server(server: Arc<UpstreamServer>, settings: HealthConfig) {
    loop {
        check_server(&server, &settings).await;
        tokio::time::sleep(Duration::from_millis(settings.interval_ms)).await;
    }
}

/// One check, which the server takes note of.
async fn check_server(server: &UpstreamServer, settings: &HealthConfig) {
    let result = ask_in_time(&server.endpoint, &settings.path, settings.timeout_ms).await;
    let reason = result.as_ref().err().cloned().unwrap_or_default();
    if !server.record_check(result, settings) {
        return;
    }
    let address = &server.address;
    match server.is_unhealthy() {
        true => tracing::warn!(address, reason, "a server of an upstream is unhealthy"),
        false => tracing::info!(address, "a server of an upstream is healthy"),
    }
}

async fn ask_in_time(endpoint: &Endpoint, path: &str, timeout_ms: u64) -> Result<(), String> {
    let limit = Duration::from_millis(timeout_ms);
    match tokio::time::timeout(limit, ask(endpoint, path)).await {
        Ok(result) => result,
        Err(_) => Err(format!(
            "{} {path} took longer than {timeout_ms} ms",
            method_of(path)
        )),
    }
}

fn method_of(path: &str) -> Method {
    match path {
        grpc_health::PATH => Method::POST,
        _ => Method::GET,
    }
}

async fn ask(endpoint: &Endpoint, path: &str) -> Result<(), String> {
    let stream = dial(endpoint).await;
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    let scheme = if stream.is_secure() { "https" } else { "http" };
    let stream = TokioIo::new(stream);
    let broken = |error: hyper::Error| {
        format!(
            "{} {path} broke off: {}",
            method_of(path),
            with_causes(&error)
        )
    };
    let request = Request::get(path)
        .header(USER_AGENT, "portcullis-gateway-health")
        .body(Full::<Bytes>::default());
    let unaskable = |error: http::Error| format!("the path {path} cannot be asked for: {error}");
    let mut request = request.map_err(unaskable)?;
    let status = match endpoint.protocol {
        UpstreamProtocol::Http1 => {
            let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
            let host = endpoint.host_header.clone();
            request.headers_mut().insert(HOST, host);
            status_of(sender.send_request(request), connection).await
        }
        UpstreamProtocol::Http2 => {
            let handshake = http2::handshake(TokioExecutor::new(), stream);
            let (mut sender, connection) = handshake.await.map_err(broken)?;
            *request.uri_mut() = Uri::builder()
                .scheme(scheme)
                .authority(endpoint.address())
                .path_and_query(path)
                .build()
                .map_err(unaskable)?;
            if path == grpc_health::PATH {
                let said = in_grpc(sender.send_request(as_grpc(request)));
                let said = driven(said, connection).await.map_err(broken)?;
                return said.map_err(|what| format!("POST {path} {what}"));
            }
            status_of(sender.send_request(request), connection).await
        }
    };
    judge(path, status.map_err(broken)?)
}

/// The status of an answer.
async fn status_of(
    answer: impl Future<Output = hyper::Result<Response<Incoming>>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> hyper::Result<StatusCode> {
    driven(answer, connection)
        .await
        .map(|answer| answer.status())
}

/// Makes a request the question of the gRPC health checking protocol.
fn as_grpc(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    *request.method_mut() = method_of(grpc_health::PATH);
    let fields = request.headers_mut();
    let kind = HeaderValue::from_static(grpc_health::CONTENT_TYPE);
    fields.insert(CONTENT_TYPE, kind);
    fields.insert(TE, HeaderValue::from_static("trailers"));
    *request.body_mut() = Full::from(&grpc_health::QUESTION[..]);
    request
}

/// What a server of gRPC says of itself.
async fn in_grpc(
    answer: impl Future<Output = hyper::Result<Response<Incoming>>>,
) -> hyper::Result<Result<(), String>> {
    let (head, body) = answer.await?.into_parts();
    if head.status != StatusCode::OK {
        return Ok(Err(format!("answered {}", head.status.as_u16())));
    }
    let body = match Limited::new(body, HEALTH_ANSWER_BYTES_MAX).collect().await {
        Ok(body) => body,
        Err(error) => {
            let why = with_causes(&*error);
            return Ok(Err(format!("broke off its answer: {why}")));
        }
    };
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = head.headers.get(grpc_health::STATUS_FIELD);
    let status = status.or_else(|| trailers.get(grpc_health::STATUS_FIELD));
    let status = status.map(HeaderValue::as_bytes);
    Ok(grpc_health::judge(status, &body.to_bytes()))
}

/// Drives a connection until what is wanted of it is there.
async fn driven<T>(
    wanted: impl Future<Output = hyper::Result<T>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> hyper::Result<T> {
    let mut wanted = std::pin::pin!(wanted);
    let mut connection = std::pin::pin!(connection);
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            found = &mut wanted => return found,
            // An answer that came with the end of the connection is there in the next round.
            _ = &mut connection, if open => open = false,
        }
    }
}

fn judge(path: &str, status: StatusCode) -> Result<(), String> {
    if status.is_success() {
        return Ok(());
    }
    Err(format!("GET {path} answered {}", status.as_u16()))
}

#[cfg(test)]
mod tests;
