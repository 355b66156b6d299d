//! What recognizes data: one room per kind.
//!
//! Every recognizer has [`Recognizer`] facts: its id, its entity, and the words that raise or lower its score. The code that
//! finds candidates lies in the rooms and offers them to [`crate::find::Offers`], which knows the rules (what is on,
//! thresholds, allowed values) and the words around. So a room only answers "is this one, and how sure are you of its
//! form alone".
//!
//! Every recognizer validates: a pattern alone is never enough where the kind has a check digit, a registry of prefixes
//! or a range.

pub(crate) mod crypto;
pub(crate) mod date;
pub(crate) mod dictionary;
pub(crate) mod emphasis;
pub(crate) mod national;
pub(crate) mod network;
pub(crate) mod number;
pub(crate) mod payment;
pub(crate) mod phone;
pub(crate) mod secret;

use crate::Entity;

/// Which recognizer found something: an index into the catalogue of the rules. Built-in ones come first, room by room;
/// custom ones follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecognizerId(pub(crate) u16);

/// What is known of a recognizer before any text is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recognizer {
    /// Its name in configuration and explanations, in lower case with underscores: `us_ssn`.
    pub(crate) id: &'static str,
    /// What it finds.
    pub(crate) entity: Entity,
    /// Words and phrases that raise the score when they stand near, folded as [`crate::find::context::fold`] folds: lower
    /// case, without diacritics. English and Vietnamese, and the words of the kind's own country.
    pub(crate) context: &'static [&'static str],
    /// Words and phrases that lower the score when they stand near, folded in the same way.
    pub(crate) against: &'static [&'static str],
}

/// The id of the first recognizer of each room. A room numbers its own from there on, in the order of its `RECOGNIZERS`.
pub(crate) mod first {
    use super::{crypto, date, network, payment, phone, secret};

    pub(crate) const NETWORK: u16 = 0;
    pub(crate) const PAYMENT: u16 = NETWORK + network::RECOGNIZERS.len() as u16;
    pub(crate) const CRYPTO: u16 = PAYMENT + payment::RECOGNIZERS.len() as u16;
    pub(crate) const PHONE: u16 = CRYPTO + crypto::RECOGNIZERS.len() as u16;
    pub(crate) const DATE: u16 = PHONE + phone::RECOGNIZERS.len() as u16;
    pub(crate) const SECRET: u16 = DATE + date::RECOGNIZERS.len() as u16;
    /// The first recognizer of a fixed shape.
    pub(crate) const SHAPED: u16 = SECRET + secret::RECOGNIZERS.len() as u16;
    /// The first recognizer that the configuration adds.
    pub(crate) const CUSTOM: u16 = SHAPED + super::number::count() as u16;
}

/// All built-in recognizers, in the order of their ids.
pub(crate) fn all() -> Vec<Recognizer> {
    [
        network::RECOGNIZERS,
        payment::RECOGNIZERS,
        crypto::RECOGNIZERS,
        phone::RECOGNIZERS,
        date::RECOGNIZERS,
        secret::RECOGNIZERS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .chain(number::shaped().map(|shaped| shaped.facts))
    .collect()
}
