//! The phrases of all recognizers, as a tree of words, and how they are found in a text.
//!
//! A text is read word by word; each word is looked up by a hash of its plain small letters, and phrases of several words
//! are followed through the tree. Between the words of a phrase there may be a space or another sign that joins words, so
//! `phone number` is also found in `phone_number`, `phone-number` and `phoneNumber`. Phrases of scripts that do not
//! separate words have an automaton of their own, which is asked only where such a script stands.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::fold::{self, Letters, fold};
use crate::Rules;
use crate::recognize::{RecognizerId, first, payment, phone};

/// No phrase is longer, in bytes.
pub(super) const LENGTH_MAX: usize = 48;
/// The most beginnings of phrases that are followed at once.
const FOLLOWED_MAX: usize = 4;
/// The most places in one word where a capital or a digit begins a part.
const PARTS_MAX: usize = 6;
/// How many digits at the end of a word number it, as in `phone2`.
const NUMBERING_MAX: usize = 2;
/// The root of the tree.
const ROOT: u32 = 0;

/// A phrase in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) phrase: u32,
    /// How many words it has.
    pub(super) words: u8,
    /// It is the beginning of a word that goes on with digits, so that it speaks of nothing but these.
    pub(super) is_glued: bool,
}

/// A place in the tree.
#[derive(Default)]
struct Node {
    /// The words that may follow, by hash.
    next: Vec<(u64, u32)>,
    /// The phrase that ends here.
    phrase: Option<u32>,
}

/// The phrases of the recognizers that are on, and what they mean.
pub(super) struct Phrases {
    nodes: Vec<Node>,
    /// The words with which phrases begin: hash and node, in a table with open addressing.
    first: Vec<(u64, u32)>,
    /// Phrases of other scripts, with their number and how many words they count as.
    others: Option<AhoCorasick>,
    other_phrases: Vec<u32>,
    /// For each phrase the recognizers that it raises, then those that it lowers: two rows of bits.
    meanings: Vec<u64>,
    /// How many words of bits a row has.
    row: usize,
    /// For each phrase whether it speaks for some recognizer of numbers of a fixed shape.
    numbers: Vec<bool>,
}

/// Whether a recognizer finds numbers that the label of another kind of number speaks against: national numbers, cards
/// and telephones.
pub(super) fn is_number(recognizer: RecognizerId) -> bool {
    is_shaped(recognizer) || recognizer == phone::PHONE || recognizer == payment::CARD
}

/// Whether a recognizer is one of numbers of a fixed shape.
fn is_shaped(recognizer: RecognizerId) -> bool {
    (first::SHAPED..first::CUSTOM).contains(&recognizer.0)
}

impl Phrases {
    pub(super) fn new(rules: &Rules) -> Phrases {
        let mut meanings: BTreeMap<String, Vec<(RecognizerId, bool)>> = BTreeMap::new();
        let mut count = 0;
        for (recognizer, facts) in rules.recognizers() {
            count = count.max(usize::from(recognizer.0) + 1);
            for (words, lowers) in [(&facts.context, false), (&facts.against, true)] {
                for phrase in words {
                    meanings
                        .entry(fold(phrase))
                        .or_default()
                        .push((recognizer, lowers));
                }
            }
        }
        let row = count.div_ceil(64);
        let mut phrases = Phrases {
            nodes: vec![Node::default()],
            first: Vec::new(),
            others: None,
            other_phrases: Vec::new(),
            meanings: vec![0; meanings.len() * 2 * row],
            row,
            numbers: vec![false; meanings.len()],
        };
        let mut others = Vec::new();
        for (number, (phrase, means)) in (0_u32..).zip(&meanings) {
            let number = if phrase.is_ascii() {
                phrases.insert(phrase, number)
            } else {
                others.push(phrase.clone());
                phrases.other_phrases.push(number);
                number
            };
            for (recognizer, lowers) in means {
                if is_shaped(*recognizer) && !lowers {
                    phrases.numbers[number as usize] = true;
                }
                let row = (number as usize * 2 + usize::from(*lowers)) * phrases.row;
                phrases.meanings[row + usize::from(recognizer.0) / 64] |= 1 << (recognizer.0 % 64);
            }
        }
        if !others.is_empty() {
            phrases.others = AhoCorasick::new(&others).ok();
        }
        phrases.index_first();
        phrases
    }

    /// Whether a phrase raises and whether it lowers the score of a recognizer.
    #[inline]
    pub(super) fn means(&self, phrase: u32, recognizer: RecognizerId) -> (bool, bool) {
        let (word, bit) = (usize::from(recognizer.0) / 64, recognizer.0 % 64);
        let row = phrase as usize * 2 * self.row;
        let is_set = |at: usize| self.meanings[at + word] >> bit & 1 == 1;
        if word >= self.row {
            return (false, false);
        }
        (is_set(row), is_set(row + self.row))
    }

