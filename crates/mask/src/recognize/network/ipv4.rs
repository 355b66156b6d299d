//! IPv4 addresses in dotted form: four numbers of 0 to 255 without leading zeros.
//!
//! Private are 10/8, 172.16/12 and 192.168/16 (RFC 1918), 127/8 (RFC 1122), 169.254/16 (RFC 3927) and 100.64/10
//! (RFC 6598). Addresses of no host are not hidden: 0/8 (this network), 224/4 (multicast), 240/4 (reserved, and the masks
//! such as 255.255.255.0). The span is the address, without a port or the length of a prefix.

use std::net::Ipv4Addr;

use super::{IPV4_PRIVATE, IPV4_PUBLIC, Seen, nearby};
use crate::Score;
use crate::find::Offers;
use crate::recognize::number::ties::is_emphasised;

const BARE_PRIVATE: Score = Score::of(85);
const BARE_PUBLIC: Score = Score::of(75);
/// Numbers so small that they are likely to be a version or a section: only with a word about networks near.
const BARE_SMALL: Score = Score::of(40);
/// The same when nothing else stands in the line or the cell of a table.
const BARE_ALONE: Score = Score::of(55);
/// The same at the beginning of a line with words after it, as a heading has it.
const BARE_HEADING: Score = Score::of(30);

/// Words directly before four numbers that make them something else.
const NOT_BEFORE: &[&str] = &[
    "version",
    "versions",
    "ver",
    "v",
    "v.",
    "ver.",
    "release",
    "releases",
    "rev",
    "rev.",
    "revision",
    "build",
    "builds",
    "firmware",
    "phien ban",
    "upgrade",
    "upgraded",
    "update",
    "updated",
    "bump",
    "bumped",
    "requires",
    "replaces",
    "~>",
    ">=",
    "<=",
    "^",
    "policy",
    "article",
    "rule",
    "paragraph",
    "subclause",
    "annex",
    "ec",
    "time",
    "section",
    "sections",
    "sec.",
    "chapter",
    "clause",
    "figure",
    "fig.",
    "table",
    "appendix",
    "muc",
    "chuong",
    "dieu",
    "oid",
    "chrome",
    "chromium",
    "firefox",
    "safari",
    "edge",
    "v8",
    ".net",
    "\u{a7}",
];

/// Programs whose versions have four numbers, in small letters. They count only before numbers that no host is likely to
/// have: `nginx 10.0.0.1` is an address.
const PRODUCTS: &[&str] = &[
    "openssl",
    "ffmpeg",
    "php",
    "java",
    "jdk",
    "jre",
    "openjdk",
    "python",
    "ruby",
    "node",
    "npm",
    "kernel",
    "linux",
    "windows",
    "android",
    "ios",
    "macos",
    "gcc",
    "clang",
    "cmake",
    "git",
    "curl",
    "glibc",
    "libc",
    "docker",
    "kubernetes",
    "tomcat",
    "jenkins",
    "wordpress",
    "drupal",
    "spring",
    "log4j",
    "sql server",
    "oracle",
    "postgresql",
    "postgres",
    "mysql",
    "kafka",
    "electron",
    "typescript",
    "teamviewer",
    "acrobat",
    "agent",
    "assembly",
    "pdf",
    "office",
    "excel",
    "esxi",
    "vmware",
    "unity",
    "unreal",
    "driver",
    "sdk",
    "api",
    "app",
    "plugin",
    "package",
    "bios",
    "patch",
    "hotfix",
    "tag",
    "ban",
];

