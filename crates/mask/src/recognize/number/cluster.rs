//! Groups of letters and digits that may together be one number.
//!
//! A cluster begins at a word with a digit and takes in the groups that follow it with one separator between two of
//! them, and up to two short words of letters before it (`AB 12 34 56 C`). Every window of groups whose shape is known
//! becomes a candidate, if nothing before or after ties it to something longer ([`super::ties`]).
//!
//! Nothing here allocates.

use crate::find::Offers;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::shapes::{KnownForm, Place, Run, ShapeTable};
use crate::recognize::number::ties::{self, Tie};
use crate::recognize::number::{Check, Shaped};
use crate::{Entity, Score};

/// The most groups that are looked at together. Bounds the work for a long list of numbers.
const GROUPS_MAX: usize = 24;
/// The most characters of a group; longer ones are no part of a number of a fixed shape.
const GROUP_LENGTH_MAX: usize = 30;
/// The most letters of a word that may stand before the first digit of a number, or between two groups of it.
const LETTERS_MAX: usize = 5;
/// The most words of letters that may follow one another in a number.
const LETTER_GROUPS_MAX: usize = 2;
/// The most digits of an international telephone number (E.164 allows 15; these are what follows a plus sign in groups).
const PHONE_DIGITS_MAX: usize = 13;
/// The most letters of a label that is written without a space before a number.
const GLUED_LABEL_MAX: usize = 8;
/// The fewest digits of a number after such a label; fewer make the name of a thing.
const GLUED_DIGITS_MIN: usize = 7;
/// The most windows of one beginning whose shapes are known.
const WINDOWS_MAX: usize = 6;
/// What a form may at most have when a hyphen or the like joins it to a word: only context lifts it then.
const JOINED_MAX: Score = Score::of(30);
/// What a form loses when its letters are small ones. Codes are printed in capitals; small ones are often hexadecimal.
const SMALL_LETTERS: u8 = 20;

/// A run of ASCII letters and digits, and what stands before it.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
    /// The separator between this group and the one before it, in its plain form; 0 for the first one.
    separator: u8,
    has_digit: bool,
}

