//! What hyper answers by itself to a head that it cannot read: a status without a reason. The client gets ours in
//! its place, a problem with a request id.
//!
//! Such an answer is known by its fields: an arm's has the arm's release, and our own have a content type.

use http::StatusCode;

use crate::observe::line_limit;
use crate::problem::{PROBLEM_JSON, Problem};

/// The beginnings of what hyper 1 answers by itself (`Server::on_error`).
const ANSWERS: [(&[u8], StatusCode); 3] = [
    (b"HTTP/1.1 400 Bad Request\r\n", StatusCode::BAD_REQUEST),
    (b"HTTP/1.1 414 URI Too Long\r\n", StatusCode::URI_TOO_LONG),
    (
        b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    ),
];
/// The fields that such an answer has.
const FIELDS: [&[u8]; 3] = [b"connection: close", b"content-length: 0", b"date: "];

/// The answer to send in place of `bytes`, if these are an answer of hyper's own and nothing else.
pub(crate) fn explained(bytes: &[u8]) -> Option<Vec<u8>> {
    let (line, status) = ANSWERS.iter().find(|(line, _)| bytes.starts_with(line))?;
    let fields = bytes[line.len()..].strip_suffix(b"\r\n\r\n")?;
    let is_known = |field: &[u8]| FIELDS.iter().any(|known| field.starts_with(known));
    let fields: Vec<&[u8]> = fields.split(|byte| *byte == b'\n').collect();
    let is_bare =
        fields.contains(&&b"content-length: 0\r"[..]) && fields.iter().all(|f| is_known(f));
    if !is_bare {
        return None;
    }
    let (kind, title, detail) = match *status {
        StatusCode::BAD_REQUEST => (
            "urn:portcullis:problem:bad-request",
            "The request is malformed",
            "the request's head is not as RFC 9112 says; look at its first line, the names and values of its \
             fields, its length and its line ends",
        ),
        _ => (
            "urn:portcullis:problem:head-too-large",
            "The request's head is too large",
            "the request's target or its header fields are more than is taken here; send fewer or shorter \
             ones",
        ),
    };
    let request_id = format!("{:016x}", rand::random::<u64>());
    if line_limit::may_write("", "unreadable-head") {
        tracing::info!(
            request_id,
            status = status.as_u16(),
            "a head could not be read"
        );
    }
    let problem = Problem::new(*status, kind, title, detail).with_request_id(&request_id);
    let body = problem.to_json();
    let head = format!(
        "content-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Some([*line, head.as_bytes(), &body].concat())
}

#[cfg(test)]
mod tests;
