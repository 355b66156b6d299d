//! Driving licences of the states, in the forms of the AAMVA's list of licence formats. There are no check digits: every
//! form needs context.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::{Check, Form, Shaped};

/// Words for driving licences.
const WORDS: &[&str] = &[
    "driver license",
    "driver licence",
    "drivers license",
    "drivers licence",
    "driver's license",
    "driver's licence",
    "driver\u{2019}s license",
    "driver\u{2019}s licence",
    "driving license",
    "driving licence",
    "driver license number",
    "license no",
    "licence no",
    "license number",
    "licence number",
    "state license",
    "dl",
    "dl#",
    "dl number",
    "dln",
    "dmv",
    "cdl",
    "permit number",
    "bang lai",
    "bang lai xe",
    "giay phep lai xe",
    "gplx",
];

/// Words for other licences.
const AGAINST: &[&str] = &["license key", "product key", "software license"];

/// Forms with letters, or groups that only a licence has.
pub(super) const SPECIFIC: Shaped = Shaped {
    facts: Recognizer {
        id: "us_driver_license",
        entity: Entity::US_DRIVER_LICENSE,
        context: WORDS,
        against: AGAINST,
    },
    forms: &[
        // California; also other states with a letter and seven digits.
        Form::new("A9999999", 20),
        // Arizona, Massachusetts, Virginia, Hawaii, West Virginia, Connecticut.
        Form::new("A99999999", 20),
        // Kansas, Kentucky.
        Form::new("A99-99-9999", 30),
        Form::new("A99-999-999", 30),
        // Missouri.
        Form::new("A999999999", 20),
        // Illinois.
        Form::new("A99999999999", 25),
        Form::new("A999-9999-9999", 35),
        // Florida, Maryland, Michigan, Minnesota.
        Form::new("A999999999999", 25),
        Form::new("A999-999-99-999-9", 45),
        Form::new("A999-999-99-999", 40),
        Form::new("A999-999-999-999", 40),
        Form::new("A-999-999-999-999", 40),
        Form::new("A 999 999 999 999", 40),
        // Wisconsin.
        Form::new("A9999999999999", 25),
        Form::new("A999-9999-9999-99", 45),
        // New Jersey.
        Form::new("A99999999999999", 25),
        Form::new("A9999 99999 99999", 40),
        Form::new("A9999-99999-99999", 40),
        // Ohio.
        Form::new("AA999999", 20),
        // Idaho.
        Form::new("AA999999A", 20),
        // Iowa.
        Form::new("999AA9999", 25),
        // New Hampshire.
        Form::new("99AAA99999", 25),
        // North Dakota.
        Form::new("AAA999999", 20),
        Form::new("AAA-99-9999", 35),
        // Indiana, Colorado, Arkansas.
        Form::new("9999-99-9999", 30),
        Form::new("99-999-9999", 25),
        // Washington since 2018.
        Form::new("AAA9999999A9", 25),
        Form::new("AAAA999A999A", 25),
        Form::new("AAAAA9999A9", 20),
    ],
    check: |_| Check::Plausible,
};

/// Forms of digits only, which many other numbers have.
pub(super) const GENERIC: Shaped = Shaped {
    facts: Recognizer {
        id: "us_driver_license_digits",
        entity: Entity::US_DRIVER_LICENSE,
        context: WORDS,
        against: AGAINST,
    },
    forms: &[
        // Tennessee, Maine, Oregon, the District of Columbia.
        Form::new("9999999", 15),
        // Texas, Pennsylvania, Tennessee.
        Form::new("99999999", 16),
        Form::new("99 999 999", 20),
        // New York, Georgia, Arizona and many others.
        Form::new("999999999", 16),
        Form::new("999 999 999", 18),
        // Nevada, Idaho.
        Form::new("9999999999", 15),
        // North Carolina.
        Form::new("999999999999", 15),
    ],
    check: |number| {
        if number.is_one_character() {
            Check::Invalid("all digits are the same")
        } else {
            Check::Plausible
        }
    },
};