    /// Whether a phrase speaks for some recognizer of numbers of a fixed shape.
    #[inline]
    pub(super) fn names_number(&self, phrase: u32) -> bool {
        self.numbers.get(phrase as usize).is_some_and(|is| *is)
    }

    /// Adds the phrases in a part of a text to `hits`, from left to right. The part begins and ends between words.
    pub(super) fn read(
        &self,
        text: &str,
        part: Range<usize>,
        letters: &Letters,
        hits: &mut Vec<Hit>,
    ) {
        let added = hits.len();
        let mut reader = Reader {
            phrases: self,
            hits,
            followed: [(ROOT, 0, 0); FOLLOWED_MAX],
            count: 0,
            end: part.start,
        };
        let has_other = reader.words(text, part.clone(), letters);
        if has_other {
            self.read_others(text, part, hits);
        }
        hits[added..].sort_unstable_by_key(|hit| (hit.start, hit.end));
    }

    /// Adds the phrases of scripts that do not separate words.
    fn read_others(&self, text: &str, part: Range<usize>, hits: &mut Vec<Hit>) {
        let Some(automaton) = &self.others else {
            return;
        };
        // Folding may change lengths, so that every folded byte remembers where it comes from.
        let mut folded = String::new();
        let mut origins = Vec::new();
        for (at, character) in text[part.clone()].char_indices() {
            let mut buffer = [0; 4];
            folded.push_str(&fold(character.encode_utf8(&mut buffer)));
            origins.resize(folded.len(), part.start + at);
        }
        origins.push(part.end);
        for found in automaton.find_overlapping_iter(&folded) {
            hits.push(Hit {
                start: origins[found.start()],
                end: origins[found.end()],
                phrase: self.other_phrases[found.pattern().as_usize()],
                words: 2,
                is_glued: false,
            });
        }
    }

    /// Adds a phrase of Latin letters under a number, or gives the number of the same phrase with other signs.
    fn insert(&mut self, phrase: &str, number: u32) -> u32 {
        let mut at = ROOT;
        for word in phrase
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            let hash = word.bytes().fold(0, mixed);
            let known = self.nodes[at as usize]
                .next
                .iter()
                .find(|(other, _)| *other == hash);
            at = match known {
                Some((_, node)) => *node,
                None => {
                    let node = self.nodes.len() as u32;
                    self.nodes.push(Node::default());
                    self.nodes[at as usize].next.push((hash, node));
                    node
                }
            };
        }
        *self.nodes[at as usize].phrase.get_or_insert(number)
    }

    /// Makes the table of first words.
    fn index_first(&mut self) {
        let words = &self.nodes[ROOT as usize].next;
        let mut table = vec![(0, ROOT); (words.len() * 4).next_power_of_two()];
        for (hash, node) in words {
            let mut at = slot(*hash, table.len());
            while table[at].1 != ROOT {
                at = (at + 1) & (table.len() - 1);
            }
            table[at] = (*hash, *node);
        }
        self.first = table;
    }

    /// Whether a word of ASCII letters is a phrase by itself.
    pub(super) fn has_word(&self, word: &str, letters: &Letters) -> bool {
        let hash = word
            .bytes()
            .map(|byte| letters.of_ascii(byte))
            .fold(0, mixed);
        self.beginning(hash)
            .is_some_and(|node| self.nodes[node as usize].phrase.is_some())
    }

    /// The node of a word with which phrases begin.
    #[inline]
    fn beginning(&self, hash: u64) -> Option<u32> {
        let mut at = slot(hash, self.first.len());
        loop {
            let (known, node) = self.first[at];
            if node == ROOT {
                return None;
            }
            if known == hash {
                return Some(node);
            }
            at = (at + 1) & (self.first.len() - 1);
        }
    }
}

