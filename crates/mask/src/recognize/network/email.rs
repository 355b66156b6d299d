//! E-mail addresses (RFC 5321, 5322 and 6531) as they stand in prose, Markdown, JSON and source code.
//!
//! The domain must end in a listed top-level domain or one of the reserved ones (`internal`, `local`, `test` ...), so
//! `lodash@4.17.21`, `user@host` and `icon@2x.png` are none. Signs that RFC 5322 allows in a local part but that usually
//! stand *around* addresses (`=`, `/`, `?`, `{`, `|`, the backtick) end it. `git@host:path` is the address of a repository,
//! not of a person, and stays.

use super::suffix::{self, Kind};
use super::{EMAIL, Seen, name, nearby};
use crate::Score;
use crate::find::Offers;

/// The most bytes of a local part (RFC 5321, 4.5.3.1.1).
const LOCAL_MAX: usize = 64;
/// The most bytes of a domain (RFC 5321, 4.5.3.1.2) or of a domain literal.
const DOMAIN_MAX: usize = 255;
/// Under a top-level domain that is not on the list but reserved.
const RESERVED: Score = Score::of(80);

/// Offers the address around the `@` at `at`.
pub(super) fn find(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let Some(start) = local_start(text, at, seen.covered) else {
        return;
    };
    let Some((end, bare)) = domain_end(text, at + 1) else {
        offers.reject(
            EMAIL,
            start..at + 1,
            "what follows is no domain that takes mail",
        );
        return;
    };
    let local = &text[start..at];
    if let Some(why) = refusal(text, start, local, end) {
        offers.reject(EMAIL, start..end, why);
        return;
    }
    if offers.settles(EMAIL, start..end, bare) {
        seen.covered = end;
    }
}

/// Offers the address whose `@` is written `%40`, as forms and query strings have it: `jo%40example.com`. `at` is the place
/// of the digits.
pub(super) fn find_encoded(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let sign = at - 1;
    let length = bytes[seen.covered.min(sign)..sign]
        .iter()
        .rev()
        .take(LOCAL_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"._-+%".contains(byte))
        .count();
    let local = text[sign - length..sign].trim_start_matches(['.', '-', '+', '%', '_']);
    let start = sign - local.len();
    let is_name = local.bytes().any(|byte| byte.is_ascii_alphabetic())
        && local.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_')
        && !local.contains("..");
    if !is_name {
        return;
    }
    let Some((end, bare)) = domain_end(text, at + 2) else {
        return;
    };
    if offers.settles(EMAIL, start..end, bare) {
        seen.covered = end;
    }
}

/// Where the local part that ends at `at` begins.
fn local_start(text: &str, at: usize, floor: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if at > floor && bytes[at - 1] == b'"' {
        return quoted_start(text, at, floor);
    }
    let mut start = at;
    let mut is_uncased = false;
    while start > floor && at - start <= LOCAL_MAX + 8 {
        let character = text[floor..start].chars().next_back()?;
        let is_part = match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => !is_uncased,
            '.' | '_' | '%' | '+' | '-' => true,
            '\'' | '#' | '$' | '&' | '*' | '^' | '~' => {
                start < at
                    && bytes[start].is_ascii_alphanumeric()
                    && start - 1 > floor
                    && bytes[start - 2].is_ascii_alphanumeric()
            }
            // A return path that holds the address it was sent to: `list+jo=example.com@example.org`.
            '=' => is_return_path(bytes, start - 1, floor),
            '\0'..='\x7f' => false,
            other if name::is_cased(other) || matches!(other, '\u{300}'..='\u{36f}') => !is_uncased,
            '\u{ff00}'..='\u{ffef}' => false,
            other if other.is_alphabetic() && (start == at || is_uncased) => {
                is_uncased = true;
                true
            }
            _ => false,
        };
        if !is_part {
            break;
        }
        start -= character.len_utf8();
    }
    trimmed(text, start, at)
}

/// Whether the word that ends before the equals sign at `at` has a plus in it, so that the sign is a part of an address
/// rather than what stands between a name and its value.
fn is_return_path(bytes: &[u8], at: usize, floor: usize) -> bool {
    let word = bytes[floor..at]
        .iter()
        .rev()
        .take(LOCAL_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(byte));
    let (mut length, mut plus) = (0, None);
    for byte in word {
        length += 1;
        if *byte == b'+' {
            plus = Some(length);
        }
    }
    plus.is_some_and(|place| place > 1 && place < length)
}

/// The local part without what stands before it: an escape sequence, hyphens of a list, an ellipsis.
fn trimmed(text: &str, start: usize, at: usize) -> Option<usize> {
    let mut start = nearby::after_escape(text, start);
    while text[start..at].starts_with('-') {
        start += 1;
    }
    let local = &text[start..at];
    if let Some(ellipsis) = local.rfind("...") {
        start += ellipsis + 3;
    }
    (start < at).then_some(start)
}

