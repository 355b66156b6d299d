//! The header of a table as context: what stands in a column is what the header of the column says.
//!
//! A header is a short line of at least two short cells without numbers, at least one of which holds a phrase. The lines
//! after it belong to the table as long as they have as many cells. Separators are the bar (also of Markdown), the tab,
//! the semicolon and the comma. Lines are looked at once, from left to right, and only as far as candidates need it, so
//! that the whole is linear.

use std::ops::Range;

use super::fold::Letters;
use super::phrases::{Hit, Phrases};

/// The most separators of a line that may belong to a table.
const SEPARATORS_MAX: usize = 32;
/// The most bytes of a line that may belong to a table.
const LINE_MAX: usize = 2048;
/// The most bytes of a header.
const HEADER_MAX: usize = 512;
/// The most bytes of a header's cell.
const CELL_MAX: usize = 40;
/// From so many digits in a row on, a cell is no label.
const DIGITS_MAX: usize = 3;
/// The signs between cells; the first of them that a line holds separates its cells.
const SIGNS: [u8; 4] = [b'|', b'\t', b';', b','];

/// The table under way in a text.
#[derive(Default)]
pub(super) struct Table {
    /// Where the first line begins that was not looked at.
    next: usize,
    /// The last line that was looked at.
    line: Line,
    header: Option<Header>,
}

/// A line and where its separators stand.
#[derive(Default)]
struct Line {
    range: Range<usize>,
    separators: [usize; SEPARATORS_MAX],
    count: usize,
}

/// The labels of a table's columns.
struct Header {
    sign: u8,
    line: Line,
    /// The phrases in its cells, with the index of the cell.
    hits: Vec<(usize, Hit)>,
}

impl Table {
    /// The phrases in the label of the column in which a place stands. There are none outside of tables.
    pub(super) fn labels(
        &mut self,
        text: &str,
        at: usize,
        phrases: &Phrases,
        letters: &Letters,
    ) -> impl Iterator<Item = &Hit> {
        self.advance(text, at, phrases, letters);
        let is_in_row = self.line.range.contains(&at) && self.header.is_some();
        let column = self.line.column(at);
        self.header
            .iter()
            .filter(move |_| is_in_row)
            .flat_map(|header| &header.hits)
            .filter(move |(cell, _)| *cell == column)
            .map(|(_, hit)| hit)
    }

    /// The label of the column in which a place stands, and the cell around the place.
    pub(super) fn cell(
        &mut self,
        text: &str,
        at: usize,
        phrases: &Phrases,
        letters: &Letters,
    ) -> Option<(Range<usize>, Range<usize>)> {
        self.advance(text, at, phrases, letters);
        let header = self.header.as_ref()?;
        if !self.line.range.contains(&at) || header.line.range == self.line.range {
            return None;
        }
        let column = self.line.column(at);
        Some((header.line.cell(column)?, self.line.cell(column)?))
    }

    /// Looks at the lines up to the one that holds a place.
    fn advance(&mut self, text: &str, at: usize, phrases: &Phrases, letters: &Letters) {
        let bytes = text.as_bytes();
        while self.next <= at && self.next < bytes.len() {
            let start = self.next;
            let end =
                memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |line| start + line);
            self.next = end + 1;
            self.line.range = start..end;
            self.line.count = 0;
            if let Some(header) = &self.header
                && end - start <= LINE_MAX
                && self.line.split(bytes, header.sign) == Some(header.line.count)
            {
                continue;
            }
            // The last line is no header of anything.
            self.header = (self.next < bytes.len())
                .then(|| header(text, start..end, phrases, letters))
                .flatten();
        }
    }
}

impl Line {
    /// In which cell a place stands.
    fn column(&self, at: usize) -> usize {
        self.separators[..self.count].partition_point(|place| *place < at)
    }

    /// Where a cell stands.
    fn cell(&self, column: usize) -> Option<Range<usize>> {
        if column > self.count {
            return None;
        }
        let start = match column.checked_sub(1) {
            Some(before) => self.separators[before] + 1,
            None => self.range.start,
        };
        let end = if column < self.count {
            self.separators[column]
        } else {
            self.range.end
        };
        Some(start..end)
    }

    /// Finds the separators outside of quotes, and gives how many there are.
    fn split(&mut self, bytes: &[u8], sign: u8) -> Option<usize> {
        self.count = 0;
        let mut is_quoted = false;
        for at in self.range.clone() {
            match bytes[at] {
                b'"' => is_quoted = !is_quoted,
                byte if byte == sign && !is_quoted => {
                    *self.separators.get_mut(self.count)? = at;
                    self.count += 1;
                }
                _ => {}
            }
        }
        Some(self.count)
    }
}

/// The header that a line is.
fn header(text: &str, range: Range<usize>, phrases: &Phrases, letters: &Letters) -> Option<Header> {
    let bytes = text.as_bytes();
    let piece = &bytes[range.clone()];
    if !(3..=HEADER_MAX).contains(&piece.len()) {
        return None;
    }
    let sign = *SIGNS.iter().find(|sign| piece.contains(sign))?;
    let mut line = Line {
        range: range.clone(),
        ..Line::default()
    };
    let count = line.split(bytes, sign)?;
    let mut hits = Vec::new();
    let mut start = range.start;
    for (cell, end) in line.separators[..count]
        .iter()
        .copied()
        .chain([range.end])
        .enumerate()
    {
        // Only the bars of Markdown stand at both ends of a line.
        let is_empty = bytes[start..end].trim_ascii().is_empty();
        let is_outer = sign == b'|' && (cell == 0 || cell == count);
        if is_empty && !is_outer || !is_label(&bytes[start..end]) {
            return None;
        }
        let mut found = Vec::new();
        phrases.read(text, start..end, letters, &mut found);
        hits.extend(found.into_iter().map(|hit| (cell, hit)));
        start = end + 1;
    }
    (count > 0 && !hits.is_empty()).then_some(Header { sign, line, hits })
}

/// Whether a cell may be the label of a column: short, and without a number.
pub(super) fn is_label(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    cell.len() <= CELL_MAX
        && !cell
            .windows(DIGITS_MAX)
            .any(|window| window.iter().all(u8::is_ascii_digit))
}
