//! Masking: from a text with data to a text with placeholders.
//!
//! Three things are hidden: what the finder finds; every other place in the same text where a value that is hidden
//! stands (which context words may have been needed to recognize); and what looks like a placeholder, so that nobody can
//! have a value told by typing its name. The text is rebuilt once, from left to right.
//!
//! Without delimiters a placeholder must not stand directly beside a letter, digit or underscore, or it would not be
//! recognized any more. Where a value does, the rest of the word is hidden with it.

mod answer;
mod counts;
mod fields;
mod plan;
mod repeats;

use std::borrow::Cow;
use std::sync::Arc;

use crate::mapping::MappingError;
use crate::placeholder::names::Names;
use crate::placeholder::scan::{Scan, Step};
use crate::{
    Action, Entity, Finder, LabelError, Labels, Mapping, NamedEntitiesError, Policy, Score,
};
use plan::Piece;

pub use answer::{AnswerScan, Known, RequestValues};
pub(crate) use answer::{Reach, first_word};
pub use counts::Counts;
pub use fields::FieldMasker;

/// Whether anything is done about what is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    #[default]
    Enforce,
    /// Everything passes as it is, and what would have been done is counted. Nothing enters the mapping, so answers must
    /// not be restored with a mapping of earlier times.
    Shadow,
}

/// One place of a text and what was done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedSpan {
    /// Where it begins in the original text, in bytes.
    pub start: usize,
    /// Where it ends, in bytes, exclusive.
    pub end: usize,
    /// What it is.
    pub entity: Entity,
    /// How sure the recognizer is; certain for look-alikes and repetitions.
    pub score: Score,
    /// What was done, or would have been done in shadow mode.
    pub action: Action,
}

/// A text after masking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked<'t> {
    /// The text; borrowed if nothing was replaced.
    pub text: Cow<'t, str>,
    /// What was done where, from left to right. Spans of replaced places do not overlap.
    pub spans: Vec<MaskedSpan>,
    /// How often what was done.
    pub counts: Counts,
}

