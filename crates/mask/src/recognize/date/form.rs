//! Forms of dates, and the calendar.

use std::ops::Range;

use super::month;

/// The years that a date of birth may have.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2029;
/// The same years in the Buddhist era.
const BUDDHIST: std::ops::RangeInclusive<u32> = 2443..=2572;
/// The most bytes of a month's name.
const NAME_LENGTH_MAX: usize = 32;

/// A date in a text.
pub(super) struct Date {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// Its year has two digits, or nothing separates its parts.
    pub(super) is_short: bool,
}

/// The date whose first digits begin at `start`; a month's name may stand before them.
pub(super) fn date(text: &str, start: usize) -> Option<Date> {
    let first = digits(text, start);
    if first.is_empty() || first.len() > 8 || is_tied_before(text, start) {
        return None;
    }
    let (end, is_short, begin) = match first.len() {
        8 => compact(text, first.clone())?,
        4 => year_first(text, first.clone())?,
        1 | 2 => era(text, first.clone())
            .or_else(|| month_named_before(text, first.clone()))
            .or_else(|| day_first(text, first.clone()))
            .or_else(|| month_named(text, first.clone()))
            .or_else(|| vietnamese(text, first.clone()))?,
        _ => return None,
    };
    (!is_tied_after(text, end)).then_some(Date {
        range: begin..end,
        is_short,
    })
}

/// Where a form ends, whether it is short, and where it begins.
type Found = (usize, bool, usize);

/// `19850312`.
fn compact(text: &str, run: Range<usize>) -> Option<Found> {
    let parts =
        [0..4, 4..6, 6..8].map(|part| value(text, run.start + part.start..run.start + part.end));
    let day_first =
        [4..8, 2..4, 0..2].map(|part| value(text, run.start + part.start..run.start + part.end));
    (is_day(parts[0], parts[1], parts[2]) || is_day(day_first[0], day_first[1], day_first[2]))
        .then_some((run.end, true, run.start))
}

/// `1985-03-12`, `1985/3/12`, `1985.03.12`, and with the characters for year, month and day.
fn year_first(text: &str, year: Range<usize>) -> Option<Found> {
    let (sign, month_at) = separator(text, year.end)
        .or_else(|| character(text, year.end, ['\u{5e74}', '\u{b144}']))?;
    let month = digits(text, month_at);
    let (second, day_at) = separator(text, month.end)
        .or_else(|| character(text, month.end, ['\u{6708}', '\u{c6d4}']))?;
    let day = digits(text, day_at);
    let is_written = matches!(sign, '\u{5e74}' | '\u{b144}');
    if (sign != second && !is_written) || !is_part(&month) || !is_part(&day) {
        return None;
    }
    let end = if is_written {
        let end = character(text, day.end, ['\u{65e5}', '\u{c77c}'])
            .map(|(sign, _)| day.end + sign.len_utf8());
        end?
    } else {
        day.end
    };
    is_day(
        value(text, year.clone()),
        value(text, month),
        value(text, day),
    )
    .then_some((end, false, year.start))
}

/// `12/03/1985`, `03/12/1985`, `12.3.1985`, `12-03-85`, `12 03 1985`.
fn day_first(text: &str, first: Range<usize>) -> Option<Found> {
    let (sign, second_at) = separator(text, first.end)?;
    let second = digits(text, second_at);
    let (other, year_at) = separator(text, second.end)?;
    let year_run = digits(text, year_at);
    if sign != other
        || !is_part(&second)
        || !matches!(year_run.len(), 2 | 4)
        || (sign == ' ' && year_run.len() == 2)
    {
        return None;
    }
    let (one, two) = (value(text, first.clone()), value(text, second));
    let (year, is_short) = whole_year(text, &year_run);
    (is_day(year, two, one) || is_day(year, one, two)).then_some((
        year_run.end,
        is_short || sign == ' ',
        first.start,
    ))
}

