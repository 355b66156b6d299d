//! Characters that nobody sees, within values: zero-width spaces, joiners and soft hyphens.
//!
//! They come from web pages and word processors, or were put there so that a value is not found. A text that holds one
//! between two ASCII letters, digits or signs of addresses is read without it; what is found covers it.

use crate::Span;

/// A text without such characters, and where they stood.
pub(super) struct Visible {
    pub(super) text: String,
    /// For each place where something was left out: where it is in the shorter text, and how many bytes were left out so
    /// far.
    cuts: Vec<(usize, usize)>,
}

/// The text without invisible characters between the characters of a value, if it holds any.
pub(super) fn without(text: &str) -> Option<Visible> {
    let bytes = text.as_bytes();
    let mut visible: Option<Visible> = None;
    let mut kept = 0;
    let mut cut = 0;
    for at in memchr::memchr3_iter(0xe2, 0xc2, 0xef, bytes) {
        let length = invisible(&bytes[at..]);
        if at < kept || length == 0 || !is_within(bytes, at, at + length) {
            continue;
        }
        let visible = visible.get_or_insert_with(|| Visible {
            text: String::with_capacity(text.len()),
            cuts: Vec::new(),
        });
        visible.text.push_str(&text[kept..at]);
        cut += length;
        kept = at + length;
        visible.cuts.push((visible.text.len(), cut));
    }
    if let Some(visible) = &mut visible {
        visible.text.push_str(&text[kept..]);
    }
    visible
}

impl Visible {
    /// A span of the shorter text in the whole one.
    pub(super) fn whole(&self, span: Span) -> Span {
        Span {
            start: self.place(span.start, true),
            end: self.place(span.end, false),
            ..span
        }
    }

    /// Where a place of the shorter text is in the whole one. What was left out at a start stands before it, at an end
    /// after it.
    fn place(&self, at: usize, is_start: bool) -> usize {
        let before = self
            .cuts
            .partition_point(|(place, _)| *place < at || is_start && *place == at);
        at + before.checked_sub(1).map_or(0, |last| self.cuts[last].1)
    }
}

/// How many bytes the invisible character has with which a piece begins; 0 for any other.
fn invisible(piece: &[u8]) -> usize {
    match piece {
        // Soft hyphen.
        [0xc2, 0xad, ..] => 2,
        // Zero-width space, non-joiner and joiner; word joiner; the mark of byte order.
        [0xe2, 0x80, 0x8b..=0x8d, ..] | [0xe2, 0x81, 0xa0, ..] | [0xef, 0xbb, 0xbf, ..] => 3,
        _ => 0,
    }
}

/// Whether characters of values stand on both sides.
fn is_within(bytes: &[u8], start: usize, end: usize) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"@._-+:/".contains(byte);
    bytes[..start].last().is_some_and(is_part) && bytes.get(end).is_some_and(is_part)
}

#[cfg(test)]
mod tests {
    use super::without;
    use crate::tests::found;

    #[test]
    fn values_are_found_with_what_nobody_sees_in_them() {
        for (text, value) in [
            ("Zero jo@exam\u{200b}ple.com", "jo@exam\u{200b}ple.com"),
            ("a jo\u{200b}@example.com b", "jo\u{200b}@example.com"),
            ("IP 192\u{200b}.168.7.9", "192\u{200b}.168.7.9"),
            (
                "card 4111\u{ad}1111\u{ad}1111\u{ad}1111",
                "4111\u{ad}1111\u{ad}1111\u{ad}1111",
            ),
            ("\u{feff}jo@example.com\u{200b}", "jo@example.com"),
        ] {
            let found = found(text);
            assert_eq!(found.len(), 1, "{text:?}: {found:?}");
            assert_eq!(found[0].0, value, "{text:?}");
        }
    }

    #[test]
    fn other_texts_are_read_as_they_are() {
        for text in [
            "",
            "caf\u{e9}",
            "\u{200b}",
            "a \u{200b} b",
            "\u{201c}a\u{201d}",
            "a\u{ad}",
        ] {
            assert!(without(text).is_none(), "{text:?}");
        }
    }
}
