//! Finding: from a text to the spans that hold personal or secret data.
//!
//! One pass over the bytes looks only for *triggers*: digits, `@`, `:`, a dot within a word, and the few other signs
//! without which nothing can be found ([`trigger`]). Around a trigger the rooms of [`crate::recognize`] look for what
//! belongs to it and offer candidates; a text without triggers costs a comparison a byte. Dictionaries and custom
//! expressions, where they are configured, have a pass of their own. At the end overlapping candidates are settled
//! ([`overlap`]): what is hidden is the union, what it is called is decided by score, then length.
//!
//! Where a text has escapes such as `\n` in it, a copy with blanks in their place is looked at too ([`escapes`]).
//!
//! A finder holds no state between texts and can be shared by all threads.

pub(crate) mod context;
mod escapes;
mod invisible;
mod offers;
mod overlap;
pub(crate) mod trigger;

pub(crate) use offers::Offers;
pub use offers::{Note, NoteKind};

use crate::recognize::number::shapes::ShapeTable;
use crate::recognize::number::{self, Shaped, cluster};
use crate::recognize::{RecognizerId, crypto, date, first, network, payment, phone, secret};
use crate::{NamedEntitiesError, Rules, Span};
use context::ContextIndex;
use invisible::Visible;

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
        let shapes = ShapeTable::new(
            shaped
                .iter()
                .enumerate()
                .map(|(index, shaped)| (RecognizerId(first::SHAPED + index as u16), index, *shaped))
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

    /// What the text holds, from left to right, without overlaps. A model of the rules is not asked: see
    /// [`Finder::find_all`].
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Span> {
        self.find_in_field(text, None)
    }

    /// What the value of a named field holds. The name counts as context, as if it stood before the value: a number in
    /// `phone` is a telephone number.
    #[must_use]
    pub fn find_in_field(&self, text: &str, field: Option<&str>) -> Vec<Span> {
        let mut spans = self.candidates(text, field);
        spans.extend(self.candidates_of_copies(text, field));
        overlap::settled(spans)
    }

    /// What counts in the text, in the order in which it was found.
    fn candidates(&self, text: &str, field: Option<&str>) -> Vec<Span> {
        let mut offers = Offers::new(text, field, &self.rules, &self.context);
        self.scan(text, &mut offers);
        offers.into_spans()
    }

    /// What counts in the text without what nobody sees, and with blanks for its escapes, where it has such.
    fn candidates_of_copies(&self, text: &str, field: Option<&str>) -> Vec<Span> {
        let mut spans = Vec::new();
        if let Some(visible) = Visible::of(text) {
            let seen = self.candidates(&visible.text, field).into_iter();
            spans.extend(seen.filter_map(|span| {
                let range = visible.original(&(span.start..span.end))?;
                Some(Span {
                    start: range.start,
                    end: range.end,
                    ..span
                })
            }));
        }
        if let Some(blanked) = escapes::blanked(text) {
            spans.extend(self.candidates(&blanked, field));
        }
        spans
    }

    /// As [`Finder::find_in_field`], with the names that the model of the rules knows, if they have one. That takes long.
    ///
    /// # Errors
    /// The model could not look into the text. Then nobody knows what the text holds.
    pub fn find_all(
        &self,
        text: &str,
        field: Option<&str>,
    ) -> Result<Vec<Span>, NamedEntitiesError> {
        let mut offers = Offers::new(text, field, &self.rules, &self.context);
        self.scan(text, &mut offers);
        self.ask(text, &mut offers)?;
        let mut spans = offers.into_spans();
        spans.extend(self.candidates_of_copies(text, field));
        Ok(overlap::settled(spans))
    }

    /// As [`Finder::explain`], with the names that the model of the rules knows, if they have one.
    ///
    /// # Errors
    /// The model could not look into the text.
    pub fn explain_all(&self, text: &str) -> Result<Vec<Note>, NamedEntitiesError> {
        let mut offers = Offers::noting(text, &self.rules, &self.context);
        self.scan(text, &mut offers);
        self.ask(text, &mut offers)?;
        let mut notes = offers.into_notes();
        self.add_notes_of_copies(text, &mut notes);
        Ok(notes)
    }

    /// Asks the model of the rules.
    fn ask(&self, text: &str, offers: &mut Offers<'_>) -> Result<(), NamedEntitiesError> {
        match self.rules.named() {
            Some(named) => named.find(text, offers),
            None => Ok(()),
        }
    }

    /// Whether a recognizer finds something in the text, also where another one's span covers it.
    pub(crate) fn offers_of(&self, text: &str, recognizer: RecognizerId) -> bool {
        let mut offers = Offers::new(text, None, &self.rules, &self.context);
        self.scan(text, &mut offers);
        offers
            .into_spans()
            .iter()
            .any(|span| span.recognizer == recognizer)
    }

    /// Everything that was considered in the text, and why it counted or did not: what `portcullis mask explain` shows. A
    /// model of the rules is not asked.
    #[must_use]
    pub fn explain(&self, text: &str) -> Vec<Note> {
        let mut notes = self.notes(text);
        self.add_notes_of_copies(text, &mut notes);
        notes
    }

    /// What was considered in one text.
    fn notes(&self, text: &str) -> Vec<Note> {
        let mut offers = Offers::noting(text, &self.rules, &self.context);
        self.scan(text, &mut offers);
        offers.into_notes()
    }

    /// Adds what was considered in the copies of [`Finder::candidates_of_copies`] alone.
    fn add_notes_of_copies(&self, text: &str, notes: &mut Vec<Note>) {
        let mut more = Vec::new();
        if let Some(visible) = Visible::of(text) {
            more.extend(self.notes(&visible.text).into_iter().filter_map(|note| {
                let range = visible.original(&note.range)?;
                Some(Note { range, ..note })
            }));
        }
        if let Some(blanked) = escapes::blanked(text) {
            more.extend(self.notes(&blanked));
        }
        for note in more {
            let is_known = notes
                .iter()
                .any(|known| known.range == note.range && known.recognizer == note.recognizer);
            if !is_known {
                notes.push(note);
            }
        }
    }

    /// Looks at every trigger of the text.
    fn scan(&self, text: &str, offers: &mut Offers<'_>) {
        self.rules.custom().find(text, offers);
        let bytes = text.as_bytes();
        let mut seen = Seen::default();
        let mut at = 0;
        while let Some(trigger) = trigger::next(bytes, at) {
            at = trigger + 1;
            match bytes[trigger] {
                b'@' => network::at_sign(text, trigger, &mut seen.network, offers),
                b'.' => network::dot(text, trigger, &mut seen.network, offers),
                b':' => {
                    network::colon(text, trigger, &mut seen.network, offers);
                    secret::assignment(text, trigger, &mut seen.secret, offers);
                }
                b'=' => secret::assignment(text, trigger, &mut seen.secret, offers),
                b'-' => secret::hyphens(text, trigger, &mut seen.secret, offers),
                b'f' => secret::f_underscore(text, trigger, &mut seen.secret, offers),
                b'0'..=b'9' => at = self.word(text, trigger, &mut seen, offers),
                _ => {}
            }
        }
    }

    /// Looks at the run of letters and digits around a digit, and gives its end.
    fn word(&self, text: &str, digit: usize, seen: &mut Seen, offers: &mut Offers<'_>) -> usize {
        let bytes = text.as_bytes();
        let (start, end) = (word_start(bytes, digit), word_end(bytes, digit));
        network::word(text, start, end, &mut seen.network, offers);
        payment::word(text, start, end, &mut seen.payment, offers);
        crypto::word(text, start, end, &mut seen.crypto, offers);
        secret::word(text, start, end, &mut seen.secret, offers);
        if offers.is_settled(start..end) {
            // The digits of a card, an account, or a URL are no other number.
            return end;
        }
        phone::word(text, start, end, &mut seen.phone, offers);
        date::word(text, start, end, &mut seen.date, offers);
        if start >= seen.cluster {
            seen.cluster = cluster::find(text, start, end, &self.shapes, &self.shaped, offers);
        }
        end
    }
}

/// Up to where each room has looked already.
#[derive(Default)]
struct Seen {
    network: network::Seen,
    payment: payment::Seen,
    crypto: crypto::Seen,
    phone: phone::Seen,
    date: date::Seen,
    secret: secret::Seen,
    /// The end of the last cluster of numbers.
    cluster: usize,
}

/// Where the run of ASCII letters and digits around `at` begins.
fn word_start(bytes: &[u8], at: usize) -> usize {
    at - bytes[..at]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count()
}

/// Where the run of ASCII letters and digits around `at` ends.
fn word_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count()
}