/// A year of a Japanese era with the characters for year, month and day. The eras began in 1868, 1912, 1926, 1989 and 2019.
fn era(text: &str, year: Range<usize>) -> Option<Found> {
    const ERAS: [(&str, u32); 5] = [
        ("\u{660e}\u{6cbb}", 1868),
        ("\u{5927}\u{6b63}", 1912),
        ("\u{662d}\u{548c}", 1926),
        ("\u{5e73}\u{6210}", 1989),
        ("\u{4ee4}\u{548c}", 2019),
    ];
    let before = text[..year.start].trim_end_matches(' ');
    let (name, first) = ERAS.iter().find(|(name, _)| before.ends_with(name))?;
    let (_, month_at) = character(text, year.end, ['\u{5e74}', '\u{5e74}'])?;
    let month = digits(text, month_at);
    let (_, day_at) = character(text, month.end, ['\u{6708}', '\u{6708}'])?;
    let day = digits(text, day_at);
    let (sign, _) = character(text, day.end, ['\u{65e5}', '\u{65e5}'])?;
    let end = day.end + sign.len_utf8();
    (is_part(&month)
        && is_part(&day)
        && is_day(
            (first + value(text, year)).saturating_sub(1),
            value(text, month),
            value(text, day),
        ))
    .then_some((end, false, before.len() - name.len()))
}

/// `12 March 1985`, `12th of March, 1985`, `12-Mar-1985`, `12. Maerz 1985`, `12 de marzo de 1985`.
fn month_named(text: &str, day: Range<usize>) -> Option<Found> {
    let at = gap(text, after_ordinal(text, day.end));
    let at = after_word(text, at, &["of", "de", "d'"]);
    let name = letters(text, at);
    let month = month::number(text.get(name.clone())?)?;
    let at = gap(text, name.end);
    let at = after_word(text, at, &["of", "de", "del"]);
    let year_run = digits(text, at);
    let (year, is_short) = whole_year(text, &year_run);
    (at > name.end
        && matches!(year_run.len(), 2 | 4)
        && is_day(year, month, value(text, day.clone())))
    .then_some((year_run.end, is_short, day.start))
}

/// `March 12, 1985`, `Mar 12th 1985`.
fn month_named_before(text: &str, day: Range<usize>) -> Option<Found> {
    let before = text[..day.start].trim_end_matches([' ', '-', '.']);
    if day.start - before.len() > 2 || before.len() == day.start {
        return None;
    }
    let from = before.floor_char_boundary(before.len().saturating_sub(NAME_LENGTH_MAX));
    let name = before[from..]
        .char_indices()
        .rev()
        .take_while(|(_, character)| character.is_alphabetic())
        .last()
        .map(|(at, _)| from + at)?;
    let month = month::number(&before[name..])?;
    let after_day = after_ordinal(text, day.end);
    let at = gap(text, after_day);
    let year_run = digits(text, at);
    (at > after_day
        && year_run.len() == 4
        && is_day(value(text, year_run.clone()), month, value(text, day)))
    .then_some((year_run.end, false, name))
}

/// `12 thang 3 nam 1985`, `12 thang 3, 1985`, with or without diacritics, composed or not.
fn vietnamese(text: &str, day: Range<usize>) -> Option<Found> {
    let at = after_word(
        text,
        gap(text, day.end),
        &["th\u{e1}ng", "tha\u{301}ng", "thang", "Th\u{e1}ng", "Thang"],
    );
    let month = digits(text, at);
    if at == gap(text, day.end) || !is_part(&month) {
        return None;
    }
    let at = gap(text, month.end);
    let at = after_word(text, at, &["n\u{103}m", "na\u{306}m", "nam", "N\u{103}m"]);
    let year_run = digits(text, at);
    (at > month.end
        && year_run.len() == 4
        && is_day(
            value(text, year_run.clone()),
            value(text, month),
            value(text, day.clone()),
        ))
    .then_some((year_run.end, false, day.start))
}

/// Whether the calendar has such a day. With the Gregorian rule of leap years (ISO 8601, 3.1.1.19).
pub(super) fn is_day(year: u32, month: u32, day: u32) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    YEARS.contains(&year) && (1..=days).contains(&day)
}

/// The year of a run, and whether it had two digits: those are taken for the year of a century in which the day exists.
fn whole_year(text: &str, run: &Range<usize>) -> (u32, bool) {
    let year = value(text, run.clone());
    match run.len() {
        2 if year.is_multiple_of(4) => (2000 + year, true),
        2 => (1900 + year, true),
        // The Buddhist era, which is usual in Thailand.
        _ if BUDDHIST.contains(&year) => (year - 543, false),
        _ => (year, false),
    }
}

