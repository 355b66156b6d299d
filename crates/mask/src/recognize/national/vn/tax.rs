//! Tax codes.

use crate::recognize::Recognizer;
use crate::recognize::national::vn::{AGAINST, looks_mobile};
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// Tax codes: the province, a serial, a check digit modulo 11, and for branches a hyphen and three digits (Circular
/// 105/2020/TT-BTC, article 5; the weights as in "Ma so thue", Vietnamese Wikipedia). Since July 2025 a person's tax code is
/// the twelve digits of the personal identification number (Circular 86/2024/TT-BTC), which is found as such.
pub(super) const TAX_CODE: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_tax_code",
        entity: Entity::VN_TAX_CODE,
        context: &[
            "ma so thue",
            "mst",
            "ma so dn",
            "ma so doanh nghiep",
            "ma so kinh doanh",
            "tax code",
            "tax id",
            "tax identification",
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

/// Tax codes that read as a mobile number: a label is needed, and it counts more than the form.
pub(super) const TAX_CODE_LIKE_MOBILE: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_tax_code_like_mobile",
        ..TAX_CODE.facts
    },
    forms: &[
        Form {
            shape: "9999999999",
            bare: Score::of(20),
        },
        Form {
            shape: "9999999999-999",
            bare: Score::of(30),
        },
    ],
    check: |number| {
        if looks_mobile(number) {
            check_digits(number)
        } else {
            Check::Invalid("it does not read as a mobile number")
        }
    },
};

fn check_tax_code(number: &Compact<'_>) -> Check {
    if looks_mobile(number) {
        return Check::Invalid("it is a mobile number");
    }
    check_digits(number)
}

fn check_digits(number: &Compact<'_>) -> Check {
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
