//! Groups of letters and digits that may together be one number.
//!
//! A cluster begins at a word with a digit and takes in the groups that follow it with one separator between two of
//! them, and up to two short words of letters before it (`AB 12 34 56 C`). Every window of groups whose shape is known
//! becomes a candidate, if nothing before or after ties it to something longer.

use crate::find::Offers;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::shapes::{Run, ShapeKey, ShapeTable};
use crate::recognize::number::{Check, Shaped};

/// The most groups that are looked at together. Bounds the work for a long list of numbers.
const GROUPS_MAX: usize = 24;
/// The most characters of a group; longer ones are no part of a number of a fixed shape.
const GROUP_LENGTH_MAX: usize = 30;
/// The most letters of a word that may stand before the first digit of a number.
const LEADING_LETTERS_MAX: usize = 4;

/// A run of ASCII letters and digits, and what stands before it.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
    /// The separator between this group and the one before it, in its plain form; 0 for the first one.
    separator: u8,
}

/// Offers every number of a known shape in the cluster around the group `start..end`, a maximal run of ASCII letters and
/// digits with a digit in it. Gives the end of the cluster: up to there nothing needs to be looked at again.
pub(crate) fn find(
    text: &str,
    start: usize,
    end: usize,
    table: &ShapeTable,
    shaped: &[&'static Shaped],
    offers: &mut Offers<'_>,
) -> usize {
    let mut groups = [Group {
        start,
        end,
        separator: 0,
    }; GROUPS_MAX];
    let first = leading(text, &mut groups);
    let count = following(text, &mut groups, first + 1);
    for from in 0..count {
        windows(text, &groups[from..count], table, shaped, offers);
    }
    groups[count - 1].end
}

/// Puts up to two short words of letters before the first group, and gives the index of that group then.
fn leading(text: &str, groups: &mut [Group; GROUPS_MAX]) -> usize {
    let bytes = text.as_bytes();
    let mut found: [Option<Group>; 2] = [None; 2];
    let mut at = groups[0];
    let mut count = 0;
    for place in &mut found {
        let Some((separator, before)) = separator_before(bytes, at.start) else {
            break;
        };
        let start = run_start(bytes, before, LEADING_LETTERS_MAX + 1);
        let word = &bytes[start..before];
        if word.is_empty()
            || word.len() > LEADING_LETTERS_MAX
            || !word.iter().all(u8::is_ascii_alphabetic)
        {
            break;
        }
        at.separator = separator;
        *place = Some(at);
        count += 1;
        at = Group {
            start,
            end: before,
            separator: 0,
        };
    }
    // Found from right to left; written from left to right.
    groups[0] = at;
    for (index, group) in found[..count].iter().rev().enumerate() {
        if let Some(group) = group {
            groups[index + 1] = *group;
        }
    }
    count
}

/// Appends the groups that follow the last one, and gives how many there are in all.
fn following(text: &str, groups: &mut [Group; GROUPS_MAX], mut count: usize) -> usize {
    let bytes = text.as_bytes();
    while count < GROUPS_MAX {
        let Some((separator, start)) = separator_after(bytes, groups[count - 1].end) else {
            break;
        };
        let end = run_end(bytes, start);
        let run = &bytes[start..end];
        let is_part = run.len() <= GROUP_LENGTH_MAX
            && (run.iter().any(u8::is_ascii_digit) || run.len() <= LEADING_LETTERS_MAX);
        if run.is_empty() || !is_part {
            break;
        }
        groups[count] = Group {
            start,
            end,
            separator,
        };
        count += 1;
    }
    count
}

/// Offers every window that begins with the first of these groups and has a known shape.
fn windows(
    text: &str,
    groups: &[Group],
    table: &ShapeTable,
    shaped: &[&'static Shaped],
    offers: &mut Offers<'_>,
) {
    let Some(first) = groups.first() else { return };
    if is_tied_before(text, first) {
        return;
    }
    let mut key = ShapeKey::EMPTY;
    let mut runs: Vec<Run> = Vec::with_capacity(16);
    let mut has_digit = false;
    for (index, group) in groups.iter().take(table.groups_max).enumerate() {
        if index > 0 {
            key = key.with(Run::Separator(group.separator));
            runs.push(Run::Separator(group.separator));
        }
        for run in runs_in(&text.as_bytes()[group.start..group.end]) {
            has_digit |= matches!(run, Run::Digits(_));
            key = key.with(run);
            runs.push(run);
        }
        if !has_digit || is_tied_after(text, group.end) {
            continue;
        }
        for form in table.matching(key, &runs) {
            let Some(compact) = Compact::of(&text[first.start..group.end]) else {
                continue;
            };
            let range = first.start..group.end;
            match (shaped[form.shaped].check)(&compact) {
                Check::Invalid(why) => offers.reject(form.recognizer, range, why),
                Check::Plausible => offers.offer(form.recognizer, range, form.bare),
                Check::Valid => offers.offer_valid(form.recognizer, range, form.bare),
            }
        }
    }
}

/// The runs of letters and digits of one group.
fn runs_in(group: &[u8]) -> impl Iterator<Item = Run> + '_ {
    group
        .chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit())
        .map(|run| {
            let count = u8::try_from(run.len()).unwrap_or(u8::MAX);
            if run[0].is_ascii_digit() {
                Run::Digits(count)
            } else {
                Run::Letters(count)
            }
        })
}

