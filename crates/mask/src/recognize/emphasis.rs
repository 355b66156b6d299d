//! Underscores that are emphasis in Markdown rather than a part of a word: `_0912345678_`, `__10.1.2.3__`.

/// How far from a value its emphasis may begin or end, in bytes.
const REACH: usize = 80;
/// The most underscores of one emphasis.
const SIGNS_MAX: usize = 3;

/// Whether the underscores directly before a place open an emphasis that ends in the same line.
pub(crate) fn opens(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let signs = bytes[..at]
        .iter()
        .rev()
        .take_while(|byte| **byte == b'_')
        .count();
    let to = (at + REACH).min(bytes.len());
    (1..=SIGNS_MAX).contains(&signs)
        && !is_word(text[..at - signs].chars().next_back())
        && line(&bytes[at..to]).any(|(place, byte)| {
            byte == b'_'
                && bytes[at + place - 1] != b' '
                && !bytes.get(at + place + 1).is_some_and(|next| {
                    next.is_ascii_alphanumeric() || *next == b'_' && signs == 1 || *next >= 0x80
                })
        })
}

/// Whether the underscores directly after a place close an emphasis that begins in the same line.
pub(crate) fn closes(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let signs = bytes[at..].iter().take_while(|byte| **byte == b'_').count();
    let from = at.saturating_sub(REACH);
    if !(1..=SIGNS_MAX).contains(&signs) || is_word(text[at + signs..].chars().next()) {
        return false;
    }
    let mut later = b' ';
    for place in (from..at).rev() {
        let byte = bytes[place];
        if byte == b'\n' {
            return false;
        }
        let is_open =
            place == 0 || !(bytes[place - 1].is_ascii_alphanumeric() || bytes[place - 1] >= 0x80);
        if byte == b'_' && later != b' ' && is_open {
            return true;
        }
        later = byte;
    }
    false
}

/// The bytes of a line with their places.
fn line(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    bytes
        .iter()
        .copied()
        .enumerate()
        .skip(1)
        .take_while(|(_, byte)| *byte != b'\n')
}

fn is_word(character: Option<char>) -> bool {
    character.is_some_and(|character| character.is_alphanumeric() || character == '_')
}
