//! What a client sends of a request's head, as it came.
//!
//! hyper drops `Content-Length` silently when there is a `Transfer-Encoding` too, so the raw bytes are the only way to
//! refuse such a request. What holds: **no request with both reaches a server**, wherever in a connection it
//! stands, and however its bytes come. The tap follows all that is read, bodies included ([`BodyScan`]), so it always
//! knows where the head begins that hyper parses next. Where it does not know, which is after more was sent ahead than
//! it keeps or after a body that hyper refuses as well, it says so, and every further request of that
//! connection with a `Transfer-Encoding` is refused as if it had both.

use std::cell::{Cell, RefCell};

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};

use crate::bounds::CONNECTION_BUFFER_BYTES_MAX;

mod body_scan;

use body_scan::BodyScan;

/// What hyper may have read ahead besides a head that is not whole: one read, into a buffer that may have grown to
/// twice its size.
const AHEAD_BYTES_MAX: usize = 2 * CONNECTION_BUFFER_BYTES_MAX;

/// A copy of the bytes that a client has sent and that were not yet parsed as a head: those of heads, without the
/// bodies between them.
#[derive(Debug)]
pub(crate) struct HeadTap {
    /// The longest head.
    head_bytes_max: usize,
    /// What is still to come of the last request's body, before the next head.
    body: Cell<BodyScan>,
    /// Whether somebody may still read more of a body.
    in_body: Cell<bool>,
    bytes: RefCell<Vec<u8>>,
}

/// How a request's head says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// There is none.
    Nothing,
    /// By its length in bytes.
    Length(u64),
    /// In chunks.
    Chunks,
    /// In a way that is not known here.
    Unknown,
}

impl BodyFraming {
    /// The framing of a request over HTTP/1.1 that hyper has parsed.
    pub(crate) fn of(headers: &HeaderMap, has_body: bool) -> BodyFraming {
        if headers.contains_key(TRANSFER_ENCODING) {
            return BodyFraming::Chunks;
        }
        if !has_body {
            return BodyFraming::Nothing;
        }
        let length = headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
        let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
        length.map_or(BodyFraming::Unknown, BodyFraming::Length)
    }
}

impl HeadTap {
    /// A tap on heads of up to `head_bytes_max` bytes.
    pub(crate) fn new(head_bytes_max: usize) -> HeadTap {
        HeadTap {
            head_bytes_max,
            body: Cell::new(BodyScan::Over),
            in_body: Cell::new(false),
            bytes: RefCell::default(),
        }
    }

    /// Forgets the head that was just parsed, and what has come of its body. With `look`, says whether the head had
    /// a `Content-Length` line, or may have had one.
    pub(crate) fn finish_head(&self, framing: BodyFraming, look: bool) -> bool {
        self.in_body.set(framing != BodyFraming::Nothing);
        let mut bytes = self.bytes.borrow_mut();
        let end = match self.body.get() {
            BodyScan::Over => head_end(&bytes),
            _ => None,
        };
        let Some(end) = end else {
            self.body.set(BodyScan::Lost);
            bytes.clear();
            return look;
        };
        let found = look && has_content_length(&bytes[..end]);
        let body = match framing {
            BodyFraming::Nothing | BodyFraming::Length(0) => BodyScan::Over,
            BodyFraming::Length(length) => BodyScan::Length(length),
            BodyFraming::Chunks => BodyScan::SizeStart,
            BodyFraming::Unknown => BodyScan::Lost,
        };
        let (body, next) = body.skip(&bytes[end..]);
        let next = bytes.len() - next.len();
        bytes.drain(..next);
        bytes.shrink_to(self.head_bytes_max);
        self.body.set(body);
        found
    }

    /// Takes note that the request's body was read to its end.
    pub(crate) fn finish_body(&self) {
        self.in_body.set(false);
    }

    /// Whether more of a request's body is to come.
    pub(crate) fn is_in_body(&self) -> bool {
        self.in_body.get()
    }

    /// Whether nothing is left of the last request, and nothing of the next one has come.
    pub(super) fn is_between(&self) -> bool {
        let is_over = matches!(self.body.get(), BodyScan::Over | BodyScan::Lost);
        is_over && !self.in_body.get() && !self.has_bytes()
    }

    /// Gives back the memory of a tap that has no bytes.
    pub(super) fn shrink(&self) {
        self.bytes.borrow_mut().shrink_to_fit();
    }

    pub(crate) fn has_bytes(&self) -> bool {
        !self.bytes.borrow().is_empty()
    }

    /// Takes note of what was read.
    pub(crate) fn push(&self, new: &[u8]) {
        let (mut body, new) = self.body.get().skip(new);
        let mut bytes = self.bytes.borrow_mut();
        let most = self.head_bytes_max.saturating_add(AHEAD_BYTES_MAX);
        if new.len() > most.saturating_sub(bytes.len()) {
            body = BodyScan::Lost;
        }
        self.body.set(body);
        match body {
            // That there are some is enough.
            BodyScan::Lost => {
                bytes.truncate(1);
                if bytes.is_empty() {
                    bytes.extend(new.first());
                }
            }
            _ => bytes.extend_from_slice(new),
        }
    }
}

/// Where the first head in `bytes` ends: behind its empty line.
fn head_end(bytes: &[u8]) -> Option<usize> {
    // Empty lines before the request line are allowed (RFC 9112, 2.2).
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .unwrap_or(0);
    let mut line_start = start;
    for newline in memchr::memchr_iter(b'\n', &bytes[start..]) {
        let newline = start + newline;
        if matches!(&bytes[line_start..newline], b"" | b"\r") {
            return Some(newline + 1);
        }
        line_start = newline + 1;
    }
    None
}

fn has_content_length(head: &[u8]) -> bool {
    let name = b"content-length";
    head.split(|byte| *byte == b'\n').any(|line| {
        line.len() > name.len()
            && line[..name.len()].eq_ignore_ascii_case(name)
            && line[name.len()] == b':'
    })
}

#[cfg(test)]
mod tests;
