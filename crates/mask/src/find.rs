//! Finding: from a text to the spans that hold personal or secret data.
//!
//! One pass over the bytes looks only for *triggers*: digits, `@`, `:`, a dot within a word, and the few other signs
//! without which nothing can be found ([`trigger`]). Around a trigger the rooms of [`crate::recognize`] look for what
//! belongs to it and offer candidates; a text without triggers costs a comparison a byte. Dictionaries and custom
//! expressions, where they are configured, have a pass of their own. At the end overlapping candidates are settled
//! ([`overlap`]): what is hidden is the union, what it is called is decided by score, then length.
//!
//! A finder holds no state between texts and can be shared by all threads.

pub(crate) mod context;
mod offers;
mod overlap;
mod trigger;

pub(crate) use offers::Offers;
pub use offers::{Note, NoteKind};

use crate::recognize::network;
use crate::recognize::number::{self, Shaped, cluster};
use crate::recognize::number::shapes::ShapeTable;
use crate::recognize::RecognizerId;
use crate::{Rules, Span};
use context::ContextIndex;

/// Finds what the rules name, in any text.
pub struct Finder {
    rules: Rules,
    context: ContextIndex,
    shapes: ShapeTable,
    shaped: Vec<&'static Shaped>,
}

impl Finder {
    /// The finder of these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Finder {
        let shaped: Vec<&'static Shaped> = number::shaped().collect();
        let first = rules.first_shaped();
        let shapes = ShapeTable::new(
            shaped
                .iter()
                .enumerate()
                .map(|(index, shaped)| (RecognizerId(first + index as u16), index, *shaped))
                .filter(|(recognizer, _, _)| rules.is_on(*recognizer)),
        );
        Finder {
            context: ContextIndex::new(&rules),
            shapes,
            shaped,
            rules,
        }
    }

    /// The rules that it was made of.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What the text holds, from left to right, without overlaps.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Span> {
        let mut offers = Offers::new(text, &self.rules, &self.context);
        self.scan(text, &mut offers);
        overlap::settled(offers.into_spans())
    }

    /// Everything that was considered in the text, and why it counted or did not: what `portcullis mask explain` shows.
    #[must_use]
    pub fn explain(&self, text: &str) -> Vec<Note> {
        let mut offers = Offers::noting(text, &self.rules, &self.context);
        self.scan(text, &mut offers);
        offers.into_notes()
    }

    /// Looks at every trigger of the text.
    fn scan(&self, text: &str, offers: &mut Offers<'_>) {
        let bytes = text.as_bytes();
        let mut at = 0;
        // Up to where each room has looked already.
        let mut cluster_end = 0;
        let mut network_end = network::Seen::default();
        while let Some(trigger) = trigger::next(bytes, at) {
            at = trigger + 1;
            match bytes[trigger] {
                b'@' => network::at_sign(text, trigger, &mut network_end, offers),
                b':' => network::colon(text, trigger, &mut network_end, offers),
                b'.' => network::dot(text, trigger, &mut network_end, offers),
                b'0'..=b'9' => {
                    let start = word_start(bytes, trigger);
                    let end = word_end(bytes, trigger);
                    network::digits(text, start, end, &mut network_end, offers);
                    if start >= cluster_end {
                        cluster_end = cluster::find(text, start, end, &self.shapes, &self.shaped, offers);
                    }
                    at = end;
                }
                _ => {}
            }
        }
    }
}

/// Where the run of ASCII letters and digits around `at` begins.
fn word_start(bytes: &[u8], at: usize) -> usize {
    at - bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count()
}

/// Where the run of ASCII letters and digits around `at` ends.
fn word_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count()
}
