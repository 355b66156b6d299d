//! Characters that nobody sees within a value: `jo\u{200b}@example.com` is an address to every reader, and to a model.
//!
//! A text that holds such characters between two visible ones of ASCII is looked at once more without them; what is found
//! there counts where one of them stood in it. Between letters of other scripts, where they steer how words are written,
//! and in joined emoji they stay. A text without them costs one pass for their first bytes.

use std::ops::Range;

use memchr::memchr3_iter;

/// A text without its invisible characters.
pub(super) struct Visible {
    /// The text.
    pub(super) text: String,
    /// Where in it characters were left out, with how many bytes in all up to there.
    gaps: Vec<(usize, usize)>,
}

impl Visible {
    /// The text without the invisible characters that stand within runs of visible ones, or nothing if there are none.
    pub(super) fn of(text: &str) -> Option<Visible> {
        let bytes = text.as_bytes();
        let mut visible: Option<Visible> = None;
        // The end of what was copied, and of the last run that was looked at.
        let (mut copied, mut seen) = (0, 0);
        for at in memchr3_iter(0xc2, 0xe2, 0xef, bytes) {
            if at < seen {
                continue;
            }
            let mut end = at;
            while let Some(length) = invisible(&bytes[end..]) {
                end += length;
            }
            if end == at {
                continue;
            }
            seen = end;
            let is_within = at > 0
                && bytes[at - 1].is_ascii_graphic()
                && bytes.get(end).is_some_and(u8::is_ascii_graphic);
            if !is_within {
                continue;
            }
            let visible = visible.get_or_insert_with(|| Visible {
                text: String::with_capacity(bytes.len()),
                gaps: Vec::new(),
            });
            visible.text.push_str(&text[copied..at]);
            copied = end;
            visible
                .gaps
                .push((visible.text.len(), end - visible.text.len()));
        }
        let mut visible = visible?;
        visible.text.push_str(&text[copied..]);
        Some(visible)
    }

    /// Where a range of this text lies in the one that it was made of, if characters were left out within it.
    pub(super) fn original(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let before = self.gaps.partition_point(|(at, _)| *at <= range.start);
        let within = self.gaps.partition_point(|(at, _)| *at < range.end);
        if before == within {
            return None;
        }
        let left_out = |count: usize| count.checked_sub(1).map_or(0, |last| self.gaps[last].1);
        Some(range.start + left_out(before)..range.end + left_out(within))
    }
}

/// How many bytes the invisible character has with which these begin: a soft hyphen, a space or joiner without width, a
/// mark of the order of bytes.
fn invisible(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0xc2, 0xad, ..] => Some(2),
        [0xe2, 0x80, 0x8b..=0x8d, ..] | [0xe2, 0x81, 0xa0, ..] | [0xef, 0xbb, 0xbf, ..] => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
