//! Routing numbers of banks in the United States.

use super::{ROUTING, edge};
use crate::Score;
use crate::find::Offers;

/// How sure nine digits are without a word that says so: one in four of all nine-digit numbers begins with a prefix that is
/// in use, and one in ten of those has the right check digit.
const BARE: Score = Score::of(20);
/// The weights of the check digit (American Bankers Association, "Routing number policy"): the weighted sum of all nine
/// digits is a multiple of ten.
const WEIGHTS: [u32; 9] = [3, 7, 1, 3, 7, 1, 3, 7, 1];

/// Offers the word `start..end` when it is a routing number.
pub(super) fn find(text: &str, start: usize, end: usize, offers: &mut Offers<'_>) {
    let digits = &text.as_bytes()[start..end];
    if digits.len() != WEIGHTS.len() || !digits.iter().all(u8::is_ascii_digit) {
        return;
    }
    let range = start..end;
    let prefix = u32::from(digits[0] - b'0') * 10 + u32::from(digits[1] - b'0');
    // Federal Reserve districts 01 to 12 (00 is the government's own), thrift institutions 21 to 32, electronic
    // transactions 61 to 72, traveller's cheques 80.
    if !matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80) {
        return;
    }
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    if sum == 0 {
        return;
    }
    if !sum.is_multiple_of(10) {
        offers.reject(ROUTING, range, "the check digit is wrong");
    } else if edge::cost(text, &range) == Some(0) {
        offers.offer_valid(ROUTING, range, BARE);
    }
}
