//! Identity numbers: those of twelve digits, and the older ones of nine.

use crate::recognize::Recognizer;
use crate::recognize::national::vn::AGAINST;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// Citizen identity numbers, which are personal identification numbers: the province of registration of birth, a digit for
/// century and sex, two digits of the year of birth, six arbitrary digits (Decree 137/2015/ND-CP, article 13; Circular
/// 07/2016/TT-BCA of the Ministry of Public Security, article 7 and appendix 1; kept by Circular 59/2021/TT-BCA). There is
/// no check digit, but only one in sixty numbers of twelve digits has this structure, and ordinary ones seldom begin with
/// zero.
pub(super) const CCCD: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_cccd",
        entity: Entity::VN_CCCD,
        context: CCCD_CONTEXT,
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999999999999",
            bare: Score::of(55),
        },
        Form {
            shape: "999 999 999 999",
            bare: Score::of(40),
        },
        Form {
            shape: "9999 9999 9999",
            bare: Score::of(45),
        },
        Form {
            shape: "999-999-999-999",
            bare: Score::of(40),
        },
        Form {
            shape: "9999.9999.9999",
            bare: Score::of(45),
        },
        Form {
            shape: "999 9 99 999999",
            bare: Score::of(45),
        },
        Form {
            shape: "999 999 999999",
            bare: Score::of(45),
        },
        Form {
            shape: "999999 999999",
            bare: Score::of(45),
        },
    ],
    check: check_cccd,
};

/// Citizen identity numbers of people whose birth was registered abroad, whose first three digits are the code of a country
/// (Circular 07/2016/TT-BCA, appendix 2), and of the very old. Only context makes one of them.
pub(super) const CCCD_ANY: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_cccd_any",
        entity: Entity::VN_CCCD,
        context: &[
            "mst",
            "ma so thue",
            "cccd",
            "so cccd",
            "can cuoc cong dan",
            "can cuoc",
            "so dinh danh",
            "dinh danh ca nhan",
            "ma dinh danh",
            "vneid",
            "citizen id",
            "citizen identity",
            "citizen identification",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999999999999",
            bare: Score::of(20),
        },
        Form {
            shape: "999 999 999 999",
            bare: Score::of(20),
        },
        Form {
            shape: "9999 9999 9999",
            bare: Score::of(20),
        },
    ],
    check: check_cccd_any,
};

/// Identity card numbers of the older kind, nine digits without a check (Circular 04/1999/TT-BCA). Only context makes one
/// of them.
pub(super) const CMND: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_cmnd",
        entity: Entity::VN_CMND,
        context: &[
            "cccd cu",
            "cmnd",
            "so cmnd",
            "cmt",
            "cmtnd",
            "so cmt",
            "chung minh nhan dan",
            "chung minh thu",
            "chung minh",
            "cmnd/cccd",
            "cccd/cmnd",
            "giay to tuy than",
            "identity card",
            "id card",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999999999",
            bare: Score::of(25),
        },
        Form {
            shape: "999 999 999",
            bare: Score::of(25),
        },
        Form {
            shape: "999-999-999",
            bare: Score::of(20),
        },
        Form {
            shape: "999.999.999",
            bare: Score::of(15),
        },
    ],
    check: check_cmnd,
};

/// Words for citizen identity numbers.
const CCCD_CONTEXT: &[&str] = &[
    "cccd",
    "can cuoc cong dan",
    "can cuoc",
    "the can cuoc",
    "so can cuoc",
    "so dinh danh",
    "dinh danh ca nhan",
    "ma dinh danh",
    "so cccd",
    "so cc",
    "cccd/cmnd",
    "cmnd/cccd",
    "cmnd",
    "cmt",
    "chung minh nhan dan",
    "chung minh thu",
    "giay to tuy than",
    "vneid",
    "citizen id",
    "citizen identity",
    "citizen identification",
    "identity card",
    "id card",
    "national id",
    "personal identification number",
    // Since July 2025 it is a person's tax code as well.
    "ma so thue",
    "mst",
];

/// The last two digits of the last year in which somebody of this century is taken to have been born. Not the present
/// year, because nothing here reads a clock.
const LAST_YEAR_OF_BIRTH: u64 = 35;

/// The codes of the provinces and cities (Circular 07/2016/TT-BCA, appendix 1), one bit each. The merger of provinces of 2025
/// changed no number that had been given out.
const PROVINCES: u128 = provinces(&[
    1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37,
    38, 40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77,
    79, 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96,
]);

/// A set of numbers below 128.
const fn provinces(codes: &[u8]) -> u128 {
    let mut set = 0;
    let mut index = 0;
    while index < codes.len() {
        set |= 1 << codes[index];
        index += 1;
    }
    set
}

/// Whether a number is the code of a province.
fn is_province(code: u64) -> bool {
    code < 128 && PROVINCES >> code & 1 == 1
}

/// Why the digits for century and year say that nobody alive can have the number.
fn birth_fault(number: &Compact<'_>) -> Option<&'static str> {
    match (number.digit(3), number.number(4..6)) {
        (0 | 1, _) => None,
        (2 | 3, year) if year <= LAST_YEAR_OF_BIRTH => None,
        (2 | 3, _) => Some("the year of birth is yet to come"),
        _ => Some("the fourth digit is of a later century"),
    }
}

fn check_cccd(number: &Compact<'_>) -> Check {
    if !is_province(number.number(0..3)) {
        return Check::Invalid("the first three digits are of no province");
    }
    if let Some(why) = birth_fault(number) {
        return Check::Invalid(why);
    }
    if number.digit(3) < 2 && number.number(4..6) < 10 {
        return Check::Invalid("born before 1910");
    }
    if matches!(number.bytes(), b"001122334455" | b"010203040506") {
        return Check::Invalid("it counts up");
    }
    if number.number(6..12) == 0 {
        return Check::Invalid("the last six digits are all zeros");
    }
    Check::Plausible
}

/// The codes of countries lie below it.
const FOREIGN_END: u64 = 400;

fn check_cccd_any(number: &Compact<'_>) -> Check {
    let code = number.number(0..3);
    if code < 100 && !is_province(code) {
        return Check::Invalid("the first three digits are of no province and no country");
    }
    if code >= FOREIGN_END {
        return Check::Invalid("the first three digits are of no country");
    }
    if number.is_one_character() {
        return Check::Invalid("all digits are the same");
    }
    birth_fault(number).map_or(Check::Plausible, Check::Invalid)
}

fn check_cmnd(number: &Compact<'_>) -> Check {
    if number.is_one_character() {
        return Check::Invalid("all digits are the same");
    }
    Check::Plausible
}
