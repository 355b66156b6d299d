//! What a client sends of a request's head, as it came.

use std::cell::{Cell, RefCell};

/// A copy of the bytes of the head that a client is sending.
///
/// hyper drops `Content-Length` silently when there is a `Transfer-Encoding` too, so the raw bytes
/// are the only way to refuse such a request.
#[derive(Debug)]
pub(crate) struct HeadTap {
    bytes_max: usize,
    open: Cell<bool>,
    /// Whether more of a body is to come.
    in_body: Cell<bool>,
    bytes: RefCell<Vec<u8>>,
}

impl HeadTap {
    pub(crate) fn new(bytes_max: usize) -> HeadTap {
        HeadTap {
            bytes_max,
            open: Cell::new(true),
            in_body: Cell::new(false),
            bytes: RefCell::default(),
        }
    }

    /// Forgets the head that was just parsed; with `look`, says whether it had a `Content-Length`
    /// line.
    ///
    /// `has_body` closes the tap until [`HeadTap::open`]. What was read beyond the head stays if it
    /// is the beginning of the next head. In a request that is pipelined behind a body the line is
    /// not seen; there hyper's own rule holds, which is safe as well (the length is ignored and not
    /// passed on, and the connection closes).
    pub(crate) fn finish_head(&self, look: bool, has_body: bool) -> bool {
        self.open.set(!has_body);
        self.in_body.set(has_body);
        let mut bytes = self.bytes.borrow_mut();
        let end = head_end(&bytes);
        let found = look && has_content_length(&bytes[..end]);
        if has_body {
            bytes.clear();
        } else {
            bytes.drain(..end);
        }
        found
    }

    /// Opens the tap: the next bytes belong to a request's head.
    pub(crate) fn open(&self) {
        self.open.set(true);
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
        self.open.get() && !self.in_body.get() && !self.has_bytes()
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
        if self.open.get() {
            let mut bytes = self.bytes.borrow_mut();
            let room = self.bytes_max.saturating_sub(bytes.len());
            bytes.extend_from_slice(&new[..new.len().min(room)]);
        }
    }
}

/// Where the first head in `bytes` ends: behind its empty line, or at the end if there is none.
fn head_end(bytes: &[u8]) -> usize {
    // Empty lines before the request line are allowed (RFC 9112, 2.2).
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .unwrap_or(0);
    let mut line_start = start;
    for newline in memchr::memchr_iter(b'\n', &bytes[start..]) {
        let newline = start + newline;
        if matches!(&bytes[line_start..newline], b"" | b"\r") {
            return newline + 1;
        }
        line_start = newline + 1;
    }
    bytes.len()
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
