//! Active health checks: one request to an arm, any 2xx answer in time passes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_config::UpstreamProtocol;
use tokio::net::TcpStream;

use crate::arm::{ArmState, Health};
use crate::endpoint::Endpoint;
use crate::settings::HealthSettings;
use crate::upstream::dial;

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
    let limit = Duration::from_millis(settings.timeout_ms);
    let result = match tokio::time::timeout(limit, ask(&arm.endpoint, &settings.path)).await {
        Ok(result) => result,
        Err(_) => Err(format!(
            "GET {} took longer than {} ms",
            settings.path, settings.timeout_ms
        )),
    };
    arm.record_check(&result, settings);
    result
}

async fn ask(endpoint: &Endpoint, path: &str) -> Result<(), String> {
    let stream = dial(endpoint).await;
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    let broken = |error: hyper::Error| format!("GET {path} broke off: {error}");
    if endpoint.protocol == UpstreamProtocol::Http2 {
        return ask_http2(endpoint, path, stream).await;
    }
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let request = Request::get(path)
        .header(HOST, &endpoint.host_header)
        .header(USER_AGENT, "portcullis-gateway-health")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("the path {path} cannot be asked for: {error}"))?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let mut connection = std::pin::pin!(connection);
    let mut open = true;
    let answer = loop {
        tokio::select! {
            biased;
            answer = &mut answer => break answer,
            // An answer that came with the end of the connection is there in the next round.
            _ = &mut connection, if open => open = false,
        }
    };
    let status = answer.map_err(broken)?.status();
    judge(path, status)
}

async fn ask_http2(endpoint: &Endpoint, path: &str, stream: TcpStream) -> Result<(), String> {
    let broken = |error: hyper::Error| format!("GET {path} broke off: {error}");
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(broken)?;
    let request = Request::get(format!("http://{}{path}", endpoint.address()))
        .header(USER_AGENT, "portcullis-gateway-health")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("the path {path} cannot be asked for: {error}"))?;
    let driving = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    driving.abort();
    judge(path, answer.map_err(broken)?.status())
}

fn judge(path: &str, status: StatusCode) -> Result<(), String> {
    if status.is_success() {
        return Ok(());
    }
    Err(format!("GET {path} answered {}", status.as_u16()))
}

/// TEMPORARY
pub(crate) async fn watch_server(_s: Arc<crate::upstream_set::UpstreamServer>, _h: portcullis_config::HealthConfig) {}
