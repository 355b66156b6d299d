//! The values of a JSON text, with their places in it.

use std::borrow::Cow;
use std::ops::Range;

use super::error::{JsonError, JsonErrorKind};
use super::reader::{self, JsonLimits};
use super::string::{self, Decoded};

/// A JSON text that was read whole.
#[derive(Debug, Default)]
pub struct Document<'s> {
    source: &'s str,
    is_ascii: bool,
    tokens: Vec<Token>,
}

/// What a value is. A key of an object is no value, but has a token before that of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kind {
    /// `{..}`.
    Object,
    /// `[..]`.
    Array,
    /// The name of an object's member.
    Key,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`.
    #[default]
    Null,
}

/// One value or key of a document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: u32,
}

/// The members of an object, or the elements of an array with keys that are empty.
#[derive(Clone, Debug)]
pub struct Members<'d> {
    document: &'d Document<'d>,
    next: u32,
    end: u32,
    is_object: bool,
}

/// A value's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// Its first byte; of a string the one behind the quote.
    pub(super) start: u32,
    /// The byte after it; of a string the closing quote.
    pub(super) end: u32,
    /// The token after it and all that it holds.
    pub(super) after: u32,
    pub(super) kind: Kind,
    /// Whether a string holds a backslash.
    pub(super) escaped: bool,
}

impl<'s> Document<'s> {
    /// Reads a text.
    ///
    /// # Errors
    /// When it is not JSON in UTF-8, or more than the limits allow.
    pub fn read(source: &'s [u8], limits: JsonLimits) -> Result<Document<'s>, JsonError> {
        let source = std::str::from_utf8(source).map_err(|error| JsonError {
            kind: JsonErrorKind::NotUtf8,
            at: error.valid_up_to(),
        })?;
        let mut tokens = Vec::new();
        reader::read(source, limits, &mut tokens)?;
        Ok(Document {
            source,
            is_ascii: source.is_ascii(),
            tokens,
        })
    }

    /// The text.
    #[must_use]
    pub fn source(&self) -> &'s str {
        self.source
    }

    /// Whether the text is ASCII only: then new strings are written so too.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value {
            document: self,
            index: 0,
        }
    }
}

impl<'d> Value<'d> {
    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.token().kind
    }

    /// Its bytes in the source; of a string and a key what stands between the quotes.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        let token = self.token();
        token.start as usize..token.end as usize
    }

    /// Its spelling in the source; of a string and a key what stands between the quotes, escapes as they are.
    #[must_use]
    pub fn raw(self) -> &'d str {
        &self.document.source[self.range()]
    }

    /// The string, or none when it is none.
    #[must_use]
    pub fn text(self) -> Option<Decoded<'d>> {
        (self.kind() == Kind::Text).then(|| self.decoded())
    }

    /// The string without the trace of lone surrogates, or none when it is no string.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        self.text().map(|decoded| decoded.text)
    }

    /// The number, when it is an integer from 0 on.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        (self.kind() == Kind::Number)
            .then(|| self.raw().parse().ok())
            .flatten()
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The value of an object's last member of this name, which is the one that most readers take of doubled ones.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        if self.kind() != Kind::Object {
            return None;
        }
        self.members()
            .filter(|(key, _)| key.is_named(name))
            .last()
            .map(|(_, value)| value)
    }

    /// The members of an object, the elements of an array; nothing for other values. The key of an element is the
    /// element itself.
    #[must_use]
    pub fn members(self) -> Members<'d> {
        let token = self.token();
        let is_container = matches!(token.kind, Kind::Object | Kind::Array);
        Members {
            document: self.document,
            next: self.index + 1,
            end: if is_container { token.after } else { 0 },
            is_object: token.kind == Kind::Object,
        }
    }

    /// The elements of an array; nothing for other values.
    pub fn elements(self) -> impl Iterator<Item = Value<'d>> {
        let is_array = self.kind() == Kind::Array;
        self.members()
            .filter(move |_| is_array)
            .map(|(_, value)| value)
    }

    /// Whether this key or string is the given text, however it is escaped.
    #[must_use]
    pub fn is_named(self, name: &str) -> bool {
        if self.token().escaped {
            self.decoded().text == name
        } else {
            self.raw() == name
        }
    }

    /// What a string or key says.
    pub(crate) fn decoded(self) -> Decoded<'d> {
        if self.token().escaped {
            string::decode(self.raw())
        } else {
            Decoded::plain(self.raw())
        }
    }

    /// Its token.
    fn token(self) -> Token {
        // A document that was never read has no tokens; it is `null`.
        self.document
            .tokens
            .get(self.index as usize)
            .copied()
            .unwrap_or_default()
    }
}

impl<'d> Iterator for Members<'d> {
    type Item = (Value<'d>, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let key = Value {
            document: self.document,
            index: self.next,
        };
        let value = Value {
            document: self.document,
            index: self.next + u32::from(self.is_object),
        };
        self.next = value.token().after;
        Some((key, value))
    }
}

impl Default for Token {
    fn default() -> Token {
        Token {
            start: 0,
            end: 0,
            after: 1,
            kind: Kind::Null,
            escaped: false,
        }
    }
}
