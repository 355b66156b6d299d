//! Poland.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[PESEL, NIP, ID_CARD];

/// Personal identification numbers: date of birth, where the month has 20 added for the years from 2000 on, serial number,
/// and a check digit with the weights 1, 3, 7, 9 modulo 10 (Ustawa o ewidencji ludnosci, articles 15 and 16).
const PESEL: Shaped = Shaped {
    facts: Recognizer {
        id: "pl_pesel",
        entity: Entity::PL_PESEL,
        context: &[
            "pesel",
            "numer pesel",
            "nr pesel",
            "polish id",
            "national id",
            "personal id",
            "can cuoc",
            "dinh danh ca nhan",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("99999999999", 55),
        Form::new("999999 99999", 50),
        Form::new("999999-99999", 50),
        Form::new("99 99 99 99999", 50),
    ],
    check: check_pesel,
};

/// Tax identification numbers: ten digits, the last of which is the weighted sum (6, 5, 7, 2, 3, 4, 5, 6, 7) modulo 11
/// (Ustawa o zasadach ewidencji i identyfikacji podatnikow; Ministerstwo Finansow).
const NIP: Shaped = Shaped {
    facts: Recognizer {
        id: "pl_nip",
        entity: Entity::PL_NIP,
        context: &[
            "nip",
            "numer nip",
            "nr nip",
            "nip:",
            "numer identyfikacji podatkowej",
            "identyfikacji podatkowej",
            "podatnik",
            "vat",
            "vat ue",
            "tax id",
            "tax number",
            "ma so thue",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("999-999-99-99", 50),
        Form::new("999-99-99-999", 55),
        Form::new("999 999 99 99", 35),
        Form::new("999 99 99 999", 40),
        Form::new("9999999999", 20),
        Form::new("AA9999999999", 75),
        Form::new("AA 9999999999", 65),
        Form::new("AA 999-999-99-99", 80),
        Form::new("AA 999 999 99 99", 70),
    ],
    check: check_nip,
};

/// Identity cards: three letters and six digits, the first digit being the check digit; letters count 10 to 35, weights
/// 7, 3, 1, 9, 7, 3, 1, 7, 3, the sum is a multiple of 10 (Ministerstwo Cyfryzacji; the letters O and Q are not used).
const ID_CARD: Shaped = Shaped {
    facts: Recognizer {
        id: "pl_id_card",
        entity: Entity::PL_ID_CARD,
        context: &[
            "dowod",
            "dowodu",
            "dowodzie",
            "dowod osobisty",
            "dowodu osobistego",
            "numer dowodu",
            "seria i numer",
            "id card",
            "identity card",
            "polish id",
            "national id",
            "can cuoc",
        ],
        against: &["license key", "licence key", "product key"],
    },
    forms: &[
        Form::new("AAA999999", 35),
        Form::new("AAA 999999", 35),
        Form::new("AAA-999999", 30),
        Form::new("AAA 9 99999", 35),
        Form::new("AAA 999 999", 30),
    ],
    check: check_id_card,
};

fn check_pesel(number: &Compact<'_>) -> Check {
    let month = number.number(2..4);
    let century = match month / 20 {
        0 => 1900,
        1 => 2000,
        _ => return Check::Invalid("nobody alive is born in that century"),
    };
    let year = century + number.number(0..2);
    if !calendar::is_birthday(year, month % 20, number.number(4..6)) {
        return Check::Invalid("there is no such birthday");
    }
    match number.weighted(&[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 {
        0 => Check::Valid,
        _ => Check::Invalid("the check digit is wrong"),
    }
}

fn check_nip(number: &Compact<'_>) -> Check {
    let digits = match number.without_prefix(b"PL") {
        Some(digits) => digits,
        None if number.len() == 10 => *number,
        None => return Check::Invalid("the country is another"),
    };
    // The first three digits were the tax office's, which are numbered from 101 on.
    if digits.number(0..3) < 101 || digits.is_one_character() {
        return Check::Invalid("there is no such office");
    }
    if digits.weighted(&[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digits.digit(9) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (mod 11)")
    }
}

fn check_id_card(number: &Compact<'_>) -> Check {
    /// The weights of the nine characters.
    const WEIGHTS: [u32; 9] = [7, 3, 1, 9, 7, 3, 1, 7, 3];
    let bytes = number.bytes();
    if bytes.iter().any(|byte| matches!(byte, b'O' | b'Q')) {
        return Check::Invalid("it has a letter that is not used");
    }
    let sum: u32 = bytes
        .iter()
        .zip(WEIGHTS)
        .map(|(byte, weight)| {
            weight
                * match byte {
                    b'0'..=b'9' => u32::from(byte - b'0'),
                    _ => u32::from(byte - b'A') + 10,
                }
        })
        .sum();
    if sum.is_multiple_of(10) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

#[cfg(test)]
mod tests;
