//! What libphonenumber's rules say of a candidate.
//!
//! The crate `rlibphonenumber` is libphonenumber with its metadata compiled in. Its tables are decoded when the first
//! candidate is met, and a region's expressions when a candidate needs them.

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

/// Whether these digits are a number that could be in use. With a region they are dialled from there; without one they
/// begin with `+`.
pub(super) fn is_valid(digits: &str, region: Option<Region>) -> bool {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(digits, region) else {
        return false;
    };
    PHONE_NUMBER_UTIL.is_valid_number(&number) || is_fictional(digits, region)
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
