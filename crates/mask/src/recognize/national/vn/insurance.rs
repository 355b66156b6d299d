//! Numbers of social and health insurance.

use crate::recognize::Recognizer;
use crate::recognize::national::vn::{AGAINST, looks_mobile};
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// Social insurance numbers: ten digits, of which the first two are the province (Decision 595/QD-BHXH, 2017). Without a check
/// digit; only context makes one of them.
pub(super) const SOCIAL_INSURANCE: Shaped = Shaped {
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
pub(super) const HEALTH_INSURANCE: Shaped = Shaped {
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
            bare: Score::of(40),
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

/// Social insurance numbers that read as a mobile number: a label is needed, and it counts more than the form.
pub(super) const SOCIAL_INSURANCE_LIKE_MOBILE: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_social_insurance_like_mobile",
        ..SOCIAL_INSURANCE.facts
    },
    forms: &[Form {
        shape: "9999999999",
        bare: Score::of(18),
    }],
    check: |number| {
        if looks_mobile(number) {
            check_number(number)
        } else {
            Check::Invalid("it does not read as a mobile number")
        }
    },
};

fn check_social_insurance(number: &Compact<'_>) -> Check {
    if looks_mobile(number) {
        return Check::Invalid("it is a mobile number");
    }
    check_number(number)
}

fn check_number(number: &Compact<'_>) -> Check {
    if number.number(0..2) == 0 {
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
