//! Recognizers that a configuration brings: dictionaries and expressions.

use std::collections::HashMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;

use crate::Score;
use crate::find::Offers;
use crate::masker::{Reach, first_word};
use crate::recognize::RecognizerId;

/// A list of words that are found wherever they stand.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    /// Its name: lower case, digits, hyphens and underscores.
    pub id: String,
    /// What its words are: the name or label of a built-in entity, or a new one.
    pub entity: String,
    /// The words or phrases.
    pub words: Vec<String>,
    /// Whether only the spelling given counts. Otherwise case is ignored, for all letters that have one.
    pub is_case_sensitive: bool,
    /// Whether a word also counts within a longer one.
    pub matches_within_words: bool,
    /// How sure a word of it is without context; 85 when not given.
    pub score: Option<Score>,
    /// Words that raise the score nearby.
    pub context: Vec<String>,
    /// Words that lower it.
    pub against: Vec<String>,
    /// Texts that show that it does what it should.
    pub examples: Examples,
}

/// A regular expression that finds something.
#[derive(Clone, Debug, Default)]
pub struct PatternRecognizer {
    /// Its name: lower case, digits, hyphens and underscores.
    pub id: String,
    /// What it finds: the name or label of a built-in entity, or a new one.
    pub entity: String,
    /// The expressions, in the syntax of the crate `regex`: linear time, no look-around. Where an expression has a group
    /// named `value`, the span is that group's.
    pub patterns: Vec<String>,
    /// How sure a match is without context; 60 when not given.
    pub score: Option<Score>,
    /// Words that raise the score nearby.
    pub context: Vec<String>,
    /// Words that lower it.
    pub against: Vec<String>,
    /// Texts that show that it does what it should.
    pub examples: Examples,
}

/// Texts that show what a custom recognizer finds. They are tried whenever the rules are built.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// In each of these the recognizer must find something.
    pub finds: Vec<String>,
    /// In none of these it may.
    pub passes: Vec<String>,
}

/// The compiled recognizers of a configuration.
#[derive(Clone, Default)]
pub(crate) struct Custom {
    /// At most two: one for words whose case counts, one for the others.
    pub(super) automata: Vec<Arc<WordAutomaton>>,
    pub(super) patterns: Vec<CompiledPattern>,
    /// The first words of phrases, with the length of the longest phrase, in bytes.
    phrases: HashMap<String, usize>,
}

/// A compiled expression.
#[derive(Clone)]
pub(super) struct CompiledPattern {
    pub(super) recognizer: RecognizerId,
    pub(super) regex: Regex,
    pub(super) score: Score,
    pub(super) reach: Reach,
}

/// What a word of a dictionary means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) recognizer: RecognizerId,
    pub(super) score: Score,
    pub(super) within_words: bool,
}

/// The words of all dictionaries of one kind.
pub(super) struct WordAutomaton {
    automaton: AhoCorasick,
    words: Vec<Word>,
}

impl WordAutomaton {
    /// An automaton of these words. The longest of those that begin at a place counts.
    pub(super) fn new(
        words: Vec<(String, Word)>,
        ignore_case: bool,
    ) -> Result<WordAutomaton, aho_corasick::BuildError> {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(ignore_case)
            .build(words.iter().map(|(text, _)| text))?;
        Ok(WordAutomaton {
            automaton,
            words: words.into_iter().map(|(_, word)| word).collect(),
        })
    }
}

impl Custom {
    /// Notes how long the phrases are that begin with a word.
    pub(super) fn note_phrases<'w>(&mut self, phrases: impl Iterator<Item = &'w str>) {
        for phrase in phrases {
            let longest = self.phrases.entry(first_word(phrase)).or_default();
            *longest = phrase.len().max(*longest);
        }
    }

    /// How far what is looked for reaches beyond a word. Phrases are not counted: see [`Custom::phrase_bytes`].
    pub(crate) fn reach(&self) -> Reach {
        let words = match self.automata.is_empty() {
            true => Reach::Nothing,
            false => Reach::Word,
        };
        let patterns = self.patterns.iter().map(|pattern| pattern.reach);
        patterns.max().unwrap_or_default().max(words)
    }

    /// The length of the longest phrase that begins with a word (as [`first_word`] has it), in bytes; 0 without one.
    pub(crate) fn phrase_bytes(&self, first: &str) -> usize {
        self.phrases.get(first).copied().unwrap_or_default()
    }

    /// Offers what the configuration's recognizers find in the text.
    pub(crate) fn find(&self, text: &str, offers: &mut Offers<'_>) {
        for words in &self.automata {
            for found in words.automaton.find_iter(text) {
                let word = words.words[found.pattern().as_usize()];
                let range = found.start()..found.end();
                if word.within_words || is_whole(text, &range) {
                    offers.offer(word.recognizer, range, word.score);
                }
            }
        }
        for pattern in &self.patterns {
            for captures in pattern.regex.captures_iter(text) {
                let found = captures.name("value").or_else(|| captures.get(0));
                if let Some(found) = found.filter(|found| !found.is_empty()) {
                    offers.offer(pattern.recognizer, found.range(), pattern.score);
                }
            }
        }
    }
}

/// Whether no letter or digit stands directly before or after.
fn is_whole(text: &str, range: &std::ops::Range<usize>) -> bool {
    let ties = |character: char| character.is_alphanumeric() || character == '_';
    !text[..range.start].chars().next_back().is_some_and(ties)
        && !text[range.end..].chars().next().is_some_and(ties)
}

/// The spellings of a word that an automaton without Unicode case folding needs to ignore case: as given, lower and
/// upper case, and with capital initials.
pub(super) fn spellings(word: &str) -> Vec<String> {
    if word.is_ascii() {
        return vec![word.to_owned()];
    }
    let mut title = String::with_capacity(word.len());
    let mut begins = true;
    for character in word.to_lowercase().chars() {
        if begins {
            title.extend(character.to_uppercase());
        } else {
            title.push(character);
        }
        begins = !character.is_alphanumeric();
    }
    let mut all = vec![
        word.to_owned(),
        word.to_lowercase(),
        word.to_uppercase(),
        title,
    ];
    all.sort_unstable();
    all.dedup();
    all
}
