//! How fast a streamed answer comes: the time to its first token, the pauses between tokens, the time per token.
//!
//! A token is an event with data (`text/event-stream`), or a line (`application/x-ndjson`), which is how model servers
//! stream. What comes together in one piece has no pause in between; what stands in a coded stream is not looked into,
//! so of one only the first token is timed.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use memchr::memchr;

use crate::in_flight::InFlight;

/// How a stream marks its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// Events, which an empty line ends.
    Events,
    /// Lines.
    Lines,
    /// It is coded.
    Hidden,
}

/// A streamed answer under way.
#[derive(Debug)]
pub(crate) struct StreamWatch {
    marks: Marks,
    started_us: u64,
    /// When the first token came, and the latest one.
    came_us: Option<(u64, u64)>,
    tokens: u64,
    /// The beginning of the line that is coming: enough to tell a line with data.
    line: [u8; DATA.len()],
    line_length: usize,
    has_data: bool,
}

/// How a line with data begins.
const DATA: &[u8] = b"data:";

impl StreamWatch {
    /// The watch over an answer to a request that began at `started_us`; `None` if the answer is no stream.
    pub(crate) fn of(headers: &HeaderMap, started_us: u64) -> Option<StreamWatch> {
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes)?;
        let is = |name: &str| {
            let begins = kind.get(..name.len());
            begins.is_some_and(|begins| begins.eq_ignore_ascii_case(name.as_bytes()))
        };
        let marks = if is("text/event-stream") {
            Marks::Events
        } else if is("application/x-ndjson") {
            Marks::Lines
        } else {
            return None;
        };
        let coding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
        let is_plain = coding.is_none_or(|coding| coding.eq_ignore_ascii_case(b"identity"));
        Some(StreamWatch {
            marks: if is_plain { marks } else { Marks::Hidden },
            started_us,
            came_us: None,
            tokens: 0,
            line: [0; DATA.len()],
            line_length: 0,
            has_data: false,
        })
    }

    /// A piece of the answer came at `now_us`.
    pub(crate) fn came(&mut self, piece: &[u8], now_us: u64, arm: &InFlight) {
        let tokens = self.count(piece);
        if tokens == 0 {
            return;
        }
        self.tokens += tokens;
        match &mut self.came_us {
            None => {
                arm.first_token(now_us.saturating_sub(self.started_us));
                self.came_us = Some((now_us, now_us));
            }
            Some((_, latest)) => {
                if self.marks != Marks::Hidden {
                    arm.token_gap(now_us.saturating_sub(*latest));
                }
                *latest = now_us;
            }
        }
    }

    /// The answer is whole.
    pub(crate) fn ended(&self, arm: &InFlight) {
        if let Some((first, latest)) = self.came_us
            && self.marks != Marks::Hidden
            && self.tokens > 1
        {
            arm.token_time(latest.saturating_sub(first) / (self.tokens - 1));
        }
    }

    /// How many tokens a piece ends.
    fn count(&mut self, piece: &[u8]) -> u64 {
        if self.marks == Marks::Hidden {
            return u64::from(!piece.is_empty());
        }
        let (mut tokens, mut rest) = (0, piece);
        loop {
            // Of a line only its beginning is read.
            if self.line_length >= DATA.len() {
                let end = memchr(b'\n', rest);
                rest = end.map_or(&[], |end| &rest[end..]);
            }
            let Some((byte, behind)) = rest.split_first() else {
                break;
            };
            rest = behind;
            match byte {
                b'\r' => {}
                b'\n' => tokens += u64::from(self.end_line()),
                byte => {
                    if let Some(place) = self.line.get_mut(self.line_length) {
                        *place = *byte;
                    }
                    self.line_length += 1;
                }
            }
        }
        tokens
    }

    /// Whether the line that ends here ends a token.
    fn end_line(&mut self) -> bool {
        let is_empty = self.line_length == 0;
        let begins_data = self.line_length >= DATA.len() && self.line == DATA;
        self.line_length = 0;
        match self.marks {
            Marks::Lines => !is_empty,
            Marks::Events if is_empty => std::mem::take(&mut self.has_data),
            _ => {
                self.has_data |= begins_data;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
