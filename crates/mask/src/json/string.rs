//! What a JSON string says, and how a text is written as one.

use std::borrow::Cow;

/// A string's text.
///
/// A lone surrogate `\uD800`..`\uDFFF` stands in it as the character `U+10D800`..`U+10DFFF`, and [`has_lone`] says so;
/// [`encode`] with that flag writes it as the escape that it was. A string that holds a real character of that
/// private-use range as well as a lone surrogate gets `U+FFFD` for the latter, so that nothing is mixed up.
///
/// [`has_lone`]: Decoded::has_lone
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'s> {
    /// The text.
    pub text: Cow<'s, str>,
    /// Whether it holds stand-ins of lone surrogates.
    pub has_lone: bool,
}

/// How a string is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Everything beyond ASCII as `\uXXXX`, as Python's `json.dumps` does.
    pub is_ascii: bool,
    /// The characters `U+10D800`..`U+10DFFF` as lone surrogates.
    pub has_lone: bool,
}

/// What is added to a lone surrogate to have a character that stands for it.
const LONE_OFFSET: u32 = 0x10_0000;
/// The characters that stand for lone surrogates.
const LONE_STAND_INS: std::ops::RangeInclusive<char> = '\u{10D800}'..='\u{10DFFF}';

impl<'s> Decoded<'s> {
    /// A string without escapes.
    #[must_use]
    pub fn plain(text: &'s str) -> Decoded<'s> {
        Decoded {
            text: Cow::Borrowed(text),
            has_lone: false,
        }
    }
}

/// What the inside of a string says; `raw` must be what a [`Document`](super::Document) gave.
#[must_use]
pub fn decode(raw: &str) -> Decoded<'_> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Decoded::plain(raw);
    }
    let mut lone = Lone::None;
    let text = decode_with(raw, &mut lone);
    if lone != Lone::Seen {
        return Decoded {
            text: Cow::Owned(text),
            has_lone: false,
        };
    }
    let stand_ins = text
        .chars()
        .filter(|char| LONE_STAND_INS.contains(char))
        .count();
    let has_real_ones = stand_ins != count_lone(raw);
    if has_real_ones {
        let text = decode_with(raw, &mut Lone::Replaced);
        return Decoded {
            text: Cow::Owned(text),
            has_lone: false,
        };
    }
    Decoded {
        text: Cow::Owned(text),
        has_lone: true,
    }
}

/// Writes a text as the inside of a JSON string.
pub fn encode(text: &str, style: Style, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut written = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let passes = match byte {
            b'"' | b'\\' | 0..0x20 => false,
            0x7f => !style.is_ascii,
            0x80.. => !(style.is_ascii || style.has_lone && byte == 0xf4),
            _ => true,
        };
        if passes {
            at += 1;
            continue;
        }
        out.extend_from_slice(&bytes[written..at]);
        let char = text[at..].chars().next().unwrap_or_default();
        encode_char(char, style, out);
        at += char.len_utf8();
        written = at;
    }
    out.extend_from_slice(&bytes[written..]);
}

/// Writes one character that may need an escape.
fn encode_char(char: char, style: Style, out: &mut Vec<u8>) {
    match char {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ if style.has_lone && LONE_STAND_INS.contains(&char) => {
            encode_unit((u32::from(char) - LONE_OFFSET) as u16, out);
        }
        _ if u32::from(char) >= 0x20 && !style.is_ascii => {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
        _ => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                encode_unit(*unit, out);
            }
        }
    }
}

/// Writes one unit of UTF-16 as an escape.
fn encode_unit(unit: u16, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[usize::from(unit >> shift & 0xf)]);
    }
}

/// What became of the lone surrogates of a string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lone {
    /// There was none.
    None,
    /// There are stand-ins.
    Seen,
    /// They are to become `U+FFFD`.
    Replaced,
}

/// The text of a string, with stand-ins for lone surrogates or with replacement characters.
fn decode_with(raw: &str, lone: &mut Lone) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        let mut length = 2;
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (char, used) = decode_unicode(&rest[at..], lone);
                length = used;
                char
            }
            other => char::from(other),
        });
        rest = rest.get(at + length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// The character of a `\u` escape at the beginning of `rest`, with its other half when there is one, and its length.
fn decode_unicode(rest: &str, lone: &mut Lone) -> (char, usize) {
    let first = unit_at(rest, 0).unwrap_or(0xfffd);
    if let Some(char) = char::from_u32(first) {
        return (char, 6);
    }
    if let Some(second) = unit_at(rest, 6)
        && (0xd800..0xdc00).contains(&first)
        && (0xdc00..0xe000).contains(&second)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or('\u{fffd}'), 12);
    }
    if *lone == Lone::Replaced {
        return ('\u{fffd}', 6);
    }
    *lone = Lone::Seen;
    let stand_in = char::from_u32(first + LONE_OFFSET).unwrap_or('\u{fffd}');
    (stand_in, 6)
}

/// The unit of UTF-16 that is escaped at this place.
fn unit_at(rest: &str, at: usize) -> Option<u32> {
    let digits = rest.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}

/// How many lone surrogates a string holds.
fn count_lone(raw: &str) -> usize {
    let mut count = 0;
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let mut length = 2;
        if rest.as_bytes().get(at + 1) == Some(&b'u') {
            let mut lone = Lone::None;
            length = decode_unicode(&rest[at..], &mut lone).1;
            count += usize::from(lone == Lone::Seen);
        }
        rest = rest.get(at + length..).unwrap_or_default();
    }
    count
}
