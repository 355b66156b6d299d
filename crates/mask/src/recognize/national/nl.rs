//! The Netherlands.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::{Check, Form, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[BSN];

/// Citizen service numbers: nine digits (eight where the leading 0 is left out) that pass the eleven test with the
/// weights 9 to 2 and -1 (Rijksdienst voor Identiteitsgegevens, "Logisch ontwerp BSN").
const BSN: Shaped = Shaped {
    facts: Recognizer {
        id: "nl_bsn",
        entity: Entity::NL_BSN,
        context: &[
            "bsn",
            "bsn-nummer",
            "bsn nummer",
            "burgerservicenummer",
            "burger service nummer",
            "sofinummer",
            "sofi-nummer",
            "sofi nummer",
            "persoonsnummer",
            "citizen service number",
            "dutch id",
            "national id",
            "can cuoc",
        ],
        against: &[],
    },
    forms: &[
        Form::new("999999999", 20),
        Form::new("9999.99.999", 50),
        Form::new("9999 99 999", 35),
        Form::new("999 999 999", 20),
        Form::new("999.999.999", 20),
        Form::new("999-999-999", 20),
        Form::new("999 99 9999", 18),
        Form::new("99999999", 16),
    ],
    check: |number| {
        if number.is_one_character() {
            return Check::Invalid("all digits are the same");
        }
        let sum = if number.len() == 8 {
            number.weighted(&[8, 7, 6, 5, 4, 3, 2, 10])
        } else {
            // A weight of 10 is -1 modulo 11.
            number.weighted(&[9, 8, 7, 6, 5, 4, 3, 2, 10])
        };
        match sum % 11 {
            0 => Check::Valid,
            _ => Check::Invalid("it fails the eleven test"),
        }
    },
};

#[cfg(test)]
mod tests;
