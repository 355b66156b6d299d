//! From pieces of bytes to frames.

use super::frame::{Frame, FrameKind};
use crate::bounds::EVENT_BYTES_MAX;

/// Cuts a stream into frames. Every byte that goes in comes out in a frame, once and in order.
#[derive(Debug)]
pub struct SseParser {
    /// What belongs to a frame that is not complete.
    buffer: Vec<u8>,
    /// Where in `buffer` the frame begins that is being read.
    start: usize,
    /// Where in `buffer` its current line begins.
    line: usize,
    /// Up to where `buffer` was looked at.
    scanned: usize,
    /// Whether the frame has a field, so that an empty line ends an event.
    has_field: bool,
    /// Whether a LF that comes now belongs to the CR before it.
    after_cr: bool,
    /// Whether that CR ended a frame, so that its LF goes out by itself.
    after_frame: bool,
    /// Whether the stream may still begin with a byte order mark.
    at_beginning: bool,
    event_bytes_max: usize,
}

/// A stream that is not read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event, or a comment, with more bytes than are held.
    #[error("the event stream has an event of more than {limit} bytes")]
    EventTooLong {
        /// The most bytes of an event.
        limit: usize,
    },
}

/// The byte order mark in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Default for SseParser {
    fn default() -> SseParser {
        SseParser::new(EVENT_BYTES_MAX)
    }
}

impl SseParser {
    /// A parser at the beginning of a stream, that holds at most this many bytes of one event.
    #[must_use]
    pub fn new(event_bytes_max: usize) -> SseParser {
        SseParser {
            buffer: Vec::new(),
            start: 0,
            line: 0,
            scanned: 0,
            has_field: false,
            after_cr: false,
            after_frame: false,
            at_beginning: true,
            event_bytes_max,
        }
    }

    /// Takes bytes; what is complete comes out of [`next_frame`](Self::next_frame) then.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.line -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete frame, or none until more bytes come.
    ///
    /// # Errors
    /// When a frame that is not complete has too many bytes.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SseError> {
        if self.at_beginning && self.skip_mark() {
            return Ok(Some(self.cut(self.scanned, FrameKind::Between)));
        }
        while !self.at_beginning
            && let Some(byte) = self.scan_line()
        {
            let end = self.scanned;
            if byte == b'\n' && self.after_cr {
                self.after_cr = false;
                self.line = end;
                if self.after_frame {
                    return Ok(Some(self.cut(end, FrameKind::Between)));
                }
                continue;
            }
            self.after_cr = byte == b'\r';
            self.after_frame = false;
            let line = &self.buffer[self.line..end - 1];
            let is_comment = line.first() == Some(&b':');
            let kind = match (line.is_empty(), self.has_field) {
                (true, true) => FrameKind::Event,
                (true, false) => FrameKind::Between,
                (false, false) if is_comment => FrameKind::Between,
                (false, _) => {
                    self.has_field |= !is_comment;
                    self.line = end;
                    continue;
                }
            };
            self.after_frame = true;
            return Ok(Some(self.cut(end, kind)));
        }
        if self.buffer.len() - self.start > self.event_bytes_max {
            return Err(SseError::EventTooLong {
                limit: self.event_bytes_max,
            });
        }
        Ok(None)
    }

    /// What is left when the stream has ended: the beginning of an event, or none.
    pub fn finish(&mut self) -> Option<Frame<'_>> {
        let end = self.buffer.len();
        self.at_beginning = false;
        (self.start < end).then(|| self.cut(end, FrameKind::Unfinished))
    }

    /// Looks for the next line end; gives it, with `scanned` behind it.
    fn scan_line(&mut self) -> Option<u8> {
        let rest = &self.buffer[self.scanned..];
        match memchr::memchr2(b'\n', b'\r', rest) {
            Some(length) => {
                let byte = rest[length];
                // A LF that is not right behind the CR has nothing to do with it.
                self.after_cr &= length == 0;
                self.scanned += length + 1;
                Some(byte)
            }
            None => {
                self.after_cr &= rest.is_empty();
                self.scanned = self.buffer.len();
                None
            }
        }
    }

    /// At the beginning: whether there is a byte order mark, with `scanned` behind it. Waits while there may be one.
    fn skip_mark(&mut self) -> bool {
        let known = self.buffer.len().min(BYTE_ORDER_MARK.len());
        if self.buffer[..known] != BYTE_ORDER_MARK[..known] {
            self.at_beginning = false;
            return false;
        }
        if known < BYTE_ORDER_MARK.len() {
            return false;
        }
        self.at_beginning = false;
        self.scanned = known;
        true
    }

    /// Ends the frame here.
    fn cut(&mut self, end: usize, kind: FrameKind) -> Frame<'_> {
        let start = self.start;
        self.start = end;
        self.line = end;
        self.scanned = end;
        self.has_field = false;
        Frame::new(&self.buffer[start..end], kind)
    }
}
