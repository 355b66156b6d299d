//! From a text to tokens, and in which windows they are shown to the encoder.

use std::ops::Range;
use std::path::Path;

use tokenizers::Tokenizer;

use crate::ModelError;

/// How much of a window is also in the next one: half of it gives words at the ends their surroundings.
const OVERLAP_SHARE: usize = 4;

/// A tokenizer, and what it puts around a text.
pub(crate) struct Reader {
    tokenizer: Tokenizer,
    /// Tokens before every window, such as `[CLS]`.
    before: Vec<u32>,
    /// Tokens after every window, such as `[SEP]`.
    after: Vec<u32>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Its number in the vocabulary.
    pub(crate) number: u32,
    /// Where it is in the text, in bytes, between characters.
    pub(crate) range: Range<usize>,
    /// Whether a word begins with it.
    pub(crate) begins_word: bool,
}

/// Tokens that are shown together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Which tokens.
    pub(crate) shown: Range<usize>,
    /// For which of them this window's answer counts.
    pub(crate) counted: Range<usize>,
}

impl Reader {
    /// Reads tokenizer.json for a vocabulary of so many tokens.
    pub(crate) fn read(json: &[u8], vocabulary: usize, file: &Path) -> Result<Reader, ModelError> {
        let wrong = |what: String| ModelError::Content {
            file: file.to_owned(),
            what,
        };
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| {
            wrong(format!(
                "expected a tokenizer of the crate tokenizers: {error}"
            ))
        })?;
        let known = tokenizer.get_vocab_size(true);
        let highest = tokenizer
            .get_vocab(true)
            .into_values()
            .max()
            .unwrap_or_default();
        if highest as usize >= vocabulary {
            let what = format!(
                "it has {known} tokens, with numbers up to {highest}; config.json has {vocabulary}: the two belong to \
                 different models"
            );
            return Err(wrong(what));
        }
        tokenizer.with_padding(None);
        let cut = tokenizer.with_truncation(None).map(|_| ());
        cut.map_err(|error| wrong(error.to_string()))?;
        let mut reader = Reader {
            tokenizer,
            before: Vec::new(),
            after: Vec::new(),
        };
        // What stands around a text is told by that of any word.
        let around = reader.tokenizer.encode("a", true);
        let around = around.map_err(|error| wrong(error.to_string()))?;
        let special = around.get_special_tokens_mask();
        let before = special.iter().take_while(|mask| **mask == 1).count();
        let after = special.iter().rev().take_while(|mask| **mask == 1).count();
        if before + after >= around.len() {
            return Err(wrong("it makes no token of a letter".to_owned()));
        }
        reader.before = around.get_ids()[..before].to_vec();
        reader.after = around.get_ids()[around.len() - after..].to_vec();
        Ok(reader)
    }

    /// The tokens of a text.
    pub(crate) fn tokens(&self, text: &str) -> Result<Vec<Token>, tokenizers::Error> {
        let encoding = self.tokenizer.encode(text, false)?;
        let mut word = None;
        let mut tokens = Vec::with_capacity(encoding.len());
        let all = encoding.get_ids().iter().zip(encoding.get_offsets());
        for ((number, (start, end)), next) in all.zip(encoding.get_word_ids()) {
            let start = text.floor_char_boundary(*start);
            tokens.push(Token {
                number: *number,
                range: start..text.ceil_char_boundary(*end).max(start),
                begins_word: next.is_none() || word != *next,
            });
            word = *next;
        }
        Ok(tokens)
    }

    /// The numbers of the tokens of a window, with what stands around it.
    pub(crate) fn framed(&self, tokens: &[Token]) -> Vec<u32> {
        let numbers = tokens.iter().map(|token| token.number);
        let before = self.before.iter().copied();
        before
            .chain(numbers)
            .chain(self.after.iter().copied())
            .collect()
    }

    /// How many tokens stand before and after those of a window.
    pub(crate) fn frame(&self) -> (usize, usize) {
        (self.before.len(), self.after.len())
    }
}

/// The windows in which tokens are shown, of at most `size` tokens each. Neighbours overlap, and each token counts in
/// that window in which it stands farther from the end; windows begin with words where words are not too long.
pub(crate) fn windows(tokens: &[Token], size: usize) -> Vec<Window> {
    let overlap = size / OVERLAP_SHARE;
    let mut windows: Vec<Window> = Vec::new();
    let mut start = 0;
    loop {
        let end = (start + size).min(tokens.len());
        let counted = windows.last_mut().map_or(start, |before| {
            let middle = start + (before.shown.end - start) / 2;
            let middle = word_begin(tokens, middle, start + 1);
            before.counted.end = middle;
            middle
        });
        windows.push(Window {
            shown: start..end,
            counted: counted..end,
        });
        if end == tokens.len() {
            return windows;
        }
        start = word_begin(tokens, end - overlap, start + (size / 2).max(1));
    }
}

/// Where the word begins to which the token at `at` belongs, but not before `from`.
fn word_begin(tokens: &[Token], at: usize, from: usize) -> usize {
    let mut places = (from..=at).rev();
    places
        .find(|place| tokens[*place].begins_word)
        .unwrap_or(at)
}

#[cfg(test)]
mod tests;
