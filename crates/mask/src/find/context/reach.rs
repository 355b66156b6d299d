//! Whether a phrase speaks of a candidate, and how far it is from it.
//!
//! A phrase before a candidate is its label unless something else has taken it: another number with words after it, or
//! another label. A list shares one label: in `phones: A, B and C` nothing but signs and small words stands between the
//! numbers. A phrase after a candidate counts if nothing ends the clause between and it is not the label of what follows
//! it.

use std::ops::Range;

use super::phrases::Hit;

/// From so many digits on, a number between a phrase and a candidate may be what the phrase speaks of.
const NUMBER_DIGITS: usize = 4;
/// How much farther a word counts as being beyond the end of a clause.
const COMMA: usize = 6;
/// How much farther it counts as being beyond the end of a sentence or a list's item.
const SENTENCE: usize = 20;
/// How much farther a word after the candidate counts as being: labels stand before.
const AFTER: usize = 12;
/// How far a phrase reaches, with what counts as farther.
const REACH: usize = 84;

/// Words that join the members of a list, or a label to its value, or tell one member from another (`old: A, new: B`).
const CONNECTING: &[&str] = &[
    "and",
    "or",
    "is",
    "are",
    "was",
    "no",
    "nr",
    "number",
    "to",
    "the",
    "also",
    "then",
    "va",
    "v\u{e0}",
    "hoac",
    "ho\u{1eb7}c",
    "la",
    "l\u{e0}",
    "so",
    "s\u{1ed1}",
    "voi",
    "v\u{1edb}i",
    "und",
    "oder",
    "et",
    "ou",
    "y",
    "o",
    "e",
    "i",
    "old",
    "new",
    "home",
    "work",
    "office",
    "main",
    "second",
    "other",
    "ben",
    "b\u{ea}n",
    "a",
    "b",
    "cu",
    "c\u{169}",
    "moi",
    "m\u{1edb}i",
    "phu",
    "ph\u{1ee5}",
    "chinh",
    "ch\u{ed}nh",
    "me",
    "m\u{1eb9}",
    "bo",
    "b\u{1ed1}",
    "vo",
    "v\u{1ee3}",
    "chong",
    "ch\u{1ed3}ng",
];

/// How far a phrase that speaks of the candidate is from it, or nothing if it does not speak of it.
pub(super) fn distance(text: &str, hit: &Hit, range: &Range<usize>, lowers: bool) -> Option<usize> {
    let distance = if hit.end <= range.start {
        if hit.is_glued && hit.end < range.start {
            return None;
        }
        before(&text[hit.end..range.start], &text[range.clone()], lowers)?
    } else if hit.start >= range.end {
        after(&text[range.end..hit.start], &text[hit.end..])?
    } else {
        // A word within the candidate says nothing about it that its form does not say.
        return None;
    };
    (distance <= REACH).then_some(distance)
}

/// The most bytes between a candidate and the label directly before it.
const DIRECT_MAX: usize = 6;

/// Whether a phrase ends so near before a candidate that it may be the label directly before it.
#[inline]
pub(super) fn may_be_direct(hit: &Hit, range: &Range<usize>) -> bool {
    hit.end <= range.start && range.start - hit.end <= DIRECT_MAX
}

/// Whether a phrase is the label directly before a candidate: only a colon or the like stands between.
pub(super) fn is_direct(text: &str, hit: &Hit, range: &Range<usize>) -> bool {
    text.get(hit.end..range.start).is_some_and(|between| {
        between.len() <= DIRECT_MAX
            && between
                .chars()
                .all(|sign| matches!(sign, ' ' | ':' | '=' | '#' | '"' | '\'' | '\u{ff1a}'))
    })
}

