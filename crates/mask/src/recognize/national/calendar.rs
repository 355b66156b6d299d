//! Days of birth and of foundation within numbers.

/// Whether the day exists in the Gregorian calendar. Years without a century are taken as 2000 to 2099, in which 00 is a
/// leap year; callers that know the century give the whole year.
pub(super) fn is_day(year: u64, month: u64, day: u64) -> bool {
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}
