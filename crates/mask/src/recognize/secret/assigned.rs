//! Values that a name announces: `password: ...`, `"api_key": "..."`, `--token ...`, `<password>...`, `mat khau la ...`.

use std::ops::Range;

use super::beside;
use super::judge::{self, Joint};
use super::name::{self, Kind, Name};
use super::value::{self, Value};
use super::{API_KEY, FIELD_PASSWORD, FIELD_SECRET, PASSWORD, SECRET, Seen, authorization};
use crate::find::Offers;

/// Looks at a `:` or `=` that may stand between a name and a value.
pub(crate) fn sign(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let next = bytes.get(at + 1).copied().unwrap_or(b'\n');
    if at == 0 || at < seen.value || matches!(next, b'\n' | b'\r' | b'=' | b':') || next == b'~' {
        return;
    }
    if next == b'/' && bytes[at] == b':' && bytes.get(at + 2) == Some(&b'/') {
        return;
    }
    let before = bytes[at - 1];
    let joint = match (bytes[at], before) {
        (b'=', b'=' | b'!' | b'<' | b'>') => Joint::Comparison,
        (b'=', b':') => Joint::Equals,
        (b':', b':') => return,
        (b'=', _) => Joint::Equals,
        _ => Joint::Colon,
    };
    if bytes[at] == b':' && beside::pair(text, at, seen, offers) {
        return;
    }
    let Some(name) = named(text, at) else { return };
    let from = at + 1 + usize::from(bytes[at] == b'=' && next == b'>');
    if name.kind == Kind::Authorization {
        authorization::look(text, from, seen, offers);
        return;
    }
    if let Some(value) = value::after(text, from) {
        offer(text, &name, joint, value, seen, offers);
    }
}

/// Looks at the two hyphens of an option whose value follows after a space.
pub(crate) fn option(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let start = at + 2;
    let length = bytes[start..]
        .iter()
        .take(name::LIMIT)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .count();
    let end = start + length;
    if length < 3
        || bytes.get(end) != Some(&b' ')
        || matches!(bytes.get(end + 1), Some(b'-' | b' ') | None)
    {
        return;
    }
    let Some(name) = name::announced(&text[start..end]) else {
        return;
    };
    if let Some(value) = value::after(text, end) {
        offer(text, &name, Joint::Option, value, seen, offers);
    }
}

/// Looks at a run without spaces that holds a digit, for a name before it that is joined by a word or a tag.
pub(crate) fn word(text: &str, start: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if start < seen.spaced {
        return;
    }
    let bytes = text.as_bytes();
    let length = bytes[start..]
        .iter()
        .take_while(|byte| !is_edge(**byte))
        .count();
    let before = bytes[seen.spaced.max(start.saturating_sub(64))..start]
        .iter()
        .rev()
        .take_while(|byte| !is_edge(**byte))
        .count();
    seen.spaced = start + length;
    let left = start - before;
    if let Some((label, cell)) = offers.cell(start) {
        beside::in_column(text, &label, &cell, seen, offers);
        return;
    }
    if bytes[left..start].iter().any(|byte| *byte >= 0x80)
        && beside::wide(text, left..start + length, seen, offers)
    {
        return;
    }
    if left == 0 {
        whole(text, start + length, offers);
        return;
    }
    // Up to a quote that opens the value.
    let left = left - usize::from(matches!(bytes[left - 1], b'"' | b'\'' | b'`'));
    match left.checked_sub(1).map(|at| bytes[at]) {
        Some(b' ' | b'*') => said(text, left, seen, offers),
        Some(b'>') => tagged(text, left, seen, offers),
        Some(b'\n') => beside::below(text, left, seen, offers),
        _ => {}
    }
}

/// The whole text is one word, the value of a field whose name the finder may know.
fn whole(text: &str, end: usize, offers: &mut Offers<'_>) {
    const BARE: crate::Score = crate::Score::of(20);
    if end != text.len() || !(6..=128).contains(&end) {
        return;
    }
    let value = Value {
        range: 0..end,
        is_quoted: true,
        is_template: false,
        is_last: true,
        is_spaced: false,
        next: b'\n',
    };
    for (kind, recognizer) in [
        (Kind::Password, FIELD_PASSWORD),
        (Kind::Secret, FIELD_SECRET),
    ] {
        let name = Name {
            kind,
            is_faint: false,
            is_loud: false,
            is_quoted: false,
            is_member: false,
            has_service: false,
        };
        if judge::value(&name, Joint::Colon, &value, text).is_ok() {
            offers.offer(recognizer, 0..end, BARE);
        }
    }
}

