//! Values that a name announces: `password: ...`, `"api_key": "..."`, `--token ...`, `<password>...`, `mat khau la ...`.

use std::ops::Range;

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
    if bytes[at] == b':' && pair(text, at, seen, offers) {
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
        in_column(text, &label, &cell, seen, offers);
        return;
    }
    if bytes[left..start].iter().any(|byte| *byte >= 0x80)
        && wide(text, left..start + length, seen, offers)
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
        Some(b'\n') => below(text, left, seen, offers),
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
        next_to(text, left, head, seen, offers);
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

/// `WITH PASSWORD 'hunter2'`, `IDENTIFIED BY 'hunter2'`, "my password Hanoi@2024": nothing joins the name and the value at `left`,
/// so the value must be quoted or hold a sign that words do not.
fn next_to(text: &str, left: usize, head: &str, seen: &mut Seen, offers: &mut Offers<'_>) {
    const LAST: [&str; 8] = [
        "password",
        "passwd",
        "identified by",
        "pwd",
        "passphrase",
        "kh\u{1ea9}u",
        " pass",
        "sshpass -p",
    ];
    let ends_with = |last: &&str| {
        let place = head.len().checked_sub(last.len());
        place
            .and_then(|place| head.get(place..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(last))
    };
    let Some(last) = LAST.iter().find(|last| ends_with(last)) else {
        token_next_to(text, left, head, seen, offers);
        return;
    };
    let Some(value) = value::after(text, left) else {
        return;
    };
    let piece = &text[value.range.clone()];
    let has_sign = piece.contains(['@', '#', '$', '!', '%', '^', '&', '*']);
    if !value.is_quoted && !has_sign && !is_made_up(piece) && *last != "sshpass -p" {
        return;
    }
    let name = Name {
        kind: Kind::Password,
        is_faint: false,
        is_loud: false,
        is_quoted: false,
        is_member: false,
        has_service: false,
    };
    offer(text, &name, Joint::Is, value, seen, offers);
}

/// A cell of a table whose column has a label.
fn in_column(
    text: &str,
    label: &Range<usize>,
    cell: &Range<usize>,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) {
    if cell.end <= seen.value {
        return;
    }
    let is_edge =
        |character: char| character.is_whitespace() || matches!(character, '"' | '*' | '`');
    let Some(name) = name::announced(text[label.clone()].trim_matches(is_edge)) else {
        return;
    };
    let start = cell.end - text[cell.clone()].trim_start_matches(is_edge).len();
    let range = start..start + text[start..cell.end].trim_end_matches(is_edge).len();
    if range.is_empty() || name.kind == Kind::Authorization {
        return;
    }
    let value = Value {
        range,
        is_quoted: false,
        is_template: false,
        is_last: true,
        is_spaced: false,
        next: b'\n',
    };
    offer(text, &name, Joint::Tag, value, seen, offers);
}

/// A label alone in a line, and the value alone in the next, which begins at `left`.
fn below(text: &str, left: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let head = text[..left].trim_end();
    let from = head.floor_char_boundary(head.len().saturating_sub(name::LIMIT));
    let line = match head[from..].rfind('\n') {
        Some(line) => &head[from + line + 1..],
        None if from == 0 => head,
        None => return,
    };
    let label = line
        .trim_end_matches([':', '*', '\u{ff1a}'])
        .trim_start_matches(['#', '*', '-', ' ']);
    if left - head.len() > 4
        || label.split(' ').count() > 4
        || label.contains([',', ';', '|', '\t'])
    {
        return;
    }
    let Some(name) = name::announced(label) else {
        return;
    };
    if let Some(value) = value::after(text, left)
        && name.kind != Kind::Authorization
        && !name.is_faint
        && value.is_last
        && text[value.range.end..]
            .trim_start_matches(['"', '\'', '`', ' ', '\r'])
            .bytes()
            .next()
            .is_none_or(|next| next == b'\n')
    {
        offer(text, &name, Joint::Tag, value, seen, offers);
    }
}

/// Whether a value of letters and digits is hardly a word of prose: eight characters at least with both in it, or digits
/// only, and not the name of a hash.
fn is_made_up(piece: &str) -> bool {
    const HASHES: [&str; 5] = ["sha", "md5", "argon", "bcrypt", "pbkdf"];
    let bytes = piece.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    (8..=64).contains(&bytes.len())
        && digits >= 2
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && !HASHES
            .iter()
            .any(|hash| piece.to_ascii_lowercase().starts_with(hash))
}

/// `bearer 3f2a...`, "my API token 3f2a...": a long token directly after a word for one.
fn token_next_to(text: &str, left: usize, head: &str, seen: &mut Seen, offers: &mut Offers<'_>) {
    const LAST: [&str; 8] = [
        "bearer",
        "api token",
        "api key",
        "access token",
        "auth token",
        "secret key",
        "access key",
        "apikey",
    ];
    /// Shorter ones may be words and versions.
    const LENGTH_MIN: usize = 20;
    let is_announced = LAST.iter().any(|last| {
        let place = head.len().checked_sub(last.len());
        place
            .and_then(|place| head.get(place..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(last))
    });
    if !is_announced {
        return;
    }
    let Some(value) = value::after(text, left).filter(|value| value.range.len() >= LENGTH_MIN)
    else {
        return;
    };
    let name = Name {
        kind: Kind::Secret,
        is_faint: false,
        is_loud: false,
        is_quoted: false,
        is_member: false,
        has_service: false,
    };
    offer(text, &name, Joint::Is, value, seen, offers);
}

/// A label in a script without spaces that is glued to its value: with the wide colon, with a particle, or with nothing. The
/// run without spaces is `run`. Says whether there is such a label.
fn wide(text: &str, run: Range<usize>, seen: &mut Seen, offers: &mut Offers<'_>) -> bool {
    const JOINTS: [&str; 9] = [
        "\u{ff1a}", ":", "\u{306f}", "\u{662f}", "\u{4e3a}", "\u{70ba}", "\u{b294}", "\u{c740}",
        "\u{c774}",
    ];
    let Some(piece) = text.get(run.clone()) else {
        return false;
    };
    let colon = piece.find('\u{ff1a}').filter(|at| {
        name::announced(&piece[..*at]).is_some_and(|name| name.kind == Kind::Password)
    });
    let word = || {
        name::OTHER_SCRIPTS
            .iter()
            .find_map(|word| piece.find(word).map(|at| at + word.len()))
    };
    let Some(at) = colon.or_else(word) else {
        return false;
    };
    let rest = &piece[at..];
    let joint = JOINTS
        .iter()
        .find(|joint| rest.starts_with(**joint))
        .map_or(0, |joint| joint.len());
    let start = run.start + at + joint;
    // What is not ASCII belongs to the sentence again.
    let length = text[start..run.end]
        .find(|character: char| !character.is_ascii())
        .unwrap_or(run.end - start);
    let range = start
        ..start
            + text[start..start + length]
                .trim_end_matches([',', '.', ';'])
                .len();
    if range.is_empty() {
        return false;
    }
    let value = Value {
        next: text.as_bytes().get(range.end).copied().unwrap_or(b'\n'),
        range,
        is_quoted: false,
        is_template: false,
        is_last: true,
        is_spaced: false,
    };
    let name = Name {
        kind: Kind::Password,
        is_faint: false,
        is_loud: false,
        is_quoted: false,
        is_member: false,
        has_service: false,
    };
    offer(text, &name, Joint::Colon, value, seen, offers);
    true
}

/// `credentials: admin / hunter2`, `user/pass: admin:hunter2`: a name and a password after a label for both. Says whether
/// there is such a label before the colon at `at`, and a pair after it.
fn pair(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) -> bool {
    const LABELS: [&str; 10] = [
        "credentials",
        "creds",
        "login",
        "user/pass",
        "user/password",
        "username/password",
        "login/password",
        "tk/mk",
        "t\u{e0}i kho\u{1ea3}n/m\u{1ead}t kh\u{1ea9}u",
        "logins",
    ];
    /// The most bytes of a user's name.
    const USER_MAX: usize = 48;
    let bytes = text.as_bytes();
    if !matches!(
        bytes[at - 1],
        b's' | b'S' | b'n' | b'N' | b'd' | b'D' | b'k' | b'K' | 0xa9
    ) {
        return false;
    }
    let is_announced = LABELS.iter().any(|label| {
        at.checked_sub(label.len())
            .and_then(|from| text.get(from..at))
            .is_some_and(|piece| piece.eq_ignore_ascii_case(label))
    });
    if !is_announced {
        return false;
    }
    let user_start = at + 1 + usize::from(bytes.get(at + 1) == Some(&b' '));
    let user = bytes[user_start..]
        .iter()
        .take(USER_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(byte))
        .count();
    let rest = &text[user_start + user..];
    let Some(joint) = [" / ", "/", ":", " | ", " : "]
        .iter()
        .find(|joint| rest.starts_with(**joint))
    else {
        return false;
    };
    if name::is_announcing(&text[user_start..user_start + user]) {
        return false;
    }
    let from = user_start + user + joint.len();
    if user < 2 || rest[joint.len()..].starts_with(['/', ' ']) {
        return false;
    }
    let Some(value) = value::after(text, from) else {
        return false;
    };
    let name = Name {
        kind: Kind::Password,
        is_faint: true,
        is_loud: false,
        is_quoted: false,
        is_member: false,
        has_service: false,
    };
    offer(text, &name, Joint::Colon, value, seen, offers);
    true
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
fn offer(
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
