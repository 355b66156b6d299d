//! The text of a configuration file: from byte offsets to lines, columns and excerpts.
//!
//! Columns count characters (Unicode scalar values) from 1, a tab being one; lines end with LF or CRLF.
//! Lines that may hold a secret are never quoted.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use unicode_width::UnicodeWidthChar;

use crate::bounds::SOURCE_LINE_CHARS_MAX;
use crate::problem::Excerpt;

/// A configuration file's text.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file, as it was named.
    pub(crate) file: PathBuf,
    text: String,
    /// The byte offset at which each line starts.
    starts: Vec<usize>,
    /// Lines that are not quoted, from 1.
    hidden: BTreeSet<usize>,
}

impl Source {
    pub(crate) fn new(file: &Path, text: &str) -> Source {
        let line_feeds = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(line_feeds.map(|(at, _)| at + 1))
            .collect();
        Source {
            file: file.to_owned(),
            text: text.to_owned(),
            starts,
            hidden: BTreeSet::new(),
        }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset, both from 1. An offset past the end is the end; one within a
    /// character is that character.
    pub(crate) fn locate(&self, offset: usize) -> (usize, usize) {
        let offset = self.boundary(offset);
        let line = self.line_of(offset);
        (
            line,
            self.text[self.line_start(line)..offset]
                .chars()
                .filter(|c| *c != BOM)
                .count()
                + 1,
        )
    }

    /// Never quotes the lines of a span.
    pub(crate) fn hide(&mut self, span: &Range<usize>) {
        let first = self.line_of(self.boundary(span.start));
        let last = self.line_of(self.boundary(span.end));
        self.hidden.extend(first..=last);
    }

    /// The line of a span's start with carets under the span; `None` for an empty or hidden line.
    pub(crate) fn excerpt(&self, span: &Range<usize>) -> Option<Excerpt> {
        let (line, column) = self.locate(span.start);
        // The whole file is no place that could be pointed at.
        if self.hidden.contains(&line) || span.end == 0 {
            return None;
        }
        let start = self.line_start(line);
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        let text = self.text[start..end].trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() {
            return None;
        }
        let characters: Vec<char> = text.chars().filter(|c| *c != BOM).map(printable).collect();
        let before = (column - 1).min(characters.len());
        let marked_end = self
            .boundary(span.end.max(span.start))
            .min(start + text.len());
        let marked_start = self.boundary(span.start).min(marked_end);
        let marked = self.text[marked_start..marked_end].chars().count();
        Some(cut(&characters, before, marked))
    }

    /// The line of a byte offset, from 1.
    fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    fn line_start(&self, line: usize) -> usize {
        self.starts
            .get(line - 1)
            .copied()
            .unwrap_or(self.text.len())
    }

    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// A byte order mark takes no column: nobody sees it.
const BOM: char = '\u{feff}';
const LEFT_OUT: &str = "...";

/// Control characters could move a terminal's cursor or colour its text.
fn printable(character: char) -> char {
    match character {
        '\t' => '\t',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// The part of a line around `before..before + marked` that fits.
fn cut(line: &[char], before: usize, marked: usize) -> Excerpt {
    let from = if line.len() <= SOURCE_LINE_CHARS_MAX {
        0
    } else {
        before.saturating_sub(SOURCE_LINE_CHARS_MAX / 2)
    };
    let to = line.len().min(from + SOURCE_LINE_CHARS_MAX);
    let opening = if from > 0 { LEFT_OUT } else { "" };
    let closing = if to < line.len() { LEFT_OUT } else { "" };
    let part: String = line[from..to].iter().collect();
    let blanks = line[from..before].iter().map(|c| match c {
        '\t' => "\t".to_owned(),
        other => " ".repeat(other.width().unwrap_or(0)),
    });
    let under = &line[before..to.min(before + marked)];
    let width: usize = under.iter().map(|c| c.width().unwrap_or(1)).sum();
    Excerpt {
        text: format!("{opening}{part}{closing}"),
        indent: " ".repeat(opening.len()) + &blanks.collect::<String>(),
        width: width.max(1),
    }
}

#[cfg(test)]
mod tests;