/// The distance of a phrase before a candidate, with `between` between them.
fn before(between: &str, candidate: &str, lowers: bool) -> Option<usize> {
    let bytes = between.as_bytes();
    let mut distance = bytes.len();
    let mut digits = 0;
    // What follows the last number and the last end of a clause.
    let mut number_end = None;
    let mut number_digits = 0;
    let mut clause_end = None;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b' ' | b'-' | b'.' | b'/' | b'(' | b')'
                if digits > 0 && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) =>
            {
                continue;
            }
            _ => {}
        }
        let ends = !bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if byte.is_ascii_digit() && ends && !is_grouped(&bytes[at + 1..]) {
            if digits >= NUMBER_DIGITS || lowers {
                number_end = Some(at + 1);
                number_digits = digits;
            }
            digits = 0;
        }
        let sentence = matches!(byte, b'.' | b'!' | b'?')
            && matches!(bytes.get(at + 1), Some(b' ' | b'"') | None);
        match byte {
            b',' | b'|' | b'\t' => distance += COMMA,
            b';' | b'{' | b'}' => distance += SENTENCE,
            _ if sentence && !is_abbreviation(&between[..at]) => distance += SENTENCE,
            _ => continue,
        }
        clause_end = Some(at + 1);
    }
    if let Some(end) = number_end {
        if !is_list(&between[end..]) {
            return None;
        }
        let own = candidate.bytes().filter(u8::is_ascii_digit).count();
        if own.abs_diff(number_digits) > 2 && lowers {
            return None;
        }
        // The members of a list do not make its label farther.
        distance = distance.min(between.len() - end + COMMA);
    }
    let clause = clause_end.max(number_end);
    if clause.is_some_and(|clause| has_label(&between[clause..])) {
        return None;
    }
    Some(distance)
}

/// The distance of a phrase after a candidate, with `between` between them and `following` after it.
fn after(between: &str, following: &str) -> Option<usize> {
    let bytes = between.as_bytes();
    let ends_clause = bytes.iter().enumerate().any(|(at, byte)| match byte {
        b',' | b';' | b'{' | b'}' | b'0'..=b'9' => true,
        b'.' | b'!' | b'?' => matches!(bytes.get(at + 1), Some(b' ' | b'"') | None),
        _ => false,
    });
    if ends_clause || is_label(following) {
        return None;
    }
    Some(between.len() + AFTER)
}

/// Whether digits follow after one separator, so that a number goes on.
fn is_grouped(rest: &[u8]) -> bool {
    matches!(rest, [b' ' | b'-' | b'.' | b'/', digit, ..] if digit.is_ascii_digit())
}

/// Whether a dot ends an abbreviation: a short word before it.
fn is_abbreviation(before: &str) -> bool {
    let word = before
        .rsplit(|character: char| !character.is_alphabetic())
        .next()
        .unwrap_or_default();
    (1..=3).contains(&word.len())
}

/// Whether only signs and connecting words stand in a text.
pub(super) fn is_list(between: &str) -> bool {
    are_connecting(between) && !between.contains(['{', '}'])
}

/// Whether all words of a text are connecting ones.
fn are_connecting(text: &str) -> bool {
    text.split(|character: char| !character.is_alphabetic())
        .filter(|word| !word.is_empty())
        .all(|word| {
            CONNECTING
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
                || (!word.is_ascii() && CONNECTING.contains(&word.to_lowercase().as_str()))
        })
}

/// Whether a text holds a word with a colon or an equals sign after it: another label. Words that only
/// tell the members of a list apart are none.
fn has_label(clause: &str) -> bool {
    clause.match_indices([':', '=']).any(|(at, _)| {
        clause[..at]
            .trim_end_matches(['"', '\'', ' ', '*', '`'])
            .ends_with(char::is_alphabetic)
            && !are_connecting(&clause[..at])
    })
}

/// Whether a phrase with this after it is the label of something that follows.
fn is_label(following: &str) -> bool {
    let rest = following.trim_start_matches(['"', '\'', '*', '`', ' ', '#', '.']);
    if rest.starts_with([':', '=']) {
        return true;
    }
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let mut first = words.next().unwrap_or_default();
    if CONNECTING.contains(&first) {
        first = words.next().unwrap_or_default();
    }
    first
        .trim_start_matches(['(', '+', '"', '#'])
        .starts_with(|character: char| character.is_ascii_digit())
        && rest.len() != following.len()
}
