//! Requests that are refused before a handler sees them: a wrong method, a body that is too large or is not
//! what the call takes.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis_api::{Problem, Unread};

use crate::answer::{Answer, PROBLEM_JSON};
use crate::bounds::{BODY_BYTES_MAX, REFUSAL_BYTES_MAX};

/// Gives a refusal that no call of ours wrote the form of all others, with its headers (`Allow`) kept.
pub(crate) async fn as_problem(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_JSON);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // These bodies are a line or nothing.
    let said = to_bytes(body, REFUSAL_BYTES_MAX).await.unwrap_or_default();
    let allow = parts.headers.get(header::ALLOW);
    let problem = Problem::from(Unread {
        status: status.as_u16(),
        method: method.as_str(),
        allow: allow.and_then(|allow| allow.to_str().ok()),
        body_bytes_max: BODY_BYTES_MAX,
        said: &String::from_utf8_lossy(&said),
    });
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    (parts.headers, Answer::from(problem)).into_response()
}
