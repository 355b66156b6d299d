//! Secrets: keys and tokens of services, JSON Web Tokens, private keys, passwords.

use crate::find::Offers;
use crate::recognize::Recognizer;

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[];

/// Up to where each recognizer of this room has looked in the text under way, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Seen {}

/// Looks at `start..end`, a maximal run of ASCII letters and digits with a digit in it. Runs come from left to right, each
/// once.
pub(crate) fn word(
    _text: &str,
    _start: usize,
    _end: usize,
    _seen: &mut Seen,
    _offers: &mut Offers<'_>,
) {
}

/// Looks at a `:` or `=`, which may stand between the name of a secret and its value.
pub(crate) fn assignment(_text: &str, _at: usize, _seen: &mut Seen, _offers: &mut Offers<'_>) {}

/// Looks at two hyphens, which may begin an armour such as `-----BEGIN`.
pub(crate) fn hyphens(_text: &str, _at: usize, _seen: &mut Seen, _offers: &mut Offers<'_>) {}
