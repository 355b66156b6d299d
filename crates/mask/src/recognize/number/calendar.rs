//! Days of the calendar, for numbers that hold a date of birth.

/// The first year of birth that a number of a living person can hold.
const BIRTH_YEAR_FIRST: u64 = 1900;
/// The last one. A constant rather than this year, because nothing here knows the time.
const BIRTH_YEAR_LAST: u64 = 2039;

/// Whether this day exists in the Gregorian calendar.
pub(crate) fn is_day(year: u64, month: u64, day: u64) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Whether somebody alive can have been born on this day.
pub(crate) fn is_birthday(year: u64, month: u64, day: u64) -> bool {
    (BIRTH_YEAR_FIRST..=BIRTH_YEAR_LAST).contains(&year) && is_day(year, month, day)
}

/// Whether this day of a year of two digits exists in the twentieth or twenty-first century.
pub(crate) fn is_short_day(year: u64, month: u64, day: u64) -> bool {
    is_day(1900 + year, month, day) || is_day(2000 + year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{is_birthday, is_day, is_short_day};

    #[test]
    fn leap_days_follow_the_gregorian_rule() {
        assert!(is_day(2000, 2, 29) && is_day(2024, 2, 29));
        assert!(!is_day(1900, 2, 29) && !is_day(2023, 2, 29) && !is_day(2023, 13, 1));
        assert!(!is_day(2023, 4, 31) && !is_day(2023, 1, 0));
        assert!(is_birthday(1970, 1, 1) && !is_birthday(1850, 1, 1) && !is_birthday(2090, 1, 1));
        assert!(is_short_day(0, 2, 29) && !is_short_day(1, 2, 29));
    }
}
