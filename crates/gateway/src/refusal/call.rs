//! What a call of gRPC is told when the gateway refuses it.
//!
//! A client of gRPC makes a status of its own from an HTTP status, a coarse one and without a word of the reason
//! (gRPC, `http-grpc-status-mapping`). So a call gets an answer of gRPC: 200 with the call's status and its message in the
//! head, and nothing after it (*Trailers-Only*; gRPC over HTTP/2, Responses). What is counted and logged stays the
//! HTTP status that the refusal has for everybody else.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use portcullis_api::grpc_health::STATUS_FIELD;

const KIND: &str = "application/grpc";
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether these are the fields of a call: its content has the type `application/grpc`, or one of those that name the
/// form of the messages too. gRPC-Web is something else.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| {
        let (start, rest) = kind.split_at_checked(KIND.len())?;
        start.eq_ignore_ascii_case(KIND.as_bytes()).then_some(rest)
    });
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// Sets the fields that make an answer one of gRPC, for a refusal with this status and these words.
pub(crate) fn set_headers(status: StatusCode, detail: &str, headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(KIND));
    headers.insert(STATUS_FIELD, HeaderValue::from(code(status)));
    if let Ok(message) = HeaderValue::try_from(escaped(detail)) {
        headers.insert(MESSAGE, message);
    }
}

/// The status of the call (gRPC, `statuscodes`). A limit that is used up is `RESOURCE_EXHAUSTED`, which clients do not try
/// again by themselves; of too much under way they are told `UNAVAILABLE`, which means that a later try may pass.
fn code(status: StatusCode) -> u16 {
    match status.as_u16() {
        // DEADLINE_EXCEEDED
        408 | 504 => 4,
        // PERMISSION_DENIED
        403 => 7,
        // RESOURCE_EXHAUSTED
        413 | 429 | 431 => 8,
        // UNIMPLEMENTED
        404 | 405 | 421 | 501 => 12,
        // UNAVAILABLE
        502 | 503 => 14,
        // UNAUTHENTICATED
        401 => 16,
        // INVALID_ARGUMENT
        400..=499 => 3,
        // INTERNAL
        _ => 13,
    }
}

/// A message as it stands in a field: printable ASCII, and everything else escaped.
fn escaped(detail: &str) -> String {
    let mut text = String::with_capacity(detail.len());
    for byte in detail.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests;
