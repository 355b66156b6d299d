//! Passports and driving licences whose country is not told.
//!
//! Their numbers are a few letters and digits without any check: only words near them make a number one, and any
//! recognizer of a country whose own words stand there wins.

use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of documents without a country.
pub(crate) const ALL: &[Shaped] = &[
    PASSPORT,
    PASSPORT_DIGITS,
    DRIVER_LICENSE,
    DRIVER_LICENSE_LONG,
];

/// How sure any form is: with context just at the threshold, and below every recognizer that knows its country.
const BARE: Score = Score::of(15);

/// How sure a form is that no country's own recognizer takes for the word "passport" alone: sure enough that with
/// context it counts in small letters as well.
const BARE_OWN: Score = Score::of(35);

/// Declares forms that are equally sure.
const fn form(shape: &'static str) -> Form {
    Form { shape, bare: BARE }
}

/// Passport numbers: at most nine letters and digits (ICAO Doc 9303, part 4).
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "passport",
        entity: Entity::PASSPORT,
        context: &[
            "passport",
            "passport no",
            "passport number",
            "passport#",
            "passport id",
            "travel document",
            "ho chieu",
            "so ho chieu",
            "reisepass",
            "passeport",
            "pasaporte",
            "passaporto",
            "passaporte",
            "paspoort",
            "paszport",
            "passi",
            "pasaport",
            "passnummer",
            "passnr",
            "pass nr",
            "pass-nr",
            "paspoortnummer",
            "passport nr",
            "\u{62a4}\u{7167}",
            "\u{62a4}\u{7167}\u{53f7}\u{7801}",
            "\u{8b77}\u{7167}",
            "\u{30d1}\u{30b9}\u{30dd}\u{30fc}\u{30c8}",
            "\u{65c5}\u{5238}",
            "\u{43f}\u{430}\u{441}\u{43f}\u{43e}\u{440}\u{442}",
            "\u{437}\u{430}\u{433}\u{440}\u{430}\u{43d}\u{43f}\u{430}\u{441}\u{43f}\u{43e}\u{440}\u{442}",
            "\u{e2b}\u{e19}\u{e31}\u{e07}\u{e2a}\u{e37}\u{e2d}\u{e40}\u{e14}\u{e34}\u{e19}\u{e17}\u{e32}\u{e07}",
        ],
        against: &["version", "release", "port", "commit", "order", "sku"],
    },
    forms: &[
        Form {
            shape: "A9999999",
            bare: BARE_OWN,
        },
        form("A99999999"),
        Form {
            shape: "AA999999",
            bare: BARE_OWN,
        },
        form("AA9999999"),
        Form {
            shape: "AAA999999",
            bare: BARE_OWN,
        },
        form("A999999"),
        form("999999999"),
        form("99AA99999"),
        form("A99A99999"),
        form("A999A9999"),
        form("A99AA9999"),
        form("A 9999999"),
        form("AA 9999999"),
        // The Netherlands: two letters, six letters or digits, a digit.
        form("AA??????9"),
    ],
    check: check_passport,
};

/// Passport numbers of eight digits, which other numbers have too: only after a word for the number itself.
const PASSPORT_DIGITS: Shaped = Shaped {
    facts: Recognizer {
        id: "passport_digits",
        entity: Entity::PASSPORT,
        context: &[
            "passport no",
            "passport number",
            "passnummer",
            "passnr",
            "pass nr",
            "paspoortnummer",
            "reisepassnummer",
        ],
        against: &["version", "release", "port", "commit", "order", "sku"],
    },
    forms: &[form("99999999")],
    check: check_driver_license,
};

