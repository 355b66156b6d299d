//! Looking through an answer that comes in pieces.
//!
//! A word is told as soon as the white space behind it has come, unless it may still become a part of something: then it
//! waits for the next word, or, around numbers, for as much as a number may be long and the words behind it count. A
//! private key waits for its end. What waits never gets longer than [`HELD_BYTES_MAX`]. What was told is kept for a while
//! as the left side of what follows, so that words before a value count.
//!
//! Everything is decided at the ends of words and at bounds that count from what was told, so the output is the same for
//! every way of cutting the text.

use std::collections::VecDeque;
use std::ops::Range;

use super::word::{self, Need};
use super::{Known, Reach};
use crate::masker::{Counts, MaskError, Masker, Mode};

/// So many bytes behind a number are waited for: the rest of a card or an account in groups, or the words that say what
/// the number is. A line's end ends the waiting.
const LOOKAHEAD_BYTES: usize = 48;
/// The most bytes that wait. A private key of 4096 bits has 3272.
const HELD_BYTES_MAX: usize = 8192;
/// So many bytes of what was told are kept: the words before a value, and the first lines of a table.
const CONTEXT_BYTES: usize = 1024;
/// A word waits for what follows it.
const OPEN: usize = usize::MAX;

/// Looks for data in an answer that comes in pieces, such as the deltas of a stream.
///
/// It finds what [`Masker::scan_answer`] finds in the whole text, but for values of more words than are waited for and
/// for what words say that come later. Put it before the restorer of the same stream. The output is the same for every
/// way of cutting the text.
#[derive(Default)]
pub struct AnswerScan {
    /// What was told and is kept, then what waits.
    text: String,
    /// Where it begins that something waits.
    told: usize,
    /// Where the word under way begins.
    word: usize,
    /// The words that wait, from left to right.
    waiting: VecDeque<Waiting>,
    /// Where the private key under way begins.
    armour: Option<usize>,
    counts: Counts,
}

