//! One pass over the bytes of a JSON text, with a stack of its own instead of recursion.

use super::document::{Kind, Token};
use super::error::{JsonError, JsonErrorKind};
use crate::bounds::{JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX};

/// How much of a JSON text is read before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// The most bytes; at most 4 GiB - 1.
    pub bytes_max: usize,
    /// The most objects and arrays within each other.
    pub depth_max: usize,
    /// The most values and keys together; each costs 16 bytes of memory while the document is held.
    pub values_max: usize,
}

impl Default for JsonLimits {
    fn default() -> JsonLimits {
        JsonLimits {
            bytes_max: JSON_BYTES_MAX,
            depth_max: JSON_DEPTH_MAX,
            values_max: JSON_VALUES_MAX,
        }
    }
}

/// The tokens of a text, in the order in which they stand there, put into `tokens`.
///
/// # Errors
/// When it is not JSON or more than the limits allow.
pub(super) fn read(
    source: &str,
    limits: JsonLimits,
    tokens: &mut Vec<Token>,
) -> Result<(), JsonError> {
    tokens.clear();
    if source.len() > limits.bytes_max.min(u32::MAX as usize) {
        return Err(JsonError {
            kind: JsonErrorKind::TooLong,
            at: limits.bytes_max,
        });
    }
    Reader {
        bytes: source.as_bytes(),
        at: 0,
        open: Vec::new(),
        limits,
        tokens,
    }
    .run()
}

/// The place in the text, and what is open there.
struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The tokens of the objects and arrays that are open.
    open: Vec<u32>,
    limits: JsonLimits,
    tokens: &'t mut Vec<Token>,
}

impl Reader<'_> {
    /// Reads the whole text.
    fn run(mut self) -> Result<(), JsonError> {
        loop {
            if self.value()? {
                continue;
            }
            if self.close_finished()? {
                break;
            }
        }
        self.skip_space();
        match self.bytes.get(self.at) {
            None => Ok(()),
            Some(_) => Err(self.error(JsonErrorKind::Trailing)),
        }
    }

    /// Reads a scalar, an empty container, or the beginning of a container; true when a value must follow.
    fn value(&mut self) -> Result<bool, JsonError> {
        self.skip_space();
        match self.peek()? {
            b'"' => {
                self.string(Kind::Text)?;
                Ok(false)
            }
            b'{' => self.container(Kind::Object, b'}'),
            b'[' => self.container(Kind::Array, b']'),
            b't' => self.literal(b"true", Kind::True),
            b'f' => self.literal(b"false", Kind::False),
            b'n' => self.literal(b"null", Kind::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.error(JsonErrorKind::Unexpected)),
        }
    }

    /// After a value: closes what ends here and takes the comma; true when the outermost value is complete.
    fn close_finished(&mut self) -> Result<bool, JsonError> {
        loop {
            let Some(&open) = self.open.last() else {
                return Ok(true);
            };
            let is_object = self.tokens[open as usize].kind == Kind::Object;
            self.skip_space();
            match self.peek()? {
                b',' => {
                    self.at += 1;
                    if is_object {
                        self.key()?;
                    }
                    return Ok(false);
                }
                b'}' if is_object => self.close(open),
                b']' if !is_object => self.close(open),
                _ => return Err(self.error(JsonErrorKind::Unexpected)),
            }
        }
    }

    /// Opens an object or array; true when it is not empty.
    fn container(&mut self, kind: Kind, closing: u8) -> Result<bool, JsonError> {
        if self.open.len() >= self.limits.depth_max {
            return Err(self.error(JsonErrorKind::TooDeep));
        }
        let open = self.push(kind, self.at, self.at + 1, false)?;
        self.open.push(open);
        self.at += 1;
        self.skip_space();
        if self.peek()? == closing {
            self.close(open);
            return Ok(false);
        }
        if kind == Kind::Object {
            self.key()?;
        }
        Ok(true)
    }

    /// Closes the innermost container, whose last byte is the current one.
    fn close(&mut self, open: u32) {
        self.at += 1;
        let after = self.tokens.len() as u32;
        let token = &mut self.tokens[open as usize];
        token.end = self.at as u32;
        token.after = after;
        self.open.pop();
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Result<(), JsonError> {
        self.skip_space();
        if self.peek()? != b'"' {
            return Err(self.error(JsonErrorKind::Unexpected));
        }
        self.string(Kind::Key)?;
        self.skip_space();
        if self.peek()? != b':' {
            return Err(self.error(JsonErrorKind::Unexpected));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string; its token is what stands between the quotes.
    fn string(&mut self, kind: Kind) -> Result<(), JsonError> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return Err(self.error(JsonErrorKind::Truncated));
            };
            if holds_control(&rest[..length]) {
                return Err(self.error(JsonErrorKind::ControlCharacter));
            }
            self.at += length;
            if rest[length] == b'"' {
                break;
            }
            escaped = true;
            self.escape()?;
        }
        self.push(kind, start, self.at, escaped)?;
        self.at += 1;
        Ok(())
    }

    /// Steps over one escape.
    fn escape(&mut self) -> Result<(), JsonError> {
        let length = match self.bytes.get(self.at + 1) {
            None => return Err(self.error(JsonErrorKind::Truncated)),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                let digits = digits.ok_or_else(|| self.error(JsonErrorKind::Truncated))?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.error(JsonErrorKind::BadEscape));
                }
                6
            }
            Some(_) => return Err(self.error(JsonErrorKind::BadEscape)),
        };
        self.at += length;
        Ok(())
    }

    /// Reads `true`, `false` or `null`.
    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<bool, JsonError> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.error(JsonErrorKind::BadScalar));
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, start, self.at, false)?;
        Ok(false)
    }

    /// Reads a number.
    fn number(&mut self) -> Result<bool, JsonError> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(Kind::Number, start, self.at, false)?;
        Ok(false)
    }

    /// Steps over one or more digits.
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error(JsonErrorKind::BadScalar));
        }
        Ok(())
    }

    /// Notes a token and gives its number.
    fn push(
        &mut self,
        kind: Kind,
        start: usize,
        end: usize,
        escaped: bool,
    ) -> Result<u32, JsonError> {
        if self.tokens.len() >= self.limits.values_max {
            return Err(self.error(JsonErrorKind::TooManyValues));
        }
        let index = self.tokens.len() as u32;
        self.tokens.push(Token {
            start: start as u32,
            end: end as u32,
            after: index + 1,
            kind,
            escaped,
        });
        Ok(index)
    }

    /// The byte here.
    fn peek(&self) -> Result<u8, JsonError> {
        self.bytes
            .get(self.at)
            .copied()
            .ok_or_else(|| self.error(JsonErrorKind::Truncated))
    }

    /// Steps over white space.
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// An error at this place.
    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, at: self.at }
    }
}

/// Whether a part of a string holds a byte below 0x20. Written so that long parts are compared many bytes at a time.
fn holds_control(bytes: &[u8]) -> bool {
    let chunks = bytes.chunks_exact(32);
    let rest = chunks.remainder();
    let mut found = rest.iter().any(|byte| *byte < 0x20);
    for chunk in chunks {
        found |= chunk.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < 0x20;
    }
    found
}
