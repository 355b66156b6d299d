//! Payment cards (ISO/IEC 7812).
//!
//! A number counts when its first digits belong to an issuer whose cards have so many digits, and its check digit is
//! right. How it is written decides how sure that is: in the groups of a card it can hardly be anything else; without
//! groups one in ten numbers of an issuer's range passes by chance, so that words such as "order" speak against it.

use std::ops::Range;

use super::issuer::{Issuer, Network};
use super::separator::Separator;
use super::{CARD, edge};
use crate::Score;
use crate::find::Offers;
use crate::recognize::number::compact::Compact;

/// The fewest digits of a card.
const LENGTH_MIN: usize = 12;
/// The most digits of a card (ISO/IEC 7812-1).
const LENGTH_MAX: usize = 19;
/// The most groups that are read: two cards and a bit.
const GROUPS_MAX: usize = 12;
/// As many groups may follow a card in the same line: an expiry date and a security code.
const TRAILING_MAX: usize = 2;
/// What a number loses that looks like a part of a longer one.
const PART_COST: u8 = 40;
/// What a number in groups loses that is separated by dots.
const DOT_COST: u8 = 20;

/// How cards are grouped, with the score of the form. Of several that fit, the best score counts.
const GROUPINGS: &[(&[usize], u8)] = &[
    (&[4, 4, 4, 4], 85),
    (&[4, 6, 5], 85),
    (&[4, 6, 4], 80),
    (&[4, 4, 4, 4, 3], 75),
    (&[4, 4, 4, 3], 65),
    (&[4, 4, 4, 2], 60),
    (&[4, 4, 4, 4, 2], 60),
    (&[4, 4, 4, 4, 1], 45),
    (&[4, 4, 5], 50),
    (&[4, 5, 6], 60),
    (&[6, 13], 45),
    (&[4, 3, 3, 3], 45),
    (&[4, 4, 4, 1], 45),
    (&[8, 8], 45),
    (&[4, 4, 4], 40),
];

/// From this score on a grouping is one that cards are printed with.
const USUAL: u8 = 75;

/// Groups of digits with separators of one kind between them.
struct Groups {
    ranges: [(usize, usize); GROUPS_MAX],
    count: usize,
    separator: Option<Separator>,
}

/// Offers the card that begins with the word `start..end`, and gives its end. A card that ended at `previous` is no part of
/// this one.
pub(super) fn find(
    text: &str,
    start: usize,
    end: usize,
    previous: usize,
    offers: &mut Offers<'_>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    let word = &bytes[start..end];
    if word.len() > LENGTH_MAX
        || !Issuer::begins_with(word[0])
        || !word.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    match word.len() {
        LENGTH_MIN.. => plain(text, start..end, offers),
        4 | 6 | 8 => grouped(text, start, end, previous, offers),
        _ => None,
    }
}

/// Offers a number without groups.
fn plain(text: &str, range: Range<usize>, offers: &mut Offers<'_>) -> Option<usize> {
    let number = Compact::of(&text[range.clone()])?;
    let network = network(&number)?;
    let cost = edge::cost(text, &range)?;
    if !number.passes_luhn() {
        offers.reject(CARD, range, "the check digit is wrong");
        return None;
    }
    let is_article = number.len() == 13 && is_article_number(&number);
    // Cards of thirteen digits are old, but numbers of the clock and of things often have so many. The filler that
    // everybody tests with stays.
    let is_short = number.len() == 13 && number.bytes() != b"4222222222222";
    let score = if is_article {
        25
    } else if is_short {
        network.plain(number.len()).min(45)
    } else {
        network.plain(number.len())
    };
    let end = range.end;
    offers.offer_valid(CARD, range, Score::of(score).lowered(cost));
    Some(end)
}

/// Offers the best of the ways in which a card may be grouped here.
fn grouped(
    text: &str,
    start: usize,
    end: usize,
    previous: usize,
    offers: &mut Offers<'_>,
) -> Option<usize> {
    let groups = Groups::read(text.as_bytes(), start, end);
    let best = GROUPINGS
        .iter()
        .filter_map(|(lengths, score)| {
            let score = groups.score(text, lengths, *score, offers)?;
            Some((score, lengths.len()))
        })
        .max()?;
    let (score, count) = best;
    let range = start..groups.ranges[count - 1].1;
    let mut cost = edge::cost(text, &range)?;
    if groups.continues_beyond(text, count) || is_continued_from(text, start, previous) {
        cost = cost.max(PART_COST);
    }
    if groups.separator == Some(Separator::Dot) {
        cost = cost.max(DOT_COST);
    }
    let end = range.end;
    offers.offer_valid(CARD, range, Score::of(score).lowered(cost));
    Some(end)
}

