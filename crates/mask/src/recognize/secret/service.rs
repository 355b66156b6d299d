//! Keys and tokens of services that have a form of their own.
//!
//! The table ([`table`]) says how a token begins, what follows and how much of it, and what else is known of it. Lookup is by
//! the first byte, so that a place where no token begins costs one look.

pub(crate) mod check;
mod table;

use std::ops::Range;

use super::alphabet::{Alphabet, BASE62, Mixture};
use crate::Score;
use check::Verdict;
use table::FORMATS;

/// The form of one kind of token.
pub(crate) struct Format {
    /// How it begins; capitals and lower-case letters differ.
    prefix: &'static str,
    /// What the rest is made of.
    body: Alphabet,
    /// The fewest characters of the rest.
    min: usize,
    /// The most characters of the rest.
    max: usize,
    /// How sure the form alone is.
    bare: Score,
    /// What else must hold.
    check: fn(&[u8]) -> Verdict,
}

/// A token that was found.
#[derive(Debug)]
pub(crate) struct Token {
    /// Where it stands.
    pub(crate) range: Range<usize>,
    /// How sure its form is.
    pub(crate) bare: Score,
    /// Whether check digits were right.
    pub(crate) is_valid: bool,
    /// Why it is none after all.
    pub(crate) refused: Option<&'static str>,
}

/// Where the formats of each first byte begin in the table, and where they end.
const BY_FIRST: [(u16, u16); 256] = by_first();

const fn by_first() -> [(u16, u16); 256] {
    let mut ranges = [(0, 0); 256];
    let mut index = 0;
    while index < FORMATS.len() {
        let first = FORMATS[index].prefix.as_bytes()[0] as usize;
        if ranges[first].1 == 0 {
            ranges[first].0 = index as u16;
        }
        ranges[first].1 = index as u16 + 1;
        index += 1;
    }
    ranges
}

/// The token that begins at `at`, if one does.
pub(crate) fn at(bytes: &[u8], at: usize) -> Option<Token> {
    let (from, to) = BY_FIRST[usize::from(bytes[at])];
    let rest = &bytes[at..];
    FORMATS[usize::from(from)..usize::from(to)]
        .iter()
        .filter(|format| rest.starts_with(format.prefix.as_bytes()))
        .find_map(|format| matched(format, rest, at))
}

/// What one format says of the text that begins with its prefix.
fn matched(format: &Format, rest: &[u8], at: usize) -> Option<Token> {
    let body = &rest[format.prefix.len()..];
    let mut length = format.body.count(body, format.max + 4);
    // What ends a sentence does not belong to the token, nor does a hyphen or underscore before something else.
    while length > format.min && matches!(body[length - 1], b'.' | b'/') {
        length -= 1;
    }
    if length > format.max {
        return None;
    }
    let follows = body.get(length).copied().unwrap_or(b' ');
    let goes_on = BASE62.has(follows)
        || matches!(follows, b'-' | b'_')
            && body.get(length + 1).is_some_and(|next| BASE62.has(*next));
    if length < format.min || goes_on {
        return None;
    }
    let end = format.prefix.len() + length;
    let range = at..at + end;
    let mixture = Mixture::of(&body[..length.min(512)]);
    let token = |bare: Score, is_valid, refused| Token {
        range: range.clone(),
        bare,
        is_valid,
        refused,
    };
    if mixture.is_filler() || is_told_to_replace(&body[..length]) {
        return Some(token(Score::NONE, false, Some("it is a placeholder")));
    }
    match (format.check)(&rest[..end]) {
        Verdict::Valid => Some(token(Score::CERTAIN, true, None)),
        Verdict::Plausible => Some(token(format.bare, false, None)),
        Verdict::Doubtful => Some(token(Score::of(40), false, None)),
        Verdict::Other => None,
    }
}

/// Whether a piece says that something else is to be put there.
fn is_told_to_replace(body: &[u8]) -> bool {
    const SIGNS: [&[u8]; 6] = [b"your", b"YOUR", b"_here", b"_HERE", b"-here", b"xxxx"];
    let body = &body[..body.len().min(64)];
    SIGNS
        .iter()
        .any(|sign| memchr::memmem::find(body, sign).is_some())
}

#[cfg(test)]
mod tests;
