//! Addresses in Bech32 (BIP 173) and Bech32m (BIP 350).

use std::ops::Range;

use bech32::primitives::decode::{CheckedHrpstring, SegwitHrpstring};
use bech32::{Bech32, Bech32m};

use super::BECH32;
use crate::Score;
use crate::find::Offers;

/// Prefixes of segregated witness addresses: Bitcoin with its test networks, Litecoin, DigiByte, Vertcoin, Groestlcoin
/// (SLIP 173).
const SEGWIT: &[&str] = &["bc", "tb", "bcrt", "ltc", "tltc", "dgb", "vtc", "grs"];
/// Prefixes of other addresses: Cardano (CIP 19), Zcash, Harmony, Zilliqa, MultiversX, and chains of the Cosmos family
/// (SLIP 173 and the chain registry of Cosmos).
const OTHERS: &[&str] = &[
    "addr",
    "stake",
    "zs",
    "one",
    "zil",
    "erd",
    "cosmos",
    "cosmosvaloper",
    "osmo",
    "osmovaloper",
    "juno",
    "terra",
    "inj",
    "sei",
    "celestia",
    "kava",
    "akash",
    "axelar",
    "secret",
    "stars",
    "evmos",
    "bnb",
    "thor",
    "dydx",
    "noble",
    "neutron",
    "cro",
    "persistence",
    "stride",
    "kujira",
    "dym",
    "mantra",
    "init",
];
/// Unified addresses of Zcash are in Bech32m.
const UNIFIED: &str = "u";

/// Offers the word when it is an address.
pub(super) fn find(text: &str, range: Range<usize>, offers: &mut Offers<'_>) {
    let word = &text[range.clone()];
    let Some(prefix) = prefix(word) else { return };
    let is_one_of = |prefixes: &[&str]| {
        prefixes
            .iter()
            .any(|known| known.eq_ignore_ascii_case(prefix))
    };
    let is_valid = if is_one_of(SEGWIT) {
        SegwitHrpstring::new(word).is_ok()
    } else if is_one_of(OTHERS) {
        CheckedHrpstring::new::<Bech32>(word).is_ok()
    } else if is_one_of(&[UNIFIED]) {
        CheckedHrpstring::new::<Bech32m>(word).is_ok()
    } else {
        return;
    };
    if is_valid {
        offers.offer_valid(BECH32, range, Score::CERTAIN);
    } else {
        offers.reject(BECH32, range, "the checksum is wrong");
    }
}

/// What stands before the last `1`, when what follows it may be data and a checksum.
fn prefix(word: &str) -> Option<&str> {
    // The shortest data that counts: a witness version and 20 bytes are 33 characters with the version, the checksum
    // six. Only future witness programs of two bytes would be shorter.
    let (prefix, data) = word.rsplit_once('1')?;
    ((1..=16).contains(&prefix.len())
        && data.len() >= 11
        && prefix.bytes().all(|byte| byte.is_ascii_alphabetic()))
    .then_some(prefix)
}
