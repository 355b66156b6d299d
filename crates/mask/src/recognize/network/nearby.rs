//! What stands directly beside a candidate.

use crate::find::context::fold;

/// How many bytes before a candidate are read for the words that announce it.
const ANNOUNCEMENT: usize = 48;
/// How many small words may stand between the word that announces a candidate and the candidate.
const SMALL_WORDS_MAX: usize = 3;

/// Words between an announcement and what it announces.
const SMALL: &[&str] = &[
    "is", "are", "was", "the", "a", "an", "our", "my", "your", "new", "name", "names", "named",
    "called", "at", "to", "from", "for", "number", "no", "la", "cua", "toi", "so", "tai", "ten",
    "moi", "co",
];

/// The character directly before a place.
pub(super) fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character directly after a place.
pub(super) fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// Whether the byte before a place is an ASCII letter, digit or underscore, or a cased letter of another script.
pub(super) fn is_word_before(text: &str, at: usize) -> bool {
    before(text, at).is_some_and(is_word)
}

/// Whether the byte after a place is an ASCII letter, digit or underscore, or a cased letter of another script.
pub(super) fn is_word_after(text: &str, at: usize) -> bool {
    after(text, at).is_some_and(is_word)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || super::name::is_cased(character)
}

/// Whether one of the phrases (folded) stands directly before a place in its line, with nothing but signs and small words
/// between. A word may end with a phrase: `FileVersion` ends with `version`, unless `whole` is asked for.
pub(super) fn is_announced(text: &str, at: usize, phrases: &[&str], whole: bool) -> bool {
    announcement(text, at).ends_with(phrases, whole)
}

/// What stands before a place in its line.
pub(super) struct Announcement(String);

/// The announcement before a place, which several lists of phrases may be compared with.
pub(super) fn announcement(text: &str, at: usize) -> Announcement {
    let from = text.floor_char_boundary(at.saturating_sub(ANNOUNCEMENT));
    let piece = &text[from..at];
    let line = piece.rfind('\n').map_or(piece, |end| &piece[end + 1..]);
    Announcement(fold(line))
}

impl Announcement {
    /// Whether it ends with one of the phrases (folded), with nothing but signs and small words after.
    pub(super) fn ends_with(&self, phrases: &[&str], whole: bool) -> bool {
        let mut rest = self.0.as_str();
        for _ in 0..=SMALL_WORDS_MAX {
            rest = rest.trim_end_matches(|character: char| {
                matches!(
                    character,
                    ' ' | ':' | '=' | '"' | '\'' | '`' | '(' | '[' | '<' | '*' | '#'
                )
            });
            let ends_with = |phrase: &str| {
                rest.strip_suffix(phrase).is_some_and(|left| {
                    !whole || !left.ends_with(|character: char| character.is_ascii_alphanumeric())
                })
            };
            // Most phrases end with another letter, which is told much faster.
            let last = rest.as_bytes().last();
            if phrases
                .iter()
                .any(|phrase| phrase.as_bytes().last() == last && ends_with(phrase))
            {
                return true;
            }
            let Some(left) = SMALL.iter().find_map(|word| {
                rest.strip_suffix(*word)
                    .filter(|left| left.is_empty() || left.ends_with(' '))
            }) else {
                return false;
            };
            rest = left;
        }
        false
    }
}

/// Where a value begins that an escape sequence of JSON or source code is written directly before: in `\njo@example.com`
/// after the `n`, in `\u003cjo@example.com` after the digits.
pub(super) fn after_escape(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    if start == 0 || bytes[start - 1] != b'\\' {
        return start;
    }
    match &bytes[start..] {
        [b'n' | b'r' | b't', ..] => start + 1,
        [b'u', digits @ ..]
            if digits.len() >= 4 && digits[..4].iter().all(u8::is_ascii_hexdigit) =>
        {
            start + 5
        }
        _ => start,
    }
}
