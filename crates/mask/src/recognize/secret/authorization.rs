//! Credentials in headers (RFC 9110, 11.6.2): `Authorization: Basic ...` (RFC 7617) and `Bearer ...` (RFC 6750).

use super::alphabet::{ANY64, Alphabet, DENSE, Mixture};
use super::base64::Decoded;
use super::{PASSWORD, SECRET, Seen, placeholder};
use crate::Score;
use crate::find::Offers;

/// The fewest characters of a token after a scheme.
const TOKEN_MIN: usize = 12;
/// The most.
const TOKEN_MAX: usize = 4096;

/// Looks at what follows the name of the header.
pub(crate) fn look(text: &str, from: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let start = from
        + bytes[from..]
            .iter()
            .take(8)
            .take_while(|byte| matches!(byte, b' ' | b'"' | b'\'' | b'\\' | b'`' | b'*'))
            .count();
    let letters = bytes[start..]
        .iter()
        .take(16)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let scheme = &bytes[start..start + letters];
    let spaces = bytes[start + letters..]
        .iter()
        .take(4)
        .take_while(|byte| **byte == b' ')
        .count();
    let at = start + letters + spaces;
    if spaces == 0 {
        return;
    }
    if scheme.eq_ignore_ascii_case(b"basic") {
        basic(text, at, seen, offers);
    } else if [&b"bearer"[..], b"token", b"apikey", b"key", b"bot"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        bearer(text, at, seen, offers);
    }
}

/// The token at `at`, without what ends a sentence.
fn token(bytes: &[u8], at: usize, alphabet: Alphabet) -> std::ops::Range<usize> {
    let mut end = at + alphabet.count(&bytes[at..], TOKEN_MAX);
    while end > at && bytes[end - 1] == b'.' {
        end -= 1;
    }
    at..end
}

/// `user:password` in base64.
fn basic(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let range = token(bytes, at, ANY64);
    if range.len() < 4 {
        return;
    }
    let is_pair = Decoded::of(&bytes[range.clone()]).is_some_and(|decoded| {
        let decoded = decoded.bytes();
        decoded.contains(&b':') && decoded.iter().all(|byte| *byte >= b' ') && decoded.len() >= 3
    });
    if !is_pair {
        offers.reject(
            PASSWORD,
            range,
            "it does not decode to a user and a password",
        );
        return;
    }
    seen.value = range.end;
    offers.offer_valid(PASSWORD, range, Score::of(95));
}

/// A token that gives access to whoever bears it.
fn bearer(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let range = token(bytes, at, DENSE);
    if range.len() < TOKEN_MIN {
        return;
    }
    let piece = &text[range.clone()];
    let mixture = Mixture::of(&bytes[range.clone()]);
    let is_variable = piece.starts_with('$') || piece.contains("your") || piece.contains("YOUR");
    if is_variable
        || placeholder::is(piece)
        || mixture.is_filler()
        || mixture.digits == 0 && mixture.entropy_bits < 3.6
    {
        offers.reject(SECRET, range, "it is a placeholder");
        return;
    }
    seen.value = range.end;
    offers.offer(SECRET, range, Score::of(80));
}
