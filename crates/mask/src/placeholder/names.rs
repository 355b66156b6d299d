//! Which names are placeholders.

use std::sync::Arc;

use crate::placeholder::labels::{Labels, Starts};
use crate::placeholder::unit::{self, Spelling, is_word, is_zero_width};
use crate::placeholder::{LABEL_BYTES_MAX, NUMBER_DIGITS_MAX, Style, TAG_BYTES_MAX};

/// The most bytes of a name: label, number, tag, plural and underscores.
const NAME_BYTES_MAX: usize = LABEL_BYTES_MAX + NUMBER_DIGITS_MAX + TAG_BYTES_MAX + 7;
/// The most bytes over which a name may be spread by escapes and zero-width characters.
const SPELLING_BYTES_MAX: usize = 1024;
/// So many underscores in a row end a name, whatever follows: they are a line to write on.
const UNDERSCORES_END: usize = 4;
/// The most spaces within delimiters, on each side.
const SPACES_MAX: usize = 2;

/// The values that the placeholders of one label stand for: number n stands for the value at n - 1.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) label: Arc<str>,
    pub(crate) values: Arc<Vec<Arc<str>>>,
}

/// Everything that a conversation issued, for looking it up.
#[derive(Clone, Default)]
pub(crate) struct IssuedNames {
    /// In the order of the labels' bytes.
    pub(crate) labels: Vec<Issued>,
    pub(crate) starts: Starts,
    /// Whether there is a value that JSON escapes.
    pub(crate) has_escaped: bool,
}

/// The names of one conversation: those that were issued, and those that look like it.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) style: &'a Style,
    /// The labels of the rules.
    pub(crate) known: &'a Labels,
    /// What was issued.
    pub(crate) issued: &'a IssuedNames,
}

/// What stands at a place.
pub(crate) enum Outcome<'a> {
    /// No placeholder, whatever follows.
    Nothing,
    /// It depends on what follows.
    More(Hope),
    /// A placeholder that ends here, with its value if it was issued.
    Name {
        end: usize,
        value: Option<&'a Arc<str>>,
    },
}

/// What an unfinished name may still become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hope {
    /// At most a look-alike.
    LookAlike,
    /// A placeholder that was issued.
    Issued,
}

/// A name as it stands in the text, in capitals and without what is tolerated.
struct Word {
    bytes: [u8; NAME_BYTES_MAX],
    /// For each byte where in the text it ends, counted from the name's beginning.
    ends: [u16; NAME_BYTES_MAX],
    len: usize,
    stop: Stop,
}

/// Why a name was not read on.
enum Stop {
    /// Something that is no part of names begins here.
    Boundary(usize),
    /// The text ends.
    End,
    /// It is none.
    Unfit,
}

