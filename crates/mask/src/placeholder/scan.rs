//! From a text to the placeholders in it.
//!
//! One pass over the bytes. Only the first letter of a word, a backslash, an ampersand and an opening delimiter are looked
//! at more closely; words whose first two letters begin no label are passed over. What is found never depends on where a
//! text was cut: at its end the scan says from where on it must be seen again with what follows.

use std::sync::Arc;

use crate::placeholder::names::{Hope, Names, Outcome};
use crate::placeholder::unit::{self, Spelling, is_word, is_zero_width};

/// What comes next in a text.
pub(crate) enum Step<'a> {
    /// A placeholder, or what looks like one.
    Name {
        start: usize,
        end: usize,
        /// What it stands for, if it was issued.
        value: Option<&'a Arc<str>>,
    },
    /// From here on the text must be seen again with what follows it. Never told of a text that is complete.
    Pending {
        at: usize,
        /// From here on it may become a placeholder that was issued. What lies before is only looked at for what follows.
        held_from: usize,
        /// Whether a word is under way before it.
        is_in_word: bool,
    },
    /// The end, and whether a word is under way there.
    End { is_in_word: bool },
}

/// A scan under way.
pub(crate) struct Scan<'a, 't> {
    names: Names<'a>,
    text: &'t str,
    depth: u8,
    is_last: bool,
    has_delimiters: bool,
    at: usize,
    /// Up to here escapes have been read.
    piece: usize,
    /// Whether a word was under way there.
    is_in_word: bool,
}

impl<'a, 't> Scan<'a, 't> {
    /// A scan of a text that is escaped for JSON so many times, that follows a word or not, and that nothing follows if it is
    /// the last.
    pub(crate) fn new(
        names: Names<'a>,
        text: &'t str,
        depth: u8,
        is_in_word: bool,
        is_last: bool,
    ) -> Scan<'a, 't> {
        Scan {
            has_delimiters: names.style.delimiters().is_some(),
            names,
            text,
            depth,
            is_last,
            at: 0,
            piece: 0,
            is_in_word,
        }
    }

    /// The next step.
    pub(crate) fn next(&mut self) -> Step<'a> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            let step = match byte {
                b'a'..=b'z' | b'A'..=b'Z' if !self.has_delimiters => self.word(),
                b'\\' | b'&' => self.escape(),
                b'[' | b'<' if self.has_delimiters => self.delimiter(1),
                _ => {
                    self.at += 1;
                    None
                }
            };
            if let Some(step) = step {
                return step;
            }
        }
        Step::End {
            is_in_word: self.is_in_word_at(self.text.len()),
        }
    }

    /// Looks at a letter.
    fn word(&mut self) -> Option<Step<'a>> {
        let bytes = self.text.as_bytes();
        let at = self.at;
        let is_within = at > self.piece && bytes[at - 1].is_ascii_alphanumeric();
        let is_candidate = !is_within
            && self.names.may_begin(bytes[at], bytes.get(at + 1).copied())
            && !self.is_in_word_at(at);
        if is_candidate {
            match self.names.word_at(self.text, at, self.depth, self.is_last) {
                Outcome::Nothing => {}
                outcome => return Some(self.told(at, outcome)),
            }
        }
        self.at += bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        None
    }

    /// Looks at a backslash or an ampersand.
    fn escape(&mut self) -> Option<Step<'a>> {
        let at = self.at;
        let Some(unit) = unit::read(self.text, at, self.depth) else {
            if self.is_last {
                self.pass(1, false);
                return None;
            }
            return Some(Step::Pending {
                at,
                held_from: self.held_from(at),
                is_in_word: self.is_in_word_at(at),
            });
        };
        if self.has_delimiters {
            // Of `\[[` only the backslash is passed over: the brackets may be a placeholder's.
            let len = match unit.spelling {
                Spelling::Backslash => unit::unescaped_len(self.text, at, self.depth).unwrap_or(1),
                _ => unit.len,
            };
            return self.delimiter(len);
        }
        let is_in_word = match unit.character {
            '_' => self.is_in_word_at(at),
            other if is_zero_width(other) => self.is_in_word_at(at),
            other => is_word(other),
        };
        self.pass(unit.len, is_in_word);
        None
    }

    /// Looks at what may be a delimiter, of which so many bytes are passed over if it is none.
    fn delimiter(&mut self, len: usize) -> Option<Step<'a>> {
        let at = self.at;
        match self
            .names
            .delimited_at(self.text, at, self.depth, self.is_last)
        {
            Outcome::Nothing => {
                self.pass(len, false);
                None
            }
            outcome => Some(self.told(at, outcome)),
        }
    }

    /// Tells what was found at a place, and goes on behind it.
    fn told(&mut self, start: usize, outcome: Outcome<'a>) -> Step<'a> {
        match outcome {
            Outcome::Name { end, value } => {
                self.pass(end - start, true);
                Step::Name { start, end, value }
            }
            Outcome::More(hope) => Step::Pending {
                at: start,
                held_from: match hope {
                    Hope::Issued => start,
                    Hope::LookAlike => self.held_from(start),
                },
                is_in_word: false,
            },
            Outcome::Nothing => Step::End { is_in_word: false },
        }
    }

    /// From where on a text that is to be seen again from `at` may become a placeholder that was issued, when what begins
    /// at `at` itself cannot: from a unit on that the text's end cuts, since it may turn out to be what it is spelled with.
    fn held_from(&self, at: usize) -> usize {
        let end = self.text.len();
        if self.names.issued.labels.is_empty() {
            return end;
        }
        let bytes = self.text.as_bytes();
        let is_cut = |place: &usize| {
            matches!(bytes[*place], b'\\' | b'&')
                && unit::read(self.text, *place, self.depth).is_none()
        };
        let Some(cut) = (at..end).find(is_cut) else {
            return end;
        };
        let may_begin = match self.names.style.delimiters() {
            Some((opening, _, _)) => unit::may_become(&self.text[cut..], opening),
            None => (cut + 1..end).any(|place| {
                bytes[place].is_ascii_alphabetic()
                    && !bytes[place - 1].is_ascii_alphanumeric()
                    && (self.names.issued.starts)
                        .may_begin(bytes[place], bytes.get(place + 1).copied())
            }),
        };
        if may_begin { cut } else { end }
    }

    /// Passes over so many bytes that were read as a whole.
    fn pass(&mut self, len: usize, is_in_word: bool) {
        self.at += len;
        self.piece = self.at;
        self.is_in_word = is_in_word;
    }

    /// Whether a word is under way at a place. Underscores and zero-width characters change nothing of that, so that
    /// `_EMAIL_1_` is a placeholder and `MY_EMAIL_1` is none.
    fn is_in_word_at(&self, place: usize) -> bool {
        for character in self.text[self.piece..place].chars().rev() {
            if character != '_' && !is_zero_width(character) {
                return is_word(character);
            }
        }
        self.is_in_word
    }
}
