//! The United States of America.

mod driver;

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[
    SSN,
    SSN_EXAMPLE,
    ITIN,
    EIN,
    PASSPORT,
    driver::SPECIFIC,
    driver::GENERIC,
];

/// Words for social security numbers.
const SSN_WORDS: &[&str] = &[
    "ssn",
    "ssns",
    "ssn#",
    "ss#",
    "ss number",
    "social security",
    "social security number",
    "social sec",
    "soc sec",
    "social",
    "so an sinh xa hoi",
    "an sinh xa hoi",
];

/// Words against them: those against every number, and the label of another country's.
const SSN_AGAINST: &[&str] = &[
    "social insurance number",
    "social insurance",
    "order",
    "order no",
    "invoice",
    "ticket",
    "tracking",
    "shipment",
    "part number",
    "part no",
    "sku",
    "product code",
    "serial number",
    "serial no",
    "model",
    "version",
    "build",
    "commit",
    "license key",
    "licence key",
    "product key",
    "isbn",
    "ean",
    "upc",
    "barcode",
    "phone",
    "tel",
    "fax",
    "flight",
    "ref",
    "reference",
    "don hang",
    "hoa don",
    "ma van don",
    "phien ban",
    "so dien thoai",
    "so seri",
    "ma san pham",
];

/// Social security numbers. Areas 000, 666 and 900 to 999, group 00 and serial 0000 are never issued (Social Security
/// Administration, "Social Security Number Randomization"); a few numbers were voided after they were printed in public.
const SSN: Shaped = Shaped {
    facts: Recognizer {
        id: "us_ssn",
        entity: Entity::US_SSN,
        context: SSN_WORDS,
        against: SSN_AGAINST,
    },
    forms: &[
        Form::new("999-99-9999", 70),
        Form::new("999 99 9999", 45),
        Form::new("999.99.9999", 40),
        Form::new("999999999", 20),
    ],
    check: check_ssn,
};

/// What people write for a social security number and what is none: the number that everybody types when asked for an
/// example, and those whose area, from 900 on, is never issued, which those who test programs use. It is hidden only where
/// a word says what it is: somebody may have mistyped a real one, and whoever tests wants to see it hidden.
const SSN_EXAMPLE: Shaped = Shaped {
    facts: Recognizer {
        id: "us_ssn_example",
        entity: Entity::US_SSN,
        context: SSN_WORDS,
        against: &[],
    },
    forms: &[
        Form::new("999-99-9999", 20),
        Form::new("999 99 9999", 20),
        Form::new("999999999", 20),
    ],
    check: |number| match number.bytes() {
        b"123456789" => Check::Plausible,
        _ if is_unissued(number) => Check::Plausible,
        _ => Check::Invalid("it is not the usual example"),
    },
};

/// Individual taxpayer identification numbers: a 9 first, and the fourth and fifth digits 50 to 65, 70 to 88, 90 to 92 or
/// 94 to 99 (IRS Publication 4757 and Internal Revenue Manual 3.21.263). 987-65-4320 to 987-65-4329 are kept for
/// advertisements.
const ITIN: Shaped = Shaped {
    facts: Recognizer {
        id: "us_itin",
        entity: Entity::US_ITIN,
        context: &[
            "itin",
            "itins",
            "individual taxpayer",
            "taxpayer identification",
            "taxpayer id",
            "tax id",
            "tin",
            "w-7",
            "ma so thue",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("999-99-9999", 65),
        Form::new("999 99 9999", 40),
        Form::new("999999999", 20),
    ],
    check: check_itin,
};

/// Employer identification numbers: the first two digits are the prefix of a campus of the IRS ("How EINs are assigned
/// and valid EIN prefixes").
const EIN: Shaped = Shaped {
    facts: Recognizer {
        id: "us_ein",
        entity: Entity::US_EIN,
        context: &[
            "ein",
            "fein",
            "eins",
            "employer identification",
            "employer id",
            "federal tax id",
            "federal tax",
            "federal id",
            "tax id",
            "tax identification",
            "w-9",
            "irs",
            "ma so thue",
        ],
        against: &[],
    },
    forms: &[Form::new("99-9999999", 35), Form::new("999999999", 15)],
    check: check_ein,
};

/// Passports: nine digits, or a letter and eight digits since 2021 (Department of State, "next generation passport").
/// There is no check digit in the number itself.
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "us_passport",
        entity: Entity::US_PASSPORT,
        context: &[
            "us passport",
            "u.s. passport",
            "american passport",
            "passport",
            "passports",
            "passport number",
            "passport no",
            "passport#",
            "travel document",
            "ho chieu",
            "ho chieu my",
        ],
        against: &[],
    },
    forms: &[Form::new("999999999", 17), Form::new("A99999999", 17)],
    check: |number| {
        if number.is_one_character() {
            Check::Invalid("all digits are the same")
        } else {
            Check::Plausible
        }
    },
};

fn check_ssn(number: &Compact<'_>) -> Check {
    let (area, group, serial) = (
        number.number(0..3),
        number.number(3..5),
        number.number(5..9),
    );
    if area == 0 || area == 666 || area >= 900 {
        return Check::Invalid("the area is never issued");
    }
    if group == 0 || serial == 0 {
        return Check::Invalid("a part is all zeros");
    }
    let is_void = matches!(
        number.bytes(),
        b"123456789" | b"078051120" | b"219099999" | b"457555462"
    );
    if number.is_one_character() || is_void {
        return Check::Invalid("it is a well-known example");
    }
    Check::Plausible
}

/// Whether a number has the form of a social security number with an area that is never issued, and is no taxpayer's
/// either.
fn is_unissued(number: &Compact<'_>) -> bool {
    let is_written_as_one = number.written.contains('-');
    let is_filled = number.number(3..5) > 0 && number.number(5..9) > 0;
    // 987-65-4320 to 987-65-4329 are kept for advertisements.
    let is_advertised = number.bytes().starts_with(b"98765432");
    number.digit(0) == 9
        && is_written_as_one
        && is_filled
        && !is_advertised
        && !number.is_one_character()
}

fn check_itin(number: &Compact<'_>) -> Check {
    if number.digit(0) != 9 {
        return Check::Invalid("it does not begin with 9");
    }
    if !matches!(number.number(3..5), 50..=65 | 70..=88 | 90..=92 | 94..=99) {
        return Check::Invalid("the group is never issued");
    }
    if number.number(0..8) == 98_765_432 || number.is_one_character() {
        return Check::Invalid("it is a well-known example");
    }
    Check::Plausible
}

fn check_ein(number: &Compact<'_>) -> Check {
    let is_prefix = matches!(
        number.number(0..2),
        1..=6
            | 10..=16
            | 20..=27
            | 30..=48
            | 50..=68
            | 71..=77
            | 80..=88
            | 90..=95
            | 98
            | 99
    );
    if !is_prefix {
        return Check::Invalid("no campus has this prefix");
    }
    if number.is_one_character() || number.number(2..9) == 0 {
        return Check::Invalid("it is a filler");
    }
    Check::Plausible
}

#[cfg(test)]
mod tests;