/// "the password is hunter2", "mat khau la hunter2": the value begins at `left`.
fn said(text: &str, left: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    const VERBS: [&str; 12] = [
        // The particles of Korean, Japanese and Chinese.
        "\u{b294}",
        "\u{c740}",
        "\u{306f}",
        "\u{662f}",
        " is",
        " l\u{e0}",
        " la\u{300}",
        " la",
        " was",
        "'s",
        " to",
        " \u{2192}",
    ];
    let Some(head) = text
        .get(..left)
        .map(|head| head.trim_end_matches(['*', ' ']))
    else {
        return;
    };
    if left - head.len() > 4 {
        return;
    }
    if let Some(label) = head.strip_suffix(['\u{ff1a}', '|']) {
        let joint = if head.ends_with('|') {
            Joint::Tag
        } else {
            Joint::Colon
        };
        if let Some(name) = named(text, label.len())
            && name.kind != Kind::Authorization
            && let Some(value) = value::after(text, left)
        {
            offer(text, &name, joint, value, seen, offers);
        }
        return;
    }
    let Some(head) = VERBS.iter().find_map(|verb| head.strip_suffix(verb)) else {
        beside::next_to(text, left, head, seen, offers);
        return;
    };
    let Some(name) = named(text, head.len()) else {
        return;
    };
    if let Some(value) = value::after(text, left) {
        let end = value.range.end;
        // "is 8 characters long"
        let is_counted = text.as_bytes()[value.range.clone()]
            .iter()
            .all(u8::is_ascii_digit)
            && text[end..]
                .trim_start()
                .starts_with(|next: char| next.is_alphabetic())
            && value.range.len() < 4;
        if !is_counted && name.kind != Kind::Authorization {
            offer(text, &name, Joint::Is, value, seen, offers);
        }
    }
}

/// `<password>hunter2</password>`: the value begins at `left`.
fn tagged(text: &str, left: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let from = text.ceil_char_boundary(left.saturating_sub(name::LIMIT + 2));
    let Some(open) = memchr::memrchr(b'<', &bytes[from..left]) else {
        return;
    };
    let tag = text[from + open + 1..left - 1]
        .split([' ', '>'])
        .next()
        .unwrap_or_default();
    let Some(name) = name::announced(tag) else {
        return;
    };
    if let Some(value) = value::after(text, left)
        && name.kind != Kind::Authorization
        && bytes[value.range.end..].starts_with(b"<")
    {
        offer(text, &name, Joint::Tag, value, seen, offers);
    }
}

/// Offers a value if it is what its name announces.
pub(super) fn offer(
    text: &str,
    name: &Name,
    joint: Joint,
    value: Value,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) {
    let recognizer = match name.kind {
        Kind::Password => PASSWORD,
        _ if name.has_service => API_KEY,
        _ => SECRET,
    };
    match judge::value(name, joint, &value, text) {
        Ok(bare) => {
            seen.value = value.range.end;
            offers.offer(recognizer, value.range, bare);
        }
        Err(why) => offers.reject(recognizer, value.range, why),
    }
}

/// The name before a sign at `at`.
fn named(text: &str, at: usize) -> Option<Name> {
    let bytes = text.as_bytes();
    let skip = |end: usize, signs: &[u8], limit: usize| {
        end - bytes[..end]
            .iter()
            .rev()
            .take(limit)
            .take_while(|byte| signs.contains(byte))
            .count()
    };
    let mut end = skip(at, b"=:!?", 2);
    end = skip(end, b" \t", 12);
    end = skip(end, b"]", 1);
    let outer = skip(end, b"*", 3);
    let quote = outer.checked_sub(1).map(|last| bytes[last])?;
    let piece = if matches!(quote, b'"' | b'\'' | b'`') {
        let inner = skip(outer - 1, b"\\", 4);
        before_quote(text, inner, quote)
    } else {
        let closing = if quote == b')' {
            parenthesis(bytes, outer)?
        } else {
            outer
        };
        before_sign(text, skip(skip(closing, b" ", 1), b"*", 3))
    };
    let is_quoted = matches!(quote, b'"' | b'\'');
    let found = name::announced(&text[piece.clone()]).map(|name| Name { is_quoted, ..name });
    if found.is_some() || bytes[at] != b'=' {
        return found;
    }
    typed(text, piece.start, at).and_then(|piece| name::announced(&text[piece]))
}

/// A name in quotes that ends at `end`.
fn before_quote(text: &str, end: usize, quote: u8) -> Range<usize> {
    let bytes = text.as_bytes();
    let from = end.saturating_sub(name::LIMIT);
    let length = bytes[from..end]
        .iter()
        .rev()
        .take_while(|byte| **byte != quote && **byte != b'\n')
        .count();
    text.ceil_char_boundary(end - length)..end
}

/// A name without quotes that ends at `end`: words and spaces.
fn before_sign(text: &str, end: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let from = end.saturating_sub(name::LIMIT);
    let length = bytes[from..end]
        .iter()
        .rev()
        .take_while(|byte| {
            byte.is_ascii_alphanumeric()
                || **byte >= 0x80
                || matches!(byte, b'_' | b'-' | b'.' | b' ')
        })
        .count();
    text.ceil_char_boundary(end - length)
        ..text
            .floor_char_boundary(end)
            .max(text.ceil_char_boundary(end - length))
}

/// Where the remark in parentheses that ends at `end` begins: "password (wifi):".
fn parenthesis(bytes: &[u8], end: usize) -> Option<usize> {
    let from = end.saturating_sub(40);
    memchr::memrchr(b'(', &bytes[from..end]).map(|place| from + place)
}

/// The name before a type: `password: &str = "..."`. The piece before the sign began at `start`.
fn typed(text: &str, start: usize, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let from = at.saturating_sub(name::LIMIT);
    let colon = memchr::memrchr(b':', bytes.get(from..at.min(start + 1))?)? + from;
    let is_type = bytes[colon + 1..at].iter().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b' ' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'?' | b'|' | b'_' | b'.'
            )
    });
    let end = colon - usize::from(colon > 0 && bytes[colon - 1] == b'?');
    is_type.then(|| before_sign(text, end))
}

fn is_edge(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'>' | b'<' | b'|')
}
