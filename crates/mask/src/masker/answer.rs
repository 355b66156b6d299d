//! Data in answers that did not come from this conversation.
//!
//! An answer may hold data that the model knows from elsewhere: its training, another user, a document. The text is
//! scanned as the model wrote it, *before* placeholders are restored: then nothing in it was put there by us, and what
//! the user wrote themselves (it is in the mapping) does not count as a leak.

use std::borrow::Cow;

use crate::masker::plan::{Piece, joined};
use crate::masker::{Counts, MaskError, Masked, MaskedSpan, Masker};
use crate::{Action, Mapping};

/// A line longer than so many bytes is scanned in parts, cut after a space where there is one.
const LINE_BYTES_MAX: usize = 4096;

impl Masker {
    /// Looks for data in a whole answer, as the model wrote it. What is found is done with by this masker's policy, which is
    /// a policy of its own for answers; names that only a model knows are not looked for, since whoever reads a stream cannot
    /// wait for one. Masking means redacting here, since there is nobody to restore it for.
    ///
    /// # Errors
    /// When the answer holds what is blocked.
    pub fn scan_answer<'t>(
        &self,
        text: &'t str,
        mapping: &Mapping,
    ) -> Result<Masked<'t>, MaskError> {
        let spans: Vec<MaskedSpan> = self
            .finder
            .find(text)
            .into_iter()
            .filter(|span| !mapping.contains(&text[span.start..span.end]))
            .map(|span| MaskedSpan {
                start: span.start,
                end: span.end,
                entity: span.entity,
                score: span.score,
                action: match self.policy.action(span.entity) {
                    Action::Mask => Action::Redact,
                    other => other,
                },
            })
            .collect();
        let spans = joined(spans);
        let counts = Counts::of(&spans);
        if self.mode == super::Mode::Shadow {
            return Ok(Masked {
                text: Cow::Borrowed(text),
                spans,
                counts,
            });
        }
        self.refuse_blocked(&spans)?;
        let mut output = String::new();
        let mut copied = 0;
        for piece in spans.iter().filter_map(Piece::of) {
            output.push_str(&text[copied..piece.start]);
            output.push('[');
            output.push_str(self.label(piece.entity));
            output.push(']');
            copied = piece.end;
        }
        let text = if copied == 0 {
            Cow::Borrowed(text)
        } else {
            output.push_str(&text[copied..]);
            Cow::Owned(output)
        };
        Ok(Masked {
            text,
            spans,
            counts,
        })
    }
}

/// Looks for data in an answer that comes in pieces, line by line.
///
/// A line is held back until it is complete, so answers come line by line; that is the price, and why this is for routes
/// that want it. Context words count within a line only, so a line is found to hold what it holds in the whole text.
/// Data that spans lines (private keys) is found only in whole texts. Put it before the restorer of the same stream.
/// The output is the same for every way of cutting the text.
#[derive(Default)]
pub struct AnswerScan {
    line: String,
    counts: Counts,
}

impl AnswerScan {
    /// A scan at the beginning of a stream.
    #[must_use]
    pub fn new() -> AnswerScan {
        AnswerScan::default()
    }

    /// Takes the next piece and appends what can be told by now.
    ///
    /// # Errors
    /// When a line holds what is blocked. The stream must end then; nothing of that line was appended.
    pub fn push(
        &mut self,
        masker: &Masker,
        mapping: &Mapping,
        text: &str,
        output: &mut String,
    ) -> Result<(), MaskError> {
        let mut rest = text;
        while !rest.is_empty() {
            let room = LINE_BYTES_MAX - self.line.len();
            let line_end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
            let taken = line_end.min(rest.floor_char_boundary(room));
            self.line.push_str(&rest[..taken]);
            rest = &rest[taken..];
            if self.line.ends_with('\n') {
                self.tell(masker, mapping, self.line.len(), output)?;
            } else if !rest.is_empty() {
                // The line is full: everything up to its last space is told.
                let until = self.line.rfind(' ').map_or(self.line.len(), |at| at + 1);
                self.tell(masker, mapping, until, output)?;
            }
        }
        Ok(())
    }

    /// Ends the stream: what was held back is appended.
    ///
    /// # Errors
    /// When it holds what is blocked.
    pub fn finish(
        &mut self,
        masker: &Masker,
        mapping: &Mapping,
        output: &mut String,
    ) -> Result<(), MaskError> {
        self.tell(masker, mapping, self.line.len(), output)
    }

    /// What was found so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Appends the first bytes of the line after scanning them.
    fn tell(
        &mut self,
        masker: &Masker,
        mapping: &Mapping,
        until: usize,
        output: &mut String,
    ) -> Result<(), MaskError> {
        let scanned = masker.scan_answer(&self.line[..until], mapping)?;
        output.push_str(&scanned.text);
        self.counts.add(&scanned.counts);
        self.line.drain(..until);
        Ok(())
    }
}
