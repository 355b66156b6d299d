//! What stands directly before and after a number, and whether it ties the number to something longer.

use std::ops::Range;

use crate::recognize::emphasis;

/// Whether a letter beyond ASCII, of a script with capitals, touches the range, so that it is the part of a word.
pub(super) fn is_within_word(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    let is_letter = |character: char| !character.is_ascii() && is_cased(character);
    before.is_some_and(is_letter) || after.is_some_and(is_letter)
}

/// How many hundredths of the score what stands around a number costs; nothing when it cannot be a number of its own.
pub(super) fn cost(text: &str, range: &Range<usize>) -> Option<u8> {
    Some(before(text, range.start)?.max(after(text, range.end)?))
}

/// What stands before.
fn before(text: &str, start: usize) -> Option<u8> {
    let mut characters = text[..start].chars().rev();
    let Some(last) = characters.next() else {
        return Some(0);
    };
    let next = characters.next();
    let is_behind_digit = next.is_some_and(|next| next.is_ascii_digit());
    match last {
        '_' if emphasis::opens(text, start) => Some(0),
        '_' | '+' | '\\' | '$' | '\u{20ac}' | '\u{a3}' | '\u{a5}' | '\u{20ab}' => None,
        '.' if is_behind_digit => None,
        // A decimal comma; other commas separate fields.
        ',' if next == Some('0')
            && !characters
                .next()
                .is_some_and(|digit| digit.is_ascii_digit()) =>
        {
            None
        }
        '-' if next.is_some_and(char::is_alphanumeric) => Some(40),
        '#' | '/' | '~' => Some(30),
        letter if is_cased(letter) => None,
        _ => Some(0),
    }
}

/// What stands after.
fn after(text: &str, end: usize) -> Option<u8> {
    let mut characters = text[end..].chars();
    let Some(first) = characters.next() else {
        return Some(0);
    };
    let next = characters.next();
    match first {
        '_' if emphasis::closes(text, end) => Some(0),
        '_' | '%' | '@' | '\u{20ac}' | '\u{20ab}' => None,
        '.' if next.is_some_and(|next| next.is_ascii_digit()) => None,
        '.' if next.is_some_and(char::is_lowercase) => Some(30),
        '/' if next.is_some_and(char::is_alphabetic) => Some(30),
        '-' if next.is_some_and(char::is_alphanumeric) => {
            // A security code of three or four digits may follow.
            let tail = text[end + 1..]
                .bytes()
                .take(5)
                .take_while(u8::is_ascii_alphanumeric);
            let (digits, others) = tail.fold((0, 0), |(digits, others), byte| {
                if byte.is_ascii_digit() {
                    (digits + 1, others)
                } else {
                    (digits, others + 1)
                }
            });
            Some(if matches!(digits, 3 | 4) && others == 0 {
                0
            } else {
                40
            })
        }
        letter if is_cased(letter) => None,
        _ => Some(0),
    }
}

/// Whether a character is a letter of a script with capitals, whose words are separated by spaces.
fn is_cased(character: char) -> bool {
    character.is_lowercase() || character.is_uppercase()
}
