//! Other places in the same text where a hidden value stands.
//!
//! A number may be recognized in one sentence by the words around it, and stand bare in the next. Hiding only the first
//! would send it after all.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::masker::MaskedSpan;
use crate::{Action, Score};

/// Up to so many values are searched one by one; that is quicker than making an automaton of them.
const ONE_BY_ONE_MAX: usize = 12;
/// Values of at least so many bytes, and with something other than letters in them, are hidden within words too.
const WITHIN_WORDS_LEN_MIN: usize = 6;

/// Adds the places of values that are replaced elsewhere in the text.
pub(crate) fn add(text: &str, spans: &mut Vec<MaskedSpan>) {
    let mut values: Vec<(&str, MaskedSpan)> = spans
        .iter()
        .filter(|span| matches!(span.action, Action::Mask | Action::Redact))
        .map(|span| (&text[span.start..span.end], *span))
        .collect();
    values.sort_by_key(|(value, span)| (*value, span.start));
    values.dedup_by_key(|(value, _)| *value);
    let found = spans.len();
    if values.len() <= ONE_BY_ONE_MAX {
        for (value, span) in &values {
            let places = memchr::memmem::find_iter(text.as_bytes(), value.as_bytes());
            places.for_each(|start| take(text, start, value, span, found, spans));
        }
        return;
    }
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(values.iter().map(|(value, _)| value));
    // It fails only for more bytes of values than a text in memory has.
    let Ok(automaton) = automaton else { return };
    for place in automaton.find_overlapping_iter(text) {
        let (value, span) = &values[place.pattern().as_usize()];
        take(text, place.start(), value, span, found, spans);
    }
}

/// Adds a place unless it is one of the first `found` spans, which are in their order, or stands within a word.
fn take(
    text: &str,
    start: usize,
    value: &str,
    span: &MaskedSpan,
    found: usize,
    spans: &mut Vec<MaskedSpan>,
) {
    let end = start + value.len();
    let after = spans[..found].partition_point(|span| span.start <= start);
    let is_known = after
        .checked_sub(1)
        .is_some_and(|index| end <= spans[index].end && spans[index].action != Action::Report);
    if !is_known && (may_be_within_word(value) || is_apart(text, start, end)) {
        spans.push(MaskedSpan {
            start,
            end,
            score: Score::CERTAIN,
            ..*span
        });
    }
}

/// Whether a value is hidden within words too.
fn may_be_within_word(value: &str) -> bool {
    value.len() >= WITHIN_WORDS_LEN_MIN && !value.chars().all(char::is_alphabetic)
}

/// Whether no letter or digit stands directly beside the place.
fn is_apart(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
}
