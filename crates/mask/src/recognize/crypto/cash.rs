//! Addresses of Bitcoin Cash and eCash (CashAddr), with and without their prefix.

use std::ops::Range;

use super::CASH;
use crate::Score;
use crate::find::Offers;

/// The characters of the format in the order of their values.
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// The length of an address over a hash of 160 bits.
const LENGTH: usize = 42;
/// The prefixes, which are part of the checksum even when they are left out.
const PREFIXES: &[&str] = &["bitcoincash", "ecash", "bchtest", "bchreg"];

/// Offers the word when it is an address; a prefix before it belongs to it.
pub(super) fn find(text: &str, range: Range<usize>, offers: &mut Offers<'_>) {
    let word = &text.as_bytes()[range.clone()];
    if word.len() != LENGTH || !b"qpzrQPZR".contains(&word[0]) {
        return;
    }
    let Some(values) = values(word) else { return };
    let written = PREFIXES
        .iter()
        .find(|prefix| stands_before(text, range.start, prefix));
    let prefixes = written.map_or(PREFIXES, std::slice::from_ref);
    if prefixes.iter().any(|prefix| is_checked(prefix, &values)) {
        let start = range.start - written.map_or(0, |prefix| prefix.len() + 1);
        offers.offer_valid(CASH, start..range.end, Score::CERTAIN);
    }
}

/// The values of the characters of a word, which are all small or all capital.
fn values(word: &[u8]) -> Option<[u8; LENGTH]> {
    let is_one_case =
        !(word.iter().any(u8::is_ascii_lowercase) && word.iter().any(u8::is_ascii_uppercase));
    let mut values = [0; LENGTH];
    for (value, byte) in values.iter_mut().zip(word) {
        let index = ALPHABET
            .iter()
            .position(|known| *known == byte.to_ascii_lowercase())?;
        *value = u8::try_from(index).ok()?;
    }
    is_one_case.then_some(values)
}

/// Whether a prefix and a colon end at `end`.
fn stands_before(text: &str, end: usize, prefix: &str) -> bool {
    text.as_bytes()[..end]
        .strip_suffix(b":")
        .is_some_and(|before| {
            let from = before.len().saturating_sub(prefix.len());
            before[from..].eq_ignore_ascii_case(prefix.as_bytes())
                && !(from > 0 && before[from - 1].is_ascii_alphanumeric())
        })
}

/// Whether the checksum is right: a BCH code over the prefix, a zero and the data leaves nothing ("CashAddr" specification
/// of Bitcoin Cash, "Checksum").
fn is_checked(prefix: &str, values: &[u8]) -> bool {
    const GENERATORS: [u64; 5] = [
        0x98_f2bc_8e61,
        0x79_b76d_99e2,
        0xf3_3e5f_b3c4,
        0xae_2eab_e2a8,
        0x1e_4f43_e470,
    ];
    let letters = prefix.bytes().map(|byte| byte & 0x1f).chain([0]);
    let remainder = letters
        .chain(values.iter().copied())
        .fold(1_u64, |remainder, value| {
            let top = remainder >> 35;
            let shifted = (remainder & 0x7_ffff_ffff) << 5 ^ u64::from(value);
            GENERATORS
                .iter()
                .enumerate()
                .filter(|(bit, _)| top >> bit & 1 == 1)
                .fold(shifted, |sum, (_, generator)| sum ^ generator)
        });
    remainder == 1
}
