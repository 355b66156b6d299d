//! Addresses of crypto currencies' wallets.
//!
//! Nearly all of them end in a checksum, so that nothing else can be taken for one. A word is looked at only when its
//! length, its first character and its alphabet fit; hashes are computed last.

mod base32;
mod base58;
mod bech32;
mod cash;
mod ethereum;
mod monero;
mod ton;

use crate::Entity;
use crate::find::Offers;
use crate::recognize::{Recognizer, RecognizerId, first};

/// Addresses in Base58Check: Bitcoin and its relatives, Tron, Ripple, Tezos.
pub(crate) const BASE58_CHECK: RecognizerId = RecognizerId(first::CRYPTO);
/// Addresses in Bech32 or Bech32m: segregated witness, Cardano, Cosmos.
pub(crate) const BECH32: RecognizerId = RecognizerId(first::CRYPTO + 1);
/// Addresses of Ethereum and of the chains that share its form.
pub(crate) const ETHEREUM: RecognizerId = RecognizerId(first::CRYPTO + 2);
/// Addresses of Bitcoin Cash.
pub(crate) const CASH: RecognizerId = RecognizerId(first::CRYPTO + 3);
/// Addresses of Monero.
pub(crate) const MONERO: RecognizerId = RecognizerId(first::CRYPTO + 4);
/// Addresses in Base32: Stellar, Algorand.
pub(crate) const BASE32: RecognizerId = RecognizerId(first::CRYPTO + 5);
/// Addresses of Solana, which have no checksum.
pub(crate) const SOLANA: RecognizerId = RecognizerId(first::CRYPTO + 6);
/// Private keys of wallets.
pub(crate) const WALLET_KEY: RecognizerId = RecognizerId(first::CRYPTO + 7);
/// Addresses of TON.
pub(crate) const TON: RecognizerId = RecognizerId(first::CRYPTO + 8);

/// The facts of an address that is known by its checksum, so that no words around it count.
const fn checked(id: &'static str) -> Recognizer {
    Recognizer {
        id,
        entity: Entity::CRYPTO,
        context: &[],
        against: &[],
    }
}

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[
    checked("crypto_base58check"),
    checked("crypto_bech32"),
    Recognizer {
        id: "crypto_ethereum",
        entity: Entity::CRYPTO,
        context: &[
            "address",
            "wallet",
            "account",
            "eth",
            "ethereum",
            "ether",
            "erc20",
            "erc-20",
            "bep20",
            "bnb",
            "bsc",
            "polygon",
            "matic",
            "arbitrum",
            "optimism",
            "avalanche",
            "usdt",
            "usdc",
            "metamask",
            "etherscan",
            "contract",
            "dia chi",
            "vi dien tu",
            "vi cua",
            "chuyen vao vi",
        ],
        against: &[
            "sha1",
            "sha-1",
            "hash",
            "digest",
            "checksum",
            "commit",
            "git",
            "blob",
            "fingerprint",
            "signature",
        ],
    },
    checked("crypto_cashaddr"),
    checked("crypto_monero"),
    checked("crypto_base32"),
    Recognizer {
        id: "crypto_solana",
        entity: Entity::CRYPTO,
        context: &[
            "solana",
            "sol",
            "spl",
            "phantom",
            "solflare",
            "solscan",
            "wallet",
            "dia chi vi",
            "vi dien tu",
        ],
        against: &[],
    },
    Recognizer {
        id: "crypto_wallet_key",
        entity: Entity::PRIVATE_KEY,
        context: &[],
        against: &[],
    },
    checked("crypto_ton"),
];

/// Up to where each recognizer of this room has looked in the text under way, so that no byte is looked at twice. All but
/// one look at each word by itself.
#[derive(Default)]
pub(crate) struct Seen {
    /// The end of the last run of letters, digits, hyphens and underscores with the length of an address of TON.
    ton: usize,
}

/// The fewest characters of an address.
const LENGTH_MIN: usize = 14;
/// The most characters of an address: those of Cardano have 103, extended keys 111.
const LENGTH_MAX: usize = 128;

/// Looks at `start..end`, a maximal run of ASCII letters and digits with a digit in it. Runs come from left to right, each
/// once.
pub(crate) fn word(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let range = start..end;
    ton::find(text, range.clone(), seen, offers);
    match range.len() {
        LENGTH_MIN..25 => bech32::find(text, range, offers),
        25..=LENGTH_MAX => {
            if text.as_bytes()[start] == b'0' {
                ethereum::find(text, range, offers);
                return;
            }
            bech32::find(text, range.clone(), offers);
            cash::find(text, range.clone(), offers);
            base58::find(text, range.clone(), offers);
            monero::find(text, range.clone(), offers);
            base32::find(text, range, offers);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
