//! Bounded pieces of logs and answers that a failure shows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::bounds::{
    BODY_EXCERPT_CHARS_MAX, EVIDENCE_LINE_CHARS_MAX, EVIDENCE_LINES_MAX, EVIDENCE_READ_BYTES_MAX,
};

/// The last lines of a file from `from` on; empty when it cannot be read.
pub(crate) fn last_lines_of(path: &Path, from: u64) -> String {
    read_tail(path, from)
        .map(|bytes| last_lines(&bytes))
        .unwrap_or_default()
}

/// The last lines of an output, with control characters and overlong lines cut.
pub(crate) fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(EVIDENCE_LINES_MAX);
    let lines = lines[first..]
        .iter()
        .map(|line| printable(line, EVIDENCE_LINE_CHARS_MAX));
    lines.collect::<Vec<String>>().join("\n")
}

/// The beginning of an answer's body, printable characters only; `None` when it is empty.
pub(crate) fn body_excerpt(body: &[u8]) -> Option<String> {
    // A character takes at most four bytes, so this many are enough for the excerpt.
    let head = &body[..body.len().min(BODY_EXCERPT_CHARS_MAX * 4 + 4)];
    let excerpt = printable(&String::from_utf8_lossy(head), BODY_EXCERPT_CHARS_MAX);
    (!excerpt.is_empty()).then_some(excerpt)
}

fn read_tail(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(
        from.max(length.saturating_sub(EVIDENCE_READ_BYTES_MAX)),
    ))?;
    let mut bytes = Vec::new();
    file.take(EVIDENCE_READ_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn printable(text: &str, chars_max: usize) -> String {
    let shown = |c: char| {
        if c.is_control() || c == '\u{fffd}' {
            '·'
        } else {
            c
        }
    };
    let mut out: String = text.trim_end().chars().take(chars_max).map(shown).collect();
    if text.trim_end().chars().nth(chars_max).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests;
