//! The texts of one answer that are being restored, each with what is needed to send its last piece.

use std::ops::Range;

use super::restoring::Unmask;
use crate::bounds::STREAMS_MAX;

/// Divides the parts of a key.
pub(super) const DIVIDER: char = '\u{1f}';

/// All texts that have begun and not ended, in the order in which they began.
#[derive(Debug)]
pub(super) struct Texts<T> {
    texts: Vec<Text<T>>,
}

/// One text that comes in pieces.
#[derive(Debug)]
pub(super) struct Text<T> {
    /// What it belongs to; parts with [`DIVIDER`] between.
    pub(super) key: String,
    pub(super) restorer: T,
    /// The last event with a piece of it of which something was held back.
    pub(super) frame: Vec<u8>,
    /// Where in that event a piece goes.
    pub(super) tail: Tail,
}

/// Where the last piece of a text goes in an event like the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Into this string of the data. What stands in the others was sent already.
    Place {
        /// The string, without its quotes.
        place: Range<usize>,
        /// Further strings with pieces, which are empty this time.
        others: Vec<Range<usize>>,
    },
    /// Into a choice of its own: JSON before and after the string.
    Choice {
        /// Up to the opening quote.
        before: String,
        /// From the closing quote.
        after: &'static str,
    },
}

impl<T: Unmask> Texts<T> {
    /// No texts.
    pub(super) fn new() -> Texts<T> {
        Texts { texts: Vec::new() }
    }

    /// The text of this key, begun with `begin` when there is none. When there would be too many, the oldest one comes
    /// back as the second value and is no longer among them.
    pub(super) fn entry(
        &mut self,
        key: &str,
        begin: impl FnOnce() -> T,
    ) -> (&mut Text<T>, Option<Text<T>>) {
        let known = self.texts.iter().position(|text| text.key == key);
        let mut oldest = None;
        let index = known.unwrap_or_else(|| {
            if self.texts.len() >= STREAMS_MAX {
                oldest = Some(self.texts.remove(0));
            }
            self.texts.push(Text {
                key: key.to_owned(),
                restorer: begin(),
                frame: Vec::new(),
                tail: Tail::Place {
                    place: 0..0,
                    others: Vec::new(),
                },
            });
            self.texts.len() - 1
        });
        (&mut self.texts[index], oldest)
    }

    /// Takes out the texts whose key fits.
    pub(super) fn take(&mut self, fits: impl Fn(&str) -> bool) -> Vec<Text<T>> {
        if !self.texts.iter().any(|text| fits(&text.key)) {
            return Vec::new();
        }
        let (taken, kept) = std::mem::take(&mut self.texts)
            .into_iter()
            .partition(|text| fits(&text.key));
        self.texts = kept;
        taken
    }
}

/// Whether a key has this part at this place.
pub(super) fn key_has(key: &str, index: usize, part: &str) -> bool {
    key.split(DIVIDER).nth(index) == Some(part)
}
