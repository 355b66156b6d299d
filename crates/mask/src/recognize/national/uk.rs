//! The United Kingdom.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[NHS, NINO, UTR, DRIVING_LICENCE, PASSPORT];

/// National Health Service numbers: ten digits, the last of which makes the weighted sum (10 to 1) a multiple of 11 (NHS
/// Data Dictionary, "NHS NUMBER"). American telephone numbers are grouped alike and one in eleven passes, so that every
/// form needs context.
const NHS: Shaped = Shaped {
    facts: Recognizer {
        id: "uk_nhs",
        entity: Entity::UK_NHS,
        context: &[
            "nhs",
            "nhs number",
            "nhs no",
            "national health service",
            "national health",
            "health service number",
            "patient",
            "patient number",
            "so nhs",
        ],
        against: &[],
    },
    forms: &[
        Form::new("999 999 9999", 40),
        Form::new("999-999-9999", 35),
        Form::new("9999999999", 25),
    ],
    check: |number| {
        if number.is_one_character() {
            return Check::Invalid("all digits are the same");
        }
        match number.weighted(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11 {
            0 => Check::Valid,
            _ => Check::Invalid("the check digit is wrong (mod 11)"),
        }
    },
};

/// National insurance numbers: two letters, six digits, a suffix A to D. D, F, I, Q, U and V are used in neither prefix
/// letter, O not in the second; BG, GB, KN, NK, NT, TN and ZZ are not allocated (HMRC, National Insurance Manual,
/// NIM39110).
const NINO: Shaped = Shaped {
    facts: Recognizer {
        id: "uk_nino",
        entity: Entity::UK_NINO,
        context: &[
            "nino",
            "ni number",
            "ni no",
            "national insurance",
            "national insurance number",
            "insurance number",
            "hmrc",
            "so bao hiem quoc gia",
            "bao hiem quoc gia",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("AA 99 99 99 A", 80),
        Form::new("AA-99-99-99-A", 75),
        Form::new("AA 999999 A", 65),
        Form::new("AA999999 A", 50),
        Form::new("AA99 99 99A", 65),
        Form::new("AA 99 99 99A", 65),
        Form::new("AA 999 999 A", 60),
        Form::new("AA999999A", 60),
    ],
    check: check_nino,
};

/// Unique taxpayer references: ten digits, the first of which checks the others (weights 6, 7, 8, 9, 10, 5, 4, 3, 2 modulo
/// 11; HMRC's specification as in the OECD's sheet on British TINs and in python-stdnum `gb.utr`).
const UTR: Shaped = Shaped {
    facts: Recognizer {
        id: "uk_utr",
        entity: Entity::UK_UTR,
        context: &[
            "utr",
            "utr number",
            "unique taxpayer",
            "unique tax reference",
            "taxpayer reference",
            "tax reference",
            "self assessment",
            "self-assessment",
            "hmrc",
            "ma so thue",
        ],
        against: &[],
    },
    forms: &[
        Form::new("9999999999", 20),
        Form::new("99999 99999", 30),
        Form::new("999 999 9999", 16),
        Form::new("9999999999A", 25),
    ],
    check: check_utr,
};

/// Driving licences of Great Britain: five characters of the surname (filled with 9), the tenth of the year of birth, the
/// month (with 5 added to its first digit for women), the day, the year's last digit, two initials (9 for none), a digit
/// and two check characters (DVLA, as in the specification of driver numbers). The formula of the check characters is not
/// published.
const DRIVING_LICENCE: Shaped = Shaped {
    facts: Recognizer {
        id: "uk_driving_licence",
        entity: Entity::UK_DRIVING_LICENCE,
        context: &[
            "driving licence",
            "driving license",
            "driver licence",
            "driver's licence",
            "driver number",
            "licence number",
            "dvla",
            "bang lai xe",
            "giay phep lai xe",
        ],
        against: &["license key", "product key"],
    },
    forms: &[
        Form::new("A????999999???AA", 75),
        Form::new("A???? 999999 ???AA", 80),
        Form::new("A????-999999-???AA", 80),
        Form::new("A????999999??999", 30),
    ],
    check: check_driving_licence,
};

/// Passports: nine digits (HM Passport Office), or the form of two letters and seven digits that older tools know. There
/// is no check digit in the number itself, and other countries have the same forms, so the country must be named.
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "uk_passport",
        entity: Entity::UK_PASSPORT,
        context: &[
            "uk passport",
            "british passport",
            "passport (uk)",
            "passport uk",
            "gb passport",
            "gbr passport",
            "hm passport",
            "hmpo",
            "united kingdom passport",
            "ho chieu anh",
        ],
        against: &[],
    },
    forms: &[Form::new("999999999", 25), Form::new("AA9999999", 25)],
    check: |number| {
        if number.is_one_character() {
            Check::Invalid("all digits are the same")
        } else {
            Check::Plausible
        }
    },
};

fn check_nino(number: &Compact<'_>) -> Check {
    let bytes = number.bytes();
    let (Some(&[first, second]), Some(suffix)) = (bytes.first_chunk::<2>(), bytes.last()) else {
        return Check::Invalid("it is too short");
    };
    let is_unused = |letter: u8| matches!(letter, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V');
    if is_unused(first) || is_unused(second) || second == b'O' {
        return Check::Invalid("the prefix has a letter that is not used");
    }
    if matches!(
        &[first, second],
        b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ"
    ) {
        return Check::Invalid("the prefix is not allocated");
    }
    if !matches!(suffix, b'A'..=b'D') {
        return Check::Invalid("the suffix is not A to D");
    }
    Check::Plausible
}

fn check_utr(number: &Compact<'_>) -> Check {
    /// The check digit by the remainder.
    const DIGITS: [u32; 11] = [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    if number.len() == 11 && number.bytes().last() != Some(&b'K') {
        return Check::Invalid("only a K may follow");
    }
    if number.number(0..10) == 0 {
        return Check::Invalid("all digits are the same");
    }
    let remainder = number.weighted(&[0, 6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    if DIGITS.get(remainder as usize) == Some(&number.digit(0)) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (mod 11)")
    }
}

fn check_driving_licence(number: &Compact<'_>) -> Check {
    let bytes = number.bytes();
    let (Some(surname), Some(initials)) = (bytes.get(..5), bytes.get(11..13)) else {
        return Check::Invalid("it is too short");
    };
    let is_filled = |part: &[u8]| {
        let name = part.iter().take_while(|byte| byte.is_ascii_alphabetic());
        part[name.count()..].iter().all(|byte| *byte == b'9')
    };
    if !is_filled(surname) || !is_filled(initials) {
        return Check::Invalid("a name is not filled with 9");
    }
    let month = match number.number(6..8) {
        month @ 1..=12 => month,
        month @ 51..=62 => month - 50,
        _ => return Check::Invalid("there is no such month"),
    };
    let year = u64::from(number.digit(5) * 10 + number.digit(10));
    if !calendar::is_short_day(year, month, number.number(8..10)) {
        return Check::Invalid("there is no such day");
    }
    Check::Plausible
}

#[cfg(test)]
mod tests;