/// Numbers of driving licences.
const DRIVER_LICENSE: Shaped = Shaped {
    facts: Recognizer {
        id: "driver_license",
        entity: Entity::DRIVER_LICENSE,
        context: &[
            "driver license",
            "driver's license",
            "drivers license",
            "driver licence",
            "driver's licence",
            "drivers licence",
            "driving licence",
            "driving license",
            "driver\u{2019}s license",
            "driver\u{2019}s licence",
            "licence number",
            "dl no",
            "dl number",
            "dl#",
            "giay phep lai xe",
            "bang lai xe",
            "bang lai",
            "gplx",
            "fuhrerschein",
            "permis de conduire",
            "licencia de conducir",
            "patente di guida",
            "rijbewijs",
        ],
        against: &[
            "software",
            "version",
            "plate",
            "order",
            "sku",
            "product key",
        ],
    },
    forms: &[
        form("A9999999"),
        form("A99999999"),
        form("A999999999999"),
        form("A9999-99999-99999"),
        form("A999-9999-9999"),
        form("A999-999-99-999-9"),
        form("AA999999"),
        form("AA9999999"),
        form("AA99 99999999999"),
        form("AA9999999999999"),
        form("AA-9999999999999"),
        form("AA99-99999999999"),
        form("99AA99999"),
        form("9999999"),
        form("99999999"),
        form("999999999"),
        form("9999999999"),
        form("999999999999"),
    ],
    check: check_driver_license,
};

/// Numbers of driving licences in forms of single countries, for their own words.
const DRIVER_LICENSE_LONG: Shaped = Shaped {
    facts: Recognizer {
        id: "driver_license_long",
        entity: Entity::DRIVER_LICENSE,
        context: &[
            "fuhrerschein",
            "fuhrerscheinnummer",
            "fuhrerscheinnr",
            "fuehrerschein",
            "patente",
            "patente di guida",
            "rijbewijs",
            "rijbewijsnummer",
            "prawo jazdy",
            "prawa jazdy",
            "cnh",
            "carteira de motorista",
            "carteira de habilitacao",
            "habilitacao",
            "korkort",
            "korkortsnummer",
            "ajokortti",
            "ehliyet",
            "surucu belgesi",
            "permis de conduire",
            "carte de conduire",
            "\u{9a7e}\u{9a76}\u{8bc1}",
            "\u{9a7e}\u{7167}",
            "\u{514d}\u{8a31}\u{8a3c}\u{756a}\u{53f7}",
            "\u{904b}\u{8ee2}\u{514d}\u{8a31}",
            "\u{e43}\u{e1a}\u{e02}\u{e31}\u{e1a}\u{e02}\u{e35}\u{e48}",
            "\u{432}\u{43e}\u{434}\u{438}\u{442}\u{435}\u{43b}\u{44c}\u{441}\u{43a}\u{43e}\u{435} \u{443}\u{434}\u{43e}\u{441}\u{442}\u{43e}\u{432}\u{435}\u{440}\u{435}\u{43d}\u{438}\u{435}",
        ],
        against: &[],
    },
    forms: &[
        // Germany: the authority, a serial, a check digit and the count of copies.
        form("A999???????"),
        form("A99????????"),
        // Italy.
        form("A9A99999AA"),
        form("A9A999999A"),
        form("AA9999999A"),
        // The Netherlands.
        form("9999999999"),
        // Poland.
        form("99999/99/9999"),
        // Brazil.
        form("99999999999"),
        // China, Japan, Turkey.
        form("999999999999"),
        form("999999"),
    ],
    check: check_passport,
};

/// Refuses fillers and words: at least three digits.
fn check_passport(number: &Compact<'_>) -> Check {
    let digits = number.bytes().iter().filter(|byte| byte.is_ascii_digit());
    if digits.count() < 3 {
        return Check::Invalid("it reads as a word");
    }
    plausible(number)
}

fn check_driver_license(number: &Compact<'_>) -> Check {
    if looks_like_a_day(number) {
        return Check::Invalid("it reads as a day");
    }
    plausible(number)
}

/// Whether eight digits are a day of these centuries, as 20241121: the day of issue stands near such numbers.
fn looks_like_a_day(number: &Compact<'_>) -> bool {
    let (year, month, day) = (
        number.number(0..4),
        number.number(4..6),
        number.number(6..8),
    );
    number.len() == 8
        && number.bytes().iter().all(u8::is_ascii_digit)
        && (1900..2100).contains(&year)
        && calendar::is_day(year, month, day)
}

/// Refuses only fillers.
fn plausible(number: &Compact<'_>) -> Check {
    let mut digits = number.bytes().iter().filter(|byte| byte.is_ascii_digit());
    let first = digits.next();
    if digits.all(|digit| Some(digit) == first) {
        Check::Invalid("all digits are the same")
    } else {
        Check::Plausible
    }
}

#[cfg(test)]
mod tests;
