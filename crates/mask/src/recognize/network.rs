//! Names and addresses of networks: e-mail, IP and MAC addresses, URLs, domains.

mod email;

use crate::Entity;
use crate::find::Offers;
use crate::recognize::{Recognizer, RecognizerId, first};

/// The ids of this room's recognizers, which are the first of all.
pub(crate) const EMAIL: RecognizerId = RecognizerId(first::NETWORK);

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[Recognizer {
    id: "email",
    entity: Entity::EMAIL,
    context: &["email", "e-mail", "mail", "contact", "thu dien tu"],
    against: &[],
}];

/// Up to where each recognizer of this room has looked in the text under way, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Seen {
    /// The end of the last e-mail address.
    pub(crate) email: usize,
}

/// Looks at an `@`.
pub(crate) fn at_sign(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    email::find(text, at, seen, offers);
}

/// Looks at a `:`.
pub(crate) fn colon(_text: &str, _at: usize, _seen: &mut Seen, _offers: &mut Offers<'_>) {}

/// Looks at a dot that a letter or digit follows.
pub(crate) fn dot(_text: &str, _at: usize, _seen: &mut Seen, _offers: &mut Offers<'_>) {}

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
