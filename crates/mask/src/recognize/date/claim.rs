//! Whether a word of birth speaks of this date or of another one in its line.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::RECOGNIZERS;
use crate::find::context::fold;

/// How many bytes before a date are looked at, as for context.
const BEFORE: usize = 72;
/// How many bytes after it.
const AFTER: usize = 32;
/// A word of birth that begins many other words of its language (student, activity, living), so that it counts only
/// directly before a date.
const DIRECT: &str = "sinh";
/// How many words may stand between a word of birth and a short date.
const SHORT_WORDS_MAX: usize = 2;

/// Whether a word of birth near the date speaks of it. Where no such word stands in the text, the field's name spoke.
/// A short date (two digits of a year, or no separators) is claimed only from close by.
pub(super) fn is_claimed(text: &str, date: &Range<usize>, is_short: bool) -> bool {
    let from = text.floor_char_boundary(date.start.saturating_sub(BEFORE));
    let before = &text[from..date.start];
    let before = fold(
        before
            .rfind('\n')
            .map_or(before, |line| &before[line + 1..]),
    );
    let to = text.ceil_char_boundary((date.end + AFTER).min(text.len()));
    let after = &text[date.end..to];
    let after = fold(after.find('\n').map_or(after, |line| &after[..line]));
    match (last_word(&before), first_word(&after)) {
        (Some(word), _)
            if reaches_forward(&before[word.clone()], &before[word.end..], is_short) =>
        {
            true
        }
        (_, Some(word)) if after[word.clone()] != *DIRECT => {
            reaches_back(&after[..word.start], &after[word.end..])
        }
        (None, None) => true,
        _ => false,
    }
}

/// Whether a word of birth reaches over these words to the date after them.
fn reaches_forward(word: &str, between: &str, is_short: bool) -> bool {
    if is_list(between) {
        return true;
    }
    let words = between
        .split(|character: char| !character.is_alphabetic())
        .filter(|word| !word.is_empty())
        .count();
    if (word == DIRECT && words > 0) || (is_short && words > SHORT_WORDS_MAX) {
        return false;
    }
    !has_barrier(between) && !has_year(between)
}

/// Whether a word of birth after a date means it: nothing of another sentence, no time and no other date lies between, and
/// the word is not the label of what follows it.
fn reaches_back(between: &str, following: &str) -> bool {
    let own = following
        .trim_start_matches(|sign: char| !sign.is_alphanumeric() && sign != '\n')
        .trim_start_matches("is ")
        .trim_start_matches("on ");
    let has_own = own.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let is_label = following
        .trim_start_matches(['"', '\'', '*', ' ', ')'])
        .starts_with([':', '=']);
    let has_digit = between.bytes().any(|byte| byte.is_ascii_digit());
    !has_own && !is_label && !has_digit && !has_barrier(between)
}

/// Whether only dates and what joins them stands in a text.
fn is_list(between: &str) -> bool {
    between
        .split(|character: char| !character.is_alphabetic())
        .filter(|word| !word.is_empty())
        .all(|word| {
            matches!(
                word,
                "date" | "dates" | "and" | "va" | "or" | "und" | "y" | "et" | "e"
            )
        })
        && !between.contains(['.', '"', '\'', '|', '{', ';'])
}

/// Whether a sentence ends, or a word begins that speaks of something other than birth.
fn has_barrier(between: &str) -> bool {
    let ends_sentence = between
        .match_indices(['.', '!', '?', ';'])
        .any(|(at, sign)| {
            let is_abbreviation = sign == "."
                && between[..at]
                    .rsplit(' ')
                    .next()
                    .is_some_and(|word| (1..=2).contains(&word.len()));
            between[at + 1..].starts_with(' ') && !is_abbreviation
        });
    ends_sentence || places(&OTHER, between).next().is_some()
}

/// Whether a year stands in a text.
fn has_year(between: &str) -> bool {
    between
        .as_bytes()
        .chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit())
        .any(|run| run.len() == 4 && run[0].is_ascii_digit())
}

/// The words of birth.
static BIRTH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = RECOGNIZERS.iter().flat_map(|recognizer| recognizer.context);
    AhoCorasick::new(words).ok()
});

/// The words that speak of something other than birth.
static OTHER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = RECOGNIZERS.iter().flat_map(|recognizer| recognizer.against);
    AhoCorasick::new(words).ok()
});

/// The last word of birth in a folded text.
fn last_word(text: &str) -> Option<Range<usize>> {
    places(&BIRTH, text).max_by_key(|range| (range.end, range.len()))
}

/// The first word of birth in a folded text.
fn first_word(text: &str) -> Option<Range<usize>> {
    places(&BIRTH, text).min_by_key(|range| (range.start, std::cmp::Reverse(range.len())))
}

/// Where phrases stand in a text as words of their own.
fn places<'t>(
    phrases: &'static LazyLock<Option<AhoCorasick>>,
    text: &'t str,
) -> impl Iterator<Item = Range<usize>> + 't {
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    phrases
        .iter()
        .flat_map(move |automaton| automaton.find_overlapping_iter(text))
        .map(|found| found.range())
        .filter(move |range| {
            !is_part(text.as_bytes()[..range.start].last())
                && !is_part(text.as_bytes().get(range.end))
        })
}
