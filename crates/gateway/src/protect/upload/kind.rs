//! What a file is, told by its bytes.

use super::{Refusal, Rules};
use crate::protect::bounds::UPLOAD_LOOK_AHEAD_BYTES;

/// What is neither text nor known.
const UNKNOWN: &str = "application/octet-stream";
const TEXT: &str = "text/plain";

/// One file as it passes. Positions are in bytes of what is held back.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Bytes of the file that were looked at.
    seen: u64,
    /// Where in what is held back the next byte to look at is.
    next: usize,
    /// What is known of the type.
    kind: Kind,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The look-ahead is not there yet.
    #[default]
    Open,
    /// Admitted, and nothing more is looked at.
    Binary,
    /// Admitted as text, which it must stay.
    Text,
    /// A value of a form, not a file: of any type.
    Value,
}

impl Content {
    /// The value of a field that is no file: only its size is looked at.
    pub(super) fn value() -> Content {
        Content {
            kind: Kind::Value,
            ..Content::default()
        }
    }

    /// Looks at `held`, which begins in the file and holds nothing else. Gives how much of it can be
    /// sent on.
    pub(super) fn push(&mut self, held: &[u8], rules: &Rules) -> Result<usize, Refusal> {
        let new = held.get(self.next..).unwrap_or_default();
        self.seen += new.len() as u64;
        if self.seen > rules.bytes_max {
            return Err(Refusal::Size);
        }
        match self.kind {
            Kind::Open if held.len() < UPLOAD_LOOK_AHEAD_BYTES => {
                self.next = held.len();
                return Ok(0);
            }
            Kind::Open => self.decide(held, rules)?,
            Kind::Text if !is_text(new) => return Err(Refusal::Type),
            Kind::Text | Kind::Binary | Kind::Value => {}
        }
        self.next = held.len();
        Ok(held.len())
    }

    /// The file ends with `held`.
    pub(super) fn end(&mut self, held: &[u8], rules: &Rules) -> Result<(), Refusal> {
        self.push(held, rules)?;
        match self.kind {
            // Nothing was sent: nothing is a file of no type.
            Kind::Open if held.is_empty() => Ok(()),
            Kind::Open => self.decide(held, rules),
            Kind::Text | Kind::Binary | Kind::Value => Ok(()),
        }
    }

    /// The first `count` bytes of what was held back are gone.
    pub(super) fn sent_on(&mut self, count: usize) {
        self.next = self.next.saturating_sub(count);
    }

    fn decide(&mut self, held: &[u8], rules: &Rules) -> Result<(), Refusal> {
        let start = &held[..held.len().min(UPLOAD_LOOK_AHEAD_BYTES)];
        let media_type = media_type(start);
        rules.admit(media_type)?;
        self.kind = match media_type {
            TEXT if !is_text(held) => return Err(Refusal::Type),
            TEXT => Kind::Text,
            _ => Kind::Binary,
        };
        Ok(())
    }
}

/// The media type of a file that begins like this. Markup is never plain text, because a browser that
/// is shown it may run what is in it: what begins like a tag is HTML, SVG or XML.
fn media_type(start: &[u8]) -> &'static str {
    if let Some(known) = infer::get(start) {
        return known.mime_type();
    }
    if !is_text(start) {
        return UNKNOWN;
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let text = text.trim_ascii_start();
    let Some(tag) = text.strip_prefix(b"<") else {
        return TEXT;
    };
    let begins = |name: &[u8]| {
        tag.get(..name.len())
            .is_some_and(|tag| tag.eq_ignore_ascii_case(name))
    };
    if begins(b"svg") {
        "image/svg+xml"
    } else if begins(b"?xml") || begins(b"?") {
        "text/xml"
    } else if tag
        .first()
        .is_some_and(|b| b.is_ascii_alphabetic() || b"!/".contains(b))
    {
        "text/html"
    } else {
        TEXT
    }
}

/// Whether there are no binary bytes (WHATWG MIME Sniffing, 3: binary data byte).
fn is_text(bytes: &[u8]) -> bool {
    let binary = |byte: &u8| matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    !bytes.iter().any(binary)
}

#[cfg(test)]
mod tests;