/// Offers every number of a known shape in the cluster around the group `start..end`, a maximal run of ASCII letters and
/// digits with a digit in it. Gives up to where no group with a digit needs to be looked at again.
pub(crate) fn find(
    text: &str,
    start: usize,
    end: usize,
    table: &ShapeTable,
    shaped: &[&'static Shaped],
    offers: &mut Offers<'_>,
) -> usize {
    if end - start > GROUP_LENGTH_MAX {
        return end;
    }
    let bytes = text.as_bytes();
    // In escaped text a line break is a letter: the `n` of `\n` is no part of the number after it.
    let is_escape = is_escape(bytes, start, end);
    let mut groups = [Group {
        start: start + usize::from(is_escape),
        end,
        separator: 0,
        has_digit: true,
    }; GROUPS_MAX];
    let first = if is_escape {
        0
    } else {
        leading(bytes, &mut groups)
    };
    let count = following(bytes, &mut groups, first + 1);
    // When there may be more groups than were taken in, the last ones are left to the next cluster.
    let looked_at = if count == GROUPS_MAX {
        (count + 1)
            .saturating_sub(table.groups_max)
            .clamp(first + 1, count)
    } else {
        count
    };
    let phone = phone_groups(bytes, &groups[..count]);
    for from in phone..looked_at {
        windows(text, &groups[from..count], false, table, shaped, offers);
    }
    if let Some(number) = after_glued_label(text, start, end, offers) {
        groups[first].start = number;
        windows(text, &groups[first..count], true, table, shaped, offers);
    }
    groups[..looked_at]
        .iter()
        .rev()
        .find(|group| group.has_digit)
        .map_or(end, |group| group.end)
}

/// Where the digits begin in a run `start..end` of a label and a number without a space between: `MST0100109106`.
fn after_glued_label(text: &str, start: usize, end: usize, offers: &Offers<'_>) -> Option<usize> {
    let run = &text.as_bytes()[start..end];
    let letters = run
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let is_labelled = (2..=GLUED_LABEL_MAX).contains(&letters)
        && run.len() >= letters + GLUED_DIGITS_MIN
        && run[letters..].iter().all(u8::is_ascii_digit)
        && !text[..start]
            .ends_with(|character: char| character.is_alphanumeric() || character == '_')
        && offers.is_phrase(&text[start..start + letters]);
    is_labelled.then_some(start + letters)
}

/// Whether the run `start..end` begins with the letter of an escaped line break or tab.
fn is_escape(bytes: &[u8], start: usize, end: usize) -> bool {
    start > 0
        && bytes[start - 1] == b'\\'
        && end - start > 1
        && matches!(bytes[start], b'n' | b'r' | b't')
}

/// Puts up to two short words of letters before the first group, and gives the index of that group then.
fn leading(bytes: &[u8], groups: &mut [Group; GROUPS_MAX]) -> usize {
    let mut found: [Option<Group>; LETTER_GROUPS_MAX] = [None; LETTER_GROUPS_MAX];
    let mut at = groups[0];
    let mut count = 0;
    for place in &mut found {
        let Some((separator, before)) = separator_before(bytes, at.start) else {
            break;
        };
        let mut start = run_start(bytes, before, LETTERS_MAX + 1);
        start += usize::from(is_escape(bytes, start, before));
        let word = &bytes[start..before];
        if word.is_empty() || word.len() > LETTERS_MAX || !word.iter().all(u8::is_ascii_alphabetic)
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
            has_digit: false,
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
fn following(bytes: &[u8], groups: &mut [Group; GROUPS_MAX], mut count: usize) -> usize {
    let mut letter_groups = 0;
    while count < GROUPS_MAX {
        let Some((separator, start)) = separator_after(bytes, groups[count - 1].end) else {
            break;
        };
        let end = run_end(bytes, start, GROUP_LENGTH_MAX + 1);
        let run = &bytes[start..end];
        if run.is_empty() || run.len() > GROUP_LENGTH_MAX {
            break;
        }
        let has_digit = run.iter().any(u8::is_ascii_digit);
        letter_groups = if has_digit { 0 } else { letter_groups + 1 };
        if letter_groups > LETTER_GROUPS_MAX || !has_digit && run.len() > LETTERS_MAX {
            break;
        }
        groups[count] = Group {
            start,
            end,
            separator,
            has_digit,
        };
        count += 1;
    }
    count
}

/// How many groups from the first on are a telephone number after a plus sign.
fn phone_groups(bytes: &[u8], groups: &[Group]) -> usize {
    let Some(first) = groups.first() else {
        return 0;
    };
    if first.start == 0 || bytes[first.start - 1] != b'+' {
        return 0;
    }
    let mut digits = 0;
    groups
        .iter()
        .take_while(|group| {
            let run = &bytes[group.start..group.end];
            digits += run.len();
            digits <= PHONE_DIGITS_MAX && run.iter().all(u8::is_ascii_digit)
        })
        .count()
}

/// Offers every window that begins with the first of these groups and has a known shape.
fn windows(
    text: &str,
    groups: &[Group],
    is_labelled: bool,
    table: &ShapeTable,
    shaped: &[&'static Shaped],
    offers: &mut Offers<'_>,
) {
    let Some(first) = groups.first() else { return };
    let bytes = text.as_bytes();
    let mut place = Place::START;
    let mut known = [(0_u8, Place::START); WINDOWS_MAX];
    let mut count = 0;
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            match table.after(place, Run::separator(group.separator)) {
                Some(next) => place = next,
                None => break,
            }
        }
        match after_group(table, place, &bytes[group.start..group.end]) {
            Some(next) => place = next,
            None => break,
        }
        if !table.ending(place).is_empty() && count < WINDOWS_MAX {
            known[count] = (index as u8, place);
            count += 1;
        }
    }
    if count == 0 {
        return;
    }
    let before = if is_labelled {
        Tie::Free
    } else {
        ties::before(text, first.start, first.end)
    };
    if before == Tie::Tied {
        return;
    }
    let mut refused = Refused::default();
    for (index, place) in known[..count].iter().rev() {
        let index = usize::from(*index);
        let end = groups[index].end;
        let tie = before.max(ties::after(text, first.start, end));
        if tie != Tie::Tied && !ties::is_amount(text, first.start, end) {
            let window = Window {
                range: first.start..end,
                tie,
                is_in_row: is_in_row(bytes, &groups[..=index], groups.get(index + 1)),
            };
            let forms = table.ending(*place);
            offer(text, window, Known { forms, shaped }, &mut refused, offers);
        }
    }
}

/// Whether groups of digits with spaces between are a part of a longer row of numbers: another group of digits follows
/// after a space, or stands before it. Such a row has pieces of every shape.
fn is_in_row(bytes: &[u8], window: &[Group], next: Option<&Group>) -> bool {
    let is_digits = |group: &Group| bytes[group.start..group.end].iter().all(u8::is_ascii_digit);
    let Some(first) = window.first() else {
        return false;
    };
    let is_spaced = window.len() > 1 && window[1..].iter().all(|group| group.separator == b' ');
    is_spaced
        && window.iter().all(is_digits)
        && (next.is_some_and(|next| next.separator == b' ' && is_digits(next))
            || matches!(bytes[..first.start], [.., b'0'..=b'9', b' ']))
}

/// What a window was taken from.
struct Window {
    range: std::ops::Range<usize>,
    tie: Tie,
    is_in_row: bool,
}

/// The entities for which a longer window of the same beginning was refused: a shorter one of the same kind would be a
/// piece of a mistyped number.
#[derive(Default)]
struct Refused {
    entities: [Option<Entity>; WINDOWS_MAX],
    count: usize,
}

impl Refused {
    fn holds(&self, entity: Entity) -> bool {
        self.entities[..self.count].contains(&Some(entity))
    }

    fn add(&mut self, entity: Entity) {
        if self.count < WINDOWS_MAX && !self.holds(entity) {
            self.entities[self.count] = Some(entity);
            self.count += 1;
        }
    }
}

/// The forms of one window's shape, and all recognizers.
#[derive(Clone, Copy)]
struct Known<'t> {
    forms: &'t [KnownForm],
    shaped: &'t [&'static Shaped],
}

