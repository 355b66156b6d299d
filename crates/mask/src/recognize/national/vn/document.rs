//! Passports and driving licences.

use crate::recognize::Recognizer;
use crate::recognize::national::vn::AGAINST;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// Passport numbers: a letter and seven digits, or eight since the passports with a chip of 2022 (Circular 73/2021/TT-BCA).
/// Without a check digit; only context makes one of them.
pub(super) const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_passport",
        entity: Entity::VN_PASSPORT,
        context: &[
            "ho chieu",
            "so ho chieu",
            "ho chieu so",
            "hc",
            "hc so",
            "so hc",
            "vietnamese passport",
            "vietnam passport",
            "viet nam passport",
            "passport vietnam",
            "passport viet nam",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "A9999999",
            bare: Score::of(40),
        },
        Form {
            shape: "A99999999",
            bare: Score::of(40),
        },
        Form {
            shape: "A 9999999",
            bare: Score::of(35),
        },
    ],
    check: check_passport,
};

/// Driving licences: twelve digits, of which the first two are the province (Circular 12/2017/TT-BGTVT). Without a check
/// digit; only context makes one of them.
pub(super) const DRIVER_LICENSE: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_driver_license",
        entity: Entity::VN_DRIVER_LICENSE,
        context: &[
            "gplx",
            "so gplx",
            "giay phep lai xe",
            "bang lai",
            "bang lai xe",
            "so bang lai",
            "vietnamese driver license",
            "vietnamese driving licence",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999999999999",
            bare: Score::of(25),
        },
        Form {
            shape: "999 999 999 999",
            bare: Score::of(20),
        },
    ],
    check: check_driver_license,
};

fn check_passport(number: &Compact<'_>) -> Check {
    if number.number(1..number.len()) == 0 {
        return Check::Invalid("the digits are all zero");
    }
    Check::Plausible
}

fn check_driver_license(number: &Compact<'_>) -> Check {
    if !(1..=99).contains(&number.number(0..2)) || number.is_one_character() {
        return Check::Invalid("the first two digits are of no province");
    }
    Check::Plausible
}