/// A hash with one byte more.
#[inline]
fn mixed(hash: u64, byte: u8) -> u64 {
    (hash.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Where a hash's place in a table begins.
#[inline]
fn slot(hash: u64, length: usize) -> usize {
    (hash >> 32) as usize & (length - 1)
}

/// Follows the words of a text.
struct Reader<'r> {
    phrases: &'r Phrases,
    hits: &'r mut Vec<Hit>,
    /// Beginnings of phrases that end with the last word: node, start, words.
    followed: [(u32, usize, u8); FOLLOWED_MAX],
    count: usize,
    /// The end of the last word.
    end: usize,
}

/// A word under way.
#[derive(Default)]
struct Word {
    start: usize,
    hash: u64,
    /// The hash without the last letter, and that letter.
    shorter: u64,
    last: u8,
    /// Where parts begin within it: a capital after a small letter, a digit after a letter.
    parts: [usize; PARTS_MAX],
    part_count: usize,
    before: u8,
}

impl Reader<'_> {
    /// Reads all words. Says whether letters of another script are among them.
    fn words(&mut self, text: &str, part: Range<usize>, letters: &Letters) -> bool {
        let bytes = text.as_bytes();
        let mut has_other = false;
        let mut word = None;
        let mut at = part.start;
        while at < part.end {
            let byte = bytes[at];
            let (plain, length) = if byte < 0x80 {
                (letters.of_ascii(byte), 1)
            } else {
                let character = text[at..].chars().next().unwrap_or(' ');
                let plain = letters.of(character);
                let length = character.len_utf8();
                if plain == 0 && fold::is_mark(character) {
                    at += length;
                    continue;
                }
                has_other |= plain == 0 && character >= '\u{370}';
                (plain, length)
            };
            if plain == 0 {
                if let Some(word) = word.take() {
                    self.word(text, word, at, letters);
                }
            } else {
                let word: &mut Word = word.get_or_insert(Word {
                    start: at,
                    before: byte,
                    ..Word::default()
                });
                word.shorter = word.hash;
                word.last = plain;
                word.hash = mixed(word.hash, plain);
                let begins = byte.is_ascii_uppercase() && word.before.is_ascii_lowercase()
                    || byte.is_ascii_digit() && !word.before.is_ascii_digit();
                if begins && word.start < at && word.part_count < PARTS_MAX {
                    word.parts[word.part_count] = at;
                    word.part_count += 1;
                }
                word.before = byte;
            }
            at += length;
        }
        if let Some(word) = word {
            self.word(text, word, part.end, letters);
        }
        has_other
    }

    /// Takes in a word; one that is unknown as a whole, by its parts.
    fn word(&mut self, text: &str, word: Word, end: usize, letters: &Letters) {
        let is_joined = is_joint(&text.as_bytes()[self.end..word.start]);
        // A plural means what its singular means.
        let is_plural = word.last == b's' && word.part_count == 0;
        let hash = if is_plural && !self.goes_on(word.hash, is_joined) {
            word.shorter
        } else {
            word.hash
        };
        if word.part_count == 0 || self.phrases.beginning(hash).is_some() {
            self.follow(hash, word.start..end, is_joined, false);
            return;
        }
        let mut start = word.start;
        let mut is_joined = is_joined;
        for part_end in word.parts[..word.part_count].iter().copied().chain([end]) {
            let hash = text[start..part_end]
                .chars()
                .map(|character| letters.of(character))
                .filter(|plain| *plain != 0)
                .fold(0, mixed);
            let digits = text.as_bytes()[part_end..end]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            self.follow(hash, start..part_end, is_joined, digits > NUMBERING_MAX);
            is_joined = true;
            start = part_end;
        }
    }

    /// Whether a word begins a phrase or goes on with one.
    fn goes_on(&self, hash: u64, is_joined: bool) -> bool {
        self.phrases.beginning(hash).is_some()
            || is_joined
                && self.followed[..self.count].iter().any(|(node, _, _)| {
                    let next = &self.phrases.nodes[*node as usize].next;
                    next.iter().any(|(known, _)| *known == hash)
                })
    }

    /// Follows all beginnings by one word.
    fn follow(&mut self, hash: u64, word: Range<usize>, is_joined: bool, is_glued: bool) {
        let beginning = self.phrases.beginning(hash);
        if beginning.is_none() && (self.count == 0 || !is_joined) {
            self.count = 0;
            self.end = word.end;
            return;
        }
        let mut followed = [(ROOT, 0, 0); FOLLOWED_MAX];
        let mut count = 0;
        let longer = self.followed[..if is_joined { self.count } else { 0 }]
            .iter()
            .filter_map(|(node, begun, words)| {
                let next = &self.phrases.nodes[*node as usize].next;
                let (_, next) = next.iter().find(|(known, _)| *known == hash)?;
                Some((*next, *begun, words + 1))
            });
        for (node, begun, words) in longer.chain(beginning.map(|node| (node, word.start, 1))) {
            let known = &self.phrases.nodes[node as usize];
            if let Some(phrase) = known.phrase {
                self.hits.push(Hit {
                    start: begun,
                    end: word.end,
                    phrase,
                    words,
                    is_glued,
                });
            }
            if !known.next.is_empty() && count < FOLLOWED_MAX {
                followed[count] = (node, begun, words);
                count += 1;
            }
        }
        self.followed = followed;
        self.count = count;
        self.end = word.end;
    }
}

/// Whether signs between two words join them to a phrase.
fn is_joint(between: &[u8]) -> bool {
    match between {
        [] => true,
        [0xc2, 0xa0] => true,
        [first] => is_joining(*first),
        [first, second] => is_joining(*first) && is_joining(*second),
        _ => false,
    }
}

fn is_joining(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'_' | b'-' | b'.' | b'/' | b',' | b'\t' | b'\'' | b'(' | b')'
    )
}
