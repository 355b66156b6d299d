//! Germany.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[TAX_ID, SOCIAL_SECURITY, ID_CARD, PASSPORT];

/// Tax identification numbers: eleven digits, not beginning with 0, among the first ten of which exactly one occurs two
/// or three times (since 2016; before, exactly twice), and a check digit after ISO 7064 mod 11,10 (Bundeszentralamt fuer
/// Steuern, "Pruefziffernberechnung"; section 139b of the Abgabenordnung).
const TAX_ID: Shaped = Shaped {
    facts: Recognizer {
        id: "de_tax_id",
        entity: Entity::DE_TAX_ID,
        context: &[
            "steuer-id",
            "steuer id",
            "steuerid",
            "steuer-idnr",
            "idnr",
            "id-nr",
            "steueridentifikationsnummer",
            "steuer-identifikationsnummer",
            "steuerliche identifikationsnummer",
            "identifikationsnummer",
            "steuernummer",
            "tin",
            "tax id",
            "tax identification",
            "german tax",
            "ma so thue",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("99999999999", 55),
        Form::new("99 999 999 999", 75),
        Form::new("99-999-999-999", 65),
        Form::new("99.999.999.999", 55),
        Form::new("99/999/999/999", 60),
    ],
    check: check_tax_id,
};

/// Numbers of the statutory pension insurance: area, date of birth, a letter, a serial number, and a check digit over the
/// digits with the letter as two of them, weighted 2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1, digit sums modulo 10 (VKVV,
/// Versicherungsnummern-, Kontofuehrungs- und Versicherungsverlaufsverordnung, sections 2 and 4).
const SOCIAL_SECURITY: Shaped = Shaped {
    facts: Recognizer {
        id: "de_social_security",
        entity: Entity::DE_SOCIAL_SECURITY,
        context: &[
            "sozialversicherungsnummer",
            "sozialversicherung",
            "sv-nummer",
            "svnr",
            "sv-nr",
            "rentenversicherungsnummer",
            "rentenversicherung",
            "rvnr",
            "rv-nummer",
            "versicherungsnummer",
            "vsnr",
            "social security",
            "social insurance",
            "pension insurance",
            "bao hiem xa hoi",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("99999999A999", 65),
        Form::new("99 999999 A 999", 85),
        Form::new("99 999999 A999", 80),
        Form::new("99 999999 A 99 9", 85),
        Form::new("99 99 99 99 A 999", 85),
        Form::new("99999999 A 999", 70),
        Form::new("99-999999-A-999", 80),
        Form::new("99-999999-A-99-9", 80),
    ],
    check: check_social_security,
};

/// Identity cards since November 2010: the authority's four characters begin with L to Y, then five characters, without
/// vowels and letters that look like digits (Personalausweisgesetz, section 5; BSI TR-03110). The tenth place, where it is
/// written, is the check digit of ICAO Doc 9303 (weights 7, 3, 1).
const ID_CARD: Shaped = Shaped {
    facts: Recognizer {
        id: "de_id_card",
        entity: Entity::DE_ID_CARD,
        context: &[
            "personalausweis",
            "personalausweisnummer",
            "ausweisnummer",
            "ausweis",
            "ausweis-nr",
            "perso",
            "id card",
            "identity card",
            "identity card number",
            "national id",
            "german id",
            "can cuoc",
        ],
        against: &["license key", "licence key", "product key"],
    },
    forms: &[
        Form::new("A????????", 25),
        Form::new("A????????9", 40),
        Form::new("A????????9A", 45),
    ],
    check: |number| check_document(number, b"LMNPRTVWXY"),
};

/// Passports: as identity cards, but the authority's characters begin with C to K (Passverordnung, annex 11).
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "de_passport",
        entity: Entity::DE_PASSPORT,
        context: &[
            "reisepass",
            "reisepassnummer",
            "pass-nr",
            "passnummer",
            "passport",
            "german passport",
            "deutscher pass",
            "travel document",
            "ho chieu",
        ],
        against: &["license key", "licence key", "product key"],
    },
    forms: &[
        Form::new("A????????", 20),
        Form::new("A????????9", 40),
        Form::new("A????????9A", 45),
    ],
    check: |number| check_document(number, b"CFGHJK"),
};

fn check_tax_id(number: &Compact<'_>) -> Check {
    if number.digit(0) == 0 {
        return Check::Invalid("it begins with 0");
    }
    let mut counts = [0_u8; 10];
    for index in 0..10 {
        counts[number.digit(index) as usize] += 1;
    }
    let mut repeated = counts.iter().filter(|count| **count > 1);
    if !matches!((repeated.next(), repeated.next()), (Some(2 | 3), None)) {
        return Check::Invalid("not exactly one digit is repeated two or three times");
    }
    if check_digit(number, 10) == number.digit(10) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (ISO 7064 mod 11,10)")
    }
}

/// The check digit of the first so many digits after ISO 7064 mod 11,10.
pub(super) fn check_digit(number: &Compact<'_>, count: usize) -> u32 {
    let product = (0..count).fold(10, |product, index| {
        let sum = match (number.digit(index) + product) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    (11 - product) % 10
}

fn check_social_security(number: &Compact<'_>) -> Check {
    /// The weights of the digits, the letter being two of them.
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let Some(letter) = number
        .bytes()
        .get(8)
        .map(|letter| u32::from(letter.wrapping_sub(b'A')) + 1)
    else {
        return Check::Invalid("it is too short");
    };
    if number.number(0..2) < 2 {
        return Check::Invalid("there is no such area");
    }
    if !calendar::is_short_day(
        number.number(6..8),
        number.number(4..6),
        number.number(2..4),
    ) {
        return Check::Invalid("there is no such day");
    }
    let digits = (0..8)
        .map(|index| number.digit(index))
        .chain([letter / 10, letter % 10])
        .chain((9..11).map(|index| number.digit(index)));
    let sum: u32 = digits
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    if sum % 10 == number.digit(11) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

/// Checks a number of an identity card or passport whose first letter is one of these.
fn check_document(number: &Compact<'_>, first: &[u8]) -> Check {
    /// The characters that these numbers have.
    const ALPHABET: &[u8] = b"0123456789CFGHJKLMNPRTVWXYZ";
    let bytes = number.bytes();
    let (Some(serial), rest) = (bytes.get(..9), bytes.get(9..).unwrap_or_default()) else {
        return Check::Invalid("it is too short");
    };
    if !first.contains(&serial[0]) {
        return Check::Invalid("it begins with another letter");
    }
    if serial.iter().any(|byte| !ALPHABET.contains(byte)) {
        return Check::Invalid("it has a character that is not used");
    }
    if serial.iter().filter(|byte| byte.is_ascii_digit()).count() < 2 {
        return Check::Invalid("it has hardly a digit");
    }
    if rest.get(1).is_some_and(|country| *country != b'D') {
        return Check::Invalid("the country is another");
    }
    let Some(check) = rest.first() else {
        return Check::Plausible;
    };
    let sum: u32 = serial
        .iter()
        .zip([7, 3, 1].iter().cycle())
        .map(|(byte, weight)| {
            weight
                * match byte {
                    b'0'..=b'9' => u32::from(byte - b'0'),
                    _ => u32::from(byte - b'A') + 10,
                }
        })
        .sum();
    if u32::from(check.wrapping_sub(b'0')) == sum % 10 {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (7, 3, 1)")
    }
}

#[cfg(test)]
mod tests;
