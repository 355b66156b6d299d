//! What libphonenumber's rules say of a candidate.
//!
//! The crate `rlibphonenumber` is libphonenumber with its metadata compiled in. Its tables are decoded when the first
//! candidate is met, and a region's expressions when a candidate needs them.

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, Region};

/// What the rules say of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They are a number that could be in use.
    InUse,
    /// They have as many digits as such a number, and nobody was given it. People write such numbers all the same:
    /// mistyped, made up, or of a plan that has changed.
    Possible,
}

/// What is to be thought of these digits. With a region they are dialled from there; without one they begin with `+`.
pub(super) fn standing(digits: &str, region: Option<Region>) -> Option<Standing> {
    let is_american = match region {
        Some(region) => matches!(region, Region::US | Region::CA),
        None => digits.starts_with("+1"),
    };
    if is_american && !is_north_american(digits.trim_start_matches('+')) {
        return None;
    }
    let number = PHONE_NUMBER_UTIL.parse(digits, region).ok()?;
    if PHONE_NUMBER_UTIL.is_valid_number(&number) || is_fictional(digits, region) {
        return Some(Standing::InUse);
    }
    let length = PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number);
    (length == Ok(NumberLengthType::IsPossible)).then_some(Standing::Possible)
}

/// Whether the digits have the shape of the North American Numbering Plan: neither the area code nor the exchange begins
/// with 0 or 1 (an exchange with 1 is let through after the fictional area code 555). Much cheaper than the whole rules,
/// which ask every country of the plan; most bare numbers of ten digits fail here.
fn is_north_american(digits: &str) -> bool {
    let national = digits.strip_prefix('1').unwrap_or(digits).as_bytes();
    national.len() == 10
        && national[0] >= b'2'
        && (national[3] >= b'2' || (national.starts_with(b"555") && national[3] == b'1'))
}

/// Whether the number has the area code 555 of North America, which nobody has and everybody writes in examples: to a
/// reader it is a telephone number.
fn is_fictional(digits: &str, region: Option<Region>) -> bool {
    let national = match region {
        None => digits.strip_prefix("+1"),
        Some(Region::US | Region::CA) => Some(digits.strip_prefix('1').unwrap_or(digits)),
        Some(_) => None,
    };
    national.is_some_and(|national| {
        let bytes = national.as_bytes();
        bytes.len() == 10 && bytes.starts_with(b"555") && (b'1'..=b'9').contains(&bytes[3])
    })
}