impl<'a> Names<'a> {
    /// What begins at a place that nothing keeps from being the beginning of a name. For styles without delimiters.
    pub(crate) fn word_at(&self, text: &str, at: usize, depth: u8, is_last: bool) -> Outcome<'a> {
        let word = Word::read(text, at, depth);
        let name = &word.bytes[..word.len];
        match word.stop {
            Stop::Unfit => Outcome::Nothing,
            Stop::End if !is_last => self.hope(name).map_or(Outcome::Nothing, Outcome::More),
            Stop::End | Stop::Boundary(_) => match self.core(name) {
                Some((len, value)) => Outcome::Name {
                    end: at + usize::from(word.ends[len - 1]),
                    value,
                },
                None => Outcome::Nothing,
            },
        }
    }

    /// What begins at a place where an opening delimiter stands.
    pub(crate) fn delimited_at(
        &self,
        text: &str,
        at: usize,
        depth: u8,
        is_last: bool,
    ) -> Outcome<'a> {
        let Some((opening, closing, count)) = self.style.delimiters() else {
            return Outcome::Nothing;
        };
        let more = |hope: Option<Hope>| match hope {
            Some(hope) if !is_last => Outcome::More(hope),
            _ => Outcome::Nothing,
        };
        let mut place = at;
        let mut spelling = None;
        match delimiters(text, &mut place, depth, (opening, count), &mut spelling) {
            Some(true) => {}
            Some(false) => return Outcome::Nothing,
            None => return more(self.hope(b"")),
        }
        if spaces(text, &mut place, depth).is_none() {
            return more(self.hope(b""));
        }
        let word = Word::read(text, place, depth);
        let name = &word.bytes[..word.len];
        place = match word.stop {
            Stop::Unfit => return Outcome::Nothing,
            Stop::End => return more(self.open_hope(name).max(self.exact_hope(name))),
            Stop::Boundary(place) => place,
        };
        let Some(value) = self.exact(name) else {
            return Outcome::Nothing;
        };
        if spaces(text, &mut place, depth).is_none() {
            return more(self.exact_hope(name));
        }
        match delimiters(text, &mut place, depth, (closing, count), &mut spelling) {
            Some(true) => Outcome::Name { end: place, value },
            Some(false) => Outcome::Nothing,
            None => more(self.exact_hope(name)),
        }
    }

    /// Whether a word that begins so may be a name.
    pub(crate) fn may_begin(&self, first: u8, second: Option<u8>) -> bool {
        self.known.starts().may_begin(first, second) || self.issued.starts.may_begin(first, second)
    }

    /// The name at the beginning of a whole word, which may have a plural's `S` and underscores after it: its length, and
    /// its value if it was issued.
    fn core(&self, word: &[u8]) -> Option<(usize, Option<&'a Arc<str>>)> {
        let underscores = word.iter().rev().take_while(|byte| **byte == b'_').count();
        let word = &word[..word.len() - underscores];
        if let Some(value) = self.exact(word) {
            return Some((word.len(), value));
        }
        let word = word.strip_suffix(b"S")?;
        self.exact(word).map(|value| (word.len(), value))
    }

    /// Whether this is a name, and its value if it was issued.
    fn exact(&self, name: &[u8]) -> Option<Option<&'a Arc<str>>> {
        let name = match self.style.tag() {
            Some(tag) => without_tag(name, tag.as_str())?,
            None => name,
        };
        let underscore = name.iter().rposition(|byte| *byte == b'_')?;
        let (label, number) = (&name[..underscore], number(&name[underscore + 1..])?);
        match self.issued_of(label) {
            Some(issued) => Some(issued.values.get(number - 1)),
            None => self.known.contains(label).then_some(None),
        }
    }

    /// What a name may become that is complete but for what follows it.
    fn exact_hope(&self, name: &[u8]) -> Option<Hope> {
        self.exact(name).map(hope_of)
    }

    /// What the beginning of a word may become.
    fn hope(&self, word: &[u8]) -> Option<Hope> {
        let complete = self.core(word).map(|(_, value)| hope_of(value));
        self.open_hope(word).max(complete)
    }

    /// What the beginning of a name may become with more letters or digits.
    fn open_hope(&self, name: &[u8]) -> Option<Hope> {
        let begun = if self.issued_begins_with(name) {
            Some(Hope::Issued)
        } else if self.known.any_begins_with(name) {
            Some(Hope::LookAlike)
        } else {
            None
        };
        if begun == Some(Hope::Issued) {
            return begun;
        }
        let mut best = begun;
        // The label may be followed by a number that is under way, and that by a tag that is.
        let mut rest = name;
        for _ in 0..2 {
            let Some(underscore) = rest.iter().rposition(|byte| *byte == b'_') else {
                break;
            };
            best = best.max(self.numbered_hope(&name[..underscore], &name[underscore + 1..]));
            rest = &name[..underscore];
        }
        best
    }

    /// What a label with the beginning of a number (and of a tag) may become.
    fn numbered_hope(&self, label: &[u8], rest: &[u8]) -> Option<Hope> {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_number_open = digits == rest.len();
        if !is_number_open {
            let tag = self.style.tag()?.as_str().as_bytes();
            let begun = rest[digits..].strip_prefix(b"_")?;
            if digits == 0 || !tag.get(..begun.len())?.eq_ignore_ascii_case(begun) {
                return None;
            }
        }
        let is_empty = digits == 0;
        let number = if is_empty {
            1
        } else {
            number(&rest[..digits])?
        };
        match self.issued_of(label) {
            Some(issued) if number <= issued.values.len() => Some(Hope::Issued),
            Some(_) => Some(Hope::LookAlike),
            None => self.known.contains(label).then_some(Hope::LookAlike),
        }
    }

    fn issued_of(&self, label: &[u8]) -> Option<&'a Issued> {
        let labels = &self.issued.labels;
        let found = labels.binary_search_by(|issued| issued.label.as_bytes().cmp(label));
        found.ok().map(|index| &labels[index])
    }

    fn issued_begins_with(&self, prefix: &[u8]) -> bool {
        let labels = &self.issued.labels;
        let at = labels.partition_point(|issued| issued.label.as_bytes() < prefix);
        labels
            .get(at)
            .is_some_and(|issued| issued.label.as_bytes().starts_with(prefix))
    }
}