/// A word that may be a part of something.
struct Waiting {
    start: usize,
    /// It is settled when the text is known up to here.
    until: usize,
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
    /// When what is to be told holds what is blocked. The stream must end then; nothing of it was appended.
    pub fn push<'k>(
        &mut self,
        masker: &Masker,
        known: impl Into<Known<'k>>,
        text: &str,
        output: &mut String,
    ) -> Result<(), MaskError> {
        let known = known.into();
        for character in text.chars() {
            self.text.push(character);
            if word::ends_word(character) {
                self.end_word(masker, known, character, output)?;
            }
            if self.text.len() - self.told > HELD_BYTES_MAX {
                self.tell_first(masker, known, output)?;
            }
        }
        Ok(())
    }

    /// Ends the stream: what was held back is appended.
    ///
    /// # Errors
    /// When it holds what is blocked.
    pub fn finish<'k>(
        &mut self,
        masker: &Masker,
        known: impl Into<Known<'k>>,
        output: &mut String,
    ) -> Result<(), MaskError> {
        self.waiting.clear();
        self.tell(masker, known.into(), self.text.len(), true, output)?;
        self.armour = None;
        self.word = self.text.len();
        Ok(())
    }

    /// How many bytes wait.
    #[must_use]
    pub fn held(&self) -> usize {
        self.text.len() - self.told
    }

    /// What was found so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was found since the last time.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// A word has ended with this character: what is settled by that is told.
    fn end_word(
        &mut self,
        masker: &Masker,
        known: Known<'_>,
        character: char,
        output: &mut String,
    ) -> Result<(), MaskError> {
        let end = self.text.len();
        let word = self.word..end;
        self.word = end;
        let is_line = character == '\n';
        self.note(masker, word, is_line);
        if let Some(armour) = self.armour {
            // Everything from the key on waits for the key's end.
            self.waiting.retain(|waiting| waiting.start < armour);
            self.waiting.push_back(Waiting {
                start: armour,
                until: OPEN,
            });
        }
        let is_settled = |waiting: &Waiting| waiting.until <= end;
        let is_looked_at = self.waiting.front().is_some_and(is_settled);
        while self.waiting.front().is_some_and(is_settled) {
            self.waiting.pop_front();
        }
        let until = self.waiting.front().map_or(end, |waiting| waiting.start);
        if is_looked_at {
            return self.tell(masker, known, until, false, output);
        }
        if until > self.told {
            output.push_str(&self.text[self.told..until]);
            self.keep(until);
        }
        Ok(())
    }

    /// Notes what a word is waited for, and who waited for it.
    fn note(&mut self, masker: &Masker, word: Range<usize>, is_line: bool) {
        self.note_armour(word.clone(), is_line);
        let said = self.text[word.clone()].trim_end();
        let custom = masker.finder().rules().custom();
        let (mut need, end) = (word::need(said), word.end);
        let mut reach = custom.reach();
        if reach >= Reach::Word {
            reach = reach.max(Reach::Bytes(custom.phrase_bytes(&word::first_word(said))));
            need = match need {
                Need::Nothing => Need::Look,
                other => other,
            };
        }
        let mut until = match need {
            Need::Nothing => None,
            Need::Look => Some(end),
            Need::Next => Some(OPEN),
            Need::Number => Some(end + LOOKAHEAD_BYTES),
        };
        match reach {
            Reach::Bytes(bytes) if bytes > 0 => {
                let bytes = end + bytes.saturating_sub(said.len());
                until = until.max(Some(bytes));
            }
            Reach::Line => until = Some(OPEN),
            _ => {}
        }
        let is_empty = said.is_empty();
        let far = |waiting: &Waiting| waiting.start + LOOKAHEAD_BYTES < end;
        let waits_for_line = reach == Reach::Line;
        for waiting in &mut self.waiting {
            if is_line {
                waiting.until = end;
            } else if waiting.until == OPEN && !is_empty && !waits_for_line {
                // It waits with what it waited for, but not for ever.
                waiting.until = match until {
                    Some(OPEN) if far(waiting) => end,
                    Some(until) => until,
                    None if is_quote_open(&self.text[waiting.start..end]) && !far(waiting) => OPEN,
                    None => end,
                };
            }
        }
        if let Some(until) = until.filter(|_| !is_empty) {
            self.waiting.push_back(Waiting {
                start: word.start,
                until: if is_line { end } else { until },
            });
        }
    }

    /// Notes where a private key begins and ends.
    fn note_armour(&mut self, word: Range<usize>, is_line: bool) {
        const BEGINNINGS: [&str; 2] = ["-----BEGIN", "PuTTY-User-Key-File-"];
        let said = &self.text[word.clone()];
        let begins = BEGINNINGS.iter().find_map(|begin| said.find(begin));
        let Some(start) = self.armour else {
            self.armour = begins.map(|at| word.start + at);
            return;
        };
        let held = &self.text[start..word.end];
        // A line that begins something else than a private key, such as a certificate.
        let is_other = is_line
            && held.starts_with(BEGINNINGS[0])
            && held.trim_end().lines().count() == 1
            && !held.contains("PRIVATE");
        let is_ended = match held.starts_with(BEGINNINGS[0]) {
            true => held
                .find("-----END")
                .is_some_and(|at| held[at + "-----END".len()..].contains("-----")),
            false => held
                .find("Private-MAC:")
                .is_some_and(|at| is_line && held[at..].contains('\n')),
        };
        if is_other || is_ended {
            self.armour = None;
            for waiting in &mut self.waiting {
                waiting.until = waiting.until.min(word.end);
            }
        }
    }

    /// Too much waits: its first words are told, or as much as there is room for.
    fn tell_first(
        &mut self,
        masker: &Masker,
        known: Known<'_>,
        output: &mut String,
    ) -> Result<(), MaskError> {
        let until = match self.word > self.told {
            true => self.word,
            false => self.text.len(),
        };
        self.waiting.clear();
        self.armour = None;
        self.tell(masker, known, until, true, output)
    }

    /// Looks at all that has come, and appends what it becomes up to a place. What stands across that place waits on, or
    /// is told with it when nothing can wait any longer.
    fn tell(
        &mut self,
        masker: &Masker,
        known: Known<'_>,
        until: usize,
        is_forced: bool,
        output: &mut String,
    ) -> Result<(), MaskError> {
        let mut spans = masker.spans_of_answer(&self.text, known);
        let across = spans
            .iter()
            .find(|span| span.start < until && until < span.end);
        let until = match across {
            Some(span) if is_forced => span.end,
            Some(span) => {
                let start = span.start.max(self.told);
                self.wait_on(start);
                start
            }
            None => until,
        };
        spans.retain(|span| span.end > self.told && span.start < until);
        if masker.mode == Mode::Shadow {
            self.counts.add(&Counts::of(&spans));
            output.push_str(&self.text[self.told..until]);
        } else {
            masker.refuse_blocked(&spans)?;
            self.counts.add(&Counts::of(&spans));
            masker.write_redacted(&self.text, self.told..until, &spans, output);
        }
        self.keep(until);
        Ok(())
    }

    /// What begins here waits with the first word that waits.
    fn wait_on(&mut self, start: usize) {
        let until = self.waiting.front().map_or(OPEN, |first| first.until);
        self.waiting.push_front(Waiting { start, until });
    }

    /// Everything up to a place was told. Of that only the last part is kept.
    fn keep(&mut self, until: usize) {
        self.told = until;
        self.word = self.word.max(until);
        if until < 2 * CONTEXT_BYTES {
            return;
        }
        let from = self.text.floor_char_boundary(until - CONTEXT_BYTES);
        let kept = &self.text[from..until];
        let from = from + kept.find(char::is_whitespace).unwrap_or(0);
        self.text.drain(..from);
        self.told -= from;
        self.word -= from;
        self.armour = self.armour.map(|start| start.saturating_sub(from));
        for waiting in &mut self.waiting {
            waiting.start = waiting.start.saturating_sub(from);
            if waiting.until != OPEN {
                waiting.until = waiting.until.saturating_sub(from);
            }
        }
    }
}

/// Whether a value in quotes has begun and not ended.
fn is_quote_open(text: &str) -> bool {
    let after = text.find([':', '=']).map_or("", |at| &text[at + 1..]);
    let value = after.trim_start();
    match value.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => !value[1..].contains(quote),
        _ => false,
    }
}
