//! Addresses in Base58: Bitcoin and its relatives, Tron, Ripple, Tezos, Zcash, Polkadot, Solana; and keys of wallets.
//!
//! All but Polkadot's and Solana's end in the first four bytes of a double SHA-256 of what stands before them (Bitcoin, "Base58Check
//! encoding").

use std::ops::Range;

use blake2::Blake2b512;
use bs58::Alphabet;
use sha2::{Digest, Sha256};

use super::{BASE58_CHECK, SOLANA, WALLET_KEY};
use crate::Score;
use crate::find::Offers;

/// The most bytes that are decoded: an extended key with its checksum.
const BYTES_MAX: usize = 82;
/// How sure 32 bytes in Base58 are that could be a key of Solana: only words around say so.
const SOLANA_BARE: Score = Score::of(20);
/// How sure an address of Substrate is, whose checksum has only 16 bits.
const SUBSTRATE: Score = Score::of(80);

/// First bytes of addresses over a hash of 160 bits: Bitcoin (0, 5; test 111, 196), Litecoin (48, 50; test 58), Dogecoin
/// (30, 22; test 113), Dash (76, 16; test 140, 19), Tron (65), Neo (23), Ravencoin (60), Bitcoin Gold (38), DigiByte
/// (63), Vertcoin (71).
const VERSIONS: &[u8] = &[
    0, 5, 111, 196, 48, 50, 58, 30, 22, 113, 76, 16, 140, 19, 65, 23, 60, 38, 63, 71,
];
/// Characters with which those addresses begin, and those of Zcash, Tezos (`tz`, `KT`) and Ripple.
const BEGINNINGS: &[u8] = b"123mnLMQDA9X7y8TRGSVtKr";

/// Offers the word when it is an address or a key.
pub(super) fn find(text: &str, range: Range<usize>, offers: &mut Offers<'_>) {
    let word = &text.as_bytes()[range.clone()];
    let length = word.len();
    if (25..=36).contains(&length) && BEGINNINGS.contains(&word[0]) {
        address(word, range.clone(), offers);
    }
    if (46..=49).contains(&length) {
        substrate(word, range, offers);
        return;
    }
    if (32..=44).contains(&length) {
        solana(word, range.clone(), offers);
    }
    let is_key = matches!(length, 51 | 52) && b"5KL9c".contains(&word[0]);
    let is_extended = length == 111 && matches!(&word[1..4], b"prv" | b"pub");
    if is_key || is_extended {
        key(word, range, offers);
    }
}

/// Offers an address with a checksum.
fn address(word: &[u8], range: Range<usize>, offers: &mut Offers<'_>) {
    let alphabet = if word[0] == b'r' {
        Alphabet::RIPPLE
    } else {
        Alphabet::BITCOIN
    };
    let mut bytes = [0; BYTES_MAX];
    let Ok(count) = bs58::decode(word).with_alphabet(alphabet).onto(&mut bytes) else {
        return;
    };
    let bytes = &bytes[..count];
    let is_known = match bytes {
        [version, ..] if count == 25 => VERSIONS.contains(version),
        // Zcash, ZIP 173 and the protocol's section 5.6: transparent addresses.
        [0x1c, 0xb8 | 0xbd, ..] => count == 26,
        // Tezos: accounts of four kinds of keys, contracts.
        [6, 161, 159 | 161 | 164 | 166, ..] | [2, 90, 121, ..] => count == 27,
        _ => false,
    };
    if !is_known {
        return;
    }
    if is_checked(bytes) {
        offers.offer_valid(BASE58_CHECK, range, Score::CERTAIN);
    } else {
        offers.reject(BASE58_CHECK, range, "the checksum is wrong");
    }
}

/// Offers a key of a wallet: in the wallet import format, or an extended one (BIP 32). Extended public keys give away all
/// addresses of a wallet and are called addresses.
fn key(word: &[u8], range: Range<usize>, offers: &mut Offers<'_>) {
    let mut bytes = [0; BYTES_MAX];
    let Ok(count) = bs58::decode(word).onto(&mut bytes) else {
        return;
    };
    let bytes = &bytes[..count];
    let recognizer = match (bytes, count) {
        ([0x80 | 0xef, ..], 37 | 38) => WALLET_KEY,
        (_, 82) if &word[1..4] == b"prv" => WALLET_KEY,
        (_, 82) => BASE58_CHECK,
        _ => return,
    };
    if is_checked(bytes) {
        offers.offer_valid(recognizer, range, Score::CERTAIN);
    } else {
        offers.reject(recognizer, range, "the checksum is wrong");
    }
}

/// Offers an address of Polkadot or another chain made with Substrate: one or two bytes of the network, 32 of the account,
/// and the first two of a BLAKE2b-512 hash over them with "SS58PRE" before ("SS58 Address Format" of Substrate).
fn substrate(word: &[u8], range: Range<usize>, offers: &mut Offers<'_>) {
    let mut bytes = [0; 36];
    let Ok(count) = bs58::decode(word).onto(&mut bytes) else {
        return;
    };
    let is_account = match bytes[0] {
        0..=63 => count == 35,
        64..=127 => count == 36,
        _ => false,
    };
    if !is_account {
        return;
    }
    let (data, checksum) = bytes[..count].split_at(count - 2);
    let hash = Blake2b512::new()
        .chain_update(b"SS58PRE")
        .chain_update(data)
        .finalize();
    if hash[..2] == *checksum {
        offers.offer_valid(BASE58_CHECK, range, SUBSTRATE);
    }
}

/// Offers 32 bytes in Base58.
fn solana(word: &[u8], range: Range<usize>, offers: &mut Offers<'_>) {
    let is_mixed = word.iter().any(u8::is_ascii_lowercase)
        && word.iter().any(u8::is_ascii_uppercase)
        && word.iter().any(u8::is_ascii_digit);
    let mut bytes = [0; 32];
    if is_mixed && bs58::decode(word).onto(&mut bytes) == Ok(32) {
        offers.offer(SOLANA, range, SOLANA_BARE);
    }
}

/// Whether the last four bytes are the checksum of the others.
fn is_checked(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(data, checksum)| Sha256::digest(Sha256::digest(data))[..4] == *checksum)
}
