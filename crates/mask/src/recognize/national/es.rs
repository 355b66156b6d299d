//! Spain.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[NIF, NIF_LETTER, NIE];

/// The check letters by the remainder of the number modulo 23 (Real Decreto 1553/2005 and Ministerio del Interior,
/// "Calculo del digito de control del NIF/NIE").
const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Words for tax identification numbers.
const WORDS: &[&str] = &[
    "dni",
    "d.n.i.",
    "nif",
    "n.i.f.",
    "documento nacional",
    "documento nacional de identidad",
    "documento de identidad",
    "identificacion fiscal",
    "numero de identificacion",
    "identidad",
    "carnet de identidad",
    "spanish id",
    "spanish tax",
    "national id",
    "id card",
    "can cuoc",
    "ma so thue",
];

/// Numbers of the national identity document: eight digits and a letter.
const NIF: Shaped = Shaped {
    facts: Recognizer {
        id: "es_nif",
        entity: Entity::ES_NIF,
        context: WORDS,
        against: ORDINARY,
    },
    forms: &[
        Form::new("99999999A", 60),
        Form::new("99999999-A", 75),
        Form::new("99999999 A", 40),
        Form::new("99.999.999-A", 90),
        Form::new("99.999.999A", 90),
        Form::new("99.999.999 A", 70),
        Form::new("99 999 999 A", 60),
        Form::new("99 999 999A", 65),
        Form::new("99 999 999-A", 75),
        Form::new("99-999-999-A", 75),
    ],
    check: |number| {
        if number.number(0..8) == 0 {
            return Check::Invalid("all digits are zero");
        }
        check_letter(number.number(0..8), number.bytes().last())
    },
};

/// Numbers of Spaniards without the document: K (children), L (abroad) or M (foreigners without a NIE), seven digits and
/// a letter over those seven (Orden EHA/451/2008).
const NIF_LETTER: Shaped = Shaped {
    facts: Recognizer {
        id: "es_nif_letter",
        entity: Entity::ES_NIF,
        context: WORDS,
        against: ORDINARY,
    },
    forms: &[Form::new("A9999999A", 40), Form::new("A-9999999-A", 60)],
    check: |number| match number.bytes().first() {
        Some(b'K' | b'L' | b'M') => check_letter(number.number(1..8), number.bytes().last()),
        _ => Check::Invalid("it does not begin with K, L or M"),
    },
};

/// Numbers of foreigners: X, Y or Z, which stand for 0, 1 and 2, seven digits and a letter over all of them.
const NIE: Shaped = Shaped {
    facts: Recognizer {
        id: "es_nie",
        entity: Entity::ES_NIE,
        context: &[
            "nie",
            "n.i.e.",
            "numero de identidad de extranjero",
            "identidad de extranjero",
            "identificacion de extranjero",
            "extranjero",
            "tarjeta de residencia",
            "residencia",
            "foreigner",
            "foreigner id",
            "residence permit",
            "the cu tru",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("A9999999A", 75),
        Form::new("A-9999999-A", 90),
        Form::new("A9999999-A", 80),
        Form::new("A-9999999A", 80),
        Form::new("A 9999999 A", 60),
        Form::new("A-9.999.999-A", 90),
        Form::new("A9.999.999A", 80),
    ],
    check: |number| {
        let leading = match number.bytes().first() {
            Some(b'X') => 0,
            Some(b'Y') => 1,
            Some(b'Z') => 2,
            _ => return Check::Invalid("it does not begin with X, Y or Z"),
        };
        if number.number(1..8) == 0 {
            return Check::Invalid("all digits are zero");
        }
        check_letter(
            leading * 10_000_000 + number.number(1..8),
            number.bytes().last(),
        )
    },
};

/// Compares the letter with the one that belongs to the number.
fn check_letter(digits: u64, letter: Option<&u8>) -> Check {
    if letter == Some(&LETTERS[(digits % 23) as usize]) {
        Check::Valid
    } else {
        Check::Invalid("the check letter is wrong (mod 23)")
    }
}

#[cfg(test)]
mod tests;
