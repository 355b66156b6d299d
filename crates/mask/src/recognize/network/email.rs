//! E-mail addresses.

use super::{EMAIL, Seen};
use crate::Score;
use crate::find::Offers;

/// The most bytes of a local part (RFC 5321, 4.5.3.1.1).
const LOCAL_MAX: usize = 64;

/// Offers the address around the `@` at `at`.
pub(crate) fn find(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let local = bytes[seen.email..at]
        .iter()
        .rev()
        .take(LOCAL_MAX + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte))
        .count();
    let domain = bytes[at + 1..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte))
        .count();
    if local == 0 || local > LOCAL_MAX || domain < 3 {
        return;
    }
    seen.email = at + 1 + domain;
    offers.offer(EMAIL, at - local..at + 1 + domain, Score::CERTAIN);
}
