//! Addresses of TON in their user-friendly form.

use std::ops::Range;

use super::base32::remainder;
use super::{Seen, TON};
use crate::Score;
use crate::find::Offers;

/// How many characters an address has.
const LENGTH: usize = 48;
/// How many bytes they stand for.
const BYTES: usize = 36;
/// How sure an address is, whose checksum has only 16 bits, but whose first two bytes are known.
const BARE: Score = Score::of(90);

/// Offers the address around the word, whose characters may be hyphens and underscores too.
pub(super) fn find(text: &str, word: Range<usize>, seen: &mut Seen, offers: &mut Offers<'_>) {
    if word.start < seen.ton {
        return;
    }
    let bytes = text.as_bytes();
    let before = bytes[seen.ton..word.start]
        .iter()
        .rev()
        .take(LENGTH)
        .take_while(|byte| is_part(**byte))
        .count();
    let after = bytes[word.end..]
        .iter()
        .take(LENGTH)
        .take_while(|byte| is_part(**byte))
        .count();
    let range = word.start - before..word.end + after;
    if range.len() != LENGTH {
        return;
    }
    seen.ton = range.end;
    // The first letter says whether it bounces and is for a test; the second follows from the chain.
    if !matches!(bytes[range.start], b'E' | b'U' | b'k' | b'0')
        || !matches!(bytes[range.start + 1], b'Q' | b'f')
    {
        return;
    }
    let Some(decoded) = decode(&bytes[range.clone()]) else {
        return;
    };
    let is_known =
        matches!(decoded[0], 0x11 | 0x51 | 0x91 | 0xd1) && matches!(decoded[1], 0 | 0xff);
    if !is_known {
        return;
    }
    let (data, checksum) = decoded.split_at(BYTES - 2);
    if remainder(data).to_be_bytes() == *checksum {
        offers.offer_valid(TON, range, BARE);
    } else {
        offers.reject(TON, range, "the checksum is wrong");
    }
}

/// Whether a byte may be part of an address.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The bytes of a word in base64url (RFC 4648, 5).
fn decode(word: &[u8]) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    for (group, decoded) in word.chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let mut bits = 0_u32;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        decoded.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(bytes)
}
