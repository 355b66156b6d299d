//! JSON Web Tokens (RFC 7519): signed ones of three parts (RFC 7515) and encrypted ones of five (RFC 7516).

use std::ops::Range;

use memchr::memmem;

use super::alphabet::URL64;
use super::base64::Decoded;

/// The most bytes of one token that are looked at.
const LIMIT: usize = 64 * 1024;
/// The most bytes of a header.
const HEADER_LIMIT: usize = 4096;

/// The token at `at`, where `eyJ` (a JSON object in base64) stands.
pub(crate) fn at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let header = URL64.count(&bytes[at..], HEADER_LIMIT);
    let decoded = Decoded::of(&bytes[at..at + header])?;
    let json = decoded.bytes();
    let name = memmem::find(json, b"\"alg\"")?;
    let is_unsecured = memmem::find(&json[name..], b"\"none\"").is_some_and(|place| place < 16);
    let mut parts = [0..0, 0..0, 0..0, 0..0];
    let (mut count, mut end) = (0, at + header);
    while count < parts.len() && bytes.get(end) == Some(&b'.') {
        let length = URL64.count(&bytes[end + 1..], LIMIT);
        parts[count] = end + 1..end + 1 + length;
        end += 1 + length;
        count += 1;
    }
    let is_filled = |part: &Range<usize>| part.len() >= 2;
    let [first, second, third, fourth] = &parts;
    // An encrypted token has an empty second part when its key is agreed on directly.
    let is_encrypted = count == 4
        && memmem::find(json, b"\"enc\"").is_some()
        && is_filled(second)
        && is_filled(third)
        && is_filled(fourth);
    if is_encrypted {
        return Some(at..fourth.end);
    }
    if count < 2 || !is_filled(first) || !bytes[first.start..].starts_with(b"e") && first.len() < 8
    {
        return None;
    }
    if is_filled(second) {
        return Some(at..second.end);
    }
    // The signature of an unsecured token is empty; the dot before it belongs to the token.
    (is_unsecured && second.is_empty()).then_some(at..second.start)
}
