//! From placeholders back to values, in whole texts and in streams.
//!
//! A restorer holds back only what may still become a placeholder that was issued in this conversation: a word whose
//! beginning is the beginning of one, or one that is complete but for the sign that ends it. Everything else passes within
//! the same push. What was restored is never looked at again.
//!
//! The joined output is the same for every way of cutting the text into pushes, because the scan decides on nothing that
//! what follows could change.

mod encoding;
mod fields;
mod room;
mod shape;
mod vocabulary;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::placeholder::scan::{Scan, Step};

pub use encoding::Encoding;
pub use fields::{FieldRestorer, FieldRestorers};
use room::Room;
pub(crate) use shape::is_plain;
use shape::{Shape, fits_json_string};
pub use vocabulary::Vocabulary;

/// How often something was restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreCounts {
    /// Placeholders that became their values.
    pub restored: u64,
    /// Names that look like placeholders of the rules' labels and that this conversation never issued. They pass as they
    /// are. Many of them mean that a model makes placeholders up, or that a mapping was lost.
    pub look_alikes: u64,
}

impl RestoreCounts {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: RestoreCounts) {
        self.restored += other.restored;
        self.look_alikes += other.look_alikes;
    }
}

/// Restores one logical stream of text: one message, one choice, the arguments of one call.
#[derive(Clone)]
pub struct Restorer {
    vocabulary: Arc<Vocabulary>,
    encoding: Encoding,
    /// What must be seen again with what follows.
    tail: String,
    /// So many bytes of the tail were put out already. They are kept only to understand what follows.
    told: usize,
    /// Whether a word is under way before the tail.
    is_in_word: bool,
    /// Whether the tail begins within JSON, where that is minded.
    shape: Option<Shape>,
    counts: RestoreCounts,
}

impl Restorer {
    /// A restorer at the beginning of a stream.
    #[must_use]
    pub fn new(vocabulary: Arc<Vocabulary>, encoding: Encoding) -> Restorer {
        Restorer {
            vocabulary,
            encoding,
            tail: String::new(),
            told: 0,
            is_in_word: false,
            shape: None,
            counts: RestoreCounts::default(),
        }
    }

    /// Escapes values that are put into strings of JSON which the plain text has or is, so that it stays JSON. A value that
    /// was taken from JSON with its escapes is put back as it was.
    #[must_use]
    pub fn minding_json(mut self) -> Restorer {
        let is_minded = self.encoding == Encoding::Plain && self.vocabulary.has_escaped();
        self.shape = is_minded.then(Shape::default);
        self
    }

    /// Takes the next piece of the stream and appends what can be told by now.
    pub fn push(&mut self, text: &str, output: &mut String) {
        self.push_within(text, &Room::endless(), output);
    }

    /// Ends the stream: what was held back is appended. The restorer is then at the beginning of another stream.
    pub fn finish(&mut self, output: &mut String) {
        self.finish_within(&Room::endless(), output);
    }

    /// As [`Restorer::push`]; where there is no room for a value, its placeholder stays.
    fn push_within(&mut self, text: &str, room: &Room, output: &mut String) {
        if text.is_empty() {
            return;
        }
        if self.tail.is_empty() {
            self.scan((text, 0), false, room, output);
            return;
        }
        let mut whole = std::mem::take(&mut self.tail);
        whole.push_str(text);
        let told = std::mem::take(&mut self.told);
        self.scan((&whole, told), false, room, output);
    }

    /// As [`Restorer::finish`]; where there is no room for a value, its placeholder stays.
    fn finish_within(&mut self, room: &Room, output: &mut String) {
        let whole = std::mem::take(&mut self.tail);
        let told = std::mem::take(&mut self.told);
        self.scan((&whole, told), true, room, output);
        self.begin();
    }

    /// Forgets what is held back, because the stream's text is replaced by another one.
    pub fn discard(&mut self) {
        self.tail.clear();
        self.told = 0;
        self.begin();
    }

