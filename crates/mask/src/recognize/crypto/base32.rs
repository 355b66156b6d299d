//! Addresses in Base32 (RFC 4648): Stellar and Algorand.

use std::ops::Range;

use sha2::{Digest, Sha512_256};

use super::{BASE32, WALLET_KEY};
use crate::Score;
use crate::find::Offers;

/// The most bytes of an address: a multiplexed account of Stellar.
const BYTES_MAX: usize = 43;
/// How sure an address of Stellar is, whose checksum has only 16 bits.
const STELLAR: Score = Score::of(90);

/// Offers the word when it is an address.
pub(super) fn find(text: &str, range: Range<usize>, offers: &mut Offers<'_>) {
    let word = &text.as_bytes()[range.clone()];
    let count = match word.len() {
        56 => 35,
        58 => 36,
        69 => 43,
        _ => return,
    };
    let mut bytes = [0; BYTES_MAX];
    if decode(word, &mut bytes[..count]).is_none() {
        return;
    }
    let bytes = &bytes[..count];
    if word.len() == 58 {
        if is_algorand(bytes) {
            offers.offer_valid(BASE32, range, Score::CERTAIN);
        }
    } else if is_stellar(bytes) {
        let recognizer = match (word.len(), word[0]) {
            (56, b'G' | b'C') | (69, b'M') => BASE32,
            (56, b'S') => WALLET_KEY,
            _ => return,
        };
        offers.offer_valid(recognizer, range, STELLAR);
    }
}

/// Decodes as many bytes as there is room for; bits left over must be zero.
fn decode(word: &[u8], bytes: &mut [u8]) -> Option<()> {
    let (mut bits, mut count, mut at) = (0_u32, 0, 0);
    for byte in word {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(at)? = u8::try_from(bits >> count & 0xff).ok()?;
            at += 1;
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0 && at == bytes.len()).then_some(())
}

/// Whether the last two bytes are the checksum of the others, the low byte first (Stellar, SEP 23).
fn is_stellar(bytes: &[u8]) -> bool {
    let (data, checksum) = bytes.split_at(bytes.len() - 2);
    remainder(data).to_le_bytes() == *checksum
}

/// The checksum CRC-16/XMODEM: the polynomial x^16 + x^12 + x^5 + 1, from zero on.
pub(super) fn remainder(data: &[u8]) -> u16 {
    data.iter().fold(0_u16, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
            sum << 1 ^ if sum & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    })
}

/// Whether the last four bytes are the end of the hash of the others (Algorand, "Account addresses").
fn is_algorand(bytes: &[u8]) -> bool {
    let (key, checksum) = bytes.split_at(bytes.len() - 4);
    Sha512_256::digest(key)[28..] == *checksum
}
