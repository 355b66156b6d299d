//! What the fuzz targets in `fuzz/` call: every recognizer room, every adapter and every reader of this crate, with what
//! must hold for any bytes.
//!
//! One function per target. Each takes bytes that nobody has looked at and panics when something that this crate promises
//! does not hold; "does not crash" alone would let most mistakes pass. The tests run the same functions over the corpora
//! that are kept in `fuzz/corpus`, and over texts that are put together from data.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a finding is a panic, and nothing of this is in the product"
)]

mod bodies;
mod echoes;
mod forms;
mod same;
mod streams;
mod texts;
mod wires;

use std::sync::{Arc, LazyLock};

use crate::recognize::{RecognizerId, first};
use crate::{Finder, Masker, Mode, Policy, Rules};

/// What a target does with bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is the name of its corpus too.
pub const TARGETS: [(&str, Target); 19] = [
    ("anthropic", wires::anthropic),
    ("dify_0_15", wires::dify_0_15),
    ("dify_1", wires::dify_1),
    ("embeddings", wires::embeddings),
    ("form", forms::form),
    ("json", bodies::json),
    ("long_text", texts::long_text),
    ("openai_chat", wires::openai_chat),
    ("openai_responses", wires::openai_responses),
    ("pointers", wires::pointers),
    ("room_crypto", |bytes| texts::room(Room::Crypto, bytes)),
    ("room_custom", |bytes| texts::room(Room::Custom, bytes)),
    ("room_date", |bytes| texts::room(Room::Date, bytes)),
    ("room_national", |bytes| texts::room(Room::National, bytes)),
    ("room_network", |bytes| texts::room(Room::Network, bytes)),
    ("room_payment", |bytes| texts::room(Room::Payment, bytes)),
    ("room_phone", |bytes| texts::room(Room::Phone, bytes)),
    ("room_secret", |bytes| texts::room(Room::Secret, bytes)),
    ("text", |bytes| texts::room(Room::All, bytes)),
];

/// Runs the target of this name.
///
/// # Panics
/// When there is none, or when something does not hold.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    target(bytes);
}

/// Which recognizers look at a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    All,
    Network,
    Payment,
    Crypto,
    Phone,
    Date,
    Secret,
    National,
    /// Dictionaries and an expression.
    Custom,
}

impl Room {
    /// The rooms in the order of their values.
    const COUNT: usize = 9;

    /// A masker with the recognizers of this room alone.
    pub(crate) fn masker(self) -> &'static Masker {
        static MASKERS: LazyLock<[Masker; Room::COUNT]> = LazyLock::new(|| {
            [
                Room::All,
                Room::Network,
                Room::Payment,
                Room::Crypto,
                Room::Phone,
                Room::Date,
                Room::Secret,
                Room::National,
                Room::Custom,
            ]
            .map(|room| {
                let finder = Arc::new(Finder::new(room.rules()));
                Masker::new(finder, Policy::default(), Mode::Enforce).unwrap()
            })
        });
        &MASKERS[self as usize]
    }

    fn rules(self) -> Rules {
        let end = RecognizerId(u16::MAX);
        let (from, until) = match self {
            Room::All => return Rules::default(),
            Room::Network => (first::NETWORK, RecognizerId(first::PAYMENT)),
            Room::Payment => (first::PAYMENT, RecognizerId(first::CRYPTO)),
            Room::Crypto => (first::CRYPTO, RecognizerId(first::PHONE)),
            Room::Phone => (first::PHONE, RecognizerId(first::DATE)),
            Room::Date => (first::DATE, RecognizerId(first::SECRET)),
            Room::Secret => (first::SECRET, RecognizerId(first::SHAPED)),
            Room::National => (first::SHAPED, end),
            Room::Custom => return custom_rules(),
        };
        let known = Rules::default();
        let names = known
            .recognizers()
            .filter(|(id, _)| (RecognizerId(from)..until).contains(id))
            .map(|(_, facts)| facts.id.to_string());
        let rules = names.fold(Rules::builder().nothing(), |rules, name| rules.with(&name));
        rules.build().unwrap()
    }
}

/// Rules with what configurations add, and nothing that is built in.
fn custom_rules() -> Rules {
    let pattern = crate::PatternRecognizer {
        id: "badge".to_owned(),
        entity: "BADGE".to_owned(),
        patterns: vec![r"\b[Bb]-(?P<value>\d{3,})\b".to_owned(), "x+y".to_owned()],
        ..crate::PatternRecognizer::default()
    };
    let rules = Rules::builder().nothing().bundled("organizations");
    rules.bundled("hostnames").pattern(pattern).build().unwrap()
}

/// Choices made by the first bytes of an input; when they are used up, the first of each.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices(bytes)
    }

    /// A byte of its own.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *byte
    }

    /// One of several.
    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()].clone()
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Places in a text of this length, from left to right, where it is cut; `seed` decides where.
pub(crate) fn cuts(length: usize, seed: u8) -> Vec<usize> {
    let mut state = u32::from(seed).wrapping_mul(2_654_435_761) | 1;
    let mut cuts = Vec::new();
    let mut at = 0;
    while at < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        at += 1 + (state >> 16) as usize % (1 + usize::from(seed) / 4);
        cuts.push(at.min(length));
    }
    cuts
}

/// The pieces that bytes are cut into.
pub(crate) fn pieces(bytes: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut from = 0;
    let cut = cuts(bytes.len(), seed).into_iter().map(|at| {
        let piece = &bytes[from..at];
        from = at;
        piece
    });
    cut.collect()
}

/// The pieces that a text is cut into, between characters.
pub(crate) fn text_pieces(text: &str, seed: u8) -> Vec<&str> {
    let mut from = 0;
    let cut = cuts(text.len(), seed).into_iter().map(|at| {
        let at = text.floor_char_boundary(at).max(from);
        let piece = &text[from..at];
        from = at;
        piece
    });
    cut.collect()
}

#[cfg(test)]
mod tests;
