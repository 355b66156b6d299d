//! Values after a name: where they begin and end, and how they are written.

use std::ops::Range;

/// The most bytes of a value.
const LIMIT: usize = 512;
/// How many spaces may stand before a value.
const SPACES: usize = 24;

/// A value and what is known of the way it is written.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// Where it stands, without quotes.
    pub(crate) range: Range<usize>,
    /// Whether it stands in quotes.
    pub(crate) is_quoted: bool,
    /// Whether the quotes allow other values to be put in (`f"..."`, backticks).
    pub(crate) is_template: bool,
    /// Whether nothing but punctuation follows it in its line.
    pub(crate) is_last: bool,
    /// Whether a space stands between the sign and the value.
    pub(crate) is_spaced: bool,
    /// The byte after it, a line end if there is none.
    pub(crate) next: u8,
}

/// The value that follows a sign, from `at` on.
pub(crate) fn after(text: &str, at: usize) -> Option<Value> {
    let bytes = text.as_bytes();
    let (mut start, is_spaced) = beginning(bytes, at);
    let mut is_template = false;
    if let [prefix, quote, ..] = bytes[start..] {
        let is_quote = matches!(quote, b'"' | b'\'');
        if is_quote
            && matches!(
                prefix,
                b'b' | b'r' | b'u' | b'L' | b'f' | b'@' | b'$' | b'B'
            )
        {
            is_template = matches!(prefix, b'f' | b'$');
            start += 1;
        }
    }
    let escapes = bytes[start..]
        .iter()
        .take(4)
        .take_while(|byte| **byte == b'\\')
        .count();
    let opening = *bytes.get(start + escapes)?;
    if let Some(inner) = quoted(text, start, escapes, opening) {
        let after = inner.end + escapes + 1;
        return Some(Value {
            is_last: is_last(bytes, after),
            range: inner,
            is_quoted: true,
            is_template: is_template || opening == b'`',
            is_spaced,
            next: bytes.get(after).copied().unwrap_or(b'\n'),
        });
    }
    if escapes > 0 {
        return None;
    }
    if let Some(inner) = typographic(text, start) {
        return Some(Value {
            is_last: true,
            range: inner,
            is_quoted: true,
            is_template: false,
            is_spaced,
            next: b'\n',
        });
    }
    let range = bare(bytes, start)?;
    Some(Value {
        is_last: is_last(bytes, range.end),
        next: bytes.get(range.end).copied().unwrap_or(b'\n'),
        range,
        is_quoted: false,
        is_template: false,
        is_spaced,
    })
}

/// Where a value begins: after spaces and the marks of emphasis.
fn beginning(bytes: &[u8], at: usize) -> (usize, bool) {
    let count = |from: usize, signs: &[u8], limit: usize| {
        bytes[from..]
            .iter()
            .take(limit)
            .take_while(|byte| signs.contains(byte))
            .count()
    };
    let closing = at + count(at, b"*", 3);
    let spaces = count(closing, b" \t", SPACES);
    let start = closing + spaces;
    (start + count(start, b"*", 3), spaces > 0)
}

