//! The United States of America.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[SSN];

/// Social security numbers. Areas 000, 666 and 900 to 999, group 00 and serial 0000 are never issued (Social Security
/// Administration, "Social Security Number Randomization"); a few numbers were voided after they were printed in public.
const SSN: Shaped = Shaped {
    facts: Recognizer {
        id: "us_ssn",
        entity: Entity::US_SSN,
        context: &[
            "ssn",
            "social security",
            "social sec",
            "ssns",
            "ss#",
            "soc sec",
            "so an sinh xa hoi",
        ],
        against: &[
            "order",
            "invoice",
            "ticket",
            "part number",
            "sku",
            "version",
        ],
    },
    forms: &[
        Form {
            shape: "999-99-9999",
            bare: Score::of(70),
        },
        Form {
            shape: "999 99 9999",
            bare: Score::of(45),
        },
        Form {
            shape: "999.99.9999",
            bare: Score::of(40),
        },
        Form {
            shape: "999999999",
            bare: Score::of(20),
        },
    ],
    check: check_ssn,
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
    if number.is_one_character()
        || matches!(number.bytes(), b"123456789" | b"078051120" | b"219099999")
    {
        return Check::Invalid("it is a well-known example");
    }
    Check::Plausible
}
