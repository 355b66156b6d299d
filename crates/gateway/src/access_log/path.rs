//! Paths as the log has them: what looks as if it told who somebody is, or let somebody in, is replaced by a
//! label that says what was there.
//!
//! A segment with an `@` becomes `{email}`, a number of seven digits or more (a phone number, a customer, an
//! address of IPv4) `{number}`, and a long text that nobody would type (a reset token, a key, a JWT) `{token}`.
//! A UUID stays, because programs give such names, and logs are searched for them. What is percent-encoded is
//! looked at as it reads decoded, also several times over, and then replaced as a whole segment.
//!
//! This is by looks alone: a name such as `/users/jane-doe` stays. Where that must not be, no paths are logged.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use portcullis_config::LoggedPaths;

/// So many digits are a number of somebody, and not a year, a port or a page.
const NUMBER_DIGITS_MIN: usize = 7;
/// A text of this length may be a token.
const TOKEN_BYTES_MIN: usize = 20;
/// How often a token changes between small letters, capitals and digits, at least.
const TOKEN_CHANGES_MIN: usize = 5;
/// Letters of one kind without any pause that are no word any more.
const WORD_BYTES_MAX: usize = 31;
/// How often a segment is decoded; one that is still encoded then is hidden.
const DECODED_TIMES_MAX: usize = 4;
/// The length of a UUID as it is written.
const UUID_BYTES: usize = 36;

const EMAIL: &str = "{email}";
const NUMBER: &str = "{number}";
const TOKEN: &str = "{token}";

/// A path as the settings want it; empty for none.
pub(crate) fn logged(path: &str, paths: LoggedPaths) -> Cow<'_, str> {
    match paths {
        LoggedPaths::Masked => masked(path),
        LoggedPaths::Whole => path.into(),
        LoggedPaths::Off => "".into(),
    }
}

/// A path without what looks personal or secret.
fn masked(path: &str) -> Cow<'_, str> {
    if path.split('/').all(is_plain) {
        return path.into();
    }
    let mut all = String::with_capacity(path.len());
    for (place, segment) in path.split('/').enumerate() {
        if place > 0 {
            all.push('/');
        }
        mask_segment(segment, &mut all);
    }
    all.into()
}

/// Whether a segment is seen at once to have nothing that is masked, as most have.
fn is_plain(segment: &str) -> bool {
    segment.len() < TOKEN_BYTES_MIN
        && segment.bytes().filter(u8::is_ascii_digit).count() < NUMBER_DIGITS_MIN
        && !segment.bytes().any(|byte| matches!(byte, b'@' | b'%'))
}

fn mask_segment(segment: &str, all: &mut String) {
    let mut decoded = Cow::Borrowed(segment);
    for _ in 0..DECODED_TIMES_MAX {
        match percent_decode_str(&decoded).decode_utf8_lossy() {
            Cow::Borrowed(_) => break,
            Cow::Owned(further) => decoded = further.into(),
        }
    }
    if matches!(
        percent_decode_str(&decoded).decode_utf8_lossy(),
        Cow::Owned(_)
    ) {
        all.push_str(TOKEN);
        return;
    }
    let before = all.len();
    let label = mask_decoded(&decoded, all);
    // What was encoded is not written decoded: it may have a slash, or a control character.
    if matches!(decoded, Cow::Owned(_)) {
        all.truncate(before);
        all.push_str(label.unwrap_or(segment));
    }
}

/// Appends a segment without what is masked; with a label for the whole, if anything was.
fn mask_decoded(segment: &str, all: &mut String) -> Option<&'static str> {
    let whole = match segment {
        _ if segment.contains('@') => Some(EMAIL),
        _ if is_number(segment) => Some(NUMBER),
        _ => None,
    };
    if let Some(label) = whole {
        all.push_str(label);
        return whole;
    }
    let mut label = None;
    let mut rest = segment;
    while let Some(place) = find_uuid(rest) {
        let (before, uuid) = rest.split_at(place);
        label = mask_texts(before, all).or(label);
        all.push_str(&uuid[..UUID_BYTES]);
        rest = &uuid[UUID_BYTES..];
    }
    mask_texts(rest, all).or(label)
}

