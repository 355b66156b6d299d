//! The words around a candidate.
//!
//! The phrases of all recognizers lie in one tree of words ([`phrases`]). When a candidate needs it, the line around the
//! candidate (so much before, less after) is read once, word by word, and the phrases found serve every candidate and
//! recognizer near them. What they say is decided by nearness: of the phrases that raise a recognizer's score and those
//! that lower it, the nearest counts, if it speaks of this candidate and of no other number ([`reach`]).

mod fold;
mod phrases;
mod reach;
mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::Rules;
use crate::recognize::RecognizerId;
use fold::Letters;
pub(crate) use fold::fold;
use phrases::{Hit, Phrases};
use table::Table;

/// How many bytes before a candidate are searched for context.
const BEFORE: usize = 72;
/// How many bytes after a candidate are searched for context.
const AFTER: usize = 32;
/// How far a word of a field's name counts as being: a word right before the candidate is nearer.
const FIELD_DISTANCE: usize = 40;
/// How many places are remembered after which a list may go on.
const RAISED_MAX: usize = 8;
/// How much may stand between two members of a list.
const LIST_GAP_MAX: usize = 12;

/// What the words around a place say of one recognizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nearby {
    /// A word that raises the score stands near, and none that lowers it is nearer.
    pub(crate) raises: bool,
    /// A word that lowers it stands near, and none that raises it is nearer.
    pub(crate) lowers: bool,
    /// The label of a number of another kind stands directly before, and no word for this kind.
    pub(crate) is_claimed: bool,
    /// How many words the phrase has that decided: a longer one says more.
    pub(crate) words: u8,
}

/// All phrases of all recognizers that are on.
pub(crate) struct ContextIndex {
    phrases: Phrases,
    letters: Letters,
}

impl ContextIndex {
    /// The index of the phrases of these rules.
    pub(crate) fn new(rules: &Rules) -> ContextIndex {
        ContextIndex {
            phrases: Phrases::new(rules),
            letters: Letters::new(),
        }
    }
}

/// The context of one text: the phrases near the places that were asked for.
pub(crate) struct Context<'t> {
    index: &'t ContextIndex,
    text: &'t str,
    /// The phrases in `read`, from left to right.
    hits: Vec<Hit>,
    /// The part of the text whose phrases are known.
    read: Range<usize>,
    /// The phrases in the name of the field whose value the text is.
    field: Vec<Hit>,
    /// The last places whose scores were raised: a list goes on after them.
    raised: [Option<(RecognizerId, usize)>; RAISED_MAX],
    /// Which of them is replaced next.
    raised_next: usize,
    /// The table under way.
    table: Table,
}

