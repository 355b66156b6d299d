//! South Korea.

use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[
    RRN,
    RRN_UNPROVED,
    FRN,
    FRN_UNPROVED,
    BRN,
    PASSPORT,
    DRIVER_LICENSE,
];

/// Words for resident registration numbers: jumin deungnok beonho, jumin beonho, jumin deungnok.
const RRN_CONTEXT: &[&str] = &[
    "rrn",
    "resident registration number",
    "resident registration",
    "resident number",
    "korean resident",
    "korean id",
    "jumin",
    "\u{c8fc}\u{bbfc}\u{b4f1}\u{b85d}\u{bc88}\u{d638}",
    "\u{c8fc}\u{bbfc}\u{bc88}\u{d638}",
    "\u{c8fc}\u{bbfc}\u{b4f1}\u{b85d}",
    "so dang ky cu tru",
];

/// Words for registration numbers of foreigners: oegugin deungnok beonho, oegugin beonho.
const FRN_CONTEXT: &[&str] = &[
    "frn",
    "foreigner registration",
    "alien registration",
    "foreigner registration number",
    "alien registration number",
    "\u{c678}\u{ad6d}\u{c778}\u{b4f1}\u{b85d}\u{bc88}\u{d638}",
    "\u{c678}\u{ad6d}\u{c778}\u{bc88}\u{d638}",
    "\u{c678}\u{ad6d}\u{c778}\u{b4f1}\u{b85d}",
    "the cu tru han quoc",
];

/// Words against numbers that begin with a date.
const AGAINST: &[&str] = &[
    "order",
    "invoice",
    "ticket",
    "tracking",
    "case",
    "receipt",
    "timestamp",
    "barcode",
    "ean",
    "account",
];

/// Resident registration numbers whose check digit is right: the day of birth, a digit for century and sex, six digits
/// (Ministry of the Interior and Safety; formula as in the OECD's "Korea TIN"). One ordinary number with a date passes in ten.
const RRN: Shaped = Shaped {
    facts: Recognizer {
        id: "kr_rrn",
        entity: Entity::KR_RRN,
        context: RRN_CONTEXT,
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999999-9999999",
            bare: Score::of(65),
        },
        Form {
            shape: "999999 9999999",
            bare: Score::of(45),
        },
        Form {
            shape: "9999999999999",
            bare: Score::of(30),
        },
    ],
    check: check_rrn,
};

/// Resident registration numbers that cannot be proved: since October 2020 the last six digits are arbitrary. Only people
/// born since then certainly have such a number; the few others got a new one by a court's leave or were naturalized, so
/// that a wrong check digit after an earlier day of birth is taken for a mistyped or made-up number. Only context makes
/// one of them.
const RRN_UNPROVED: Shaped = Shaped {
    facts: Recognizer {
        id: "kr_rrn_unproved",
        entity: Entity::KR_RRN,
        context: RRN_CONTEXT,
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999999-9999999",
            bare: Score::of(40),
        },
        Form {
            shape: "999999 9999999",
            bare: Score::of(25),
        },
        Form {
            shape: "9999999999999",
            bare: Score::of(20),
        },
    ],
    check: check_rrn_unproved,
};

/// Registration numbers of foreigners: as [`RRN`], with 5 to 8 for century and sex and a check digit that is two higher.
const FRN: Shaped = Shaped {
    facts: Recognizer {
        id: "kr_frn",
        entity: Entity::KR_FRN,
        context: FRN_CONTEXT,
        against: AGAINST,
    },
    forms: RRN.forms,
    check: check_frn,
};

/// Registration numbers of foreigners that cannot be proved, as [`RRN_UNPROVED`].
const FRN_UNPROVED: Shaped = Shaped {
    facts: Recognizer {
        id: "kr_frn_unproved",
        entity: Entity::KR_FRN,
        context: FRN_CONTEXT,
        against: AGAINST,
    },
    forms: RRN_UNPROVED.forms,
    check: check_frn_unproved,
};

/// Business registration numbers: the tax office, the kind of business, a serial, a check digit (National Tax Service; the
/// weights 1 3 7 1 3 7 1 3 5). The context in Korean: saeopja deungnok beonho, saeopja beonho.
const BRN: Shaped = Shaped {
    facts: Recognizer {
        id: "kr_brn",
        entity: Entity::KR_BRN,
        context: &[
            "brn",
            "business registration number",
            "business registration",
            "korean business number",
            "\u{c0ac}\u{c5c5}\u{c790}\u{b4f1}\u{b85d}\u{bc88}\u{d638}",
            "\u{c0ac}\u{c5c5}\u{c790}\u{bc88}\u{d638}",
            "\u{c0ac}\u{c5c5}\u{c790}",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "999-99-99999",
            bare: Score::of(60),
        },
        Form {
            shape: "9999999999",
            bare: Score::of(20),
        },
    ],
    check: check_brn,
};

