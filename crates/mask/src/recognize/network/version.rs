//! What makes four numbers with dots a version, a section or another numbering rather than an address.
//!
//! Nothing in the numbers themselves tells: `2.4.1.0` is both. So the words beside them do: what announces a version or a
//! section before them, a program's name, a word such as `build` after them, and another version before them in the same
//! line. All this counts only for numbers that versions are likely to have ([`Likeness`]); almost no address of a host has
//! them.

use std::net::Ipv4Addr;

use super::nearby;

mod hosts;
#[cfg(test)]
mod tests;
mod words;

use hosts::ADDRESS_WORDS;
use words::{AFTER, BEFORE, BEFORE_SMALL, CONNECTING, CONSTRAINTS, NUMBERED, PRODUCTS, TIMES};

/// How far a version reaches within its line: another number of its form is likely to be one too.
const REACH: usize = 160;
/// How far back the attribute of a drawing may begin that holds numbers.
const DRAWING: usize = 256;
/// How many bytes of a word after the numbers are read.
const AFTER_MAX: usize = 24;

/// How much four numbers look like those of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// Not more than any others, or everybody knows them as an address.
    None,
    /// The first ones are small: `31.0.101.44`.
    Middle,
    /// All are small, or the last two are zero as in the versions of browsers.
    Small,
}

impl Likeness {
    /// The likeness of these numbers.
    pub(super) fn of(address: Ipv4Addr) -> Likeness {
        let octets = address.octets();
        if is_well_known(octets) {
            Likeness::None
        } else if octets.iter().all(|octet| *octet < 30) || octets[2..] == [0, 0] {
            Likeness::Small
        } else if octets[0] < 64 && octets[1] < 64 {
            Likeness::Middle
        } else {
            Likeness::None
        }
    }
}

/// Whether everybody knows these numbers as the address of a resolver.
fn is_well_known(octets: [u8; 4]) -> bool {
    matches!(
        octets,
        [1, 1, 1, 1] | [8, 8, 8, 8] | [8, 8, 4, 4] | [9, 9, 9, 9] | [1, 0, 0, 1]
    )
}

/// Why the numbers at `start..end` are no address. `known` is the end of the last version in the text.
pub(super) fn refusal(
    text: &str,
    start: usize,
    end: usize,
    address: Ipv4Addr,
    is_private: bool,
    known: usize,
) -> Option<&'static str> {
    let announcement = nearby::announcement(text, start);
    if announcement.ends_with(BEFORE, true) || announcement.ends_with(&["version"], false) {
        return Some("a word before it says that it is something else");
    }
    let likeness = Likeness::of(address);
    let octets = address.octets();
    if likeness != Likeness::None || is_well_known(octets) {
        let goes_on = known > 0
            && known < start
            && text.get(known..start).is_some_and(is_list)
            && (!is_private || octets.iter().all(|octet| *octet < 30));
        if goes_on {
            return Some("it goes on with a list of versions");
        }
    }
    if is_private {
        return None;
    }
    if octets[1..] == [0, 0, 0] && !text[end..].starts_with('/') {
        return Some("no host has such an address");
    }
    if matches!(octets, [2, 5, 4 | 29, _] | [1, 3, 6, 1]) {
        return Some("it is an object identifier");
    }
    if is_drawing(text, start, end) {
        return Some("it is a part of a drawing");
    }
    if octets[0] < 24 && octets[1] < 60 && octets[2] < 60 && announcement.ends_with(TIMES, true) {
        return Some("it is a time");
    }
    if announcement.ends_with(NUMBERED, true) && (likeness != Likeness::None || octets[0] < 10) {
        return Some("a word before it says that it is something else");
    }
    match likeness {
        _ if has_port(text, end) => return None,
        Likeness::None => return None,
        Likeness::Middle => {}
        Likeness::Small => {
            let before = text[..start].trim_end_matches([' ', '"', '\'']);
            if CONSTRAINTS.iter().any(|sign| before.ends_with(sign))
                || announcement.ends_with(BEFORE_SMALL, true)
            {
                return Some("a word before it says that it is a version");
            }
        }
    }
    (announcement.ends_with(PRODUCTS, true)
        || text[..start].ends_with("b\u{1ea3}n ")
        || (octets[0] < 32 && octets[2] < 64 && is_of_product(text, start)))
    .then_some("it is the version of a program")
}

