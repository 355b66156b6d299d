//! The labels that placeholders may have.

use crate::placeholder::LABEL_BYTES_MAX;
use crate::{Entity, Rules};

/// The labels known to the rules, custom ones included, compiled for looking them up. Made once for the rules and shared
/// by all conversations.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// In the order of their bytes.
    sorted: Vec<Box<str>>,
    starts: Starts,
}

impl Labels {
    /// The labels of all entities of these rules.
    ///
    /// # Errors
    /// When an entity has a label that no placeholder can have.
    pub fn of(rules: &Rules) -> Result<Labels, LabelError> {
        let facts = (0..=u16::MAX).map_while(|index| rules.entity_facts(Entity(index)));
        Labels::new(facts.map(|facts| &*facts.label))
    }

    /// These labels.
    ///
    /// # Errors
    /// When one of them does not fit: expected are at most 64 capitals, digits and single underscores between them, with a
    /// capital at the beginning.
    pub fn new<'a>(labels: impl IntoIterator<Item = &'a str>) -> Result<Labels, LabelError> {
        let mut sorted: Vec<Box<str>> = Vec::new();
        let mut starts = Starts::default();
        for label in labels {
            if !is_label(label) {
                return Err(LabelError {
                    label: label.to_owned(),
                });
            }
            starts.add(label);
            sorted.push(label.into());
        }
        sorted.sort_unstable();
        sorted.dedup();
        Ok(Labels { sorted, starts })
    }

    /// Whether this is a label, in capitals.
    pub(crate) fn contains(&self, label: &[u8]) -> bool {
        self.sorted
            .binary_search_by(|known| known.as_bytes().cmp(label))
            .is_ok()
    }

    /// Whether a label begins with these capitals, or is equal to them.
    pub(crate) fn any_begins_with(&self, prefix: &[u8]) -> bool {
        let at = self
            .sorted
            .partition_point(|known| known.as_bytes() < prefix);
        self.sorted
            .get(at)
            .is_some_and(|known| known.as_bytes().starts_with(prefix))
    }

    /// With which letters they begin.
    pub(crate) fn starts(&self) -> &Starts {
        &self.starts
    }
}

/// A label that no placeholder can have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the label {label:?} does not fit: expected at most 64 capitals, digits and single underscores between them, \
     beginning with a capital"
)]
pub struct LabelError {
    label: String,
}

/// Whether a placeholder can have this label.
pub(crate) fn is_label(label: &str) -> bool {
    label.len() <= LABEL_BYTES_MAX
        && label.starts_with(|first: char| first.is_ascii_uppercase())
        && label.split('_').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
}

/// The first two letters of labels: most words of a text are told from placeholders by them alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Starts {
    /// For each first letter the second ones as bits; bit 0 is set for every first letter there is.
    seconds: [u32; 32],
}

impl Starts {
    /// Adds a label.
    pub(crate) fn add(&mut self, label: &str) {
        let mut bytes = label.bytes();
        if let Some(first) = bytes.next() {
            self.seconds[letter(first)] |= 1;
            if let Some(second) = bytes.next().filter(u8::is_ascii_alphabetic) {
                self.seconds[letter(first)] |= 1 << letter(second);
            }
        }
    }

    /// Whether a word that begins with this letter, and goes on with this byte, may be a label's. What is not a letter
    /// (or is not there yet) decides nothing.
    #[inline]
    pub(crate) fn may_begin(&self, first: u8, second: Option<u8>) -> bool {
        let bit = match second {
            Some(second) if second.is_ascii_alphabetic() => letter(second),
            _ => 0,
        };
        self.seconds[letter(first)] >> bit & 1 == 1
    }
}

/// A letter's place in the alphabet, 1 to 26.
fn letter(byte: u8) -> usize {
    usize::from(byte & 0x1f)
}
