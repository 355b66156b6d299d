//! Whether a place of a plain text lies within a string of JSON that the model wrote.
//!
//! A model that is asked for JSON writes `{"password": "PASSWORD_1"}` as plain text of its answer, whole or in a fence, and
//! whoever asked will parse it. A value with a quotation mark, a backslash or a line end must be escaped there. What is
//! decided for a place depends on the text before it alone, so it is the same for every way of cutting the text.

use crate::json::{Document, JsonLimits};

/// How deep brackets may be nested; what is deeper is no longer followed.
const DEPTH_MAX: u16 = 512;

/// Where a text has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    mode: Mode,
    /// Brackets that are open.
    depth: u16,
    is_escaped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// The beginning of a line, where JSON may begin.
    #[default]
    LineStart,
    /// Only brackets came since the beginning of the line; whether the last one opens an array.
    Opening { is_array: bool },
    /// JSON, outside of its strings.
    Json,
    /// A string of JSON.
    Text,
    /// Anything else, to the end of the line.
    Prose,
}

impl Shape {
    /// Goes on over some text.
    pub(crate) fn advance(&mut self, text: &str) {
        for byte in text.bytes() {
            self.step(byte);
        }
    }

    /// Whether the place is within a string of JSON.
    pub(crate) fn is_in_string(self) -> bool {
        self.mode == Mode::Text
    }

    fn step(&mut self, byte: u8) {
        match (self.mode, byte) {
            (Mode::LineStart, b' ' | b'\t' | b'\r' | b'\n')
            | (Mode::Opening { .. }, b' ' | b'\t' | b'\r' | b'\n') => {}
            // `{{` and `[text]` are no JSON; `[[` and `[{` may be.
            (Mode::LineStart | Mode::Opening { is_array: true }, b'{' | b'[') => {
                let depth = self.depth + 1;
                self.mode = match depth > DEPTH_MAX {
                    true => Mode::Prose,
                    false => Mode::Opening {
                        is_array: byte == b'[',
                    },
                };
                self.depth = depth;
            }
            (Mode::Opening { .. }, b'"') => self.mode = Mode::Text,
            (Mode::LineStart | Mode::Opening { .. }, _) => self.leave(byte),
            (Mode::Text, _) if self.is_escaped => self.is_escaped = false,
            (Mode::Text, b'\\') => self.is_escaped = true,
            (Mode::Text, b'"') => self.mode = Mode::Json,
            // A string of JSON has no line end, so this is none.
            (Mode::Text, b'\n') => self.leave(byte),
            (Mode::Json, b'"') => self.mode = Mode::Text,
            (Mode::Json, b'{' | b'[') if self.depth < DEPTH_MAX => self.depth += 1,
            (Mode::Json, b'{' | b'[') => self.leave(byte),
            (Mode::Json, b'}' | b']') if self.depth <= 1 => self.leave(byte),
            (Mode::Json, b'}' | b']') => self.depth -= 1,
            (Mode::Prose, b'\n') => self.leave(byte),
            (Mode::Text | Mode::Json | Mode::Prose, _) => {}
        }
    }

    /// Is no longer within JSON.
    fn leave(&mut self, byte: u8) {
        *self = Shape {
            mode: match byte {
                b'\n' => Mode::LineStart,
                _ => Mode::Prose,
            },
            depth: 0,
            is_escaped: false,
        };
    }
}

/// Whether a value can stand within a string of JSON as it is: it is plain, or it was taken from JSON with its escapes.
pub(crate) fn fits_json_string(value: &str) -> bool {
    is_plain(value) || {
        let text = format!("\"{value}\"");
        Document::read(text.as_bytes(), JsonLimits::default()).is_ok()
    }
}

/// Whether a value means the same within a string of JSON and outside of it.
pub(crate) fn is_plain(value: &str) -> bool {
    !value
        .bytes()
        .any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
}

#[cfg(test)]
mod tests;