/// Appends a text without UUIDs, of which tokens and numbers are masked.
fn mask_texts(text: &str, all: &mut String) -> Option<&'static str> {
    let mut label = None;
    for_pieces(text, is_of_token, |piece, is_text| {
        if !is_text {
            all.push_str(piece);
        } else if is_token(piece) {
            all.push_str(TOKEN);
            label = Some(TOKEN);
        } else {
            for_pieces(
                piece,
                |byte| byte.is_ascii_digit(),
                |part, is_digits| {
                    let is_number = is_digits && part.len() >= NUMBER_DIGITS_MIN;
                    all.push_str(if is_number { NUMBER } else { part });
                    label = label.or(is_number.then_some(NUMBER));
                },
            );
        }
    });
    label
}

/// Goes through the longest pieces whose bytes are all of one kind or all not. The kind must be one of ASCII.
fn for_pieces(text: &str, is_kind: fn(u8) -> bool, mut with: impl FnMut(&str, bool)) {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let is = is_kind(bytes[start]);
        let length = bytes[start..]
            .iter()
            .take_while(|byte| is_kind(**byte) == is);
        let end = start + length.count();
        with(&text[start..end], is);
        start = end;
    }
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_~+=".contains(&byte)
}

/// Whether a whole segment is a number, perhaps with pauses such as those of phone numbers. A date is none.
fn is_number(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_pause = |byte: &u8| b" -.()+".contains(byte);
    let is_date = matches!(bytes, [_, _, _, _, b'-', _, _, b'-', _, _]) && digits == 8;
    digits >= NUMBER_DIGITS_MIN
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_digit() || is_pause(byte))
        && !is_date
}

/// Whether a text is long and looks random: programs make such texts, and people do not.
fn is_token(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < TOKEN_BYTES_MIN {
        return false;
    }
    let has = |is_kind: fn(&u8) -> bool| bytes.iter().any(is_kind);
    let (has_digits, has_letters) = (has(u8::is_ascii_digit), has(u8::is_ascii_alphabetic));
    if has_digits && has_letters && bytes.iter().all(u8::is_ascii_hexdigit) {
        return true;
    }
    let mut words = text.split(['-', '_', '~', '+', '=']);
    if words.any(|word| word.len() > WORD_BYTES_MAX) {
        return true;
    }
    let kind = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let is_change =
        |pair: &&[u8]| pair.iter().all(u8::is_ascii_alphanumeric) && kind(pair[0]) != kind(pair[1]);
    let changes = || bytes.windows(2).filter(is_change).count();
    // Letters alone, as in `ListUsersByName`, have no two capitals side by side.
    let are_capitals = |pair: &[u8]| pair.iter().all(u8::is_ascii_uppercase);
    match has_digits {
        true => changes() >= TOKEN_CHANGES_MIN,
        false => changes() >= TOKEN_CHANGES_MIN && bytes.windows(2).any(are_capitals),
    }
}

/// Where a UUID begins that nothing follows or precedes which could be of the same text.
fn find_uuid(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_open = |byte: Option<&u8>| !byte.is_some_and(u8::is_ascii_alphanumeric);
    (0..(bytes.len() + 1).saturating_sub(UUID_BYTES)).find(|start| {
        let uuid = &bytes[*start..start + UUID_BYTES];
        let is_in_place = |(place, byte): (usize, &u8)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        };
        uuid.iter().enumerate().all(is_in_place)
            && is_open(start.checked_sub(1).and_then(|before| bytes.get(before)))
            && is_open(bytes.get(start + UUID_BYTES))
    })
}

#[cfg(test)]
mod tests;