/// Whether what stands directly before ties the group to something longer: a letter of another script, a sign that
/// joins it to letters or digits, or an underscore.
fn is_tied_before(text: &str, group: &Group) -> bool {
    let before = &text[..group.start];
    let mut characters = before.chars().rev();
    match characters.next() {
        None => false,
        Some('_' | '$' | '\u{20ac}' | '\u{a3}' | '\u{a5}') => true,
        Some('-' | '.' | '/' | '+' | ':' | ',') => {
            characters.next().is_some_and(|next| next.is_ascii_digit())
        }
        Some(letter) => is_cased(letter),
    }
}

/// Whether what stands directly after ties a window to something longer.
fn is_tied_after(text: &str, end: usize) -> bool {
    let mut characters = text[end..].chars();
    match characters.next() {
        None => false,
        Some('_' | '%') => true,
        Some('-' | '.' | '/' | ':' | ',' | '\u{2011}' | '\u{2013}') => {
            characters.next().is_some_and(|next| next.is_ascii_digit())
        }
        Some(letter) => is_cased(letter),
    }
}

/// Whether a character is a letter of a script that separates words by spaces, so that it belongs to the word next to it.
fn is_cased(character: char) -> bool {
    character.is_alphabetic() && (character.is_lowercase() || character.is_uppercase())
}

/// The separator that ends at `end`, in its plain form, with where it begins.
fn separator_before(bytes: &[u8], end: usize) -> Option<(u8, usize)> {
    let before = &bytes[..end];
    let (plain, length) = match before {
        [.., b' '] => (b' ', 1),
        [.., sign @ (b'-' | b'.' | b'/')] => (*sign, 1),
        [.., 0xc2, 0xa0] => (b' ', 2),
        [.., 0xe2, 0x80, 0xaf | 0x89] => (b' ', 3),
        [.., 0xe2, 0x80, 0x91 | 0x93] => (b'-', 3),
        _ => return None,
    };
    Some((plain, end - length))
}

/// The separator that begins at `start`, in its plain form, with where it ends.
fn separator_after(bytes: &[u8], start: usize) -> Option<(u8, usize)> {
    let (plain, length) = match &bytes[start..] {
        [b' ', ..] => (b' ', 1),
        [sign @ (b'-' | b'.' | b'/' | b'+'), ..] => (*sign, 1),
        [0xc2, 0xa0, ..] => (b' ', 2),
        [0xe2, 0x80, 0xaf | 0x89, ..] => (b' ', 3),
        [0xe2, 0x80, 0x91 | 0x93, ..] => (b'-', 3),
        _ => return None,
    };
    Some((plain, start + length))
}

/// Where the run of letters and digits that ends at `end` begins, looking back at most `length_max` bytes.
fn run_start(bytes: &[u8], end: usize, length_max: usize) -> usize {
    let back = bytes[..end]
        .iter()
        .rev()
        .take(length_max)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    end - back
}

/// Where the run of letters and digits that begins at `start` ends.
fn run_end(bytes: &[u8], start: usize) -> usize {
    start
        + bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()
}
