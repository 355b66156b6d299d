//! From windows of groups to candidates.

use rlibphonenumber::Region;

use super::groups::{Cluster, Group, Joint};
use super::ties::{self, Tie};
use super::valid::Standing;
use super::{PHONE, extension, forms, valid};
use crate::Score;
use crate::find::Offers;

/// The most groups of one number: `+33 (0)6 12 34 56 78` has seven.
const GROUPS_MAX: usize = 7;
/// The most and fewest digits of a candidate, with `00` before it.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=17;
/// The most regions under whose rules one window is validated. Bounds the work for digits that are no number.
const VALIDATIONS_MAX: usize = 8;
/// How much less a national number counts that stands among other groups of digits.
const AMONG_DIGITS: u8 = 15;
/// The same for groups of four among groups, as account and identity numbers have them.
const AMONG_FOURS: u8 = 60;
/// The score of a grouping from which on it tells a telephone number that nobody was given.
const TELLING: u8 = 50;
/// The score of such a number without a word beside it: too low to count.
const POSSIBLE: u8 = 25;

/// Offers the telephone numbers of a cluster, from left to right. Gives where the cluster, with an extension, ends.
///
/// A number that nobody was given counts only where no other one is in the cluster: with a plus it says itself what it is,
/// without one a word beside it must.
pub(super) fn offer_all(
    text: &str,
    cluster: &Cluster,
    is_labelled: bool,
    offers: &mut Offers<'_>,
) -> usize {
    let groups = cluster.groups();
    let mut end = groups.last().map_or(0, |last| last.outer_end());
    let (mut from, mut doubtful, mut is_found) = (0, None, false);
    while from < groups.len() {
        let to = (from + 1..=groups.len().min(from + GROUPS_MAX)).rev();
        let windows = to.filter(|to| cluster.may_part(from) && cluster.may_part(*to));
        let windows = windows.map(|to| Window {
            text,
            groups,
            from,
            to,
            is_labelled,
        });
        match longest(windows, offers) {
            Some(found) if found.standing == Standing::InUse || groups[from].plus => {
                offers.offer(PHONE, found.range.clone(), found.score);
                (from, end, is_found) = (found.to, end.max(found.range.end), true);
            }
            found => {
                doubtful = doubtful.or(found);
                from += 1;
            }
        }
    }
    if let Some(found) = doubtful.filter(|_| !is_found)
        && offers.has_context(PHONE, &found.range)
    {
        end = end.max(found.range.end);
        offers.offer(PHONE, found.range, found.score);
    }
    end
}

/// The longest window that is a number in use, else the longest one that might be.
fn longest<'a>(
    windows: impl Iterator<Item = Window<'a>>,
    offers: &mut Offers<'_>,
) -> Option<Found> {
    let mut possible = None;
    for window in windows {
        match window.look(offers) {
            Some(found) if found.standing == Standing::InUse => return Some(found),
            found => possible = possible.or(found),
        }
    }
    possible
}

/// A window that is a number.
struct Found {
    /// The index of the group after it.
    to: usize,
    range: std::ops::Range<usize>,
    score: Score,
    standing: Standing,
}

/// Some groups of a cluster that may be a number.
struct Window<'a> {
    text: &'a str,
    groups: &'a [Group],
    from: usize,
    to: usize,
    /// A label is glued to the first group of the cluster.
    is_labelled: bool,
}