/// Where a quoted local part begins whose closing quote ends at `at`: at the quote that opens it, with nothing but space or
/// punctuation before.
fn quoted_start(text: &str, at: usize, floor: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let from = floor.max((at - 1).saturating_sub(LOCAL_MAX));
    let mut open = at - 1;
    loop {
        if open <= from {
            return None;
        }
        open -= 1;
        match bytes[open] {
            b'\n' | b'\r' => return None,
            b'"' if open == 0 || bytes[open - 1] != b'\\' => break,
            _ => {}
        }
    }
    let is_empty = open + 2 >= at;
    let is_alone = open == 0
        || matches!(
            bytes[open - 1],
            b' ' | b'\n' | b'\t' | b'<' | b'(' | b'[' | b':' | b',' | b';' | b'='
        );
    (!is_empty && is_alone).then_some(open)
}

/// Where the domain or domain literal that begins at `from` ends, and how sure it is.
fn domain_end(text: &str, from: usize) -> Option<(usize, Score)> {
    if text.as_bytes().get(from) == Some(&b'[') {
        return literal_end(text, from);
    }
    let limit = text.floor_char_boundary((from + DOMAIN_MAX + 1).min(text.len()));
    let bounded = &text[..limit];
    if !nearby::after(bounded, from)?.is_alphanumeric() {
        return None;
    }
    let end = name::end(bounded, from);
    // An underscore is no part of a domain: it begins emphasis or a suffix of a file.
    let written = text[from..end]
        .split('_')
        .next()?
        .trim_end_matches(['-', '.']);
    let (written, kind) = with_known_end(written)?;
    let bare = if kind == Kind::Reserved {
        RESERVED
    } else {
        Score::CERTAIN
    };
    Some((from + written.len(), bare))
}

/// The domain up to its top-level domain; a word that a sentence begins with, without a space after the dot, is left out.
fn with_known_end(written: &str) -> Option<(&str, Kind)> {
    let kind_of = |domain: &str| {
        let is_name = domain.contains('.') && name::has_good_labels(domain, false);
        is_name.then(|| suffix::takes_mail(domain)).flatten()
    };
    let whole = kind_of(written);
    let (shorter, last) = written.rsplit_once('.')?;
    let begins_sentence = last.starts_with(char::is_uppercase)
        && !last.chars().nth(1).is_some_and(char::is_uppercase)
        && shorter
            .rsplit('.')
            .next()
            .is_some_and(|label| label.starts_with(char::is_lowercase));
    let rest = kind_of(shorter);
    match (whole, rest) {
        (Some(_), Some(rest)) if begins_sentence && rest != Kind::Word => Some((shorter, rest)),
        (Some(whole), _) => Some((written, whole)),
        (None, Some(rest)) if begins_sentence || matches!(rest, Kind::Strong | Kind::Country) => {
            Some((shorter, rest))
        }
        _ => None,
    }
}

/// The end of a domain literal: an IP address in brackets (RFC 5321, 4.1.3).
fn literal_end(text: &str, from: usize) -> Option<(usize, Score)> {
    let limit = text.floor_char_boundary((from + 64).min(text.len()));
    let inner = text[from + 1..limit].split(']').next()?;
    let end = from + 1 + inner.len() + 1;
    let is_address = inner.parse::<std::net::Ipv4Addr>().is_ok()
        || inner
            .strip_prefix("IPv6:")
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    (end <= limit && is_address).then_some((end, Score::of(90)))
}

/// Why an address with a good domain is none.
fn refusal(text: &str, start: usize, local: &str, end: usize) -> Option<&'static str> {
    if local.len() > LOCAL_MAX {
        return Some("the local part is too long");
    }
    if !local.starts_with('"') {
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Some("the local part has a dot at its end or two in a row");
        }
        if local.starts_with('%') || !local.chars().any(char::is_alphanumeric) {
            return Some("the local part is no name");
        }
    }
    match nearby::before(text, start) {
        Some('@') => return Some("there are two @"),
        Some('$' | '%' | '}') => return Some("it is a template"),
        _ => {}
    }
    let bytes = text.as_bytes();
    if local.eq_ignore_ascii_case("git") && bytes.get(end) == Some(&b':') {
        return Some("it is the address of a repository");
    }
    if is_label(local, &text[start + local.len() + 1..end]) {
        return Some("it is a label of source code");
    }
    let is_scale = bytes[start + local.len() + 1..end]
        .split(|byte| *byte == b'.')
        .next()
        .is_some_and(|label| matches!(label, [b'1'..=b'4', b'x' | b'X']));
    if is_scale {
        return Some("it is the name of a scaled image");
    }
    (bytes.get(end) == Some(&b'@')).then_some("there are two @")
}

/// Whether a keyword of Kotlin stands before the `@`, with a label after it: `this@MainActivity.name`, `return@map.id`.
fn is_label(local: &str, domain: &str) -> bool {
    matches!(local, "this" | "super" | "return" | "break" | "continue")
        && suffix::takes_mail(domain) != Some(Kind::Strong)
}