impl Word {
    /// Reads a name from a place on.
    fn read(text: &str, at: usize, depth: u8) -> Word {
        let mut word = Word {
            bytes: [0; NAME_BYTES_MAX],
            ends: [0; NAME_BYTES_MAX],
            len: 0,
            stop: Stop::End,
        };
        let bytes = text.as_bytes();
        let (mut place, mut underscores) = (at, 0);
        while let Some(byte) = bytes.get(place) {
            let (character, len) = if byte.is_ascii_alphanumeric() || *byte == b'_' {
                (char::from(*byte), 1)
            } else {
                match unit::read(text, place, depth) {
                    Some(unit) => (unit.character, unit.len),
                    None => return word,
                }
            };
            if !is_zero_width(character) {
                underscores = if character == '_' { underscores + 1 } else { 0 };
                let is_part = is_word(character) || character == '_';
                if !is_part || underscores == UNDERSCORES_END {
                    word.stop = Stop::Boundary(place);
                    return word;
                }
                if !character.is_ascii() || word.len == NAME_BYTES_MAX {
                    word.stop = Stop::Unfit;
                    return word;
                }
                word.bytes[word.len] = character.to_ascii_uppercase() as u8;
                word.ends[word.len] = u16::try_from(place + len - at).unwrap_or(u16::MAX);
                word.len += 1;
            }
            place += len;
            if place - at > SPELLING_BYTES_MAX {
                word.stop = Stop::Unfit;
                return word;
            }
        }
        word
    }
}

fn hope_of(value: Option<&Arc<str>>) -> Hope {
    match value {
        Some(_) => Hope::Issued,
        None => Hope::LookAlike,
    }
}

/// A name without the tag at its end.
fn without_tag<'n>(name: &'n [u8], tag: &str) -> Option<&'n [u8]> {
    let (rest, end) = name.split_at_checked(name.len().checked_sub(tag.len())?)?;
    end.eq_ignore_ascii_case(tag.as_bytes())
        .then(|| rest.strip_suffix(b"_"))
        .flatten()
}

/// A number from 1 on, without leading zeros, of at most nine digits.
fn number(digits: &[u8]) -> Option<usize> {
    let is_number = (1..=NUMBER_DIGITS_MAX).contains(&digits.len())
        && digits[0] != b'0'
        && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
    })
}

/// Passes so many delimiters that are all written in the same way. Some(false) when they are none, None when the text
/// ends.
fn delimiters(
    text: &str,
    place: &mut usize,
    depth: u8,
    (sign, count): (char, usize),
    spelling: &mut Option<Spelling>,
) -> Option<bool> {
    for _ in 0..count {
        let unit = unit::read(text, *place, depth)?;
        if unit.character != sign || *spelling.get_or_insert(unit.spelling) != unit.spelling {
            return Some(false);
        }
        *place += unit.len;
    }
    Some(true)
}

/// Passes a few spaces. None when the text ends.
fn spaces(text: &str, place: &mut usize, depth: u8) -> Option<()> {
    for _ in 0..SPACES_MAX {
        // A unit that the text's end cuts may still be a delimiter.
        let unit = unit::read(text, *place, depth)?;
        if !matches!(unit.character, ' ' | '\u{a0}') {
            break;
        }
        *place += unit.len;
    }
    Some(())
}
