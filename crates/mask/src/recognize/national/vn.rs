//! Viet Nam.
//!
//! The context words are in their folded form, without diacritics, because that is how both texts and phrases are compared.
//! Words that are also parts of names or of other common words ("gia", "dong") count against a number only in phrases.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[
    CCCD,
    CCCD_ANY,
    CMND,
    TAX_CODE,
    SOCIAL_INSURANCE,
    HEALTH_INSURANCE,
    PASSPORT,
    DRIVER_LICENSE,
];

/// Words against every number.
const AGAINST: &[&str] = &[
    "don hang",
    "ma don",
    "ma dat hang",
    "ma van don",
    "van don",
    "hoa don",
    "so hoa don",
    "ma giao dich",
    "giao dich",
    "ma san pham",
    "ma vach",
    "ma hang",
    "lo hang",
    "gia tien",
    "gia ban",
    "don gia",
    "tong cong",
    "tong tien",
    "so tien",
    "thanh tien",
    "so luong",
    "vnd",
    "trieu dong",
    "nghin dong",
    "so tai khoan",
    "tai khoan",
    "stk",
    "so dien thoai",
    "dien thoai",
    "sdt",
    "hotline",
    "zalo",
    "order",
    "invoice",
    "tracking",
    "account number",
    "bank account",
    "barcode",
    "upc",
    "sku",
    "timestamp",
];

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
    "ma so thue ca nhan",
    "mst ca nhan",
];

/// Citizen identity numbers, which are personal identification numbers: the province of registration of birth, a digit for
/// century and sex, two digits of the year of birth, six arbitrary digits (Decree 137/2015/ND-CP, article 13; Circular
/// 07/2016/TT-BCA of the Ministry of Public Security, article 7 and appendix 1; kept by Circular 59/2021/TT-BCA). There is
/// no check digit, but only one in sixty numbers of twelve digits has this structure, and ordinary ones seldom begin with
/// zero.
const CCCD: Shaped = Shaped {
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
            bare: Score::of(50),
        },
        Form {
            shape: "9999 9999 9999",
            bare: Score::of(45),
        },
        Form {
            shape: "999-999-999-999",
            bare: Score::of(50),
        },
        Form {
            shape: "9999.9999.9999",
            bare: Score::of(45),
        },
        Form {
            shape: "999 9 99 999999",
            bare: Score::of(50),
        },
        Form {
            shape: "999 999 999999",
            bare: Score::of(50),
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
const CCCD_ANY: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_cccd_any",
        entity: Entity::VN_CCCD,
        context: CCCD_CONTEXT,
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
const CMND: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_cmnd",
        entity: Entity::VN_CMND,
        context: &[
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

/// Tax codes: the province, a serial, a check digit modulo 11, and for branches a hyphen and three digits (Circular
/// 105/2020/TT-BTC, article 5; the weights as in "Ma so thue", Vietnamese Wikipedia). Since July 2025 a person's tax code is
/// the twelve digits of the personal identification number (Circular 86/2024/TT-BTC), which is found as such.
const TAX_CODE: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_tax_code",
        entity: Entity::VN_TAX_CODE,
        context: &[
            "ma so thue",
            "mst",
            "ma so dn",
            "ma so doanh nghiep",
            "msdn",
            "ma so kinh doanh",
            "tax code",
            "tax id",
            "tax identification",
            "tin",
            "vat code",
            "dang ky kinh doanh",
            "dkkd",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "9999999999-999",
            bare: Score::of(55),
        },
        Form {
            shape: "9999999999",
            bare: Score::of(40),
        },
        Form {
            shape: "9999999999999",
            bare: Score::of(30),
        },
        Form {
            shape: "9999 999 999",
            bare: Score::of(35),
        },
        Form {
            shape: "99 99 999 999",
            bare: Score::of(35),
        },
        Form {
            shape: "99.99.999.999",
            bare: Score::of(35),
        },
        Form {
            shape: "9999 999 999-999",
            bare: Score::of(45),
        },
    ],
    check: check_tax_code,
};

