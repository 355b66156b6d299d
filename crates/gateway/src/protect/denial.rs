//! The gateway's answer to a request that a policy does not let through.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

/// Why a policy does not let a request through, and what the client is told.
#[derive(Debug, Clone)]
pub struct Denial {
    /// The status of the answer.
    pub status: StatusCode,
    /// The kind of problem (RFC 9457, 3.1.1), a URN whose last part is its code word.
    pub kind: &'static str,
    /// The kind of problem in words.
    pub title: &'static str,
    /// What the client may know about this case, and what it can do. It names nothing of the inside.
    pub detail: &'static str,
    /// What it was exactly, one word for the log and the counters; not for the client.
    pub cause: &'static str,
    /// Header fields of the answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Denial {
    /// The last part of the kind: a word that a program can act on, such as `rate-limited`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.rsplit(':').next().unwrap_or(self.kind)
    }

    /// Puts the header fields into an answer.
    pub fn set_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }
}
