//! From the labels of tokens to names.
//!
//! A word has the label of its first token, as models are trained. Words of one kind that follow each other are one name,
//! unless a label says that another one begins. A name's score is the mean of its words'; a word's is the probability
//! that it is of the kind at all, at the beginning of a name or within one.

use portcullis_mask::{Entity, NamedSpan, Score};

use crate::labels::Label;
use crate::reader::Token;

/// A token with what the model says of it.
pub(crate) struct Labelled<'a> {
    pub(crate) token: &'a Token,
    /// The probability of each label.
    pub(crate) probabilities: &'a [f32],
}

/// A name under way.
struct Name<'l> {
    kind: &'l str,
    entity: Option<Entity>,
    start: usize,
    end: usize,
    /// The sum of the words' probabilities, and how many there are.
    sum: f32,
    words: usize,
}

/// The names in a text.
pub(crate) fn names<'a>(
    text: &str,
    tokens: impl Iterator<Item = Labelled<'a>>,
    labels: &[Label],
) -> Vec<NamedSpan> {
    let mut spans = Vec::new();
    let mut name: Option<Name<'_>> = None;
    for Labelled {
        token,
        probabilities,
    } in tokens
    {
        if let Some(name) = name.as_mut().filter(|_| !token.begins_word) {
            name.end = name.end.max(token.range.end);
            continue;
        }
        let Some(label) = likeliest(probabilities, labels) else {
            continue;
        };
        let probability = probability_of(&label.kind, probabilities, labels);
        match &mut name {
            Some(name) if name.kind == label.kind && !label.begins => {
                name.end = name.end.max(token.range.end);
                name.sum += probability;
                name.words += 1;
            }
            _ => {
                let next = Name {
                    kind: &label.kind,
                    entity: label.entity,
                    start: token.range.start,
                    end: token.range.end,
                    sum: probability,
                    words: 1,
                };
                spans.extend(name.replace(next).and_then(|name| name.span(text)));
            }
        }
    }
    spans.extend(name.and_then(|name| name.span(text)));
    spans
}

/// The label with the greatest probability; of equal ones the first.
fn likeliest<'l>(probabilities: &[f32], labels: &'l [Label]) -> Option<&'l Label> {
    let mut best: Option<(f32, &Label)> = None;
    for (probability, label) in probabilities.iter().zip(labels) {
        if best.is_none_or(|(greatest, _)| *probability > greatest) {
            best = Some((*probability, label));
        }
    }
    best.map(|(_, label)| label)
}

/// The probability that a word is of a kind.
fn probability_of(kind: &str, probabilities: &[f32], labels: &[Label]) -> f32 {
    let all = probabilities.iter().zip(labels);
    all.filter(|(_, label)| label.kind == kind)
        .map(|(probability, _)| probability)
        .sum()
}

impl Name<'_> {
    /// The name without blanks around it, which some tokenizers count to a word.
    fn span(&self, text: &str) -> Option<NamedSpan> {
        let entity = self.entity?;
        let found = text.get(self.start..self.end)?;
        let value = found.trim();
        let start = self.start + (found.len() - found.trim_start().len());
        let score = (self.sum / self.words as f32 * 100.0)
            .round()
            .clamp(0.0, 100.0);
        (!value.is_empty()).then_some(NamedSpan {
            start,
            end: start + value.len(),
            entity,
            score: Score::of(score as u8),
        })
    }
}

#[cfg(test)]
mod tests;
