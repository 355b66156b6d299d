//! What recognizes data: one room per kind.
//!
//! Every recognizer has [`Recognizer`] facts in one table, [`ALL`]: its id, its entity, and the words that raise or lower
//! its score. The code that finds candidates lies in the rooms and offers them to [`crate::find::Offers`], which knows
//! the rules (what is on, thresholds, allowed values) and the words around. So a room only answers "is this one, and how
//! sure are you of its form alone".
//!
//! Every recognizer validates: a pattern alone is never enough where the kind has a check digit, a registry of prefixes
//! or a range.

pub(crate) mod national;
pub(crate) mod network;
pub(crate) mod number;

use crate::Entity;

/// Which recognizer found something: an index into the catalogue of the rules. Built-in ones come first, in the order
/// of `ALL`; custom ones follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecognizerId(pub(crate) u16);

/// What is known of a recognizer before any text is read.
#[derive(Clone, Copy, Debug)]
pub struct Recognizer {
    /// Its name in configuration and explanations, in lower case with underscores: `us_ssn`.
    pub id: &'static str,
    /// What it finds.
    pub entity: Entity,
    /// Words and phrases that raise the score when they stand near, folded as [`crate::find::context::fold`] folds: lower
    /// case, without diacritics. English and Vietnamese, and the words of the kind's own country.
    pub context: &'static [&'static str],
    /// Words and phrases that lower the score when they stand near, folded in the same way.
    pub against: &'static [&'static str],
}

/// All built-in recognizers, room by room. A recognizer's place here is its [`RecognizerId`].
pub(crate) fn all() -> Vec<&'static Recognizer> {
    let mut all: Vec<&'static Recognizer> = Vec::new();
    all.extend(network::RECOGNIZERS);
    all.extend(number::shaped().map(|shaped| &shaped.facts));
    all
}
