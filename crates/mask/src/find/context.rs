//! The words around a candidate.
//!
//! The phrases of all recognizers lie in one automaton. When a candidate needs it, the line around the candidate (so much
//! before, less after) is folded and searched once, and the answer serves every recognizer that offers the same place.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use unicode_normalization::UnicodeNormalization;

use crate::Rules;
use crate::recognize::RecognizerId;

/// How many bytes before a candidate are searched for context.
const BEFORE: usize = 72;
/// How many bytes after a candidate are searched for context.
const AFTER: usize = 32;

/// What the words around a place say of one recognizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nearby {
    /// A word that raises the score stands near.
    pub(crate) raises: bool,
    /// A word that lowers it stands near.
    pub(crate) lowers: bool,
}

/// Which recognizers have a phrase near one place: two bits for each of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    raised: Vec<u64>,
    lowered: Vec<u64>,
}

impl Surroundings {
    /// What they say of a recognizer.
    pub(crate) fn of(&self, recognizer: RecognizerId) -> Nearby {
        let (word, bit) = (usize::from(recognizer.0) / 64, recognizer.0 % 64);
        let is_set = |bits: &[u64]| bits.get(word).is_some_and(|bits| bits >> bit & 1 == 1);
        Nearby {
            raises: is_set(&self.raised),
            lowers: is_set(&self.lowered),
        }
    }
}

/// A phrase's meaning: whose it is, and whether it raises or lowers.
#[derive(Clone, Copy)]
struct Meaning {
    recognizer: RecognizerId,
    lowers: bool,
}

/// All phrases of all recognizers that are on.
pub(crate) struct ContextIndex {
    automaton: Option<AhoCorasick>,
    /// For each phrase of the automaton what it means.
    meanings: Vec<Vec<Meaning>>,
    /// How many words of bits a recognizer's bits need.
    words: usize,
}

impl ContextIndex {
    /// The index of the phrases of these rules.
    pub(crate) fn new(rules: &Rules) -> ContextIndex {
        let mut phrases: std::collections::BTreeMap<String, Vec<Meaning>> =
            std::collections::BTreeMap::new();
        let mut count = 0;
        for (recognizer, facts) in rules.recognizers() {
            count = count.max(usize::from(recognizer.0) + 1);
            for (words, lowers) in [(&facts.context, false), (&facts.against, true)] {
                for phrase in words {
                    phrases
                        .entry(fold(phrase))
                        .or_default()
                        .push(Meaning { recognizer, lowers });
                }
            }
        }
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::Standard)
            .build(phrases.keys())
            .ok();
        ContextIndex {
            automaton,
            meanings: phrases.into_values().collect(),
            words: count.div_ceil(64),
        }
    }

    /// What stands around a candidate, in its line.
    pub(crate) fn around(&self, text: &str, start: usize, end: usize) -> Surroundings {
        let mut surroundings = self.nothing();
        let before = line_before(text, start);
        let after = line_after(text, end);
        self.search(before, &mut surroundings);
        self.search(after, &mut surroundings);
        surroundings
    }

    /// What the name of a field says: `home_phone`, `homePhone` and `home-phone` are read as words.
    pub(crate) fn of_field(&self, name: &str) -> Surroundings {
        let mut words = String::with_capacity(name.len() + 4);
        let mut before = ' ';
        for character in name.chars() {
            if character.is_uppercase() && before.is_lowercase() {
                words.push(' ');
            }
            words.push(if matches!(character, '-' | '.') {
                ' '
            } else {
                character
            });
            before = character;
        }
        let mut surroundings = self.nothing();
        self.search(&words, &mut surroundings);
        surroundings
    }

    /// Surroundings that say nothing.
    fn nothing(&self) -> Surroundings {
        Surroundings {
            raised: vec![0; self.words],
            lowered: vec![0; self.words],
        }
    }

    /// Adds what one piece of text says.
    fn search(&self, piece: &str, surroundings: &mut Surroundings) {
        let Some(automaton) = &self.automaton else {
            return;
        };
        let folded = fold(piece);
        for found in automaton.find_overlapping_iter(&folded) {
            if !is_word(&folded, found.start(), found.end()) {
                continue;
            }
            for meaning in &self.meanings[found.pattern().as_usize()] {
                let bits = if meaning.lowers {
                    &mut surroundings.lowered
                } else {
                    &mut surroundings.raised
                };
                bits[usize::from(meaning.recognizer.0) / 64] |= 1 << (meaning.recognizer.0 % 64);
            }
        }
    }
}

/// A text in the form in which phrases are compared: lower case, without diacritics, with the Vietnamese d with stroke as d,
/// underscores and line-internal tabs as spaces.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text
            .chars()
            .map(|character| plain(character.to_ascii_lowercase()))
            .collect();
    }
    text.nfd()
        .filter(|character| !unicode_normalization::char::is_combining_mark(*character))
        .flat_map(char::to_lowercase)
        .map(plain)
        .collect()
}

/// A character as phrases have it.
fn plain(character: char) -> char {
    match character {
        '\u{111}' | '\u{110}' => 'd',
        '_' | '\t' | '\u{a0}' => ' ',
        other => other,
    }
}

/// Whether a match stands on its own rather than within a longer word. Camel-cased names of fields have been folded, so a
/// phrase within one word does not count.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let is_letter = |character: Option<char>| {
        character.is_some_and(|character| character.is_ascii_alphanumeric())
    };
    !is_letter(text[..start].chars().next_back()) && !is_letter(text[end..].chars().next())
}

/// What stands before a place in its line, at most [`BEFORE`] bytes of it.
fn line_before(text: &str, start: usize) -> &str {
    let from = text.floor_char_boundary(start.saturating_sub(BEFORE));
    let piece = &text[from..start];
    piece.rfind('\n').map_or(piece, |line| &piece[line + 1..])
}

/// What stands after a place in its line, at most [`AFTER`] bytes of it.
fn line_after(text: &str, end: usize) -> &str {
    let to = text.ceil_char_boundary((end + AFTER).min(text.len()));
    let piece = &text[end..to];
    piece.find('\n').map_or(piece, |line| &piece[..line])
}
