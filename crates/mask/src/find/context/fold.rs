//! The form in which words are compared: lower case, without diacritics.

use unicode_normalization::UnicodeNormalization;

/// The first character beyond the table of [`Letters`].
const TABLE_END: u32 = 0x250;
/// Latin letters with two diacritics, which Vietnamese has many of.
const ADDITIONAL: std::ops::Range<u32> = 0x1e00..0x1f00;

/// The plain small letter of every Latin letter with diacritics.
pub(super) struct Letters {
    /// By character up to U+024F; 0 for what is no Latin letter.
    table: [u8; TABLE_END as usize],
    /// By character from U+1E00 to U+1EFF.
    additional: [u8; 0x100],
}

impl Letters {
    pub(super) fn new() -> Letters {
        let plain = |code: u32| {
            let mut folded = char::from_u32(code).into_iter().flat_map(folded_char);
            match (folded.next(), folded.next()) {
                (Some(letter), None) if letter.is_ascii_alphanumeric() => letter as u8,
                _ => 0,
            }
        };
        let mut letters = Letters {
            table: [0; TABLE_END as usize],
            additional: [0; 0x100],
        };
        for (code, place) in (0..).zip(&mut letters.table) {
            *place = plain(code);
        }
        for (code, place) in ADDITIONAL.zip(&mut letters.additional) {
            *place = plain(code);
        }
        letters
    }

    /// The plain small form of an ASCII byte, or 0 for a sign.
    #[inline]
    pub(super) fn of_ascii(&self, byte: u8) -> u8 {
        self.table[usize::from(byte)]
    }

    /// The plain small form of a character, or 0 for what is no Latin letter and no digit.
    pub(super) fn of(&self, character: char) -> u8 {
        let code = character as u32;
        if code < TABLE_END {
            self.table[code as usize]
        } else if ADDITIONAL.contains(&code) {
            self.additional[(code - ADDITIONAL.start) as usize]
        } else {
            0
        }
    }
}

/// Whether a character is a mark over the letter before it, as in decomposed text.
pub(super) fn is_mark(character: char) -> bool {
    ('\u{300}'..'\u{370}').contains(&character)
}

/// A text in the form in which phrases are compared: lower case, without diacritics, with the Vietnamese d with stroke as d,
/// underscores and line-internal tabs as spaces.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text
            .chars()
            .map(|character| plain(character.to_ascii_lowercase()))
            .collect();
    }
    text.chars().flat_map(folded_char).collect()
}

/// What a character becomes.
fn folded_char(character: char) -> impl Iterator<Item = char> {
    std::iter::once(character)
        .nfd()
        .filter(|character| !unicode_normalization::char::is_combining_mark(*character))
        .flat_map(char::to_lowercase)
        .map(plain)
}

/// A character as phrases have it.
fn plain(character: char) -> char {
    match character {
        '\u{111}' | '\u{110}' => 'd',
        // Letters that have no decomposition: dotless i, l with stroke, o with stroke.
        '\u{131}' => 'i',
        '\u{142}' => 'l',
        '\u{f8}' => 'o',
        '_' | '\t' | '\u{a0}' => ' ',
        other => other,
    }
}

/// Where the word around a place begins, so far as ASCII letters and digits go.
pub(super) fn word_start(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    let back = text.as_bytes()[..at]
        .iter()
        .rev()
        .take(super::phrases::LENGTH_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80)
        .count();
    text.floor_char_boundary(at - back)
}

/// Where the word around a place ends, so far as ASCII letters and digits go.
pub(super) fn word_end(text: &str, at: usize) -> usize {
    let ahead = text.as_bytes()[at..]
        .iter()
        .take(super::phrases::LENGTH_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80)
        .count();
    text.ceil_char_boundary(at + ahead)
}
