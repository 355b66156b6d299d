//! What a word of a stream may be the beginning of.
//!
//! Words end behind white space, and behind every character of a script that is written without it. A word without a
//! trigger ([`crate::find::trigger`]) is nothing by itself, so that most words pass at once.

use crate::find::trigger;

/// Words of so many capitals may belong to the number that follows, as in `QQ 12 34 56 C`.
const CAPITALS_MAX: usize = 4;

/// What a word asks for before it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it is a word like any other.
    Nothing,
    /// To be looked at.
    Look,
    /// The word that follows.
    Next,
    /// What follows a number.
    Number,
}

/// What a word needs, without what stands around it.
pub(super) fn need(word: &str) -> Need {
    let bytes = word.as_bytes();
    let mut need = match is_lead(word) {
        true => Need::Next,
        false => Need::Nothing,
    };
    let mut at = 0;
    while let Some(found) = trigger::next(bytes, at) {
        at = found + 1;
        match bytes[found] {
            b'0'..=b'9' => return Need::Number,
            // A name and its value, an option and its value, or an armour.
            b':' | b'=' | b'-' => need = Need::Next,
            b';' | b'<' | b'>' | b'?' => {}
            _ if need == Need::Nothing => need = Need::Look,
            _ => {}
        }
    }
    need
}

/// Whether a word may belong to a number that follows: few capitals, signs alone, a month.
fn is_lead(word: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let bare = word.trim_matches(|character: char| !character.is_alphanumeric());
    if bare.is_empty() {
        return !word.is_empty();
    }
    let is_short = bare.len() <= CAPITALS_MAX && bare.bytes().all(|byte| byte.is_ascii_uppercase());
    is_short
        || bare.get(..3).is_some_and(|first| {
            let mut months = MONTHS.iter();
            bare.len() <= "september".len() && months.any(|month| first.eq_ignore_ascii_case(month))
        })
}

/// Whether a word ends behind this character.
pub(super) fn ends_word(character: char) -> bool {
    character.is_whitespace() || is_unspaced(character)
}

/// The first word of a phrase, as it is compared; empty if it begins with none.
pub(crate) fn first_word(phrase: &str) -> String {
    let start = phrase
        .find(|character: char| character.is_alphanumeric())
        .unwrap_or(phrase.len());
    let phrase = &phrase[start..];
    let end = match phrase.char_indices().find(|(_, one)| ends_word(*one)) {
        Some((0, one)) => one.len_utf8(),
        Some((at, _)) => at,
        None => phrase.len(),
    };
    phrase[..end]
        .trim_end_matches(|character: char| !character.is_alphanumeric())
        .to_lowercase()
}

/// Whether a character belongs to a script that has no spaces between words: Thai, Lao, Burmese, Khmer, kana and Han,
/// with the punctuation of East Asia (Unicode 16, blocks).
fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{2e80}'..='\u{312f}'
            | '\u{31a0}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff01}'..='\u{ff0f}'
            | '\u{20000}'..='\u{3fffd}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_may_become() {
        for (word, expected) in [
            ("hello,", Need::Nothing),
            ("What?", Need::Nothing),
            ("password:", Need::Next),
            ("--token", Need::Next),
            ("QQ", Need::Next),
            ("(", Need::Next),
            ("March", Need::Next),
            ("jo@example.com", Need::Look),
            ("example.com.", Need::Look),
            ("+84", Need::Number),
            ("hf_a", Need::Look),
        ] {
            assert_eq!(need(word), expected, "{word}");
        }
    }

    #[test]
    fn the_first_word_of_a_phrase_is_that_of_a_stream() {
        assert_eq!(first_word("Bank of America"), "bank");
        assert_eq!(first_word("\"Coca-Cola\" Company"), "coca-cola");
        assert_eq!(first_word("\u{4e2d}\u{56fd}"), "\u{4e2d}");
        assert_eq!(first_word(" "), "");
    }
}
