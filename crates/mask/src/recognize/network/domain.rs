//! Domain names under a public suffix.
//!
//! Files, attributes and sentences without a space after the dot look the same, so a name needs more than a listed suffix:
//! under `com` and its like, under a country's domain or a second level such as `com.vn` it stands for itself; under a
//! domain such as `io` a word about sites must be near, or a path, a port or a known first label; under a word such as
//! `name` or `rs`, something must announce it directly ("visit", "website", "trang web").
//!
//! A domain's span is the name alone, without a port, a path or the dot at its end.

mod cue;
mod refusal;
mod words;

use super::suffix::{self, Kind};
use super::{DOMAIN, Seen, name, nearby};
use crate::Score;
use crate::find::Offers;
use words::{ANNOUNCING, HOST_LABELS, SHORTENERS};

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
        // `registry.local:5000` is as likely a name in a file of settings as a host.
        Kind::Reserved if is_shown && is_short_local(written) => BARE_WEB,
        Kind::Web | Kind::Reserved if is_shown => BARE_SHOWN,
        Kind::Web | Kind::Reserved if continues_list(text, start, seen) => BARE_SHOWN,
        Kind::Web | Kind::Word if cue::is_site(text, start, end, suffix.kind) => BARE_SHOWN,
        Kind::Web | Kind::Reserved => BARE_WEB,
        Kind::Word if is_short_link(text, start, end) || is_announced(text, start, seen) => {
            BARE_SHOWN
        }
        Kind::Word => return,
    };
    if offers.settles(DOMAIN, range, bare) {
        seen.domain = end;
    }
}

/// Whether it is a single label under `local`, as images and services of a machine are called.
fn is_short_local(written: &str) -> bool {
    let mut labels = written.split('.');
    let first = labels.next().unwrap_or_default();
    labels.eq(["local"]) && HOST_LABELS.contains(&first)
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
