//! Secrets: keys and tokens of services, JSON Web Tokens, private keys, passwords.
//!
//! Tokens have a form of their own and are found wherever they stand ([`run`], [`service`], [`jwt`]), and so are private keys
//! ([`armour`]). Passwords and random-looking values have none: a name before them must announce them ([`assigned`],
//! [`beside`]), and what follows must not be what programs, templates and people write there instead ([`judge`],
//! [`placeholder`]).

mod alphabet;
mod armour;
mod assigned;
mod authorization;
mod base64;
mod beside;
mod judge;
mod jwt;
mod name;
mod placeholder;
mod run;
mod service;
mod userinfo;
mod value;

use crate::find::Offers;
use crate::recognize::{Recognizer, RecognizerId, first};
use crate::{Entity, Score};

/// A token of a service, told by its form.
pub(crate) const API_KEY: RecognizerId = RecognizerId(first::SECRET);
/// A token of a service whose form others have too: only with the service's name near it.
pub(crate) const SERVICE_KEY: RecognizerId = RecognizerId(first::SECRET + 1);
/// A JSON Web Token.
pub(crate) const JWT: RecognizerId = RecognizerId(first::SECRET + 2);
/// A private key in armour.
pub(crate) const PRIVATE_KEY: RecognizerId = RecognizerId(first::SECRET + 3);
/// A password in an address or after a word that announces it.
pub(crate) const PASSWORD: RecognizerId = RecognizerId(first::SECRET + 4);
/// A random-looking token after a word that announces a secret.
pub(crate) const SECRET: RecognizerId = RecognizerId(first::SECRET + 5);
/// A password that is the whole value of a field whose name announces it.
pub(crate) const FIELD_PASSWORD: RecognizerId = RecognizerId(first::SECRET + 6);
/// A random-looking token that is the whole value of a field whose name announces it.
pub(crate) const FIELD_SECRET: RecognizerId = RecognizerId(first::SECRET + 7);

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[
    Recognizer {
        id: "api_key",
        entity: Entity::API_KEY,
        context: &[],
        against: &[],
    },
    Recognizer {
        id: "service_key",
        entity: Entity::API_KEY,
        context: &[
            "aws",
            "amazon",
            "secret access key",
            "twilio",
            "dify",
            "alibaba",
            "aliyun",
            "api key",
            "apikey",
            "api token",
            "access token",
            "khoa api",
            "khoa truy cap",
        ],
        against: &["sha", "commit", "checksum", "hash", "digest", "etag"],
    },
    Recognizer {
        id: "jwt",
        entity: Entity::JWT,
        context: &[],
        against: &[],
    },
    Recognizer {
        id: "private_key",
        entity: Entity::PRIVATE_KEY,
        context: &[],
        against: &[],
    },
    Recognizer {
        id: "password",
        entity: Entity::PASSWORD,
        context: &[],
        against: &[],
    },
    Recognizer {
        id: "secret",
        entity: Entity::SECRET,
        context: &[],
        against: &[],
    },
    Recognizer {
        id: "field_password",
        entity: Entity::PASSWORD,
        context: &["password", "passwd", "pwd", "passphrase", "mat khau"],
        against: &[],
    },
    Recognizer {
        id: "field_secret",
        entity: Entity::SECRET,
        context: &[
            "secret",
            "token",
            "api key",
            "apikey",
            "access key",
            "private key",
            "secret key",
            "encryption key",
            "client secret",
            "auth token",
            "khoa bi mat",
            "ma bi mat",
        ],
        against: &[],
    },
];

/// Up to where each recognizer of this room has looked in the text under way, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Seen {
    /// The end of the last run of characters of tokens.
    run: usize,
    /// The end of the last run without spaces that held a digit.
    spaced: usize,
    /// The end of the last private key.
    armour: usize,
    /// The end of the last value that a name announced.
    value: usize,
    /// The end of the last id of an AWS access key.
    aws_id: Option<usize>,
}

/// Looks at `start..end`, a maximal run of ASCII letters and digits with a digit in it. Runs come from left to right, each
/// once.
pub(crate) fn word(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if start < seen.armour {
        return;
    }
    run::look(text, start, end, seen, offers);
    userinfo::attached(text, start, offers);
    assigned::word(text, start, seen, offers);
}

/// Looks at `f_`, which may belong to `hf_`: the one kind of token that has no digit.
pub(crate) fn f_underscore(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let is_prefix = at > 0
        && bytes[at - 1] == b'h'
        && !bytes[..at - 1]
            .last()
            .is_some_and(u8::is_ascii_alphanumeric);
    let start = at + 2;
    let end = start
        + bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
    if is_prefix && end > start && at >= seen.armour {
        run::look(text, start, end, seen, offers);
    }
}

/// Looks at a `:` or `=`, which may stand between the name of a secret and its value.
pub(crate) fn assignment(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if at < seen.armour {
        return;
    }
    let bytes = text.as_bytes();
    if bytes[at] == b':' {
        match bytes.get(at + 1) {
            Some(b'/') => userinfo::look(text, at, offers),
            Some(b' ') => {
                if let Some(range) = armour::putty(bytes, at) {
                    seen.armour = range.end;
                    offers.offer(PRIVATE_KEY, range, Score::CERTAIN);
                    return;
                }
            }
            _ => userinfo::option(text, at, offers),
        }
    }
    assigned::sign(text, at, seen, offers);
}

/// Looks at two hyphens, which may begin an armour such as `-----BEGIN`, or an option such as `--password`.
pub(crate) fn hyphens(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if at < seen.armour {
        return;
    }
    let bytes = text.as_bytes();
    if at > 0 && bytes[at - 1] == b'-' {
        return;
    }
    if let Some(range) = armour::at(bytes, at) {
        seen.armour = range.end;
        offers.offer(PRIVATE_KEY, range, Score::CERTAIN);
    } else {
        assigned::option(text, at, seen, offers);
    }
}

#[cfg(test)]
mod tests;
