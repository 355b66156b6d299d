//! Which pieces of a text are replaced.

use std::ops::Range;

use crate::masker::MaskedSpan;
use crate::placeholder::unit::{self, is_word, is_zero_width};
use crate::{Action, Entity};

/// No escape that stands for one character is longer, in bytes.
const ESCAPE_LENGTH_MAX: usize = 12;

/// A piece that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) entity: Entity,
    pub(crate) is_redacted: bool,
}

impl Piece {
    /// The piece of a span that is replaced.
    pub(crate) fn of(span: &MaskedSpan) -> Option<Piece> {
        matches!(span.action, Action::Mask | Action::Redact).then_some(Piece {
            start: span.start,
            end: span.end,
            entity: span.entity,
            is_redacted: span.action == Action::Redact,
        })
    }

    /// Takes another piece in: what is hidden is the union. Redacting wins over masking, because a value that must not
    /// come back would come back with the other; and data wins over a look-alike.
    fn take_in(&mut self, other: &Piece) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        let is_stronger = (other.is_redacted, other.entity != Entity::LITERAL)
            > (self.is_redacted, self.entity != Entity::LITERAL);
        if is_stronger {
            self.entity = other.entity;
            self.is_redacted = other.is_redacted;
        }
    }
}

/// Spans from left to right in which those that are replaced do not overlap. Spans that only count stay as they are.
pub(crate) fn joined(mut spans: Vec<MaskedSpan>) -> Vec<MaskedSpan> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut joined: Vec<MaskedSpan> = Vec::with_capacity(spans.len());
    let mut last: Option<usize> = None;
    for span in spans {
        let Some(piece) = Piece::of(&span) else {
            joined.push(span);
            continue;
        };
        match last.map(|last| &mut joined[last]) {
            Some(cluster) if span.start < cluster.end => {
                let Some(mut union) = Piece::of(cluster) else {
                    continue;
                };
                union.take_in(&piece);
                if union.entity == span.entity && union.entity != cluster.entity {
                    cluster.score = span.score;
                }
                cluster.end = union.end;
                cluster.entity = union.entity;
                cluster.action = if union.is_redacted {
                    Action::Redact
                } else {
                    Action::Mask
                };
            }
            _ => {
                last = Some(joined.len());
                joined.push(span);
            }
        }
    }
    joined
}

/// The pieces with the rest of the words in which they stand, so that no placeholder stands directly beside a letter, a
/// digit, or an underscore of a word; pieces that touch become one.
///
/// What is redacted is widened too: a word beside it that is no placeholder, because it is part of a longer word, would
/// become one without the rest.
pub(crate) fn widened(text: &str, pieces: Vec<Piece>) -> Vec<Piece> {
    let mut widened: Vec<Piece> = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        let mut piece = *piece;
        let from = widened.last().map_or(0, |before| before.end);
        // The piece before may have taken this one's beginning in.
        piece.start = piece.start.max(from);
        // An escape is not cut: without its end it would no longer go on with the word before it.
        piece.start =
            escape_around(text, from, piece.start).map_or(piece.start, |escape| escape.start);
        piece.end =
            escape_around(text, piece.start, piece.end).map_or(piece.end, |escape| escape.end);
        if let Some(start) = word_before(text, from, piece.start, !widened.is_empty()) {
            piece.start = start;
        }
        let next = pieces.get(index + 1).map(|next| next.start);
        piece.end = word_after(text, piece.end.max(piece.start), next);
        match widened.last_mut() {
            Some(before) if before.end == piece.start => before.take_in(&piece),
            _ => widened.push(piece),
        }
    }
    widened
}

/// The escape, such as `\\_` or `&#95;`, that begins at `from` or later and in which a place lies.
fn escape_around(text: &str, from: usize, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    (at.saturating_sub(ESCAPE_LENGTH_MAX).max(from)..at)
        .filter(|place| matches!(bytes[*place], b'\\' | b'&'))
        .filter_map(|place| unit::read(text, place, 0).map(|unit| place..place + unit.len))
        .find(|escape| escape.end > at)
}

/// Where the word begins that is under way at the end of `from..end`, if one is. A placeholder before counts as a word.
fn word_before(text: &str, from: usize, end: usize, follows_piece: bool) -> Option<usize> {
    if from == end {
        return follows_piece.then_some(from);
    }
    if is_surely_apart(text.as_bytes()[end - 1]) {
        return None;
    }
    let (mut begin, mut is_in_word, mut place) = (Some(from), follows_piece, from);
    while place < end {
        let (character, len) = unit_at(text, place, end);
        if is_word(character) {
            begin.get_or_insert(place);
            is_in_word = true;
        } else if character == '_' || is_zero_width(character) {
            begin.get_or_insert(place);
        } else {
            begin = None;
            is_in_word = false;
        }
        place += len;
    }
    begin.filter(|_| is_in_word)
}

/// Where the word ends that goes on after a piece, or the piece's own end if none does. At `next` another piece begins.
fn word_after(text: &str, piece_end: usize, next: Option<usize>) -> usize {
    let end = next.unwrap_or(text.len()).max(piece_end);
    let (mut place, mut is_word_on, mut is_first, mut is_plural) = (piece_end, false, true, false);
    while place < end {
        let (character, len) = unit_at(text, place, end);
        let goes_on = is_word(character) || character == '_' || is_zero_width(character);
        if !goes_on {
            return if is_word_on { place } else { piece_end };
        }
        // A plural's `s` may follow a placeholder, with nothing more of a word behind it.
        let is_ending = is_first && matches!(character, 's' | 'S');
        is_word_on |= (is_word(character) && !is_ending) || is_plural;
        is_plural |= is_ending;
        is_first = false;
        place += len;
    }
    if is_word_on || (next.is_some() && place > piece_end) {
        end
    } else {
        piece_end
    }
}

/// The character at a place and its length, not beyond an end.
fn unit_at(text: &str, place: usize, end: usize) -> (char, usize) {
    match unit::read(text, place, 0) {
        Some(unit) if place + unit.len <= end => (unit.character, unit.len),
        _ => {
            let character = text[place..].chars().next().unwrap_or(' ');
            (character, character.len_utf8())
        }
    }
}

/// Whether no word can be under way behind this byte.
fn is_surely_apart(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b';')
}
