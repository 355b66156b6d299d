//! IPv6 addresses in every textual form (RFC 4291, 2.2; RFC 5952), with an IPv4 tail and with a zone (RFC 4007, 11).
//!
//! Two colons are also paths of C++, Rust and PHP, slices of Python, and words that happen to be hexadecimal. A form with two
//! groups at most counts when its first group is one that hosts have (`fe80`, `fd..`, `ff0.`, `2...`, `3...`), and
//! otherwise only with a word about addresses near. `::1` counts unless it is a slice. `::` alone never does. The span is the
//! address with its zone, without brackets, port, and length of a prefix.

use std::net::Ipv6Addr;

use super::{IPV6, Seen, mac, nearby};
use crate::Score;
use crate::find::Offers;

/// The longest run that is looked at as an address: eight groups of four, or six and an IPv4 tail.
const ADDRESS_MAX: usize = 45;
/// The longest zone: an interface's name has 15 bytes in Linux, more elsewhere.
const ZONE_MAX: usize = 32;

const BARE_FULL: Score = Score::of(90);
const BARE_KNOWN: Score = Score::of(80);
const BARE_LIKELY: Score = Score::of(65);
const BARE_UNLIKELY: Score = Score::of(25);
/// Letters alone, as in paths of source code.
const BARE_LETTERS: Score = Score::of(15);

/// Words directly before an address.
const ANNOUNCING: &[&str] = &[
    "ip", "ipv6", "address", "addr", "ping", "ping6", "host", "inet6",
];

/// Capitals and small letters in one group, as names of types have them, and ratios: never.
const BARE_MIXED: Score = Score::of(5);

/// Looks at the run of hexadecimal digits and colons around the colon at `at`.
pub(super) fn find(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let floor = seen.colons.max(seen.covered);
    let back = bytes[floor..at]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let run_start = at - back;
    let run_end = at
        + bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit() || **byte == b':')
            .count();
    seen.colons = run_end;
    let Some((start, end)) = bounded(text, run_start, run_end) else {
        return;
    };
    if end - start > ADDRESS_MAX {
        return;
    }
    if mac::colons(text, start, end, offers) {
        seen.address = end;
        return;
    }
    let end = with_ipv4(text, start, end);
    let Ok(address) = text[start..end].parse::<Ipv6Addr>() else {
        return;
    };
    if address.is_unspecified() || is_tied(text, start, end) {
        return;
    }
    let written = &text[start..end];
    let end = with_zone(text, end);
    let bare = bare(text, start, end, written);
    if offers.settles(IPV6, start..end, bare) {
        seen.address = end;
        seen.colons = seen.colons.max(end);
    }
}

/// The part of a run that may be an address: a label with a colon before it and a colon at its end are no part of it.
fn bounded(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut start, mut end) = (start, end);
    if nearby::is_word_before(text, start) {
        // `ip:2001:db8::1` and `node:fe80::1`; but `std::f00` is a path.
        let colon = start + bytes[start..end].iter().position(|byte| *byte == b':')?;
        if bytes.get(colon + 1) == Some(&b':') {
            return None;
        }
        start = colon + 1;
    } else if bytes[start] == b':' && bytes.get(start + 1) != Some(&b':') {
        start += 1;
    }
    if end > start && bytes[end - 1] == b':' && !bytes[start..end].ends_with(b"::") {
        end -= 1;
    }
    (end > start + 2 || text.get(start..end) == Some("::")).then_some((start, end))
}

/// The end of the address with an IPv4 address in place of its last two groups, if one follows.
fn with_ipv4(text: &str, start: usize, end: usize) -> usize {
    let bytes = text.as_bytes();
    let tail = bytes[start..end]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !(1..=3).contains(&tail)
        || bytes.get(end) != Some(&b'.')
        || !bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
    {
        return end;
    }
    let dotted = bytes[end..]
        .iter()
        .take(13)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let longer = end + text[end..end + dotted].trim_end_matches('.').len();
    if text[start..longer].parse::<Ipv6Addr>().is_ok() {
        longer
    } else {
        end
    }
}

/// The end of the address with its zone, if one follows.
fn with_zone(text: &str, end: usize) -> usize {
    let Some(zone) = text[end..].strip_prefix('%') else {
        return end;
    };
    let length = zone
        .bytes()
        .take(ZONE_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(byte))
        .count();
    let zone = zone[..length].trim_end_matches(['.', '-', '~']);
    if zone.is_empty() {
        end
    } else {
        end + 1 + zone.len()
    }
}