/// Whether the numbers are more likely a version than an address, though nothing says so for sure: a word after them or a
/// version before them in the line speaks for it, or they stand as the number of a section does.
pub(super) fn is_doubtful(
    text: &str,
    start: usize,
    end: usize,
    address: Ipv4Addr,
    known: usize,
) -> bool {
    if has_port(text, end) {
        return false;
    }
    let octets = address.octets();
    let follows = known > 0
        && known < start
        && start - known <= REACH
        && !text.as_bytes()[known..start].contains(&b'\n')
        && !["from ", "by ", "via ", "from: "]
            .iter()
            .any(|word| text[..start].ends_with(word));
    match Likeness::of(address) {
        Likeness::None => follows && octets[0] == 1 && is_well_known(octets),
        Likeness::Middle => follows || is_followed(text, end),
        Likeness::Small => {
            follows
                || is_followed(text, end)
                || is_heading(text, start, end)
                || is_reference(text, start, end)
        }
    }
}

/// Whether a port or the length of a prefix follows: no version has one.
fn has_port(text: &str, end: usize) -> bool {
    let rest = &text.as_bytes()[end..];
    let digits = |from: usize| {
        let run = rest
            .iter()
            .skip(from)
            .take_while(|byte| byte.is_ascii_digit());
        run.count()
    };
    match rest.first() {
        Some(b':') => (2..=5).contains(&digits(1)),
        Some(b'/') => (1..=2).contains(&digits(1)),
        _ => false,
    }
}

/// Whether the numbers begin a line with words after them, as a heading has it.
pub(super) fn is_heading(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].trim_end_matches(['#', ' ', '*', '\t', '/']);
    (before.is_empty() || before.ends_with('\n'))
        && text[end..].starts_with([' ', '.'])
        && text[end..]
            .trim_start_matches(['.', ' '])
            .starts_with(char::is_alphabetic)
}

/// Whether the numbers stand alone in square brackets, as standards refer to their sections.
fn is_reference(text: &str, start: usize, end: usize) -> bool {
    let Some(before) = text[..start].strip_suffix('[') else {
        return false;
    };
    let Some(after) = text[end..].strip_prefix(']') else {
        return false;
    };
    (before.is_empty() || before.ends_with([' ', '\n']))
        && !before.ends_with("from ")
        && !before.ends_with("by ")
        && (after.is_empty() || after.starts_with([' ', '.', ',', '\n']))
}

/// Whether a word after the numbers says that they are a version or a section.
fn is_followed(text: &str, end: usize) -> bool {
    let rest = text[end..].trim_start_matches([')', ']', '"', '`']);
    let Some(rest) = rest.strip_prefix(' ') else {
        return false;
    };
    let rest = &rest[..rest.floor_char_boundary(AFTER_MAX)];
    AFTER.iter().any(|phrase| {
        rest.get(..phrase.len())
            .is_some_and(|begun| begun.eq_ignore_ascii_case(phrase))
            && !rest[phrase.len()..].starts_with(|next: char| next.is_alphanumeric())
    })
}

/// Whether the numbers are a part of the path of a drawing, in which numbers follow each other without signs between.
fn is_drawing(text: &str, start: usize, end: usize) -> bool {
    if text[end..].starts_with("-.") {
        return true;
    }
    let from = text.ceil_char_boundary(start.saturating_sub(DRAWING));
    let before = &text[from..start];
    before.rfind(['"', '\'']).is_some_and(|quote| {
        (&before[..quote] == "d=" || before[..quote].ends_with(" d="))
            && before[quote + 1..].starts_with(['M', 'm'])
    })
}

/// Whether the word directly before the numbers is written like the name of a product: with a capital, and no word that
/// stands before addresses.
fn is_of_product(text: &str, start: usize) -> bool {
    let from = text.ceil_char_boundary(start.saturating_sub(AFTER_MAX + 2));
    let Some(before) = text[from..start].strip_suffix(' ') else {
        return false;
    };
    let word = before.rsplit([' ', '\n', '\t', '(', '"']).next();
    let word = word.unwrap_or_default().trim_start_matches('.');
    let has_capital = word.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_word = word.len() > 1
        && word.len() <= AFTER_MAX
        && word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'+' || byte == b'-');
    let lower = word.to_ascii_lowercase();
    has_capital
        && is_word
        && !lower.ends_with("ed")
        && !lower.ends_with("ing")
        && !ADDRESS_WORDS.contains(&lower.as_str())
}

/// Whether only signs and words that join the members of a list stand in a text.
fn is_list(between: &str) -> bool {
    between.len() <= 24
        && !between.contains(['\n', ':', '='])
        && between
            .split(|character: char| !character.is_alphabetic())
            .filter(|word| !word.is_empty())
            .all(|word| {
                CONNECTING
                    .iter()
                    .any(|known| word.eq_ignore_ascii_case(known))
            })
}
