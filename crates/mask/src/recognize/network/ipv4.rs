//! IPv4 addresses in dotted form: four numbers of 0 to 255 without leading zeros.
//!
//! Private are 10/8, 172.16/12 and 192.168/16 (RFC 1918), 127/8 (RFC 1122), 169.254/16 (RFC 3927) and 100.64/10
//! (RFC 6598). Addresses of no host are not hidden: 0/8 (this network), 224/4 (multicast), 240/4 (reserved, and the masks
//! such as 255.255.255.0). The span is the address, without a port or the length of a prefix.

use std::net::Ipv4Addr;

use super::version::{self, Likeness};
use super::{IPV4_PRIVATE, IPV4_PUBLIC, Seen};
use crate::Score;
use crate::find::Offers;
use crate::recognize::emphasis;

const BARE_PRIVATE: Score = Score::of(85);
const BARE_PUBLIC: Score = Score::of(75);
/// Numbers so small that they are likely to be a version or a section.
const BARE_SMALL: Score = Score::of(55);
/// The same where they stand as versions and sections do.
const BARE_DOUBTFUL: Score = Score::of(30);

/// Looks at the number `start..end` with a dot after it.
pub(super) fn find(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    if start < seen.dotted {
        return;
    }
    let dotted = end
        + bytes[end..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .count();
    let run = text[start..dotted].trim_end_matches('.');
    // Two dots end an address, as in a range.
    let run = run.split("..").next().unwrap_or_default();
    let stop = start + run.len();
    seen.dotted = stop.max(end);
    let Ok(address) = run.parse::<Ipv4Addr>() else {
        if is_version(run) {
            seen.version = stop;
        }
        return;
    };
    let Some(is_private) = class(address) else {
        offers.reject(IPV4_PUBLIC, start..stop, "no host has such an address");
        return;
    };
    let recognizer = if is_private {
        IPV4_PRIVATE
    } else {
        IPV4_PUBLIC
    };
    if let Some(why) = tie(text, start, stop, address, is_private, seen) {
        offers.reject(recognizer, start..stop, why);
        return;
    }
    if let Some(why) = version::refusal(text, start, stop, address, is_private, seen.version) {
        seen.version = stop;
        offers.reject(recognizer, start..stop, why);
        return;
    }
    let bare = bare(text, start, stop, address, is_private, seen);
    if offers.settles(recognizer, start..stop, bare) {
        seen.ipv4 = stop;
    } else if bare <= BARE_SMALL {
        seen.version = stop;
    }
}

/// Whether a run of digits and dots is a version that cannot be an address: a `v` before it, or four numbers of which one
/// is too great.
fn is_version(run: &str) -> bool {
    if let Some(numbers) = run.strip_prefix(['v', 'V']) {
        return numbers.contains('.') && numbers.starts_with(|first: char| first.is_ascii_digit());
    }
    run.bytes().filter(|byte| *byte == b'.').count() == 3
        && run.split('.').all(|part| (1..=5).contains(&part.len()))
}

/// Whether an address is private; nothing when no host has it.
pub(super) fn class(address: Ipv4Addr) -> Option<bool> {
    let [first, second, ..] = address.octets();
    match (first, second) {
        (0 | 224..=255, _) => None,
        (10 | 127, _) | (172, 16..=31) | (192, 168) | (169, 254) | (100, 64..=127) => Some(true),
        _ => Some(false),
    }
}

/// What ties the numbers to something longer.
fn tie(
    text: &str,
    start: usize,
    end: usize,
    address: Ipv4Addr,
    is_private: bool,
    seen: &Seen,
) -> Option<&'static str> {
    let mut before = text[..start].chars().rev();
    let is_word = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    let goes_on = seen.ipv4 > 0 && seen.ipv4 + 1 == start;
    let (first, second) = (before.next(), before.next());
    let has_port = text.as_bytes()[end..].first() == Some(&b':')
        && text.as_bytes().get(end + 1).is_some_and(u8::is_ascii_digit);
    let tied = match first {
        Some('.') => second != Some('.'),
        Some('-' | '+') => !goes_on && is_word(second),
        Some('/') => {
            !goes_on && !is_private && !has_port && !matches!(second, None | Some(' ' | '/'))
        }
        Some('\\') => is_word(second),
        Some('@') => !is_private && text[start..end].split('.').all(|part| part.len() < 2),
        // A version that is asked for: `torch==2.1.0.1`.
        Some('=') if second == Some('=') && !is_private => {
            text[..start - 2].ends_with(|character: char| character.is_ascii_alphanumeric())
        }
        Some('_') => !emphasis::opens(text, start),
        // The number of an issue or a heading; addresses do not look like that.
        Some('#') => is_word(second) || (!is_private && Likeness::of(address) == Likeness::Small),
        Some('%' | '$') => true,
        Some(other) => super::name::is_cased(other),
        None => false,
    };
    if tied {
        return Some("it goes on before");
    }
    let mut after = text[end..].chars();
    let (first, second) = (after.next(), after.next());
    let tied = match first {
        Some('.') => match second {
            Some(next) if next.is_uppercase() => !is_private,
            next => is_word(next),
        },
        Some('-') => second.is_some_and(char::is_alphabetic),
        Some('+') => is_word(second),
        Some('_') => !emphasis::closes(text, end),
        Some('%') => true,
        Some(other) => other.is_ascii_alphanumeric() || super::name::is_cased(other),
        None => false,
    };
    tied.then_some("it goes on after")
}

/// How sure the form is.
fn bare(
    text: &str,
    start: usize,
    end: usize,
    address: Ipv4Addr,
    is_private: bool,
    seen: &Seen,
) -> Score {
    let likeness = Likeness::of(address);
    if is_private {
        let is_heading = likeness == Likeness::Small && version::is_heading(text, start, end);
        return if is_heading {
            BARE_DOUBTFUL
        } else {
            BARE_PRIVATE
        };
    }
    if version::is_doubtful(text, start, end, address, seen.version) {
        return BARE_DOUBTFUL;
    }
    match likeness {
        Likeness::Small => BARE_SMALL,
        Likeness::Middle | Likeness::None => BARE_PUBLIC,
    }
}
