//! Japan.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[MY_NUMBER, PASSPORT];

/// Individual numbers: eleven digits and a check digit modulo 11 (Ordinance of the Ministry of Internal Affairs and
/// Communications 85 of 2014, article 5). One number in ten passes. The context in Japanese: mai nanba, kojin bango,
/// mai nanba kado.
const MY_NUMBER: Shaped = Shaped {
    facts: Recognizer {
        id: "jp_my_number",
        entity: Entity::JP_MY_NUMBER,
        context: &[
            "my number",
            "my number card",
            "mynumber",
            "my-number",
            "individual number",
            "kojin bango",
            "\u{30de}\u{30a4}\u{30ca}\u{30f3}\u{30d0}\u{30fc}",
            "\u{30de}\u{30a4}\u{30ca}\u{30f3}\u{30d0}\u{30fc}\u{30ab}\u{30fc}\u{30c9}",
            "\u{500b}\u{4eba}\u{756a}\u{53f7}",
            "ma so ca nhan nhat",
        ],
        against: &[
            "order",
            "tracking",
            "account",
            "barcode",
            "jan",
            "upc",
            "phone",
            "card number",
            // Toiawase bango, the number of a parcel; denwa, telephone.
            "\u{554f}\u{3044}\u{5408}\u{308f}\u{305b}\u{756a}\u{53f7}",
            "\u{96fb}\u{8a71}",
        ],
    },
    forms: &[
        Form {
            shape: "9999 9999 9999",
            bare: Score::of(40),
        },
        Form {
            shape: "9999-9999-9999",
            bare: Score::of(40),
        },
        Form {
            shape: "999999999999",
            bare: Score::of(20),
        },
    ],
    check: check_my_number,
};

/// Passport numbers: two letters and seven digits (Ministry of Foreign Affairs). Without a check digit; only words that tell
/// of a Japanese passport make one of it. In Japanese: ryoken, ryoken bango, pasupoto.
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "jp_passport",
        entity: Entity::JP_PASSPORT,
        context: &[
            "japanese passport",
            "japan passport",
            "passport japan",
            "passport of japan",
            "\u{65c5}\u{5238}",
            "\u{65c5}\u{5238}\u{756a}\u{53f7}",
            "\u{30d1}\u{30b9}\u{30dd}\u{30fc}\u{30c8}",
            "ho chieu nhat",
        ],
        against: &["order", "sku", "part number", "tracking"],
    },
    forms: &[
        Form {
            shape: "AA9999999",
            bare: Score::of(40),
        },
        Form {
            shape: "AA 9999999",
            bare: Score::of(25),
        },
    ],
    check: check_passport,
};

fn check_my_number(number: &Compact<'_>) -> Check {
    if number.is_one_character() {
        return Check::Invalid("all digits are the same");
    }
    let sum = number.weighted(&[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    if (11 - sum % 11) % 11 % 10 == number.digit(11) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

fn check_passport(number: &Compact<'_>) -> Check {
    if number.number(2..9) == 0 {
        return Check::Invalid("the digits are all zero");
    }
    Check::Plausible
}

#[cfg(test)]
mod tests;
