//! Finland.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[PERSONAL_IDENTITY_CODE];

/// Personal identity codes: day of birth, a sign of the century, three digits and a check character, which is the nine
/// digits modulo 31 in a table of 31 characters. `+` is the century of 1800, `-` and since 2023 also Y, X, W, V and U that
/// of 1900, A and since 2023 also B to F that of 2000 (Digital and Population Data Services Agency; Government decree
/// 128/2010 as amended by 690/2022). 900 to 999 are temporary numbers.
const PERSONAL_IDENTITY_CODE: Shaped = Shaped {
    facts: Recognizer {
        id: "fi_personal_identity_code",
        entity: Entity::FI_PERSONAL_IDENTITY_CODE,
        context: &[
            "hetu",
            "henkilotunnus",
            "henkilotunnukseni",
            "henkilotunnukset",
            "sotu",
            "sosiaaliturvatunnus",
            "personbeteckning",
            "personal identity code",
            "personal identity number",
            "finnish id",
            "national id",
            "can cuoc",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("999999-999A", 85),
        Form::new("999999-9999", 60),
        Form::new("999999A999A", 85),
        Form::new("999999A9999", 75),
        Form::new("999999+999A", 85),
        Form::new("999999+9999", 60),
    ],
    check: check_code,
};

fn check_code(number: &Compact<'_>) -> Check {
    /// The check characters by the remainder.
    const CHARACTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    // A hyphen or plus sign is no letter or digit and so is not in the compact form.
    let sign = number.written.as_bytes().get(6).map(u8::to_ascii_uppercase);
    let (century, serial) = match sign {
        Some(b'+') => (1800, 6),
        Some(b'U'..=b'Y') => (1900, 7),
        Some(b'A'..=b'F') => (2000, 7),
        Some(b'0'..=b'9' | b'G'..=b'Z') | None => {
            return Check::Invalid("the sign of the century is another");
        }
        // A hyphen, or a dash that stands for one.
        Some(_) => (1900, 6),
    };
    let year = century + number.number(4..6);
    if !calendar::is_day(year, number.number(2..4), number.number(0..2)) {
        return Check::Invalid("there is no such day");
    }
    let individual = number.number(serial..serial + 3);
    if individual < 2 {
        return Check::Invalid("the numbers begin with 002");
    }
    let digits = number.number(0..6) * 1000 + individual;
    let last = number.bytes().last();
    if last == Some(&CHARACTERS[(digits % 31) as usize]) {
        Check::Valid
    } else {
        Check::Invalid("the check character is wrong (mod 31)")
    }
}

#[cfg(test)]
mod tests;
