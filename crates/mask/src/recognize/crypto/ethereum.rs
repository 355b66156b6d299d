//! Addresses of Ethereum: `0x` and forty hexadecimal digits.

use std::ops::Range;

use sha3::{Digest, Keccak256};

use super::ETHEREUM;
use crate::Score;
use crate::find::Offers;

/// How many hexadecimal digits an address has.
const DIGITS: usize = 40;
/// How sure an address is whose letters are all small or all capital, so that it carries no checksum. Twenty bytes with
/// this prefix are seldom anything else.
const BARE: Score = Score::of(60);

/// Offers the word when it is an address.
pub(super) fn find(text: &str, range: Range<usize>, offers: &mut Offers<'_>) {
    let Some(digits) = digits(&text.as_bytes()[range.clone()]) else {
        return;
    };
    if digits.iter().all(|digit| *digit == b'0') {
        offers.reject(ETHEREUM, range, "it is the zero address");
        return;
    }
    let has_small = digits.iter().any(u8::is_ascii_lowercase);
    let has_capital = digits.iter().any(u8::is_ascii_uppercase);
    if !(has_small && has_capital) {
        offers.offer(ETHEREUM, range, BARE);
    } else if has_checksum(digits) {
        offers.offer_valid(ETHEREUM, range, Score::CERTAIN);
    } else {
        offers.reject(ETHEREUM, range, "the checksum in its capitals is wrong");
    }
}

/// The hexadecimal digits of a word that has the form of an address.
fn digits(word: &[u8]) -> Option<&[u8; DIGITS]> {
    let (b"0x" | b"0X", digits) = word.split_at_checked(2)? else {
        return None;
    };
    let digits: &[u8; DIGITS] = digits.try_into().ok()?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)
}

/// Whether the capitals are the checksum: a letter is one where the hash of the small digits has a nibble of 8 or more
/// (ERC-55).
fn has_checksum(digits: &[u8; DIGITS]) -> bool {
    let hash = Keccak256::digest(digits.to_ascii_lowercase());
    digits.iter().enumerate().all(|(index, digit)| {
        let nibble = hash[index / 2] >> (4 * (1 - index % 2)) & 0xf;
        digit.is_ascii_digit() || digit.is_ascii_uppercase() == (nibble >= 8)
    })
}
