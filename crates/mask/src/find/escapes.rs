//! Texts in which line ends are written as `\n`: JSON and source code that stands within a text.
//!
//! The letter of such an escape stands directly before the next word, so that `\n10.0.0.1` would begin with the word
//! `n10`. A copy of the same length, with blanks in the place of escapes, is looked at as well: what is found there stands
//! at the same place of the text.

/// The text with blanks in the place of its escapes; none when no escape stands directly before something.
pub(super) fn blanked(text: &str) -> Option<String> {
    let mut at = memchr::memchr(b'\\', text.as_bytes())?;
    let mut bytes = text.as_bytes().to_vec();
    let mut has_any = false;
    loop {
        let run = bytes[at..]
            .iter()
            .take_while(|byte| **byte == b'\\')
            .count();
        let letter = at + run;
        let (end, blank) = match bytes.get(letter) {
            Some(b'n' | b'r') => (letter + 1, b'\n'),
            Some(b't') => (letter + 1, b'\t'),
            Some(b'u') if is_hex(bytes.get(letter + 1..letter + 5)) => (letter + 5, b' '),
            _ => (letter, 0),
        };
        if end > letter {
            bytes[at..end].fill(b' ');
            bytes[end - 1] = blank;
            let next = bytes.get(end).copied().unwrap_or(b' ');
            has_any |= !next.is_ascii_whitespace() && !matches!(next, b'\\' | b'"');
        }
        match memchr::memchr(b'\\', &bytes[end..]) {
            Some(next) => at = end + next,
            None => break,
        }
    }
    // Only whole ASCII characters were replaced.
    has_any.then(|| String::from_utf8(bytes).ok()).flatten()
}

fn is_hex(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests;
