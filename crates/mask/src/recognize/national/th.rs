//! Thailand.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[TNIN];

/// National identification numbers: the kind of person 1 to 8, the place of registration, serials, a check digit modulo 11
/// (Department of Provincial Administration; formula as in "Thai identity card", Wikipedia). They are the tax numbers of
/// persons as well. Thirteen digits without hyphens are as often a barcode or a time in milliseconds, and one in ten passes.
/// The context in Thai: bat prachachon, lek prachamtua prachachon, lek bat.
const TNIN: Shaped = Shaped {
    facts: Recognizer {
        id: "th_tnin",
        entity: Entity::TH_TNIN,
        context: &[
            "thai id",
            "thailand",
            "\u{e40}\u{e25}\u{e02}\u{e17}\u{e35}\u{e48}\u{e1a}\u{e31}\u{e15}\u{e23}",
            "thai national id",
            "thai identity card",
            "thailand id",
            "thai citizen",
            "tnin",
            "thai tax id",
            "national id",
            "citizen id",
            "\u{e1a}\u{e31}\u{e15}\u{e23}\u{e1b}\u{e23}\u{e30}\u{e0a}\u{e32}\u{e0a}\u{e19}",
            "\u{e40}\u{e25}\u{e02}\u{e1b}\u{e23}\u{e30}\u{e08}\u{e33}\u{e15}\u{e31}\u{e27}\u{e1b}\u{e23}\u{e30}\u{e0a}\u{e32}\u{e0a}\u{e19}",
            "\u{e40}\u{e25}\u{e02}\u{e1a}\u{e31}\u{e15}\u{e23}",
            "\u{e40}\u{e25}\u{e02}\u{e1b}\u{e23}\u{e30}\u{e08}\u{e33}\u{e15}\u{e31}\u{e27}\u{e1c}\u{e39}\u{e49}\u{e40}\u{e2a}\u{e35}\u{e22}\u{e20}\u{e32}\u{e29}\u{e35}",
            "can cuoc thai lan",
        ],
        against: &[
            "order",
            "tracking",
            "barcode",
            "ean",
            "gtin",
            "isbn",
            "timestamp",
            "account",
            "sku",
        ],
    },
    forms: &[
        Form {
            shape: "9-9999-99999-99-9",
            bare: Score::of(75),
        },
        Form {
            shape: "9 9999 99999 99 9",
            bare: Score::of(70),
        },
        Form {
            shape: "9999999999999",
            bare: Score::of(25),
        },
    ],
    check: check_tnin,
};

fn check_tnin(number: &Compact<'_>) -> Check {
    if !(1..=8).contains(&number.digit(0)) {
        return Check::Invalid("the first digit is not 1 to 8");
    }
    // Codes of provinces begin at 10 (ISO 3166-2:TH).
    if number.digit(1) == 0 {
        return Check::Invalid("the second digit is of no province");
    }
    let sum = number.weighted(&[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    if (11 - sum % 11) % 10 == number.digit(12) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

#[cfg(test)]
mod tests;
