//! International bank account numbers (ISO 13616).

use super::IBAN;
use super::edge;
use super::registry::Country;
use super::separator::Separator;
use crate::Score;
use crate::find::Offers;

/// The most characters of a number (ISO 13616-1).
const LENGTH_MAX: usize = 34;
/// Numbers shorter than this have so few characters that check digits alone leave room for chance.
const LONG: usize = 18;

/// A number as it stands in the text, before its check.
struct Written {
    start: usize,
    end: usize,
    country: &'static Country,
    /// Its characters, letters as capitals.
    characters: [u8; LENGTH_MAX],
    /// Whether it stands in groups.
    is_grouped: bool,
    /// Whether the country's letters are capitals.
    is_capital: bool,
    /// Whether letters behind the country's are of both cases.
    is_mixed: bool,
    /// Whether the country's letters stand apart from the check digits.
    is_apart: bool,
}

/// Offers the number that begins with the word `start..end`, and gives its end.
pub(super) fn find(text: &str, start: usize, end: usize, offers: &mut Offers<'_>) -> Option<usize> {
    let written = beginning(text.as_bytes(), start, end)?;
    let range = written.start..written.end;
    let length = written.country.length();
    let characters = &written.characters[..length];
    if !written.country.fits(&characters[4..]) || edge::is_within_word(text, &range) {
        return None;
    }
    if !is_checked(characters) {
        offers.reject(IBAN, range, "the check digits are wrong");
        return None;
    }
    if written.is_mixed && !written.is_grouped {
        offers.reject(IBAN, range, "it mixes capitals and small letters");
        return None;
    }
    offers.offer_valid(IBAN, range, bare(&written, length));
    Some(written.end)
}

/// How sure the form is.
fn bare(written: &Written, length: usize) -> Score {
    let is_doubtful = written.is_apart || !written.is_capital || written.is_mixed;
    match (length >= LONG, is_doubtful) {
        _ if !written.country.is_registered => Score::of(60),
        (true, false) => Score::CERTAIN,
        (true, true) => Score::of(85),
        (false, false) => Score::of(80),
        // "NO 12 3456 ...": a word of many languages.
        (false, true) if written.is_apart => Score::of(40),
        (false, true) => Score::of(60),
    }
}

/// Reads the number that begins with a word, whose country is known and which ends where its country says.
fn beginning(bytes: &[u8], start: usize, end: usize) -> Option<Written> {
    match bytes[start..end] {
        [
            b'i' | b'I',
            b'b' | b'B',
            b'a' | b'A',
            b'n' | b'N',
            c1,
            c2,
            d1,
            d2,
            ..,
        ] if is_head(&[c1, c2, d1, d2]) => read(bytes, start + 4, start + 4),
        [c1, c2, d1, d2, ..] if is_head(&[c1, c2, d1, d2]) => read(bytes, start, start),
        [b'0'..=b'9', b'0'..=b'9', ..] => {
            let (separator, before) = Separator::before(bytes, start)?;
            let from = before.checked_sub(2)?;
            let is_code = separator == Separator::Space
                && bytes[from..before].iter().all(u8::is_ascii_uppercase)
                && !(from > 0 && bytes[from - 1].is_ascii_alphanumeric());
            is_code.then(|| read(bytes, from, start))?
        }
        _ => None,
    }
}

/// Whether four characters may be a country and its check digits.
fn is_head(head: &[u8; 4]) -> bool {
    head[..2].iter().all(u8::is_ascii_alphabetic) && head[2..].iter().all(u8::is_ascii_digit)
}

/// Reads a number whose country's letters stand at `code` and whose check digits follow them or stand at `rest`.
fn read(bytes: &[u8], code: usize, rest: usize) -> Option<Written> {
    let letters = [bytes[code], bytes[code + 1]];
    let country = Country::of(letters.map(|letter| letter.to_ascii_uppercase()))?;
    let length = country.length();
    let is_apart = rest != code;
    let mut characters = [0; LENGTH_MAX];
    characters[..2].copy_from_slice(&country.code);
    let (mut count, mut at) = (2, if is_apart { rest } else { code + 2 });
    let (mut has_small, mut has_capital) = (false, false);
    let mut separator = None;
    while count < length {
        let byte = *bytes.get(at)?;
        if byte.is_ascii_alphanumeric() {
            has_small |= byte.is_ascii_lowercase();
            has_capital |= byte.is_ascii_uppercase();
            characters[count] = byte.to_ascii_uppercase();
            count += 1;
            at += 1;
        } else {
            let (found, next) = Separator::at(bytes, at)?;
            let is_same = *separator.get_or_insert(found) == found;
            if !is_same || !bytes.get(next)?.is_ascii_alphanumeric() {
                return None;
            }
            at = next;
        }
    }
    (!bytes.get(at).is_some_and(u8::is_ascii_alphanumeric)).then_some(Written {
        start: code,
        end: at,
        country,
        characters,
        is_grouped: separator.is_some(),
        is_capital: letters.iter().all(u8::is_ascii_uppercase),
        is_mixed: has_small && has_capital,
        is_apart,
    })
}

/// Whether the check digits are right: with the first four characters moved to the end and letters read as 10 to 35, the
/// number leaves 1 when divided by 97 (ISO/IEC 7064, MOD 97-10). Check digits are computed as 98 minus a remainder, so
/// that 00, 01 and 99 never occur.
fn is_checked(characters: &[u8]) -> bool {
    let (head, account) = characters.split_at(4);
    if matches!(&head[2..], b"00" | b"01" | b"99") {
        return false;
    }
    let remainder = account.iter().chain(head).fold(0_u32, |remainder, byte| {
        if byte.is_ascii_digit() {
            (remainder * 10 + u32::from(byte - b'0')) % 97
        } else {
            (remainder * 100 + u32::from(byte - b'A') + 10) % 97
        }
    });
    remainder == 1
}
