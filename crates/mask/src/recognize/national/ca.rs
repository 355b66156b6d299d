//! Canada.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[SIN, SIN_FICTITIOUS];

/// Words for social insurance numbers.
const WORDS: &[&str] = &[
    "sin",
    "sin#",
    "sin number",
    "social insurance",
    "canada revenue",
    "cra",
    "numero d'assurance sociale",
    "assurance sociale",
    "nas",
    "so bao hiem xa hoi canada",
    "bao hiem xa hoi",
];

/// Social insurance numbers: nine digits with a Luhn check digit. The first digit tells the province of registration; 8
/// is not used for persons, 0 only for fictitious numbers (Employment and Social Development Canada, "Social Insurance
/// Number Code of Practice").
const SIN: Shaped = Shaped {
    facts: Recognizer {
        id: "ca_sin",
        entity: Entity::CA_SIN,
        context: WORDS,
        against: ORDINARY,
    },
    forms: &[
        Form::new("999-999-999", 50),
        Form::new("999 999 999", 40),
        Form::new("999.999.999", 25),
        Form::new("999999999", 20),
    ],
    check: |number| match number.digit(0) {
        0 | 8 => Check::Invalid("no person's number begins with this digit"),
        _ => check(number),
    },
};

/// Fictitious numbers, which begin with 0: the ones of examples and tests. Only with context.
const SIN_FICTITIOUS: Shaped = Shaped {
    facts: Recognizer {
        id: "ca_sin_fictitious",
        entity: Entity::CA_SIN,
        context: WORDS,
        against: &[],
    },
    forms: &[
        Form::new("999-999-999", 20),
        Form::new("999 999 999", 20),
        Form::new("999999999", 15),
    ],
    check: |number| match number.digit(0) {
        0 => check(number),
        _ => Check::Invalid("it does not begin with 0"),
    },
};

fn check(number: &Compact<'_>) -> Check {
    if number.is_one_character() {
        Check::Invalid("all digits are the same")
    } else if number.passes_luhn() {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (Luhn)")
    }
}

#[cfg(test)]
mod tests;