impl Groups {
    /// The groups from the word `start..end` on.
    fn read(bytes: &[u8], start: usize, end: usize) -> Groups {
        let mut groups = Groups {
            ranges: [(start, end); GROUPS_MAX],
            count: 1,
            separator: None,
        };
        let mut at = end;
        while groups.count < GROUPS_MAX {
            let Some((separator, next)) = Separator::at(bytes, at) else {
                break;
            };
            let digits = bytes[next..]
                .iter()
                .take(LENGTH_MAX + 1)
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let is_group = (1..=LENGTH_MAX).contains(&digits)
                && !bytes
                    .get(next + digits)
                    .is_some_and(u8::is_ascii_alphabetic)
                && *groups.separator.get_or_insert(separator) == separator;
            if !is_group {
                break;
            }
            at = next + digits;
            groups.ranges[groups.count] = (next, at);
            groups.count += 1;
        }
        groups
    }

    /// The score of the card that the first groups are when they have these lengths.
    fn score(
        &self,
        text: &str,
        lengths: &[usize],
        score: u8,
        offers: &mut Offers<'_>,
    ) -> Option<u8> {
        if !self.have(0, lengths) {
            return None;
        }
        let digits: usize = lengths.iter().sum();
        // Only the groupings that cards are printed with may have more digits behind them.
        let is_usual = score >= USUAL;
        if !is_usual && self.count > lengths.len() {
            return None;
        }
        let range = self.ranges[0].0..self.ranges[lengths.len() - 1].1;
        let number = Compact::of(&text[range.clone()])?;
        let network = network(&number)?;
        if !number.passes_luhn() {
            offers.reject(CARD, range, "the check digit is wrong");
            return None;
        }
        Some(match network {
            // Sixteen digits and a security code are likelier than nineteen digits, unless the network has many of those.
            _ if digits == LENGTH_MAX && network.is_often_long() => score.max(60) + 13,
            Network::Uatp => score.min(45),
            _ => score,
        })
    }

    /// Whether the groups from an index on have these lengths.
    fn have(&self, from: usize, lengths: &[usize]) -> bool {
        let ranges = &self.ranges[..self.count];
        ranges.get(from..from + lengths.len()).is_some_and(|part| {
            part.iter()
                .zip(lengths)
                .all(|((start, end), length)| end - start == *length)
        })
    }

    /// Whether so many groups are the beginning of something longer: more follow than belong to a card, and they are not
    /// another card.
    fn continues_beyond(&self, text: &str, count: usize) -> bool {
        if self.count - count <= TRAILING_MAX {
            return false;
        }
        let is_card = GROUPINGS
            .iter()
            .filter(|(lengths, score)| *score >= USUAL && self.have(count, lengths))
            .any(|(lengths, _)| {
                let range = self.ranges[count].0..self.ranges[count + lengths.len() - 1].1;
                Compact::of(&text[range])
                    .is_some_and(|number| network(&number).is_some() && number.passes_luhn())
            });
        !is_card
    }
}

/// Whether groups stand before the first one as if all were parts of one number: letters and digits together, or two groups
/// of digits, and not the end of another card.
fn is_continued_from(text: &str, start: usize, previous: usize) -> bool {
    let bytes = text.as_bytes();
    let Some((end, length, has_letters)) = run_before(bytes, start) else {
        return false;
    };
    if end == previous || length < 4 {
        return false;
    }
    has_letters
        || run_before(bytes, end - length)
            .is_some_and(|(_, length, has_letters)| length >= 3 && !has_letters)
}

/// The run of letters and digits, with a digit in it, that a separator joins to what begins at `start`: its end, its length
/// and whether it has letters.
fn run_before(bytes: &[u8], start: usize) -> Option<(usize, usize, bool)> {
    let (_, end) = Separator::before(bytes, start)?;
    let run = bytes[..end]
        .iter()
        .rev()
        .take(LENGTH_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric());
    let (length, digits) = run.fold((0, 0), |(length, digits), byte| {
        (length + 1, digits + usize::from(byte.is_ascii_digit()))
    });
    (digits > 0).then_some((end, length, digits < length))
}

/// The network whose issuers give out numbers like this one.
fn network(number: &Compact<'_>) -> Option<Network> {
    if number.is_one_character() {
        return None;
    }
    let prefix = u32::try_from(number.number(0..6)).ok()?;
    Issuer::of(prefix, number.len()).map(|issuer| issuer.network)
}

/// Whether thirteen digits are an article number: digits at even places count three times, and all make up a multiple of ten
/// (GS1 General Specifications, 7.9).
fn is_article_number(number: &Compact<'_>) -> bool {
    number
        .weighted(&[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1])
        .is_multiple_of(10)
}
