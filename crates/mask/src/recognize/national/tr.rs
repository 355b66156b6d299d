//! Turkey.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[NATIONAL_ID];

/// National identification numbers: eleven digits, the first not zero, the last two check digits (General Directorate of
/// Civil Registration and Nationality; formula as in "Turkish Identification Number", Wikipedia). One number in a hundred
/// passes, so a bare one still needs context.
const NATIONAL_ID: Shaped = Shaped {
    facts: Recognizer {
        id: "tr_national_id",
        entity: Entity::TR_NATIONAL_ID,
        context: &[
            "tc kimlik",
            "t.c. kimlik",
            "tckn",
            "t.c.",
            "tc no",
            "kimlik",
            "kimlik no",
            "kimlik numarasi",
            // As it is folded when it is written with the letter that has no dot.
            "kimlik numaras\u{131}",
            "vatandaslik",
            "turkish id",
            "turkish national id",
            "turkish identification",
            "turkish identity",
            "turkish identity number",
            "tc no",
            "t.c. no",
            "tc",
        ],
        against: &[
            "siparis", "telefon", "kargo", "fatura", "order", "tracking", "phone", "iban",
        ],
    },
    forms: &[
        Form {
            shape: "99999999999",
            bare: Score::of(45),
        },
        Form {
            shape: "999 999 999 99",
            bare: Score::of(50),
        },
    ],
    check: check_national_id,
};

fn check_national_id(number: &Compact<'_>) -> Check {
    if number.digit(0) == 0 {
        return Check::Invalid("it begins with zero");
    }
    let odd = number.weighted(&[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = number.weighted(&[0, 1, 0, 1, 0, 1, 0, 1]);
    // Seven times the odd places less the even ones; nine even ones are one less modulo ten.
    let tenth = (odd * 7 + even * 9) % 10;
    let eleventh = (odd + even + tenth) % 10;
    if tenth == number.digit(9) && eleventh == number.digit(10) {
        Check::Valid
    } else {
        Check::Invalid("the check digits are wrong")
    }
}

#[cfg(test)]
mod tests;
