//! Australia.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[ABN, ACN, TFN, MEDICARE];

/// Words against all of them.
const AGAINST: &[&str] = &[
    "order",
    "invoice number",
    "tracking",
    "ticket",
    "phone",
    "mobile",
    "bsb",
    "account number",
    "barcode",
    "sku",
];

/// Business numbers: eleven digits, modulo 89 (Australian Business Register, "Format of the ABN"). One number in 89 passes.
const ABN: Shaped = Shaped {
    facts: Recognizer {
        id: "au_abn",
        entity: Entity::AU_ABN,
        context: &[
            "abn",
            "australian business number",
            "business number",
            "gst registered",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "99 999 999 999",
            bare: Score::of(65),
        },
        Form {
            shape: "99-999-999-999",
            bare: Score::of(55),
        },
        Form {
            shape: "99999999999",
            bare: Score::of(40),
        },
    ],
    check: check_abn,
};

/// Company numbers: nine digits, the last one a check digit modulo 10 (Australian Securities and Investments Commission,
/// "Australian Company Number digit check"). One number in ten passes, so only context makes one of it.
const ACN: Shaped = Shaped {
    facts: Recognizer {
        id: "au_acn",
        entity: Entity::AU_ACN,
        context: &["acn", "australian company number", "company number", "asic"],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999 999 999",
            bare: Score::of(30),
        },
        Form {
            shape: "999-999-999",
            bare: Score::of(30),
        },
        Form {
            shape: "999999999",
            bare: Score::of(25),
        },
    ],
    check: check_acn,
};

/// Tax file numbers: nine digits, or eight for old ones, modulo 11 (Australian Taxation Office; the weights as in "Tax file
/// number", Wikipedia). For eight digits two sets of weights are in use among validators; either counts, because such a
/// number needs context anyway.
const TFN: Shaped = Shaped {
    facts: Recognizer {
        id: "au_tfn",
        entity: Entity::AU_TFN,
        context: &["tfn", "tax file number", "tax file no", "tax file"],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999 999 999",
            bare: Score::of(30),
        },
        Form {
            shape: "999-999-999",
            bare: Score::of(30),
        },
        Form {
            shape: "999999999",
            bare: Score::of(25),
        },
        Form {
            shape: "99 999 999",
            bare: Score::of(25),
        },
        Form {
            shape: "999 999 99",
            bare: Score::of(25),
        },
        Form {
            shape: "99999999",
            bare: Score::of(20),
        },
    ],
    check: check_tfn,
};

/// Medicare card numbers: eight digits of which the first is 2 to 6, a check digit modulo 10, the issue number, and
/// sometimes the reference of the person on the card (Services Australia; METeOR 270101).
const MEDICARE: Shaped = Shaped {
    facts: Recognizer {
        id: "au_medicare",
        entity: Entity::AU_MEDICARE,
        context: &[
            "medicare",
            "medicare card",
            "medicare number",
            "irn",
            "health card",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "9999 99999 9",
            bare: Score::of(55),
        },
        Form {
            shape: "9999-99999-9",
            bare: Score::of(55),
        },
        Form {
            shape: "9999 99999 9/9",
            bare: Score::of(60),
        },
        Form {
            shape: "9999 99999 9-9",
            bare: Score::of(60),
        },
        Form {
            shape: "9999 99999 9 9",
            bare: Score::of(50),
        },
        Form {
            shape: "9999999999",
            bare: Score::of(25),
        },
        Form {
            shape: "99999999999",
            bare: Score::of(20),
        },
    ],
    check: check_medicare,
};

fn check_abn(number: &Compact<'_>) -> Check {
    if number.digit(0) == 0 {
        return Check::Invalid("it begins with zero");
    }
    let sum = number.weighted(&[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    // The first digit is lowered by one before it is weighted.
    if (sum - 10).is_multiple_of(89) {
        Check::Valid
    } else {
        Check::Invalid("the check digits are wrong")
    }
}

fn check_acn(number: &Compact<'_>) -> Check {
    if number.is_one_character() {
        return Check::Invalid("all digits are the same");
    }
    let sum = number.weighted(&[8, 7, 6, 5, 4, 3, 2, 1]);
    if (10 - sum % 10) % 10 == number.digit(8) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

fn check_tfn(number: &Compact<'_>) -> Check {
    if number.is_one_character() {
        return Check::Invalid("all digits are the same");
    }
    let passes = |weights: &[u32]| number.weighted(weights).is_multiple_of(11);
    let is_valid = if number.len() == 8 {
        passes(&[10, 7, 8, 4, 6, 3, 5, 1]) || passes(&[1, 4, 3, 7, 5, 8, 6, 9])
    } else {
        passes(&[1, 4, 3, 7, 5, 8, 6, 9, 10])
    };
    if is_valid {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

fn check_medicare(number: &Compact<'_>) -> Check {
    if !(2..=6).contains(&number.digit(0)) {
        return Check::Invalid("the first digit is not 2 to 6");
    }
    if number.digit(9) == 0 || (number.len() == 11 && number.digit(10) == 0) {
        return Check::Invalid("the issue or reference number is zero");
    }
    if number.weighted(&[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == number.digit(8) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

#[cfg(test)]
mod tests;