/// Whether logs write addresses so: `unknown[5.6.7.8]` and `([5.6.7.8])` of mail servers, and `5.6.7.8 - - [` at the
/// beginning of a line of web servers. A clause of a standard, `[22.2.5.4]`, has a space before it.
fn is_of_log(text: &str, start: usize, end: usize) -> bool {
    let is_bracketed = text[end..].starts_with(']')
        && text[..start].strip_suffix('[').is_some_and(|before| {
            before.ends_with('(') || before.ends_with(|last: char| last.is_ascii_alphanumeric())
        });
    let is_first = start == 0 || text[..start].ends_with('\n');
    is_bracketed || is_first && text[end..].starts_with(" - ")
}

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
    if let Some(why) = tie(text, start, stop, is_private, seen) {
        offers.reject(recognizer, start..stop, why);
        return;
    }
    if nearby::is_announced(text, start, NOT_BEFORE, true)
        || nearby::is_announced(text, start, &["version"], false)
    {
        offers.reject(
            recognizer,
            start..stop,
            "a word before it says that it is something else",
        );
        return;
    }
    let bare = bare(text, start, stop, address, is_private);
    let is_likely_version = bare == BARE_SMALL || !is_private && has_zero_and_is_low(address);
    if is_likely_version && nearby::is_announced(text, start, PRODUCTS, true) {
        offers.reject(recognizer, start..stop, "it is the version of a program");
        return;
    }
    if offers.settles(recognizer, start..stop, bare) {
        seen.ipv4 = stop;
    }
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

/// Whether a number below 64 begins the address and a zero is among the others, as in versions of drivers and browsers.
fn has_zero_and_is_low(address: Ipv4Addr) -> bool {
    let octets = address.octets();
    octets[0] < 64 && octets[1..].contains(&0)
}

/// What ties the numbers to something longer.
fn tie(
    text: &str,
    start: usize,
    end: usize,
    is_private: bool,
    seen: &Seen,
) -> Option<&'static str> {
    let mut before = text[..start].chars().rev();
    let is_word = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    let goes_on = seen.ipv4 > 0 && seen.ipv4 + 1 == start;
    let (first, second) = (before.next(), before.next());
    if is_emphasised(text, start, end) {
        return None;
    }
    let is_big = || {
        text[start..end]
            .split('.')
            .any(|octet| octet.len() > 2 || octet.len() == 2 && octet >= "30")
    };
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
        Some('#') => !(is_big() && second.is_none_or(char::is_whitespace)),
        Some('%' | '$' | '_') => true,
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
        Some('%' | '_') => true,
        Some(other) => other.is_ascii_alphanumeric() || super::name::is_cased(other),
        None => false,
    };
    tied.then_some("it goes on after")
}

/// How sure the form is.
fn bare(text: &str, start: usize, end: usize, address: Ipv4Addr, is_private: bool) -> Score {
    let octets = address.octets();
    let is_well_known = matches!(
        octets,
        [1, 1, 1, 1] | [8, 8, 8, 8] | [8, 8, 4, 4] | [9, 9, 9, 9] | [1, 0, 0, 1]
    );
    // Versions of browsers end in zeros: 120.0.0.0.
    let is_small = octets.iter().all(|octet| *octet < 30)
        || octets[2..] == [0, 0]
        || octets[3] == 0 && octets[0] < 64 && !text[end..].starts_with('/');
    if !is_small || is_well_known {
        return if is_private {
            BARE_PRIVATE
        } else {
            BARE_PUBLIC
        };
    }
    let is_alone = (start == 0 || text[..start].ends_with('\n'))
        && text[end..]
            .trim_start_matches('\r')
            .bytes()
            .next()
            .is_none_or(|next| next == b'\n')
        || text[..start].ends_with('|') && text[end..].starts_with('|');
    let has_port = matches!(
        &text.as_bytes()[end..],
        [b':', b'0'..=b'9', b'0'..=b'9', ..]
    );
    if (is_alone || has_port || is_of_log(text, start, end)) && !is_private {
        return BARE_ALONE;
    }
    let before = text[..start].trim_end_matches(['#', ' ', '*', '\t']);
    let is_first = before.is_empty() || before.ends_with('\n');
    let is_heading = is_first
        && text[end..]
            .trim_start_matches(['.', ' '])
            .starts_with(char::is_alphabetic)
        && text[end..].starts_with([' ', '.']);
    match (is_heading, is_private) {
        (true, _) => BARE_HEADING,
        (false, true) => BARE_PRIVATE,
        (false, false) => BARE_SMALL,
    }
}
