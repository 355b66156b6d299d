//! Domain names under a public suffix.
//!
//! Files, attributes and sentences without a space after the dot look the same, so a name needs more than a listed suffix:
//! under `com` and its like, under a country's domain or a second level such as `com.vn` it stands for itself; under a
//! domain such as `io` a word about sites must be near, or a path, a port or a known first label; under a word such as
//! `name` or `rs`, something must announce it directly ("visit", "website", "trang web").
//!
//! A domain's span is the name alone, without a port, a path or the dot at its end.

mod refusal;
mod words;

use super::suffix::{self, Kind};
use super::{DOMAIN, Seen, name, nearby};
use crate::Score;
use crate::find::Offers;
use words::{
    ANNOUNCING, COMMON_WORDS, HOST_LABELS, PROSE_CUES, SHORTENERS, SITE_CUES, SUBJECT_CUES,
    SURE_CUES,
};

/// Without anything around it: under `com`, under `co.uk`.
const BARE_STRONG: Score = Score::of(75);
/// Under a country's domain.
const BARE_COUNTRY: Score = Score::of(60);
/// Under `io` and its like, and under a reserved one such as `internal`.
const BARE_WEB: Score = Score::of(35);
/// When something next to it shows that it is a host: a path, a port, a first label such as `www`.
const BARE_SHOWN: Score = Score::of(60);

/// Offers the name in the run `start..end`.
pub(super) fn find(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let Some((start, end)) = trimmed(text, start, end) else {
        return;
    };
    let written = &text[start..end];
    let Some((_, tld)) = written.rsplit_once('.') else {
        return;
    };
    let Some(kind) = suffix::kind(tld) else {
        return;
    };
    if refusal::is_camel(tld) || !name::has_good_labels(written, kind == Kind::Strong) {
        return;
    }
    // `co.vn` is what others are registered under, or a full stop without a space.
    if kind == Kind::Country && ["co", "com"].contains(&&written[..written.len() - tld.len() - 1]) {
        return;
    }
    let Some(suffix) = suffix::of(written).filter(|suffix| suffix.len < written.len()) else {
        return;
    };
    let range = start..end;
    let is_shown = suffix.kind != Kind::Strong && is_shown(text, start, end);
    if let Some(why) = refusal::refusal(text, start, end, suffix.kind, is_shown) {
        offers.reject(DOMAIN, range, why);
        return;
    }
    let bare = match suffix.kind {
        Kind::Strong => BARE_STRONG,
        Kind::Country => BARE_COUNTRY,
        Kind::Web | Kind::Reserved if is_shown => BARE_SHOWN,
        Kind::Web | Kind::Reserved if continues_list(text, start, seen) => BARE_SHOWN,
        Kind::Web if is_told(text, start, end, PROSE_CUES) || is_subject(text, start, end) => {
            BARE_SHOWN
        }
        Kind::Web | Kind::Reserved => BARE_WEB,
        Kind::Word if is_short_link(text, start, end) || is_announced(text, start, seen) => {
            BARE_SHOWN
        }
        Kind::Word
            if COMMON_WORDS
                .iter()
                .any(|word| tld.eq_ignore_ascii_case(word))
                && is_told(text, start, end, SITE_CUES) =>
        {
            BARE_SHOWN
        }
        Kind::Word
            if tld.eq_ignore_ascii_case("so")
                && !written.starts_with("lib")
                && is_told(text, start, end, SURE_CUES) =>
        {
            BARE_SHOWN
        }
        Kind::Word => return,
    };
    if offers.settles(DOMAIN, range, bare) {
        seen.domain = end;
    }
}

/// The run without what does not belong to a name: hyphens and underscores at its ends, an escape sequence before it.
fn trimmed(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let run = &text[start..end];
    let right = run.trim_end_matches(['-', '_', '.']);
    let end = start + right.len();
    // Emphasis in Markdown stands on both sides.
    let left = if right.len() < run.len() {
        right.trim_start_matches('_')
    } else {
        right
    };
    // The hyphen of a list stands at the beginning of a line or after a space.
    let is_list = nearby::before(text, start).is_none_or(char::is_whitespace);
    let left = if is_list {
        left.trim_start_matches('-')
    } else {
        left
    };
    let start = nearby::after_escape(text, end - left.len());
    (start < end).then_some((start, end))
}