/// Passport numbers: the kind of passport and eight digits, or since 2021 three digits, a letter and four digits
/// (Ministry of Foreign Affairs). Without a check digit; only context makes one of it. In Korean: yeogwon.
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "kr_passport",
        entity: Entity::KR_PASSPORT,
        context: &[
            "korean passport",
            "korea passport",
            "passport korea",
            "passport of korea",
            "republic of korea",
            "\u{c5ec}\u{ad8c}",
            "\u{c5ec}\u{ad8c}\u{bc88}\u{d638}",
            "ho chieu han quoc",
        ],
        against: &["order", "sku", "part number", "model"],
    },
    forms: &[
        Form {
            shape: "A99999999",
            bare: Score::of(40),
        },
        Form {
            shape: "A999A9999",
            bare: Score::of(40),
        },
    ],
    check: check_passport,
};

/// Driving licences: the region 11 to 28, the year, a serial, two check digits whose formula is not public (Korean National
/// Police Agency). In Korean: unjeon myeonheo, myeonheo beonho.
const DRIVER_LICENSE: Shaped = Shaped {
    facts: Recognizer {
        id: "kr_driver_license",
        entity: Entity::KR_DRIVER_LICENSE,
        context: &[
            "korean driver license",
            "korean driver's license",
            "korean driving licence",
            "\u{c6b4}\u{c804}\u{ba74}\u{d5c8}",
            "\u{c6b4}\u{c804}\u{ba74}\u{d5c8}\u{bc88}\u{d638}",
            "\u{ba74}\u{d5c8}\u{bc88}\u{d638}",
        ],
        against: AGAINST,
    },
    forms: &[
        Form {
            shape: "99-99-999999-99",
            bare: Score::of(55),
        },
        Form {
            shape: "99 99 999999 99",
            bare: Score::of(35),
        },
        Form {
            shape: "999999999999",
            bare: Score::of(20),
        },
    ],
    check: check_driver_license,
};

/// The sum over which the check digits of persons are made.
fn person_sum(number: &Compact<'_>) -> u32 {
    number.weighted(&[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5])
}

/// Why the number cannot be one of a person of this kind, as far as the day of birth tells.
fn person_fault(number: &Compact<'_>, is_foreigner: bool) -> Option<&'static str> {
    let century = match number.digit(6) {
        1 | 2 if !is_foreigner => 1900,
        3 | 4 if !is_foreigner => 2000,
        9 | 0 if !is_foreigner => 1800,
        5 | 6 if is_foreigner => 1900,
        7 | 8 if is_foreigner => 2000,
        _ => return Some("the seventh digit is of the other kind of residents"),
    };
    let year = century + number.number(0..2);
    if !calendar::is_day(year, number.number(2..4), number.number(4..6)) {
        return Some("the first six digits are no day of birth");
    }
    None
}

fn check_rrn(number: &Compact<'_>) -> Check {
    match person_fault(number, false) {
        Some(why) => Check::Invalid(why),
        None if (11 - person_sum(number) % 11) % 10 == number.digit(12) => Check::Valid,
        None => Check::Invalid("the check digit is wrong"),
    }
}

fn check_rrn_unproved(number: &Compact<'_>) -> Check {
    /// The day from which on the last six digits are arbitrary: 5 October 2020.
    const ARBITRARY_SINCE: u64 = 201_005;
    if !matches!(number.digit(6), 3 | 4) || number.number(0..6) < ARBITRARY_SINCE {
        return Check::Invalid(
            "the check digit is wrong, and the day of birth is before October 2020",
        );
    }
    person_fault(number, false).map_or(Check::Plausible, Check::Invalid)
}

fn check_frn(number: &Compact<'_>) -> Check {
    match person_fault(number, true) {
        Some(why) => Check::Invalid(why),
        None if (13 - person_sum(number) % 11) % 10 == number.digit(12) => Check::Valid,
        None => Check::Invalid("the check digit is wrong"),
    }
}

fn check_frn_unproved(number: &Compact<'_>) -> Check {
    person_fault(number, true).map_or(Check::Plausible, Check::Invalid)
}

fn check_brn(number: &Compact<'_>) -> Check {
    if number.number(0..3) < 101 || number.number(3..5) == 0 || number.number(5..9) == 0 {
        return Check::Invalid("a part is lower than any that is issued");
    }
    let sum = number.weighted(&[1, 3, 7, 1, 3, 7, 1, 3, 5]) + number.digit(8) * 5 / 10;
    if (10 - sum % 10) % 10 == number.digit(9) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

fn check_passport(number: &Compact<'_>) -> Check {
    if matches!(
        number.bytes()[0],
        b'M' | b'S' | b'R' | b'O' | b'D' | b'G' | b'T'
    ) {
        Check::Plausible
    } else {
        Check::Invalid("the first letter is of no kind of passport")
    }
}

fn check_driver_license(number: &Compact<'_>) -> Check {
    let region = number.number(0..2);
    if !(11..=28).contains(&region) || region == 27 {
        return Check::Invalid("the first two digits are of no region");
    }
    if number.number(4..10) == 0 {
        return Check::Invalid("the serial is all zeros");
    }
    Check::Plausible
}

#[cfg(test)]
mod tests;
