//! Files of words, one a line.

use std::io::Read;
use std::path::Path;

use crate::bounds::WORDS_BYTES_MAX;

/// What is wrong with a file of words. Nothing of it is quoted: it may be a list of people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// It is too large.
    #[error("the file is larger than {WORDS_BYTES_MAX} bytes")]
    TooLarge,
    /// It is in another encoding.
    #[error("line {line} is not UTF-8")]
    NotUtf8 {
        /// Which line, from 1 on.
        line: usize,
    },
    /// A line has no word.
    #[error("line {line} is empty, expected one word or phrase on each line")]
    EmptyWord {
        /// Which line, from 1 on.
        line: usize,
    },
    /// There is no line.
    #[error("the file is empty, expected one word or phrase on each line")]
    Empty,
}

impl WordsError {
    /// What to do about it.
    pub(crate) const HINT: &str = "write one word or phrase a line, as UTF-8; the path starts at the configuration file's folder";
}

/// The words of a file, without blanks around them.
pub(crate) fn read(path: &Path) -> Result<Vec<String>, WordsError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(WORDS_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| WordsError::Unreadable(error.to_string()))?;
    if bytes.len() as u64 > WORDS_BYTES_MAX {
        return Err(WordsError::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        WordsError::NotUtf8 { line }
    })?;
    words(&text)
}

/// The words of a text. Some editors put a mark of the encoding before it.
fn words(text: &str) -> Result<Vec<String>, WordsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let word = line.trim();
        if word.is_empty() {
            return Err(WordsError::EmptyWord { line: index + 1 });
        }
        words.push(word.to_owned());
    }
    if words.is_empty() {
        return Err(WordsError::Empty);
    }
    Ok(words)
}

#[cfg(test)]
mod tests;