/// Social insurance numbers: ten digits, of which the first two are the province (Decision 595/QD-BHXH, 2017). Without a check
/// digit; only context makes one of them.
const SOCIAL_INSURANCE: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_social_insurance",
        entity: Entity::VN_SOCIAL_INSURANCE,
        context: &[
            "bhxh",
            "so bhxh",
            "ma so bhxh",
            "bao hiem xa hoi",
            "so bao hiem",
            "ma so bao hiem",
            "social insurance",
            "vssid",
            "bhyt",
            "bao hiem y te",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "9999999999",
            bare: Score::of(30),
        },
        Form {
            shape: "99 99 999999",
            bare: Score::of(25),
        },
        Form {
            shape: "9999 999 999",
            bare: Score::of(20),
        },
    ],
    check: check_social_insurance,
};

/// Codes of health insurance cards: two letters for the kind of insured, a digit for the benefits, two for the province, and
/// the ten digits of the social insurance number (Decision 1351/QD-BHXH, 2015). They are the social insurance number with
/// something before it, so they are called the same.
const HEALTH_INSURANCE: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_health_insurance",
        entity: Entity::VN_SOCIAL_INSURANCE,
        context: &[
            "bhyt",
            "the bhyt",
            "ma the bhyt",
            "bao hiem y te",
            "bao hiem",
            "health insurance",
            "so the",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "AA9999999999999",
            bare: Score::of(30),
        },
        Form {
            shape: "AA 9 99 9999999999",
            bare: Score::of(45),
        },
        Form {
            shape: "AA 9 99 99 999 99999",
            bare: Score::of(45),
        },
    ],
    check: check_health_insurance,
};

/// Passport numbers: a letter and seven digits, or eight since the passports with a chip of 2022 (Circular 73/2021/TT-BCA).
/// Without a check digit; only context makes one of them.
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_passport",
        entity: Entity::VN_PASSPORT,
        context: &[
            "ho chieu",
            "so ho chieu",
            "ho chieu so",
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
            bare: Score::of(30),
        },
        Form {
            shape: "A99999999",
            bare: Score::of(30),
        },
        Form {
            shape: "A 9999999",
            bare: Score::of(25),
        },
    ],
    check: check_passport,
};

/// Driving licences: twelve digits, of which the first two are the province (Circular 12/2017/TT-BGTVT). Without a check
/// digit; only context makes one of them.
const DRIVER_LICENSE: Shaped = Shaped {
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
    if number.number(6..12) == 0 {
        return Check::Invalid("the last six digits are all zeros");
    }
    Check::Plausible
}

fn check_cccd_any(number: &Compact<'_>) -> Check {
    let code = number.number(0..3);
    if code < 100 && !is_province(code) {
        return Check::Invalid("the first three digits are of no province and no country");
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

fn check_tax_code(number: &Compact<'_>) -> Check {
    if number.number(2..9) == 0 {
        return Check::Invalid("the serial is all zeros");
    }
    if number.len() == 13 && number.number(10..13) == 0 {
        return Check::Invalid("the branch is all zeros");
    }
    let sum = number.weighted(&[31, 29, 23, 19, 17, 13, 7, 5, 3]);
    if 10 - sum % 11 == number.digit(9) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

fn check_social_insurance(number: &Compact<'_>) -> Check {
    let province = number.number(0..2);
    if !(1..=97).contains(&province) {
        return Check::Invalid("the first two digits are of no province");
    }
    if number.number(2..10) == 0 || number.is_one_character() {
        return Check::Invalid("the digits are a filler");
    }
    Check::Plausible
}

fn check_health_insurance(number: &Compact<'_>) -> Check {
    if !(1..=5).contains(&number.digit(2)) {
        return Check::Invalid("the third character tells no benefits");
    }
    if !(1..=99).contains(&number.number(3..5)) {
        return Check::Invalid("the digits are of no province");
    }
    Check::Plausible
}

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

#[cfg(test)]
mod tests;
