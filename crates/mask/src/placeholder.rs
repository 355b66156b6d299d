//! Placeholders: how they are written, and how they are recognized in what a model made of them.
//!
//! A placeholder is a label, an underscore and a number from 1 on: `EMAIL_1`. The text between is never looked at by
//! more than one reader: hiding look-alikes and restoring use the same [`scan`], so that what is not hidden can
//! never be restored.
//!
//! What is tolerated: upper and lower case; an underscore written `\_`, `&#95;` or `&lowbar;`; zero-width characters
//! inside; anything that is not an ASCII letter, a digit or an underscore directly before and after (so bold, code,
//! quotes, and letters of scripts that put no spaces between words); underscores around, as in `_EMAIL_1_`; a plural
//! `s`. Delimiters may be escaped for HTML or Markdown, and have up to two spaces inside. What is exact: `EMAIL_1` and
//! `EMAIL_10`, `MY_EMAIL_1`, `EMAIL_1_2` and `EMAIL_1abc` are four different things from `EMAIL_1`.

pub(crate) mod labels;
pub(crate) mod names;
pub(crate) mod scan;
pub(crate) mod unit;

use serde::{Deserialize, Serialize};

pub use labels::{LabelError, Labels};

/// The most bytes of a label.
pub(crate) const LABEL_BYTES_MAX: usize = 64;
/// The most digits of a number.
pub(crate) const NUMBER_DIGITS_MAX: usize = 9;
/// The most bytes of a tag.
const TAG_BYTES_MAX: usize = 12;

/// How the placeholders of a conversation are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `EMAIL_1`, the shortest and what models handle best.
    #[default]
    Plain,
    /// `[[EMAIL_1]]`, which is not mistaken for anything in ordinary text.
    Brackets,
    /// `<EMAIL_1>`, which some models have seen in training. Renderers of Markdown may drop it.
    Angles,
    /// `EMAIL_1_k7q2`, with a tag of the conversation: a placeholder of another conversation does not fit.
    Tagged(Tag),
}

impl Style {
    /// Appends the placeholder of a label and number.
    pub fn write(&self, label: &str, number: u32, output: &mut String) {
        let number = Digits::of(number);
        let (before, after) = match self {
            Style::Plain | Style::Tagged(_) => ("", ""),
            Style::Brackets => ("[[", "]]"),
            Style::Angles => ("<", ">"),
        };
        output.push_str(before);
        output.push_str(label);
        output.push('_');
        number.write(output);
        if let Style::Tagged(tag) = self {
            output.push('_');
            output.push_str(tag.as_str());
        }
        output.push_str(after);
    }

    /// The placeholder of a label and number.
    #[must_use]
    pub fn placeholder(&self, label: &str, number: u32) -> String {
        let mut text = String::with_capacity(label.len() + 16);
        self.write(label, number, &mut text);
        text
    }

    /// The delimiters: opening sign, closing sign, and how many of each.
    pub(crate) fn delimiters(&self) -> Option<(char, char, usize)> {
        match self {
            Style::Plain | Style::Tagged(_) => None,
            Style::Brackets => Some(('[', ']', 2)),
            Style::Angles => Some(('<', '>', 1)),
        }
    }

    /// The tag, where the style has one.
    pub(crate) fn tag(&self) -> Option<&Tag> {
        match self {
            Style::Tagged(tag) => Some(tag),
            _ => None,
        }
    }
}

/// The tag of a conversation: 2 to 12 lower-case letters and digits that begin with a letter. It comes from outside, as
/// this crate has no randomness; derive it from the conversation with a key, so that it cannot be guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag of this spelling.
    ///
    /// # Errors
    /// When it is not 2 to 12 lower-case letters and digits that begin with a letter.
    pub fn new(spelling: impl Into<String>) -> Result<Tag, TagError> {
        let spelling = spelling.into();
        let is_fit = (2..=TAG_BYTES_MAX).contains(&spelling.len())
            && spelling.starts_with(|first: char| first.is_ascii_lowercase())
            && spelling
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if is_fit {
            Ok(Tag(spelling))
        } else {
            Err(TagError { spelling })
        }
    }

    /// The tag's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(spelling: String) -> Result<Tag, TagError> {
        Tag::new(spelling)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> String {
        tag.0
    }
}

/// A tag that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the tag {spelling:?} does not fit: expected 2 to 12 lower-case letters and digits that begin with a letter"
)]
pub struct TagError {
    spelling: String,
}

/// A number's digits, without an allocation.
struct Digits {
    bytes: [u8; 10],
    from: usize,
}

impl Digits {
    fn of(mut number: u32) -> Digits {
        let mut digits = Digits {
            bytes: [b'0'; 10],
            from: 10,
        };
        loop {
            digits.from -= 1;
            digits.bytes[digits.from] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return digits;
            }
        }
    }

    fn write(&self, output: &mut String) {
        output.extend(self.bytes[self.from..].iter().map(|byte| char::from(*byte)));
    }
}

#[cfg(test)]
mod tests;
