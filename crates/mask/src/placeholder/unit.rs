//! One character of a text that may be escaped in several ways.
//!
//! A text may be the inside of a JSON string, or of a JSON string within one (the arguments of tools); on top of that
//! models write Markdown and HTML. A *unit* is the shortest piece that means one character after all of it.

/// How a unit was written, above JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As itself.
    Itself,
    /// With a backslash before it, as in Markdown.
    Backslash,
    /// As a character reference of HTML.
    Reference,
}

/// A character and how many bytes it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) character: char,
    pub(crate) len: usize,
    pub(crate) spelling: Spelling,
}

/// The references that matter here (HTML, named character references); they are read in any case.
const REFERENCES: &[(&str, char)] = &[
    ("lowbar;", '_'),
    ("#95;", '_'),
    ("#x5f;", '_'),
    ("lt;", '<'),
    ("#60;", '<'),
    ("#x3c;", '<'),
    ("gt;", '>'),
    ("#62;", '>'),
    ("#x3e;", '>'),
    ("lsqb;", '['),
    ("lbrack;", '['),
    ("#91;", '['),
    ("#x5b;", '['),
    ("rsqb;", ']'),
    ("rbrack;", ']'),
    ("#93;", ']'),
    ("#x5d;", ']'),
];

/// The most characters of a reference after its `&`.
const REFERENCE_LEN_MAX: usize = 8;

/// The unit at a place, in a text that is escaped for JSON so many times. None when the text ends before it is known.
pub(crate) fn read(text: &str, at: usize, depth: u8) -> Option<Unit> {
    let (character, len) = unescaped(text, at, depth)?;
    match character {
        '\\' => {
            let (next, next_len) = unescaped(text, at + len, depth)?;
            Some(if matches!(next, '_' | '[' | ']' | '<' | '>') {
                Unit {
                    character: next,
                    len: len + next_len,
                    spelling: Spelling::Backslash,
                }
            } else {
                itself(character, len)
            })
        }
        '&' => reference(text, at, len, depth),
        _ => Some(itself(character, len)),
    }
}

/// How many bytes the character at a place takes when only JSON's escapes are read.
pub(crate) fn unescaped_len(text: &str, at: usize, depth: u8) -> Option<usize> {
    unescaped(text, at, depth).map(|(_, len)| len)
}

/// Whether an unfinished unit at the end of a text may still mean this character.
pub(crate) fn may_become(tail: &str, character: char) -> bool {
    match tail.strip_prefix('&') {
        // Escapes of JSON within a reference: nobody writes them, and they are not told apart.
        Some(name) if name.contains('\\') => true,
        Some(name) => REFERENCES
            .iter()
            .any(|(known, meaning)| *meaning == character && begins(known, name.as_bytes())),
        None => true,
    }
}

/// Whether the character is one of those that are shown as nothing.
pub(crate) fn is_zero_width(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}'
    )
}

/// Whether a placeholder cannot stand directly beside the character.
///
/// Only ASCII letters and digits of any script count. Other letters do not: labels are ASCII, so a letter such as a Han
/// character, a Hangul particle or a Vietnamese letter with marks cannot belong to a longer name of the same kind.
pub(crate) fn is_word(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric()
    } else {
        character.is_numeric()
    }
}

fn itself(character: char, len: usize) -> Unit {
    Unit {
        character,
        len,
        spelling: Spelling::Itself,
    }
}

/// Reads a reference whose `&` takes `len` bytes at `at`.
fn reference(text: &str, at: usize, len: usize, depth: u8) -> Option<Unit> {
    let mut name = [0_u8; REFERENCE_LEN_MAX];
    let mut end = at + len;
    for filled in 0..REFERENCE_LEN_MAX {
        let (character, len_next) = unescaped(text, end, depth)?;
        if !character.is_ascii() {
            break;
        }
        name[filled] = character as u8;
        end += len_next;
        let name = &name[..=filled];
        let Some((known, meaning)) = REFERENCES.iter().find(|(known, _)| begins(known, name))
        else {
            break;
        };
        if known.len() == name.len() {
            return Some(Unit {
                character: *meaning,
                len: end - at,
                spelling: Spelling::Reference,
            });
        }
    }
    Some(itself('&', len))
}

/// Whether a name begins so, in any case.
fn begins(known: &str, prefix: &[u8]) -> bool {
    known
        .as_bytes()
        .get(..prefix.len())
        .is_some_and(|known| known.eq_ignore_ascii_case(prefix))
}

/// The character at a place, with the escapes of JSON read so many times, and how many bytes it takes. What is no escape
/// means itself.
fn unescaped(text: &str, at: usize, depth: u8) -> Option<(char, usize)> {
    if depth == 0 {
        let character = text.get(at..)?.chars().next()?;
        return Some((character, character.len_utf8()));
    }
    let (character, len) = unescaped(text, at, depth - 1)?;
    if character != '\\' {
        return Some((character, len));
    }
    let (letter, letter_len) = unescaped(text, at + len, depth - 1)?;
    let escaped = match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        '"' | '\\' | '/' => letter,
        'u' => {
            return match code_unit(text, at, len + letter_len, depth)? {
                Some(unit) => surrogates(text, at, unit, depth),
                None => Some((character, len)),
            };
        }
        _ => return Some((character, len)),
    };
    Some((escaped, len + letter_len))
}

/// The four hexadecimal digits after `\u`, which takes `len` bytes at `at`, and the length of all; Some(None) when they
/// are none.
fn code_unit(text: &str, at: usize, len: usize, depth: u8) -> Option<Option<(u32, usize)>> {
    let mut unit = 0;
    let mut end = at + len;
    for _ in 0..4 {
        let (digit, digit_len) = unescaped(text, end, depth - 1)?;
        let Some(digit) = digit.to_digit(16) else {
            return Some(None);
        };
        unit = unit * 16 + digit;
        end += digit_len;
    }
    Some(Some((unit, end - at)))
}

/// The character of a code unit and, where it is the first half of a pair, of the one that follows.
fn surrogates(
    text: &str,
    at: usize,
    (unit, len): (u32, usize),
    depth: u8,
) -> Option<(char, usize)> {
    let lone = Some((char::from_u32(unit).unwrap_or('\u{fffd}'), len));
    if !(0xd800..0xdc00).contains(&unit) {
        return lone;
    }
    let mut end = at + len;
    let from = end;
    for expected in ['\\', 'u'] {
        let (character, character_len) = unescaped(text, end, depth - 1)?;
        if character != expected {
            return lone;
        }
        end += character_len;
    }
    match code_unit(text, from, end - from, depth)? {
        Some((low, low_len)) if (0xdc00..0xe000).contains(&low) => {
            let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            Some((char::from_u32(code).unwrap_or('\u{fffd}'), len + low_len))
        }
        _ => lone,
    }
}