/// Whether a path, a port, a known first label or an unusual second one shows that it is a host.
fn is_shown(text: &str, start: usize, end: usize) -> bool {
    let written = &text[start..end];
    let first = written.split('.').next().unwrap_or_default();
    let count = written.split('.').count();
    if text[..start].ends_with("*.") {
        return true;
    }
    let is_host = count >= 3
        && (HOST_LABELS.contains(&first.to_ascii_lowercase().as_str())
            || written.split('.').any(is_of_machine));
    if is_host {
        return true;
    }
    match &text.as_bytes()[end..] {
        [b'/', next, ..] => next.is_ascii_alphanumeric() && !text[end + 1..].starts_with(written),
        [b':', rest @ ..] => is_port(rest),
        _ => is_short_link(text, start, end),
    }
}

/// Whether a label has a hyphen or number as names of machines and projects do: `web-01`, `node7`, but not `v1`.
fn is_of_machine(label: &str) -> bool {
    let has_letter = label.bytes().any(|byte| byte.is_ascii_alphabetic());
    let has_sign = label
        .bytes()
        .any(|byte| byte == b'-' || byte.is_ascii_digit());
    label.len() > 2 && has_letter && has_sign
}

/// Whether a port follows a colon, rather than a line and a column.
fn is_port(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (2..=5).contains(&digits)
        && !matches!(rest.get(digits), Some(b':' | b'.'))
        && !rest.get(digits).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether it is a shortener or a profile's address with a path after it.
fn is_short_link(text: &str, start: usize, end: usize) -> bool {
    SHORTENERS
        .iter()
        .any(|known| text[start..end].eq_ignore_ascii_case(known))
        && matches!(&text.as_bytes()[end..], [b'/', next, ..] if next.is_ascii_alphanumeric() || *next == b'+')
}

/// Whether a word in front announces the name, or it goes on with a list of domains.
fn is_announced(text: &str, start: usize, seen: &Seen) -> bool {
    continues_list(text, start, seen) || nearby::is_announced(text, start, ANNOUNCING, true)
}

/// How many bytes on each side of a name are looked at for signs of source code.
const CODE_REACH: usize = 24;

/// Whether one of these words stands before a name in prose.
fn is_told(text: &str, start: usize, end: usize, cues: &[&str]) -> bool {
    is_in_prose(text, start, end)
        && nearby::is_announced(
            text,
            text[..start].trim_end_matches([' ', ',', ':']).len(),
            cues,
            true,
        )
}

/// Whether a word follows that says something of a site: "acme.dev is down".
fn is_subject(text: &str, start: usize, end: usize) -> bool {
    let Some(rest) = text[end..].strip_prefix(' ') else {
        return false;
    };
    let word = rest
        .split(|character: char| !character.is_alphabetic())
        .next()
        .unwrap_or_default();
    is_in_prose(text, start, end) && SUBJECT_CUES.contains(&word)
}

/// Whether a name stands in prose: in small letters, between spaces or punctuation, with no sign of source code near.
fn is_in_prose(text: &str, start: usize, end: usize) -> bool {
    let first = text[start..end].split('.').next().unwrap_or_default();
    if first.len() < 3
        || text[start..end]
            .bytes()
            .any(|byte| byte.is_ascii_uppercase())
    {
        return false;
    }
    let is_apart = nearby::before(text, start).is_none_or(|sign| matches!(sign, ' ' | '\n' | '('))
        && match text[end..].chars().next() {
            None | Some(' ' | '\n' | '\r') => true,
            Some('.' | ',' | '!' | '?' | ';' | ':' | ')') => {
                nearby::after(text, end + 1).is_none_or(char::is_whitespace)
            }
            _ => false,
        };
    let from = text.floor_char_boundary(start.saturating_sub(CODE_REACH));
    let to = text.ceil_char_boundary((end + CODE_REACH).min(text.len()));
    let line = |piece: &str, is_before: bool| {
        let part = if is_before {
            piece.rsplit('\n').next()
        } else {
            piece.split('\n').next()
        };
        part.is_some_and(|part| part.contains(['{', '}', '=', '<', '>', '`', '\\', '[', ']', '|']))
    };
    is_apart && !line(&text[from..start], true) && !line(&text[end..to], false)
}

/// Whether only a comma or a conjunction stands between the last domain and this name.
fn continues_list(text: &str, start: usize, seen: &Seen) -> bool {
    seen.domain > 0
        && text.get(seen.domain..start).is_some_and(|between| {
            matches!(
                between,
                ", " | ","
                    | " or "
                    | " and "
                    | ", and "
                    | ", or "
                    | " & "
                    | " va "
                    | " v\u{e0} "
                    | " ho\u{1eb7}c "
            )
        })
}