impl Window<'_> {
    /// What the window is, if it is a number.
    fn look(&self, offers: &mut Offers<'_>) -> Option<Found> {
        let groups = &self.groups[self.from..self.to];
        let (first, last) = (groups.first()?, groups.last()?);
        let mut buffer = [0; 24];
        let brackets = brackets(groups)?;
        let digits = digits_of(self.text, groups, brackets, &mut buffer)?;
        let has_own_brackets = brackets == Some(0) && groups.len() > 1;
        let start = if has_own_brackets {
            first.outer_start()
        } else {
            first.start - usize::from(first.plus)
        };
        let end = if brackets == Some(groups.len() - 1) && groups.len() > 1 {
            last.outer_end()
        } else {
            last.end
        };
        let extension = (self.to == self.groups.len())
            .then(|| extension::end(self.text, end))
            .flatten();
        let ended = extension.unwrap_or(end);
        let mut penalty = self.penalty(start, ended)?;
        let (bare, standing) = if first.plus {
            international(digits, groups)?
        } else if let Some(abroad) = digits.strip_prefix("+00") {
            (dialled(abroad, groups.len() == 1, offers)?, Standing::InUse)
        } else {
            penalty += self.among_digits(brackets);
            self.national(digits, groups, brackets, start..ended, offers)?
        };
        Some(Found {
            to: self.to,
            range: start..ended,
            score: Score::of(bare).lowered(penalty),
            standing,
        })
    }

    /// What the signs directly before and after take from the score, or nothing if they tie the window.
    fn penalty(&self, start: usize, end: usize) -> Option<u8> {
        let first = &self.groups[self.from];
        let before = if self.from > 0 || self.is_labelled {
            Tie::Free
        } else {
            ties::before(self.text, start, first.len())
        };
        let after = if self.to < self.groups.len() {
            Tie::Free
        } else {
            let next = if self.text[end..].starts_with(')') {
                end + 1
            } else {
                end
            };
            ties::after(self.text, next)
        };
        [before, after]
            .into_iter()
            .try_fold(0_u8, |sum, tie| match tie {
                Tie::Free => Some(sum),
                Tie::Loose(less) => Some(sum + less),
                Tie::Tied => None,
            })
    }

    /// What other groups beside a national number take from its score.
    fn among_digits(&self, brackets: Option<usize>) -> u8 {
        if self.to - self.from == 1 || brackets == Some(0) {
            return 0;
        }
        let is_space = |index: usize| {
            self.groups
                .get(index)
                .is_some_and(|group| group.joint == Joint::Space && !group.plus)
        };
        if (self.from > 0 && is_space(self.from)) || is_space(self.to) {
            // Two groups of four among others are a part of a row of such groups.
            let is_part = self.groups[self.from..self.to]
                .iter()
                .all(|group| group.len() == 4);
            if is_part {
                return AMONG_FOURS;
            }
            AMONG_DIGITS
        } else {
            0
        }
    }

    /// The score of a national number.
    fn national(
        &self,
        digits: &str,
        groups: &[Group],
        brackets: Option<usize>,
        range: std::ops::Range<usize>,
        offers: &mut Offers<'_>,
    ) -> Option<(u8, Standing)> {
        let digits = digits.trim_start_matches('+');
        if digits.bytes().all(|digit| digit == digits.as_bytes()[0]) {
            return None;
        }
        let brackets = brackets.filter(|_| groups.len() > 1);
        let mut tried: [Option<Region>; VALIDATIONS_MAX] = [None; VALIDATIONS_MAX];
        let (mut count, mut possible) = (0, None);
        for form in forms::matching(self.text, groups, brackets, offers.rules().phone_regions()) {
            if tried.contains(&Some(form.region)) {
                continue;
            }
            match valid::standing(digits, Some(form.region)) {
                Some(Standing::InUse) => return Some((form.bare, Standing::InUse)),
                // Digits in a row, or in a grouping that other numbers have too, say too little.
                Some(Standing::Possible) if form.bare >= TELLING => {
                    possible = Some((POSSIBLE, Standing::Possible));
                }
                _ => {}
            }
            let Some(place) = tried.get_mut(count) else {
                break;
            };
            *place = Some(form.region);
            count += 1;
        }
        if count > 0 && possible.is_none() {
            offers.reject(PHONE, range, "no region has such a number");
        }
        possible
    }
}

/// Which group stands in brackets of its own, or nothing at all if the brackets do not fit together. Brackets around the
/// whole are not part of a number.
fn brackets(groups: &[Group]) -> Option<Option<usize>> {
    let mut own = None;
    for (index, group) in groups.iter().enumerate() {
        match (group.opens, group.closes) {
            (false, false) => {}
            (true, true) if own.is_none() => own = Some(index),
            (true, false) if index == 0 => {}
            (false, true) if index == groups.len() - 1 => {}
            _ => return None,
        }
    }
    Some(own)
}

/// The digits of a window after a plus, without a trunk zero in brackets (`+44 (0)20`).
fn digits_of<'b>(
    text: &str,
    groups: &[Group],
    brackets: Option<usize>,
    buffer: &'b mut [u8; 24],
) -> Option<&'b str> {
    buffer[0] = b'+';
    let mut length = 1;
    for (index, group) in groups.iter().enumerate() {
        if index > 0 && group.plus {
            return None;
        }
        let digits = &text.as_bytes()[group.start..group.end];
        if index > 0 && brackets == Some(index) && digits == b"0" {
            continue;
        }
        buffer
            .get_mut(length..length + digits.len())?
            .copy_from_slice(digits);
        length += digits.len();
    }
    if !DIGITS.contains(&(length - 1)) {
        return None;
    }
    std::str::from_utf8(&buffer[..length]).ok()
}

/// The score of a number with a plus.
fn international(digits: &str, groups: &[Group]) -> Option<(u8, Standing)> {
    // A decimal degree with its sign: +48.858370.
    if let [whole, fraction] = groups
        && whole.len() <= 3
        && fraction.joint == Joint::Dot
    {
        return None;
    }
    // A decimal number with its sign: +35236450.6.
    if let [whole, fraction] = groups
        && fraction.joint == Joint::Dot
        && (fraction.len() == 1 || fraction.len() == 2 && whole.len() > 5)
    {
        return None;
    }
    let standing = valid::standing(digits, None)?;
    let bare = match standing {
        Standing::InUse => 80,
        Standing::Possible if groups.len() >= 3 => 52,
        Standing::Possible => POSSIBLE,
    };
    Some((bare, standing))
}

/// The score of a number with `00` before the calling code, which is not part of `abroad`.
fn dialled(abroad: &str, is_bare: bool, offers: &Offers<'_>) -> Option<u8> {
    let mut buffer = [0; 24];
    buffer[0] = b'+';
    buffer
        .get_mut(1..=abroad.len())?
        .copy_from_slice(abroad.as_bytes());
    let digits = std::str::from_utf8(&buffer[..=abroad.len()]).ok()?;
    if abroad.starts_with('0') || valid::standing(digits, None) != Some(Standing::InUse) {
        return None;
    }
    Some(
        match (is_bare, offers.rules().phone_regions().calls(abroad)) {
            (false, _) => 65,
            (true, true) => 52,
            (true, false) => 35,
        },
    )
}
