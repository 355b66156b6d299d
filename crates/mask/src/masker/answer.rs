//! Data in answers that did not come from this conversation.
//!
//! An answer may hold data that the model knows from elsewhere: its training, another user, a document. The text is
//! scanned as the model wrote it, *before* placeholders are restored: then nothing in it was put there by us. What the user
//! wrote themselves does not count as a leak: it is in the mapping, or among the values of the request ([`Known`]).

mod known;
mod reach;
mod stream;
mod word;

use std::borrow::Cow;
use std::ops::Range;

use crate::Action;
use crate::masker::plan::{Piece, joined};
use crate::masker::{Counts, MaskError, Masked, MaskedSpan, Masker};

pub use known::{Known, RequestValues};
pub(crate) use reach::Reach;
pub use stream::AnswerScan;
pub(crate) use word::first_word;

impl Masker {
    /// Looks for data in a whole answer, as the model wrote it. What is found is done with by this masker's policy, which is
    /// a policy of its own for answers; names that only a model knows are not looked for, since whoever reads a stream cannot
    /// wait for one. Masking means redacting here, since there is nobody to restore it for.
    ///
    /// # Errors
    /// When the answer holds what is blocked.
    pub fn scan_answer<'t, 'k>(
        &self,
        text: &'t str,
        known: impl Into<Known<'k>>,
    ) -> Result<Masked<'t>, MaskError> {
        let spans = self.spans_of_answer(text, known.into());
        let counts = Counts::of(&spans);
        if self.mode == super::Mode::Shadow {
            return Ok(Masked {
                text: Cow::Borrowed(text),
                spans,
                counts,
            });
        }
        self.refuse_blocked(&spans)?;
        let text = if spans.iter().any(|span| Piece::of(span).is_some()) {
            let mut output = String::new();
            self.write_redacted(text, 0..text.len(), &spans, &mut output);
            Cow::Owned(output)
        } else {
            Cow::Borrowed(text)
        };
        Ok(Masked {
            text,
            spans,
            counts,
        })
    }

    /// What an answer holds that is not known.
    fn spans_of_answer(&self, text: &str, known: Known<'_>) -> Vec<MaskedSpan> {
        let spans = self.finder.find(text).into_iter();
        let spans = spans.filter(|span| !known.contains(&text[span.start..span.end]));
        let spans = spans.map(|span| MaskedSpan {
            start: span.start,
            end: span.end,
            entity: span.entity,
            score: span.score,
            action: match self.policy.action(span.entity) {
                Action::Mask => Action::Redact,
                other => other,
            },
        });
        joined(spans.collect())
    }

    /// Appends a part of a text with labels in place of what is replaced in it. What begins before the part is replaced
    /// from its beginning.
    fn write_redacted(
        &self,
        text: &str,
        part: Range<usize>,
        spans: &[MaskedSpan],
        output: &mut String,
    ) {
        let mut copied = part.start;
        for piece in spans.iter().filter_map(Piece::of) {
            if piece.end <= copied || piece.start >= part.end {
                continue;
            }
            output.push_str(&text[copied..piece.start.max(copied)]);
            output.push('[');
            output.push_str(self.label(piece.entity));
            output.push(']');
            copied = piece.end.min(part.end);
        }
        output.push_str(&text[copied..part.end]);
    }
}
