//! Changes to a JSON text that leave the rest of it as it is.

use std::ops::Range;

use super::document::{Document, Value};
use super::string::{Style, encode};

/// New spellings for single values of one document. Can be used again after [`Edits::clear`] without allocating.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    edits: Vec<Edit>,
    /// The new spellings, one after the other.
    spellings: Vec<u8>,
}

/// One change.
#[derive(Clone, Debug)]
struct Edit {
    /// What is replaced in the source.
    place: Range<usize>,
    /// Its new spelling within `spellings`.
    spelling: Range<usize>,
}

impl Edits {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// How many values are changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// Forgets all changes.
    pub fn clear(&mut self) {
        self.edits.clear();
        self.spellings.clear();
    }

    /// Lets a string or key say something else, in the style of its document.
    pub fn say(&mut self, document: &Document<'_>, string: Value<'_>, text: &str, has_lone: bool) {
        let style = Style {
            is_ascii: document.is_ascii(),
            has_lone,
        };
        let start = self.spellings.len();
        encode(text, style, &mut self.spellings);
        self.edits.push(Edit {
            place: string.range(),
            spelling: start..self.spellings.len(),
        });
    }

    /// Puts JSON in the place of a range of the source, which must begin and end around whole values and their quotes.
    pub fn put(&mut self, place: Range<usize>, json: &[u8]) {
        let start = self.spellings.len();
        self.spellings.extend_from_slice(json);
        self.edits.push(Edit {
            place,
            spelling: start..self.spellings.len(),
        });
    }

    /// Writes the changed text behind what `out` holds. Of two changes that overlap only the first in the text is done.
    pub fn apply(&mut self, source: &str, out: &mut Vec<u8>) {
        self.edits
            .sort_by_key(|edit| (edit.place.start, std::cmp::Reverse(edit.place.end)));
        let source = source.as_bytes();
        let mut copied = 0;
        for edit in &self.edits {
            if edit.place.start < copied {
                continue;
            }
            out.extend_from_slice(&source[copied..edit.place.start]);
            out.extend_from_slice(&self.spellings[edit.spelling.clone()]);
            copied = edit.place.end;
        }
        out.extend_from_slice(&source[copied..]);
    }
}
