//! The desk to which recognizers bring their candidates.
//!
//! It knows what the recognizers do not: which of them are on, what score an entity needs, which values are allowed, and
//! which words stand around. It can also write down everything it decides, for `explain`.

use std::ops::Range;

use crate::find::context::{Context, ContextIndex};
use crate::recognize::RecognizerId;
use crate::{Entity, Rules, Score, Span};

/// How much a word that speaks for a candidate adds to its score, in hundredths. Presidio's figure.
const RAISE: u8 = 35;
/// How much a word that speaks against it takes away.
const LOWER: u8 = 30;
/// A form that is less sure is taken for a mistyped number of the kind whose label stands directly before it.
const CLAIMED_BELOW: Score = Score::of(65);
/// A check digit that is right decides between two candidates of the same score and place.
const VALID_BONUS: u8 = 5;
/// A phrase of several words near it does so too: `US passport` says more than `passport`.
const PHRASE_BONUS: u8 = 6;

/// How many of the last spans are asked whether they hold what follows.
const SETTLING: usize = 4;

/// A card in groups that is so long, in bytes, is nothing else; shorter numbers may be.
const SETTLED_CARD: usize = 17;

/// One thing that was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where, in bytes.
    pub range: Range<usize>,
    /// By which recognizer.
    pub recognizer: RecognizerId,
    /// What came of it.
    pub kind: NoteKind,
}

/// What came of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// It counts.
    Found {
        /// The score without the words around.
        bare: Score,
        /// The score with them.
        score: Score,
    },
    /// Its score stays below what its entity needs.
    TooUnsure {
        /// The score without the words around.
        bare: Score,
        /// The score with them.
        score: Score,
        /// What it needs.
        threshold: Score,
    },
    /// Its value is on the allow list.
    Allowed,
    /// The validation refused it; the words say why, without the value.
    Invalid(&'static str),
}

/// Where candidates of one text are offered.
pub(crate) struct Offers<'a> {
    text: &'a str,
    rules: &'a Rules,
    context: Context<'a>,
    spans: Vec<Span>,
    notes: Option<Vec<Note>>,
}

impl<'a> Offers<'a> {
    /// For finding, in a text that may be the value of a named field.
    pub(crate) fn new(
        text: &'a str,
        field: Option<&str>,
        rules: &'a Rules,
        context: &'a ContextIndex,
    ) -> Offers<'a> {
        Offers {
            text,
            rules,
            context: Context::new(context, text, field),
            spans: Vec::new(),
            notes: None,
        }
    }

    /// For explaining.
    pub(crate) fn noting(text: &'a str, rules: &'a Rules, context: &'a ContextIndex) -> Offers<'a> {
        Offers {
            notes: Some(Vec::new()),
            ..Offers::new(text, None, rules, context)
        }
    }

    /// The rules under which is looked.
    pub(crate) fn rules(&self) -> &'a Rules {
        self.rules
    }

    /// Offers a candidate whose form alone has the score `bare`.
    pub(crate) fn offer(&mut self, recognizer: RecognizerId, range: Range<usize>, bare: Score) {
        self.judge(recognizer, range, bare, 0);
    }

    /// Offers a candidate and says whether it settles its place: it counts, or its value is allowed. Otherwise what lies
    /// within it may still be looked for.
    pub(crate) fn settles(
        &mut self,
        recognizer: RecognizerId,
        range: Range<usize>,
        bare: Score,
    ) -> bool {
        self.judge(recognizer, range, bare, 0)
    }

    /// Offers a candidate whose check digits are right.
    pub(crate) fn offer_valid(
        &mut self,
        recognizer: RecognizerId,
        range: Range<usize>,
        bare: Score,
    ) {
        self.judge(recognizer, range, bare, VALID_BONUS);
    }

    /// Says that a candidate was refused by its validation. Costs nothing unless somebody wants an explanation.
    pub(crate) fn reject(
        &mut self,
        recognizer: RecognizerId,
        range: Range<usize>,
        why: &'static str,
    ) {
        if self.rules.is_on(recognizer) {
            self.note(range, recognizer, NoteKind::Invalid(why));
        }
    }

    /// Whether a word that speaks for this recognizer stands near the range.
    pub(crate) fn has_context(&mut self, recognizer: RecognizerId, range: &Range<usize>) -> bool {
        self.context.nearby(recognizer, range).raises
    }

    /// Whether a range lies within something long that counts already and is surely what it is called, so that nothing
    /// else needs to be looked for in it. Explaining looks everywhere.
    pub(crate) fn is_settled(&self, range: Range<usize>) -> bool {
        self.notes.is_none()
            && self.spans.iter().rev().take(SETTLING).any(|span| {
                span.start <= range.start
                    && range.end <= span.end
                    && (matches!(span.entity, Entity::URL | Entity::IBAN)
                        || span.entity == Entity::CREDIT_CARD && span.len() >= SETTLED_CARD)
            })
    }

    /// The label of the column of a table in which a place stands, and the cell around the place.
    pub(crate) fn cell(&mut self, at: usize) -> Option<(Range<usize>, Range<usize>)> {
        self.context.cell(at)
    }

    /// Whether something that counts already covers the whole range.
    pub(crate) fn holds(&self, range: Range<usize>) -> bool {
        let mut spans = self.spans.iter();
        spans.any(|span| span.start <= range.start && range.end <= span.end)
    }

    /// Whether a word is a phrase that speaks for or against some recognizer.
    pub(crate) fn is_phrase(&self, word: &str) -> bool {
        self.context.is_phrase(word)
    }

    /// Decides on a candidate; says whether it counts or is allowed.
    fn judge(
        &mut self,
        recognizer: RecognizerId,
        range: Range<usize>,
        bare: Score,
        bonus: u8,
    ) -> bool {
        if !self.rules.is_on(recognizer) {
            return false;
        }
        if self.rules.is_allowed(&self.text[range.clone()]) {
            self.note(range, recognizer, NoteKind::Allowed);
            return true;
        }
        let entity = self.rules.entity_of(recognizer);
        let threshold = self.rules.threshold(entity);
        let (score, bonus) = if bare == Score::CERTAIN {
            (bare, bonus)
        } else {
            let nearby = self.context.nearby(recognizer, &range);
            let score = match (nearby.raises, nearby.lowers) {
                (true, _) => bare.raised(RAISE),
                (false, true) => bare.lowered(LOWER),
                (false, false) if nearby.is_claimed && bare < CLAIMED_BELOW => bare.lowered(LOWER),
                (false, false) => bare,
            };
            let is_told = nearby.raises && nearby.words > 1;
            (score, if is_told { bonus + PHRASE_BONUS } else { bonus })
        };
        if score < threshold {
            self.note(
                range,
                recognizer,
                NoteKind::TooUnsure {
                    bare,
                    score,
                    threshold,
                },
            );
            return false;
        }
        self.note(range.clone(), recognizer, NoteKind::Found { bare, score });
        self.spans.push(Span {
            start: range.start,
            end: range.end,
            entity,
            score: score.raised(bonus),
            recognizer,
        });
        true
    }

    fn note(&mut self, range: Range<usize>, recognizer: RecognizerId, kind: NoteKind) {
        if let Some(notes) = &mut self.notes {
            notes.push(Note {
                range,
                recognizer,
                kind,
            });
        }
    }

    /// The candidates that count, in the order in which they were offered.
    pub(crate) fn into_spans(self) -> Vec<Span> {
        self.spans
    }

    /// Everything that was considered.
    pub(crate) fn into_notes(self) -> Vec<Note> {
        self.notes.unwrap_or_default()
    }
}