/// Lets the recognizers of these forms check a window, and offers it for those that accept it.
fn offer(
    text: &str,
    window: Window,
    known: Known<'_>,
    refused: &mut Refused,
    offers: &mut Offers<'_>,
) {
    let range = window.range;
    let Some(compact) = Compact::of(&text[range.clone()]) else {
        return;
    };
    let written = compact.written.as_bytes();
    let has_small = written.iter().any(u8::is_ascii_lowercase);
    let is_mixed = has_small && written.iter().any(u8::is_ascii_uppercase);
    let mut refused_here = Refused::default();
    let mut accepted = Refused::default();
    for form in known.forms {
        let mut bare = form.bare;
        if has_small {
            bare = bare.lowered(SMALL_LETTERS);
        }
        if window.tie == Tie::Joined || window.is_in_row {
            bare = bare.min(JOINED_MAX);
        }
        let entity = known.shaped[form.shaped].facts.entity;
        let check = if is_mixed {
            Check::Invalid("it has capitals and small letters")
        } else if refused.holds(entity) {
            Check::Invalid("it is the beginning of a longer number that is wrong")
        } else {
            (known.shaped[form.shaped].check)(&compact)
        };
        match check {
            Check::Invalid(why) => {
                refused_here.add(entity);
                offers.reject(form.recognizer, range.clone(), why);
            }
            Check::Plausible => {
                accepted.add(entity);
                offers.offer(form.recognizer, range.clone(), bare);
            }
            Check::Valid => {
                accepted.add(entity);
                offers.offer_valid(form.recognizer, range.clone(), bare);
            }
        }
    }
    for entity in refused_here.entities[..refused_here.count].iter().flatten() {
        if !accepted.holds(*entity) {
            refused.add(*entity);
        }
    }
}

/// The place after the runs of letters and digits of one group.
fn after_group(table: &ShapeTable, mut place: Place, group: &[u8]) -> Option<Place> {
    for run in group.chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit()) {
        let run = if run[0].is_ascii_digit() {
            Run::digits(run.len())
        } else {
            Run::letters(run.len())
        };
        place = table.after(place, run)?;
    }
    Some(place)
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

/// Where the run of letters and digits that begins at `start` ends, looking at most `length_max` bytes ahead.
fn run_end(bytes: &[u8], start: usize, length_max: usize) -> usize {
    start
        + bytes[start..]
            .iter()
            .take(length_max)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()
}

#[cfg(test)]
mod tests;
