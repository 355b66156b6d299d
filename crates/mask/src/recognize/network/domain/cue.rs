//! Words of ordinary prose that say of a name that it is a site: `go to notion.so`, `acme.dev is down`.
//!
//! Top-level domains such as `info`, `us` and `dev` are endings of attributes as well, so that a name under one of them
//! needs such a word, or quotes around it in prose, or has to be known.

use super::super::nearby;
use super::super::suffix::Kind;
use super::words::{OBJECTS, ORDINARY};
use crate::find::context::fold;

mod words;

use words::{
    AFTER_MODULE, AFTER_SITE, COMMON, CUES, KNOWN, LABELLING, MODULES, QUOTED, STATES, WORDS,
};

/// How many bytes after a name are read for what is said of it.
const AFTER: usize = 24;

/// Whether a name under a top-level domain of a kind that needs it is shown to be a site by the words around it.
pub(super) fn is_site(text: &str, start: usize, end: usize, kind: Kind) -> bool {
    let written = &text[start..end];
    let Some((name, tld)) = written.rsplit_once('.') else {
        return false;
    };
    if kind == Kind::Word && !COMMON.contains(&tld.to_ascii_lowercase().as_str()) {
        return KNOWN.contains(&written.to_ascii_lowercase().as_str());
    }
    let first = name.split('.').next().unwrap_or_default();
    if name.len() < 2
        || ORDINARY.contains(&first)
        || OBJECTS.contains(&first.to_ascii_lowercase().as_str())
        || is_imported(text, end)
        || follows_assignment(text, start)
        || begins_sentence(text, end, tld)
    {
        return false;
    }
    if KNOWN.contains(&written.to_ascii_lowercase().as_str()) {
        return true;
    }
    let next = text[end..].trim_start_matches(' ').split(' ').next();
    if MODULES.contains(&first)
        || tld == "so" && first.starts_with("lib")
        || next.is_some_and(|next| AFTER_MODULE.contains(&next))
    {
        return false;
    }
    let announcement = nearby::announcement(text, start);
    if announcement.ends_with(LABELLING, true) {
        return true;
    }
    let is_sure = kind == Kind::Web || name.contains(['-', '0', '1', '2']) || is_long(tld, name);
    if is_sure && is_spaced(text, start) && announcement.ends_with(CUES, true) {
        return true;
    }
    (is_spaced(text, start) || nearby::before(text, start).is_none()) && is_said_of(text, end)
        || is_quoted(text, start, end) && QUOTED.contains(&tld)
}

/// Whether a name under one of the usual domains of sites is longer than words of sentences that lack a space.
fn is_long(tld: &str, name: &str) -> bool {
    matches!(tld, "info" | "us" | "ly" | "me") && name.len() >= 4
}

/// Whether a space stands before the name.
fn is_spaced(text: &str, start: usize) -> bool {
    text[..start].ends_with(' ')
}

/// Whether what follows is said of sites.
fn is_said_of(text: &str, end: usize) -> bool {
    let Some(rest) = text[end..].strip_prefix([' ', ',']) else {
        return false;
    };
    let rest = fold(&rest[..rest.floor_char_boundary(AFTER)]);
    let rest = rest.trim_start();
    STATES.iter().any(|state| {
        rest.strip_prefix(state)
            .is_some_and(|after| !after.starts_with(|next: char| next.is_alphanumeric()))
    })
}

/// Whether the name stands alone in quotes within prose.
fn is_quoted(text: &str, start: usize, end: usize) -> bool {
    let mut before = text[..start].chars().rev();
    let (quote, space, letter) = (before.next(), before.next(), before.next());
    let is_closed = match quote {
        Some('"') => text[end..].starts_with('"'),
        Some('\u{201c}') => text[end..].starts_with('\u{201d}'),
        _ => return false,
    };
    let next = text[end..].chars().nth(1);
    is_closed
        && space == Some(' ')
        && letter.is_some_and(char::is_alphabetic)
        && next.is_none_or(|next| matches!(next, ' ' | '.' | ',' | '!' | '?' | '\n'))
}

/// Whether what stands as the top-level domain is rather the first word of a sentence that follows without a space.
fn begins_sentence(text: &str, end: usize, tld: &str) -> bool {
    let Some(rest) = text[end..].strip_prefix(' ') else {
        return false;
    };
    let next = rest
        .split(|character: char| !character.is_alphabetic())
        .next();
    let next = next.unwrap_or_default();
    WORDS.contains(&tld) && next.starts_with(char::is_lowercase) && !AFTER_SITE.contains(&next)
}

/// Whether it is the module of an import of Python: `from acme.app import x`.
fn is_imported(text: &str, end: usize) -> bool {
    text[end..].starts_with(" import ")
}

/// Whether it is the value of an assignment or an entry of source code: `host = app.dev`.
fn follows_assignment(text: &str, start: usize) -> bool {
    text[..start].trim_end_matches(' ').ends_with('=')
}
