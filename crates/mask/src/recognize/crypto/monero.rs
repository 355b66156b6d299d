//! Addresses of Monero.
//!
//! Base58 in blocks: eight bytes become eleven characters, and the five bytes left over become seven. The first byte
//! tells the network, the last four are the beginning of a Keccak hash of all before them.

use std::ops::Range;

use sha3::{Digest, Keccak256};

use super::MONERO;
use crate::Score;
use crate::find::Offers;

/// The characters of Base58 in the order of their values.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The first byte of standard, integrated and sub-addresses of the main, test and stage networks (Monero,
/// `cryptonote_config.h`).
const NETWORKS: &[u8] = &[18, 19, 42, 53, 54, 63, 24, 25, 36];
/// The most bytes of an address, an integrated one.
const BYTES_MAX: usize = 77;

/// Offers the word when it is an address.
pub(super) fn find(text: &str, range: Range<usize>, offers: &mut Offers<'_>) {
    let word = &text.as_bytes()[range.clone()];
    if !matches!(word.len(), 95 | 106) || !b"4859AB7".contains(&word[0]) {
        return;
    }
    let mut bytes = [0; BYTES_MAX];
    let Some(count) = decode(word, &mut bytes) else {
        return;
    };
    let (data, checksum) = bytes[..count].split_at(count - 4);
    if !NETWORKS.contains(&data[0]) {
        return;
    }
    if Keccak256::digest(data)[..4] == *checksum {
        offers.offer_valid(MONERO, range, Score::CERTAIN);
    } else {
        offers.reject(MONERO, range, "the checksum is wrong");
    }
}

/// Decodes whole blocks and a last one of seven characters, and gives the number of bytes.
fn decode(word: &[u8], bytes: &mut [u8; BYTES_MAX]) -> Option<usize> {
    let mut count = 0;
    for block in word.chunks(11) {
        let length = if block.len() == 11 { 8 } else { 5 };
        let mut value = 0_u128;
        for byte in block {
            let digit = ALPHABET.iter().position(|known| known == byte)?;
            value = value * 58 + digit as u128;
        }
        if value >> (8 * length) != 0 {
            return None;
        }
        bytes[count..count + length].copy_from_slice(&value.to_be_bytes()[16 - length..]);
        count += length;
    }
    Some(count)
}
