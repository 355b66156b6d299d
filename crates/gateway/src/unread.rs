//! Requests to the admin API that are refused before a handler sees them: a wrong method, a body that is
//! too large.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis_api::{Problem, Unread};

use crate::bounds::{ADMIN_BODY_BYTES_MAX, ADMIN_REFUSAL_BYTES_MAX};
use crate::problem::PROBLEM_JSON;

/// Gives a refusal that no call of ours wrote the form of all others, with its headers (`Allow`) kept.
pub(crate) async fn as_problem(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status();
    // What says how something stands is JSON with a status of its own.
    let is_ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_JSON || kind == "application/json");
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // These bodies are a line or nothing.
    let said = to_bytes(body, ADMIN_REFUSAL_BYTES_MAX)
        .await
        .unwrap_or_default();
    let allow = parts.headers.get(header::ALLOW);
    let problem = Problem::from(Unread {
        status: status.as_u16(),
        method: method.as_str(),
        allow: allow.and_then(|allow| allow.to_str().ok()),
        body_bytes_max: ADMIN_BODY_BYTES_MAX,
        said: &String::from_utf8_lossy(&said),
    });
    parts.headers.remove(header::CONTENT_LENGTH);
    let kind = HeaderValue::from_static(PROBLEM_JSON);
    parts.headers.insert(header::CONTENT_TYPE, kind);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    (status, parts.headers, body).into_response()
}