/// The inside of a value in straight quotes or backticks.
fn quoted(text: &str, start: usize, escapes: usize, opening: u8) -> Option<Range<usize>> {
    if !matches!(opening, b'"' | b'\'' | b'`') {
        return None;
    }
    let bytes = text.as_bytes();
    let inner = start + escapes + 1;
    let mut at = inner;
    while at < bytes.len() && at - inner <= LIMIT {
        match bytes[at] {
            b'\n' => return None,
            b'\\' if escapes == 0 => at += 1,
            b'\\' => {
                let signs = bytes[at..]
                    .iter()
                    .take_while(|byte| **byte == b'\\')
                    .take(8)
                    .count();
                if signs == escapes && bytes.get(at + signs) == Some(&opening) {
                    return Some(inner..at);
                }
                at += signs.max(1) - 1;
            }
            byte if byte == opening && escapes == 0 => return Some(inner..at),
            byte if byte == opening => return None,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The inside of a value in typographic quotes.
fn typographic(text: &str, start: usize) -> Option<Range<usize>> {
    const PAIRS: [(&str, char); 4] = [
        ("\u{201c}", '\u{201d}'),
        ("\u{2018}", '\u{2019}'),
        ("\u{ab}", '\u{bb}'),
        ("\u{201e}", '\u{201c}'),
    ];
    let rest = &text[start..];
    let (opening, closing) = PAIRS
        .iter()
        .find(|(opening, _)| rest.starts_with(opening))?;
    let inner = &rest[opening.len()..rest.floor_char_boundary(LIMIT)];
    let length = inner.find([*closing, '\n'])?;
    let begin = start + opening.len();
    inner[length..]
        .starts_with(*closing)
        .then_some(begin..begin + length)
}

/// A value without quotes.
fn bare(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let mut end = start;
    while end < bytes.len() && !ends_value(bytes, start, end) {
        end += 1;
        if end - start > LIMIT {
            return None;
        }
    }
    let emphasis = bytes[..start]
        .iter()
        .rev()
        .take_while(|byte| **byte == b'*')
        .count();
    while let Some(last) = bytes[start..end].last() {
        let piece = &bytes[start..end];
        let is_loose = match last {
            b'.' | b',' | b';' | b':' | b'?' => true,
            b'*' => emphasis > 0,
            b')' => is_unbalanced(piece, b'(', b')'),
            b']' => is_unbalanced(piece, b'[', b']'),
            b'}' => is_unbalanced(piece, b'{', b'}'),
            _ => false,
        };
        if !is_loose {
            break;
        }
        end -= 1;
    }
    (end > start).then_some(start..end)
}

/// Whether a value without quotes ends before the byte at `at`.
fn ends_value(bytes: &[u8], start: usize, at: usize) -> bool {
    let rest = &bytes[at..];
    match bytes[at] {
        b' ' | b'\t' | b'\n' | b'\r' | b'`' | b'|' => true,
        quote @ (b'"' | b'\'') => {
            (at > start || quote == b'"') && !is_quote_of_value(bytes, start, at)
        }
        // No-break space, typographic quotes, ellipsis.
        0xC2 => rest.starts_with("\u{a0}".as_bytes()) || rest.starts_with("\u{bb}".as_bytes()),
        0xE2 => {
            rest.starts_with(&[0xE2, 0x80, 0x98])
                || rest.starts_with(&[0xE2, 0x80, 0x99])
                || rest.starts_with(&[0xE2, 0x80, 0x9C])
                || rest.starts_with(&[0xE2, 0x80, 0x9D])
        }
        0xE3 => rest.starts_with(&[0xE3, 0x80]),
        b'<' => at > start && begins_tag(&rest[1..]),
        b'\\' => rest
            .get(1)
            .is_some_and(|next| matches!(next, b'n' | b'r' | b't' | b'"' | b'\'')),
        b',' | b';' | b'&' => at > start && separates(rest),
        _ => false,
    }
}

/// Whether a quote within a value without quotes is a sign of the value itself: a letter or digit follows it, and no such
/// quote was opened before in the line.
fn is_quote_of_value(bytes: &[u8], start: usize, at: usize) -> bool {
    /// How many bytes before the value are searched for an opening quote.
    const BEFORE: usize = 128;
    let quote = bytes[at];
    at > start
        && !b"{[(,:=+".contains(&bytes[at - 1])
        && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
        && bytes[start.saturating_sub(BEFORE)..start]
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .filter(|byte| **byte == quote)
            .count()
            .is_multiple_of(2)
}

/// Whether a tag of HTML or the end of an element follows a `<`: a name that is none is a part of a password.
fn begins_tag(rest: &[u8]) -> bool {
    const TAGS: [&[u8]; 22] = [
        b"a", b"b", b"br", b"code", b"div", b"em", b"font", b"hr", b"i", b"img", b"input", b"li",
        b"ol", b"p", b"pre", b"span", b"strong", b"table", b"td", b"th", b"tr", b"ul",
    ];
    /// A name as long as this is the name of an element of XML.
    const NAME_MIN: usize = 3;
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let name = &rest[..length];
    rest.first() == Some(&b'/')
        || name.first().is_some_and(u8::is_ascii_alphabetic)
            && (length >= NAME_MIN
                || TAGS.iter().any(|tag| name.eq_ignore_ascii_case(tag))
                    && matches!(rest.get(length), Some(b'>' | b' ' | b'/')))
}

/// Whether a comma, semicolon or ampersand separates this value from what follows, rather than being a part of it: a
/// space, the end, or another assignment follows.
fn separates(rest: &[u8]) -> bool {
    let Some(next) = rest.get(1) else { return true };
    if next.is_ascii_whitespace() || matches!(next, b'"' | b'\'' | b'}' | b']') {
        return true;
    }
    let name = rest[1..]
        .iter()
        .take(40)
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ' | b'.')
        })
        .count();
    name > 0 && matches!(rest.get(1 + name), Some(b'=' | b':'))
}

fn is_unbalanced(piece: &[u8], opening: u8, closing: u8) -> bool {
    let count = |wanted: u8| piece.iter().filter(|byte| **byte == wanted).count();
    count(opening) < count(closing)
}

/// Whether nothing but punctuation stands between `at` and the end of the line.
fn is_last(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let skipped = rest
        .iter()
        .take(8)
        .take_while(|byte| {
            matches!(
                byte,
                b' ' | b'\t' | b'.' | b',' | b';' | b'*' | b')' | b'}' | b'\r' | b'?'
            )
        })
        .count();
    rest.get(skipped)
        .is_none_or(|byte| matches!(byte, b'\n' | b'"' | b'\'' | b'`' | b'\\'))
}
