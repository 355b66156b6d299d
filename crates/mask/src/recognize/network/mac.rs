//! MAC addresses: six groups of two hexadecimal digits (EUI-48) or eight (EUI-64) with colons or hyphens, or three or four
//! groups of four with dots (IEEE 802, and Cisco's form). Twelve digits without signs count directly after the word.
//!
//! All zeros and all ones (broadcast) are nobody's and stay.

use super::{MAC, Seen, nearby};
use crate::Score;
use crate::find::Offers;

const BARE: Score = Score::of(85);
/// Digits only, with colons: times and counts are written so as well.
const BARE_DIGITS: Score = Score::of(45);
/// Digits only with hyphens or dots: dates and numbers are written so.
const BARE_NUMBER: Score = Score::of(30);
/// Letters only with dots: words.
const BARE_LETTERS: Score = Score::of(30);
/// Twelve digits after the word.
const BARE_ANNOUNCED: Score = Score::of(60);

/// Words directly before twelve hexadecimal digits.
const ANNOUNCING: &[&str] = &[
    "mac",
    "mac address",
    "bssid",
    "hwaddr",
    "lladdr",
    "dia chi mac",
    "mac addr",
];

/// Offers `start..end`, a run of hexadecimal digits and colons, if it has the form with colons. Says whether it has.
pub(super) fn colons(text: &str, start: usize, end: usize, offers: &mut Offers<'_>) -> bool {
    if !has_form(&text.as_bytes()[start..end], b':', 2, [6, 8]) {
        return false;
    }
    let before = nearby::before(text, start);
    if nearby::is_word_after(text, end) || matches!(before, Some('-' | '.' | '_')) {
        return true;
    }
    let digits = &text[start..end];
    // Many makers have 00 in their part of an address; times and counts rarely begin so.
    let bare = if is_digits(text, start, end) && !digits[..8].contains("00") {
        BARE_DIGITS
    } else {
        BARE
    };
    offer(text, start, end, bare, offers);
    true
}

/// Offers the form with hyphens around the group `start..end` of two letters or digits.
pub(super) fn hyphens(
    text: &str,
    start: usize,
    end: usize,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) {
    let bytes = text.as_bytes();
    if start < seen.hyphens || !bytes[start..end].iter().all(u8::is_ascii_hexdigit) {
        return;
    }
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
    let floor = seen.hyphens.max(start.saturating_sub(24));
    let first = start
        - bytes[floor..start]
            .iter()
            .rev()
            .take_while(|byte| is_part(byte))
            .count();
    let last = end + bytes[end..].iter().take_while(|byte| is_part(byte)).count();
    seen.hyphens = last;
    if !has_form(&bytes[first..last], b'-', 2, [6, 8])
        || nearby::is_word_before(text, first)
        || nearby::is_word_after(text, last)
        || matches!(nearby::before(text, first), Some('-' | '.' | '/'))
    {
        return;
    }
    let bare = match (
        is_digits(text, first, last),
        text[first..last].starts_with("00"),
    ) {
        (false, _) => BARE,
        (true, true) => Score::of(55),
        (true, false) => BARE_NUMBER,
    };
    offer(text, first, last, bare, offers);
    seen.address = last;
}

/// Offers `start..end`, a run of a name's characters, if it has the form with dots. Says whether it has.
pub(super) fn dotted(text: &str, start: usize, end: usize, offers: &mut Offers<'_>) -> bool {
    let bytes = text.as_bytes();
    if !matches!(end - start, 14 | 19) || !has_form(&bytes[start..end], b'.', 4, [3, 4]) {
        return false;
    }
    if matches!(
        nearby::before(text, start),
        Some('.' | '/' | '\\' | '$' | '@')
    ) || nearby::after(text, end) == Some('(')
    {
        return false;
    }
    let has_letter = bytes[start..end].iter().any(u8::is_ascii_alphabetic);
    let has_digit = bytes[start..end].iter().any(u8::is_ascii_digit);
    let bare = match (has_letter, has_digit) {
        (true, true) => BARE,
        (true, false) => BARE_LETTERS,
        _ => BARE_NUMBER,
    };
    offer(text, start, end, bare, offers);
    true
}

/// Offers `start..end`, twelve letters and digits, if they are hexadecimal and the word stands directly before.
pub(super) fn plain(text: &str, start: usize, end: usize, offers: &mut Offers<'_>) {
    if text.as_bytes()[start..end]
        .iter()
        .all(u8::is_ascii_hexdigit)
        && !nearby::is_word_before(text, start)
        && !nearby::is_word_after(text, end)
        && nearby::is_announced(text, start, ANNOUNCING, true)
    {
        offer(text, start, end, BARE_ANNOUNCED, offers);
    }
}

fn offer(text: &str, start: usize, end: usize, bare: Score, offers: &mut Offers<'_>) {
    let mut digits = text[start..end]
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .map(|digit| digit.to_ascii_lowercase());
    let first = digits.next();
    if matches!(first, Some(b'0' | b'f')) && digits.all(|digit| Some(digit) == first) {
        offers.reject(MAC, start..end, "it is the address of nobody or of all");
        return;
    }
    offers.offer(MAC, start..end, bare);
}

/// Whether the bytes are so many groups of so many hexadecimal digits with this sign between.
fn has_form(bytes: &[u8], sign: u8, group: usize, counts: [usize; 2]) -> bool {
    let count = (bytes.len() + 1) / (group + 1);
    counts.contains(&count)
        && (bytes.len() + 1).is_multiple_of(group + 1)
        && bytes.iter().enumerate().all(|(index, byte)| {
            if index % (group + 1) == group {
                *byte == sign
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

fn is_digits(text: &str, start: usize, end: usize) -> bool {
    !text.as_bytes()[start..end]
        .iter()
        .any(u8::is_ascii_alphabetic)
}