impl<'t> Context<'t> {
    /// The context of a text that may be the value of a named field.
    pub(crate) fn new(index: &'t ContextIndex, text: &'t str, field: Option<&str>) -> Context<'t> {
        let mut named = Vec::new();
        if let Some(name) = field {
            index
                .phrases
                .read(name, 0..name.len(), &index.letters, &mut named);
        }
        Context {
            index,
            text,
            hits: Vec::new(),
            read: 0..0,
            field: named,
            raised: [None; RAISED_MAX],
            raised_next: 0,
            table: Table::default(),
        }
    }

    /// What the words near a range say of a recognizer.
    pub(crate) fn nearby(&mut self, recognizer: RecognizerId, range: &Range<usize>) -> Nearby {
        let window = self.window(range);
        self.make_known(&window);
        let from = self.hits.partition_point(|hit| hit.start < window.start);
        let mut nearest = Nearest::default();
        // Whether the label of a number of another kind stands directly before.
        let is_number = phrases::is_number(recognizer);
        let mut is_claimed = false;
        for hit in &self.hits[from..] {
            if hit.start >= window.end {
                break;
            }
            let (raises, lowers) = self.index.phrases.means(hit.phrase, recognizer);
            if !raises && !lowers {
                is_claimed |= is_number
                    && reach::may_be_direct(hit, range)
                    && self.index.phrases.names_number(hit.phrase)
                    && reach::is_direct(self.text, hit, range);
                continue;
            }
            if let Some(distance) = reach::distance(self.text, hit, range, lowers) {
                nearest.add(distance, hit, raises);
            }
        }
        for hit in &self.field {
            let (raises, lowers) = self.index.phrases.means(hit.phrase, recognizer);
            if raises || lowers {
                nearest.add(FIELD_DISTANCE, hit, raises);
            }
        }
        if nearest.is_silent() {
            let (index, text) = (self.index, self.text);
            for hit in self
                .table
                .labels(text, range.start, &index.phrases, &index.letters)
            {
                let (raises, lowers) = index.phrases.means(hit.phrase, recognizer);
                if raises || lowers {
                    nearest.add(FIELD_DISTANCE, hit, raises);
                }
            }
        }
        let mut nearby = nearest.says();
        if !nearby.raises && !nearby.lowers {
            nearby.raises = self.goes_on(recognizer, range.start);
            nearby.is_claimed = is_claimed && !nearby.raises;
        }
        if nearby.raises {
            self.raised[self.raised_next] = Some((recognizer, range.end));
            self.raised_next = (self.raised_next + 1) % RAISED_MAX;
        }
        nearby
    }

    /// Whether a list whose label lies too far back goes on here.
    fn goes_on(&self, recognizer: RecognizerId, start: usize) -> bool {
        self.raised.iter().flatten().any(|(known, end)| {
            *known == recognizer
                && *end < start
                && start - end <= LIST_GAP_MAX
                && self
                    .text
                    .get(*end..start)
                    .is_some_and(|between| !between.contains('\n') && reach::is_list(between))
        })
    }

    /// The label of the column of a table in which a place stands, and the cell around the place.
    pub(crate) fn cell(&mut self, at: usize) -> Option<(Range<usize>, Range<usize>)> {
        let (index, text) = (self.index, self.text);
        self.table.cell(text, at, &index.phrases, &index.letters)
    }

    /// Whether a word is a phrase of some recognizer by itself.
    pub(crate) fn is_phrase(&self, word: &str) -> bool {
        self.index.phrases.has_word(word, &self.index.letters)
    }

    /// The part of a candidate's line that is searched. A line without words takes in the line before it when that ends
    /// with a colon, or when it is as short as a label and the candidate stands alone: it is the label of what follows.
    fn window(&self, range: &Range<usize>) -> Range<usize> {
        let bytes = self.text.as_bytes();
        let from = range.start.saturating_sub(BEFORE);
        let before = &bytes[from..range.start];
        let mut start = match memchr::memrchr(b'\n', before) {
            Some(line) => from + line + 1,
            None => from,
        };
        if start > from && !before[start - from..].iter().any(u8::is_ascii_alphabetic) {
            let lead = before[..start - from].trim_ascii_end();
            let line = memchr::memrchr(b'\n', lead).map_or(0, |line| line + 1);
            let is_whole = line > 0 || from == 0;
            let is_label = || {
                is_whole
                    && table::is_label(&lead[line..])
                    && !matches!(
                        lead.last(),
                        Some(b'.' | b'!' | b'?' | b',' | b';' | b')' | b'}')
                    )
                    && is_line_end(bytes, range.end)
            };
            if lead.last() == Some(&b':') || is_label() {
                start = from + line;
            }
        }
        let to = (range.end + AFTER).min(bytes.len());
        let end = memchr::memchr(b'\n', &bytes[range.end..to]).map_or(to, |line| range.end + line);
        self.text.floor_char_boundary(start)..self.text.ceil_char_boundary(end)
    }

    /// Reads what is not known of a window. Windows come mostly from left to right, so that a text is read once.
    fn make_known(&mut self, window: &Range<usize>) {
        if self.read.start <= window.start && window.end <= self.read.end {
            return;
        }
        let index = self.index;
        if window.start < self.read.start || window.start > self.read.end {
            self.hits.clear();
            let start = fold::word_start(self.text, window.start);
            self.read = start..start;
        }
        // A phrase may have begun in what was read already.
        let from = fold::word_start(self.text, self.read.end.saturating_sub(phrases::LENGTH_MAX))
            .max(self.read.start);
        let kept = self.hits.partition_point(|hit| hit.start < from);
        self.hits.truncate(kept);
        let to = fold::word_end(self.text, window.end);
        index
            .phrases
            .read(self.text, from..to, &index.letters, &mut self.hits);
        self.read.end = to;
    }
}

/// Whether nothing but signs stands between a place and the end of its line.
fn is_line_end(bytes: &[u8], at: usize) -> bool {
    /// How many signs may stand there.
    const SIGNS_MAX: usize = 8;
    let signs = bytes[at..]
        .iter()
        .take(SIGNS_MAX)
        .take_while(|byte| !byte.is_ascii_alphanumeric() && **byte != b'\n' && **byte < 0x80)
        .count();
    bytes.get(at + signs).is_none_or(|byte| *byte == b'\n')
}

/// The nearest phrases on both sides.
#[derive(Default)]
struct Nearest {
    raising: Option<(usize, u8)>,
    lowering: Option<(usize, u8)>,
}

impl Nearest {
    /// Takes in a phrase at a distance.
    fn add(&mut self, distance: usize, hit: &Hit, raises: bool) {
        let nearest = if raises {
            &mut self.raising
        } else {
            &mut self.lowering
        };
        let is_nearer = nearest.is_none_or(|(known, words)| {
            (distance, std::cmp::Reverse(hit.words)) < (known, std::cmp::Reverse(words))
        });
        if is_nearer {
            *nearest = Some((distance, hit.words));
        }
    }

    /// Whether there are none.
    fn is_silent(&self) -> bool {
        self.raising.is_none() && self.lowering.is_none()
    }

    /// What they say together: the nearer one decides, then the longer phrase, then the one that raises.
    fn says(&self) -> Nearby {
        let raises = match (self.raising, self.lowering) {
            (None, None) => return Nearby::default(),
            (Some((raising, words)), Some((lowering, other))) => {
                raising < lowering || raising == lowering && words >= other
            }
            (raising, _) => raising.is_some(),
        };
        let decided = if raises { self.raising } else { self.lowering };
        Nearby {
            raises,
            lowers: !raises,
            is_claimed: false,
            words: decided.map_or(0, |(_, words)| words),
        }
    }
}
