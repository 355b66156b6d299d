//! Which moment of continuous archives a drill tries out.

use jiff::Timestamp;
use portcullis_backup::RecoveryRange;

use super::Pick;
use super::course::Short;
use super::recovery::Source;
use crate::hands::chain;

/// The moment that is recovered. Of several archives each could give another one as its last: then it is the earliest of
/// those, so that the stores belong together.
pub(super) fn moment(pick: &Pick, archives: &[Source]) -> Result<Option<Timestamp>, Short> {
    let cannot = |error: portcullis_backup::BackupError| Short::could_not(chain(&error));
    match pick {
        Pick::At(at) => Ok(Some(*at)),
        Pick::Named(name) => Err(Short::could_not(format!(
            "{name} is a backup, and no moment of a continuous archive"
        ))),
        Pick::Latest if archives.len() == 1 => Ok(None),
        Pick::Latest => {
            let until = archives.iter().map(|one| {
                let until = one.archive.standing().received_until;
                until.ok_or_else(|| {
                    let store = &one.live.name;
                    Short::could_not(format!("store {store}: nothing was archived yet"))
                })
            });
            let until: Result<Vec<Timestamp>, Short> = until.collect();
            Ok(until?.into_iter().min())
        }
        Pick::Random(number) => {
            let ranges = archives.iter().map(|one| one.archive.ranges());
            let ranges: Result<Vec<Vec<RecoveryRange>>, _> = ranges.collect();
            let chosen = any_of(&in_all(&ranges.map_err(cannot)?), *number);
            Ok(Some(chosen.ok_or_else(|| nothing_yet(archives))?))
        }
    }
}

/// Why no moment could be chosen.
fn nothing_yet(archives: &[Source]) -> Short {
    let stores: Vec<&str> = archives.iter().map(|one| one.live.name.as_str()).collect();
    Short::could_not(match stores.as_slice() {
        [] => "there is no archive".to_owned(),
        [store] => format!("store {store}: nothing can be recovered to yet"),
        several => format!(
            "stores {}: there is no moment that each of them can be recovered to yet",
            several.join(", ")
        ),
    })
}

/// The moments that lie in ranges of every archive, in order. Those of one archive are in order and do not meet.
fn in_all(archives: &[Vec<RecoveryRange>]) -> Vec<RecoveryRange> {
    let mut archives = archives.iter();
    let first = archives.next().cloned().unwrap_or_default();
    archives.fold(first, |so_far, ranges| {
        let pairs = so_far
            .iter()
            .flat_map(|one| ranges.iter().map(move |other| (one, other)));
        let both = pairs.map(|(one, other)| RecoveryRange {
            from: one.from.max(other.from),
            to: one.to.min(other.to),
            open: one.open && other.open,
        });
        both.filter(|range| range.from <= range.to).collect()
    })
}

/// The moment of these ranges that a number stands for, to the microsecond: each is as likely as any other, the first and the
/// last of each range too. Nothing where there is no range.
fn any_of(ranges: &[RecoveryRange], number: u64) -> Option<Timestamp> {
    let spans = ranges.iter().map(|range| {
        let span = range.to.as_microsecond() - range.from.as_microsecond();
        (range.from, u64::try_from(span).unwrap_or(0) + 1)
    });
    let spans: Vec<(Timestamp, u64)> = spans.collect();
    let whole: u64 = spans.iter().map(|(_, span)| span).sum();
    let mut left = number.checked_rem(whole)?;
    for (from, span) in spans {
        if left < span {
            let at = from.as_microsecond().saturating_add_unsigned(left);
            return Timestamp::from_microsecond(at).ok();
        }
        left -= span;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(microsecond: i64) -> Timestamp {
        Timestamp::from_microsecond(1_795_222_800_000_000 + microsecond).unwrap()
    }

    /// From the first of these microseconds to the last.
    fn range(from: i64, to: i64) -> RecoveryRange {
        RecoveryRange {
            from: at(from),
            to: at(to),
            open: false,
        }
    }

    #[test]
    fn every_moment_of_the_ranges_is_chosen_by_one_number_and_no_other_is() {
        let ranges = [range(0, 9), range(100, 100), range(250, 258)];
        let chosen: Vec<Timestamp> = (0..20).filter_map(|n| any_of(&ranges, n)).collect();
        let recoverable = (0..=9).chain([100]).chain(250..=258);
        assert_eq!(chosen, recoverable.map(at).collect::<Vec<_>>());
        // Larger ones begin anew.
        assert_eq!(any_of(&ranges, 20), Some(at(0)));
        assert_eq!(any_of(&ranges, 39), Some(at(258)));
        assert_eq!(any_of(&ranges, u64::MAX), Some(at(254)));
    }

    #[test]
    fn the_first_and_the_last_moment_are_chosen_too() {
        let day = 24 * 60 * 60 * 1_000_000;
        let ranges = [range(0, day)];
        assert_eq!(any_of(&ranges, 0), Some(at(0)));
        assert_eq!(any_of(&ranges, day as u64), Some(at(day)));
        assert_eq!(any_of(&ranges, day as u64 + 1), Some(at(0)));
        // A copy after which nothing was received is one moment.
        for number in [0, 1, u64::MAX] {
            assert_eq!(any_of(&[range(7, 7)], number), Some(at(7)));
        }
    }

    #[test]
    fn of_several_archives_a_moment_is_chosen_that_each_can_be_recovered_to() {
        let one = vec![range(0, 9), range(100, 110), range(250, 258)];
        let other = vec![range(5, 104), range(106, 251)];
        let both = in_all(&[one.clone(), other.clone()]);
        assert_eq!(
            both,
            [
                range(5, 9),
                range(100, 104),
                range(106, 110),
                range(250, 251)
            ]
        );
        assert_eq!(
            in_all(&[one.clone(), other, vec![range(7, 101)]]),
            [range(7, 9), range(100, 101)]
        );
        assert_eq!(in_all(std::slice::from_ref(&one)), one);
        assert_eq!(in_all(&[one, vec![range(10, 99)]]), []);
        assert_eq!(in_all(&[]), []);
    }

    #[test]
    fn where_nothing_can_be_recovered_to_nothing_is_chosen() {
        for number in [0, 1, u64::MAX] {
            assert_eq!(any_of(&[], number), None);
        }
    }

    /// Ranges with gaps between them, as log that is missing leaves them.
    fn with_gaps() -> impl Strategy<Value = Vec<RecoveryRange>> {
        let parts = prop::collection::vec((1..5_000_000_i64, 0..5_000_000_i64), 1..5);
        parts.prop_map(|parts| {
            let mut end = 0;
            let ranges = parts.into_iter().map(|(gap, length)| {
                let from = end + gap;
                end = from + length;
                range(from, end)
            });
            ranges.collect()
        })
    }

    proptest! {
        #[test]
        fn whatever_the_number_the_moment_lies_in_a_range(ranges in with_gaps(), number in any::<u64>()) {
            let moment = any_of(&ranges, number).unwrap();
            prop_assert!(ranges.iter().any(|range| range.has(moment)), "{moment}");
        }

        #[test]
        fn numbers_next_to_each_other_give_other_moments(ranges in with_gaps(), number in 0..u64::MAX / 2) {
            let whole: i64 = ranges
                .iter()
                .map(|range| range.to.as_microsecond() - range.from.as_microsecond() + 1)
                .sum();
            let count = whole.unsigned_abs().min(50);
            let chosen: BTreeSet<Timestamp> =
                (0..count).filter_map(|more| any_of(&ranges, number + more)).collect();
            prop_assert_eq!(chosen.len() as u64, count);
        }
    }
}