/// Whether what stands beside the address makes it a piece of something else.
fn is_tied(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    if nearby::is_word_after(text, end) && !crate::recognize::emphasis::closes(text, end) {
        return true;
    }
    let is_open = bytes[start] == b':';
    let before = nearby::before(text, start);
    match before {
        Some('_') => return !crate::recognize::emphasis::opens(text, start),
        Some('.' | '\\' | '$') => return true,
        Some('-') if is_open => return true,
        Some(')' | ']' | '}' | '>') if is_open => return true,
        Some('[') => {
            // A slice: `items[::1]`, `rows[1::2]`, `"abc"[::1]`.
            let is_owner =
                |byte: u8| byte.is_ascii_alphanumeric() || b"_)]}".contains(&byte) || byte >= 0x80;
            let is_slice = match &text.as_bytes()[..start - 1] {
                // A quote that closes a text; one that opens it stands after a sign: `"[::1]:80"`.
                [.., last, b'"' | b'\''] => is_owner(*last),
                [.., last] => is_owner(*last),
                [] => false,
            };
            if is_slice {
                return true;
            }
        }
        // Of several slices within brackets: `matrix[0, ::2]`.
        Some(',' | ' ') if is_open && nearby::after(text, end) == Some(']') => return true,
        _ => {}
    }
    match nearby::after(text, end) {
        Some('.') => nearby::after(text, end + 1)
            .is_some_and(|next| next.is_alphanumeric() && !next.is_uppercase()),
        Some('(') => true,
        // `a1::b2<T>` is a type; a tag that closes, or one after what can be no type, ends an address.
        Some('<') => !is_before_tag(text, start, end),
        Some(':') => bytes[..end].ends_with(b":"),
        _ => false,
    }
}

/// Whether the `<` at `end` begins a tag of HTML or XML rather than the parameters of a type.
fn is_before_tag(text: &str, start: usize, end: usize) -> bool {
    let groups = text[start..end]
        .split(':')
        .filter(|group| !group.is_empty());
    let first = groups.clone().next().unwrap_or_default();
    text[end..].starts_with("</")
        || is_of_hosts(first)
        || groups.count() >= 4
        || text[..start].ends_with('>')
        || !text[end + 1..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
}

/// Whether the address has two groups of one or two decimal digits: a ratio or a time rather than an address, unless a
/// word directly before it says so.
fn is_ratio(text: &str, start: usize, groups: &[&str]) -> bool {
    groups.len() == 2
        && groups
            .iter()
            .all(|group| group.len() <= 2 && group.bytes().all(|byte| byte.is_ascii_digit()))
        && !nearby::is_announced(text, start, ANNOUNCING, true)
}

/// How sure the form is.
fn bare(text: &str, start: usize, end: usize, written: &str) -> Score {
    let groups: Vec<&str> = written
        .split(':')
        .filter(|group| !group.is_empty())
        .collect();
    let has_digit = written.bytes().any(|byte| byte.is_ascii_digit());
    let first = groups.first().copied().unwrap_or_default();
    let is_open = written.starts_with(':');
    let has_prefix = matches!(&text.as_bytes()[end..], [b'/', digit, ..] if digit.is_ascii_digit());
    if written.contains('.') {
        return BARE_KNOWN;
    }
    if !written.contains("::") {
        return if groups.iter().any(|group| group.len() > 2) {
            BARE_FULL
        } else {
            BARE_LIKELY
        };
    }
    if written == "::1" {
        return BARE_LIKELY;
    }
    if is_open {
        return if has_digit && groups.len() >= 3 {
            BARE_LIKELY
        } else {
            BARE_UNLIKELY
        };
    }
    if is_of_hosts(first) && (groups.len() > 1 || has_prefix || first.starts_with("fc00")) {
        return BARE_KNOWN;
    }
    let is_mixed = groups.iter().any(|group| {
        group.bytes().any(|byte| byte.is_ascii_lowercase())
            && group.bytes().any(|byte| byte.is_ascii_uppercase())
    });
    if is_mixed || is_ratio(text, start, &groups) {
        return BARE_MIXED;
    }
    if !has_digit {
        return if groups.len() >= 3 {
            BARE_UNLIKELY
        } else {
            BARE_LETTERS
        };
    }
    if has_prefix || (groups.len() >= 3 && groups.iter().any(|group| group.len() >= 3)) {
        return BARE_LIKELY;
    }
    BARE_UNLIKELY
}

/// Whether addresses that hosts have begin with a group: global unicast 2000::/3, unique local fc00::/7, link-local
/// fe80::/10, multicast ff00::/8 (RFC 4291, 4193), and the prefix of translators 64:ff9b (RFC 6052).
fn is_of_hosts(first: &str) -> bool {
    let Ok(group) = u16::from_str_radix(first, 16) else {
        return false;
    };
    first == "64"
        || (first.len() == 4
            && (matches!(group, 0x2000..=0x3fff | 0xfe80..=0xfebf | 0xff00..=0xff0f)
                || (matches!(group, 0xfc00..=0xfdff)
                    && first.bytes().any(|byte| byte.is_ascii_digit()))))
}
