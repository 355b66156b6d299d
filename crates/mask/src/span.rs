//! What was found where.

use crate::{Entity, Score};

/// One piece of personal or secret data in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins, in bytes from the beginning of the text; always between two characters.
    pub start: usize,
    /// Where it ends, in bytes, exclusive.
    pub end: usize,
    /// What it is.
    pub entity: Entity,
    /// How sure the recognizer is, with the words around it counted.
    pub score: Score,
    /// Which recognizer found it.
    pub recognizer: crate::recognize::RecognizerId,
}

impl Span {
    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it is empty; no recognizer finds such a span.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether the two share a byte.
    #[must_use]
    pub fn overlaps(&self, other: &Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}