/// Whether a run may be a day or a month.
fn is_part(run: &Range<usize>) -> bool {
    matches!(run.len(), 1 | 2)
}

/// The run of digits at a place; at most nine.
fn digits(text: &str, at: usize) -> Range<usize> {
    let count = text.as_bytes()[at..]
        .iter()
        .take(9)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    at..at + count
}

/// The run of letters at a place.
fn letters(text: &str, at: usize) -> Range<usize> {
    let length: usize = text[at..]
        .chars()
        .take(NAME_LENGTH_MAX)
        .take_while(|character| character.is_alphabetic())
        .map(char::len_utf8)
        .sum();
    at..at + length
}

/// The number that a run of digits is.
fn value(text: &str, run: Range<usize>) -> u32 {
    text.as_bytes()[run].iter().fold(0, |value, byte| {
        value * 10 + u32::from(byte.wrapping_sub(b'0'))
    })
}

/// The separator of a date's parts at a place, in its plain form, with where the next part begins.
fn separator(text: &str, at: usize) -> Option<(char, usize)> {
    let (plain, length) = match text.as_bytes().get(at..)? {
        [b' ', sign @ (b'/' | b'-' | b'.'), b' ', ..] => (char::from(*sign), 3),
        [b'.', b' ', b'0'..=b'9', ..] => ('.', 2),
        [sign @ (b'/' | b'-' | b'.' | b' '), ..] => (char::from(*sign), 1),
        [0xc2, 0xa0, ..] => (' ', 2),
        [0xe2, 0x80, 0x91 | 0x93, ..] => ('-', 3),
        _ => return None,
    };
    Some((plain, at + length))
}

/// One of these characters at a place, with where the next part begins after a space.
fn character(text: &str, at: usize, which: [char; 2]) -> Option<(char, usize)> {
    let sign = text
        .get(at..)?
        .chars()
        .next()
        .filter(|sign| which.contains(sign))?;
    let next = at + sign.len_utf8();
    Some((sign, next + usize::from(text[next..].starts_with(' '))))
}

/// The place after the signs that may stand between a day, a month's name and a year.
fn gap(text: &str, at: usize) -> usize {
    at + text.as_bytes()[at..]
        .iter()
        .take(2)
        .take_while(|byte| matches!(byte, b' ' | b'-' | b'.' | b',' | b'/'))
        .count()
}

/// The place after the ending of an ordinal number.
fn after_ordinal(text: &str, at: usize) -> usize {
    let is_ending = text.as_bytes().get(at..at + 2).is_some_and(|ending| {
        [b"st", b"nd", b"rd", b"th", b"er"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(*known))
    });
    let ends = !text
        .as_bytes()
        .get(at + 2)
        .is_some_and(u8::is_ascii_alphanumeric);
    if is_ending && ends { at + 2 } else { at }
}

/// The place after one of these words and a space, or the same place.
fn after_word(text: &str, at: usize, words: &[&str]) -> usize {
    words
        .iter()
        .find(|word| text.get(at..).is_some_and(|rest| rest.starts_with(*word)))
        .map(|word| at + word.len())
        .filter(|end| text[*end..].starts_with(' '))
        .map_or(at, |end| end + 1)
}

/// Whether the digits at a place belong to something longer that begins before it.
fn is_tied_before(text: &str, start: usize) -> bool {
    let mut characters = text[..start].chars().rev();
    let last = characters.next();
    let next = characters.next();
    match last {
        Some('_' | '#' | '$' | '@' | '+') => true,
        // A comma stands between the cells of a table; no date goes on after one.
        Some('-' | '/' | '.' | ':') => next.is_some_and(|next| next.is_ascii_digit()),
        Some(letter) => letter.is_ascii_alphanumeric(),
        None => false,
    }
}

/// Whether a date that ends at a place goes on in something longer. A time may follow it, as in ISO 8601.
fn is_tied_after(text: &str, end: usize) -> bool {
    let mut characters = text[end..].chars();
    let first = characters.next();
    let next = characters.next();
    match first {
        Some('T' | 't') => !next.is_some_and(|next| next.is_ascii_digit()),
        Some('-' | '/' | '.' | '\u{2011}') => next.is_some_and(char::is_alphanumeric),
        Some('_' | '%') => true,
        Some(letter) => letter.is_ascii_alphanumeric(),
        None => false,
    }
}