/// Why a text could not be masked. Nothing of it may be sent on. No variant holds a value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MaskError {
    /// It holds what must not be sent.
    #[error("the text holds {}, which must not be sent; remove it and try again", entities.join(", "))]
    Blocked {
        /// The names of the entities, without repetitions.
        entities: Vec<String>,
        /// How many values of which entity.
        counts: Counts,
    },
    /// The model could not look into it.
    #[error(transparent)]
    Names(#[from] NamedEntitiesError),
    /// The texts of the request are longer than its model reads.
    #[error("the texts are longer than the {bytes_max} bytes that the named-entity model reads")]
    TooLong {
        /// The most bytes.
        bytes_max: usize,
    },
    /// The mapping cannot take more.
    #[error("a value cannot be given a placeholder")]
    Mapping(#[from] MappingError),
}

/// Masks texts by a policy. It holds no state of conversations and can be shared by all threads.
pub struct Masker {
    finder: Arc<Finder>,
    policy: Policy,
    mode: Mode,
    labels: Arc<Labels>,
}

impl Masker {
    /// The masker of a finder and a policy.
    ///
    /// # Errors
    /// When an entity of the rules has a label that no placeholder can have.
    pub fn new(finder: Arc<Finder>, policy: Policy, mode: Mode) -> Result<Masker, LabelError> {
        let labels = Arc::new(Labels::of(finder.rules())?);
        Ok(Masker {
            finder,
            policy,
            mode,
            labels,
        })
    }

    /// The labels of its rules, for [`crate::Vocabulary::of`].
    #[must_use]
    pub fn labels(&self) -> &Arc<Labels> {
        &self.labels
    }

    /// The finder that it uses.
    #[must_use]
    pub fn finder(&self) -> &Arc<Finder> {
        &self.finder
    }

    /// The most bytes of text of one request, where a model reads them.
    pub(crate) fn model_bytes_max(&self) -> Option<usize> {
        let named = self.finder.rules().named()?;
        Some(named.text_bytes_max)
    }

    /// Masks a text that may be the value of a named field. What is hidden enters the mapping.
    ///
    /// # Errors
    /// When the text holds what is blocked or a model could not look into it (the mapping is as before), or the mapping is
    /// full (it may have grown).
    pub fn mask<'t>(
        &self,
        text: &'t str,
        field: Option<&str>,
        mapping: &mut Mapping,
    ) -> Result<Masked<'t>, MaskError> {
        let spans: Vec<MaskedSpan> = self
            .finder
            .find_all(text, field)?
            .into_iter()
            .map(|span| MaskedSpan {
                start: span.start,
                end: span.end,
                entity: span.entity,
                score: span.score,
                action: self.policy.action(span.entity),
            })
            .collect();
        self.masked(text, spans, mapping)
    }

    /// Masks a text in which these spans were found; they come from left to right and do not overlap.
    fn masked<'t>(
        &self,
        text: &'t str,
        mut spans: Vec<MaskedSpan>,
        mapping: &mut Mapping,
    ) -> Result<Masked<'t>, MaskError> {
        if self.mode == Mode::Enforce {
            self.refuse_blocked(&spans)?;
        }
        repeats::add(text, &mut spans);
        self.add_look_alikes(text, mapping, &mut spans);
        if spans.is_empty() {
            return Ok(Masked {
                text: Cow::Borrowed(text),
                spans,
                counts: Counts::default(),
            });
        }
        let spans = plan::joined(spans);
        let counts = Counts::of(&spans);
        let text = match self.mode {
            Mode::Shadow => Cow::Borrowed(text),
            Mode::Enforce => self.rebuilt(text, &spans, mapping)?,
        };
        Ok(Masked {
            text,
            spans,
            counts,
        })
    }

    /// An error if something is to be blocked.
    fn refuse_blocked(&self, spans: &[MaskedSpan]) -> Result<(), MaskError> {
        let entities = self.names_of(spans, Action::Block);
        if entities.is_empty() {
            return Ok(());
        }
        let blocked = spans.iter().filter(|span| span.action == Action::Block);
        let counts = Counts::of(blocked);
        Err(MaskError::Blocked { entities, counts })
    }

    /// The names of the entities with which something is done.
    fn names_of(&self, spans: &[MaskedSpan], action: Action) -> Vec<String> {
        let mut names: Vec<String> = spans
            .iter()
            .filter(|span| span.action == action)
            .filter_map(|span| self.finder.rules().entity_facts(span.entity))
            .map(|facts| facts.name.to_string())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Adds what looks like a placeholder of the mapping's style.
    fn add_look_alikes(&self, text: &str, mapping: &Mapping, spans: &mut Vec<MaskedSpan>) {
        if !may_hold_look_alike(text.as_bytes()) {
            return;
        }
        let names = Names {
            style: mapping.style(),
            known: &self.labels,
            issued: mapping.issued(),
        };
        let mut scan = Scan::new(names, text, 0, false, true);
        while let Step::Name { start, end, .. } = scan.next() {
            spans.push(MaskedSpan {
                start,
                end,
                entity: Entity::LITERAL,
                score: Score::CERTAIN,
                action: Action::Mask,
            });
        }
    }

    /// The text with placeholders in place of what is masked.
    fn rebuilt<'t>(
        &self,
        text: &'t str,
        spans: &[MaskedSpan],
        mapping: &mut Mapping,
    ) -> Result<Cow<'t, str>, MaskError> {
        let mut pieces: Vec<Piece> = spans.iter().filter_map(Piece::of).collect();
        if pieces.is_empty() {
            return Ok(Cow::Borrowed(text));
        }
        if mapping.style().delimiters().is_none() {
            pieces = plan::widened(text, pieces);
        }
        let mut output = String::with_capacity(text.len() + 16);
        let mut copied = 0;
        for piece in pieces {
            output.push_str(&text[copied..piece.start]);
            copied = piece.end;
            let label = self.label(piece.entity);
            if piece.is_redacted {
                output.push('[');
                output.push_str(label);
                output.push(']');
            } else {
                mapping.write_placeholder(label, &text[piece.start..piece.end], &mut output)?;
            }
        }
        output.push_str(&text[copied..]);
        Ok(Cow::Owned(output))
    }

    /// The label of an entity of its rules.
    fn label(&self, entity: Entity) -> &str {
        self.finder
            .rules()
            .entity_facts(entity)
            .map_or("LITERAL", |facts| &facts.label)
    }
}

/// Whether a text can hold the underscore of a placeholder before its number. Told by a quick search, because most texts
/// cannot.
fn may_hold_look_alike(bytes: &[u8]) -> bool {
    memchr::memchr2_iter(b'_', b'&', bytes).any(|at| match (bytes[at], bytes.get(at + 1)) {
        (b'_', Some(next)) => next.is_ascii_digit() || !next.is_ascii(),
        (_, Some(next)) => matches!(next, b'#' | b'l' | b'L'),
        (_, None) => false,
    })
}

#[cfg(test)]
mod tests;