    /// Is at the beginning of another stream.
    fn begin(&mut self) {
        self.is_in_word = false;
        self.shape = self.shape.map(|_| Shape::default());
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.tail.len() - self.told
    }

    /// What was counted since the restorer was made.
    #[must_use]
    pub fn counts(&self) -> RestoreCounts {
        self.counts
    }

    /// Scans a text of which the first `told` bytes are put out already.
    fn scan(
        &mut self,
        (text, mut told): (&str, usize),
        is_last: bool,
        room: &Room,
        output: &mut String,
    ) {
        let vocabulary = Arc::clone(&self.vocabulary);
        let depth = self.encoding.depth();
        let mut scan = Scan::new(vocabulary.names(), text, depth, self.is_in_word, is_last);
        // Where in the text the shape has come to.
        let (mut shape, mut shaped) = (self.shape, 0);
        loop {
            match scan.next() {
                Step::Name {
                    start,
                    end,
                    value: Some(value),
                } if start >= told => {
                    if !room.take(value.len()) {
                        continue;
                    }
                    output.push_str(&text[told..start]);
                    let encoding = match &mut shape {
                        Some(shape) => {
                            shape.advance(&text[shaped..start]);
                            shaped = start;
                            encoding_within(*shape, value)
                        }
                        None => self.encoding,
                    };
                    encoding.write(value, output);
                    told = end;
                    self.counts.restored += 1;
                }
                Step::Name { .. } => self.counts.look_alikes += 1,
                Step::Pending {
                    at,
                    held_from,
                    is_in_word,
                } => {
                    let held_from = held_from.max(told);
                    output.push_str(&text[told..held_from]);
                    if at < shaped {
                        (shape, shaped) = (self.shape, 0);
                    }
                    self.shape = shape.map(|mut shape| {
                        shape.advance(&text[shaped..at]);
                        shape
                    });
                    self.tail.push_str(&text[at..]);
                    self.told = held_from - at;
                    self.is_in_word = is_in_word;
                    return;
                }
                Step::End { is_in_word } => {
                    output.push_str(&text[told..]);
                    self.shape = shape.map(|mut shape| {
                        shape.advance(&text[shaped..]);
                        shape
                    });
                    self.is_in_word = is_in_word;
                    return;
                }
            }
        }
    }
}

/// How a value is written at a place of a plain text.
fn encoding_within(shape: Shape, value: &str) -> Encoding {
    match shape.is_in_string() && !fits_json_string(value) {
        true => Encoding::Json,
        false => Encoding::Plain,
    }
}

/// Shows how much is held back, and no text.
impl fmt::Debug for Restorer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Restorer")
            .field("encoding", &self.encoding)
            .field("held", &self.held())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// A whole text with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored<'t> {
    /// The text.
    pub text: Cow<'t, str>,
    /// What was counted in it.
    pub counts: RestoreCounts,
}

/// Restores a whole text. It gives what a [`Restorer`] gives for the same text in pieces.
#[must_use]
pub fn restore<'t>(vocabulary: &Vocabulary, text: &'t str, encoding: Encoding) -> Restored<'t> {
    let mut counts = RestoreCounts::default();
    let mut output = String::new();
    let mut told = 0;
    let mut scan = Scan::new(vocabulary.names(), text, encoding.depth(), false, true);
    loop {
        match scan.next() {
            Step::Name { value: None, .. } => counts.look_alikes += 1,
            Step::Name {
                start,
                end,
                value: Some(value),
            } => {
                output.push_str(&text[told..start]);
                encoding.write(value, &mut output);
                told = end;
                counts.restored += 1;
            }
            Step::Pending { .. } | Step::End { .. } => break,
        }
    }
    let text = if counts.restored == 0 {
        Cow::Borrowed(text)
    } else {
        output.push_str(&text[told..]);
        Cow::Owned(output)
    };
    Restored { text, counts }
}

#[cfg(test)]
mod tests;
