//! A multipart body divided into its parts, by RFC 2046 without what it leaves open.
//!
//! The boundary stands nowhere but in lines of its own that end in CR LF: no text before the first one, no padding behind
//! it, nothing but one CR LF behind the last. So parsers that look for it in other ways (after a bare LF, or anywhere)
//! find the same parts.

use std::ops::Range;

use memchr::memmem;

use super::error::FormErrorKind;
use crate::bounds::{FORM_HEAD_BYTES_MAX, FORM_PARTS_MAX};

/// One part of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its header fields, with the CR LF of the last one.
    pub(super) head: Range<usize>,
    /// Its content.
    pub(super) content: Range<usize>,
}

/// What is wrong, and where.
pub(super) type Fault = (FormErrorKind, usize);

/// The parts of a body.
///
/// # Errors
/// When it is not one that every parser divides in the same way.
pub(super) fn divided(body: &[u8], boundary: &str) -> Result<Vec<Part>, Fault> {
    let line = format!("--{boundary}");
    if !body.starts_with(line.as_bytes()) {
        return Err((FormErrorKind::Preamble, 0));
    }
    let mut parts = Vec::new();
    let mut open: Option<usize> = None;
    for at in memmem::find_iter(body, line.as_bytes()) {
        if at > 0 && !body[..at].ends_with(b"\r\n") {
            return Err((FormErrorKind::Boundary, at));
        }
        if let Some(start) = open {
            if parts.len() == FORM_PARTS_MAX {
                return Err((FormErrorKind::TooManyParts, start));
            }
            parts.push(part(body, start, at - 2)?);
        }
        let after = at + line.len();
        match &body[after..] {
            [b'\r', b'\n', ..] => open = Some(after + 2),
            [b'-', b'-'] | [b'-', b'-', b'\r', b'\n'] => return Ok(parts),
            [b'-', b'-', ..] => return Err((FormErrorKind::Epilogue, after + 2)),
            [] | [b'-'] | [b'\r'] => return Err((FormErrorKind::Truncated, after)),
            _ => return Err((FormErrorKind::Boundary, at)),
        }
    }
    Err((FormErrorKind::Truncated, body.len()))
}

/// How often the boundary's line stands in a body.
pub(super) fn boundaries(body: &[u8], boundary: &str) -> usize {
    memmem::find_iter(body, format!("--{boundary}").as_bytes()).count()
}

/// The part between two boundaries. `end` may lie before `start` by the CR LF that both lines would share.
fn part(body: &[u8], start: usize, end: usize) -> Result<Part, Fault> {
    let fault = (FormErrorKind::HeadEnd, start);
    let inside = body.get(start..end).ok_or(fault)?;
    let looked_at = &inside[..inside.len().min(FORM_HEAD_BYTES_MAX)];
    let length = memmem::find(looked_at, b"\r\n\r\n").ok_or(fault)?;
    Ok(Part {
        head: start..start + length + 2,
        content: start + length + 4..end,
    })
}
