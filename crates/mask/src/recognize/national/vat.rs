//! VAT identification numbers of the European Union, with the code of their country.
//!
//! Germany, Spain, Finland, France and the Netherlands. Those of Italy, Poland and Sweden hold a number that has a name of
//! its own and is found under that. The forms are those of the Commission's VIES; check digits are as the countries'
//! offices publish them.

use super::de;
use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this file.
pub(crate) const ALL: &[Shaped] = &[EU_VAT];

const EU_VAT: Shaped = Shaped {
    facts: Recognizer {
        id: "eu_vat",
        entity: Entity::EU_VAT,
        context: &[
            "vat",
            "vat id",
            "vat no",
            "vat number",
            "vat registration",
            "vat identification number",
            "ust-id",
            "ust id",
            "ust-idnr",
            "ustid",
            "ustidnr",
            "umsatzsteuer",
            "umsatzsteuer-id",
            "umsatzsteuer-identifikationsnummer",
            "tva",
            "n tva",
            "numero de tva",
            "tva intracommunautaire",
            "btw",
            "btw-nummer",
            "btw nummer",
            "btw-id",
            "iva",
            "nif",
            "cif",
            "nif-iva",
            "alv",
            "alv-numero",
            "ma so thue",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("AA999999999", 55),
        Form::new("AA 999999999", 40),
        Form::new("AA 999 999 999", 40),
        Form::new("AA99999999999", 75),
        Form::new("AA 99999999999", 60),
        Form::new("AA 99 999999999", 70),
        Form::new("AA99 999999999", 70),
        Form::new("AA 99 999 999 999", 75),
        Form::new("AA99 999 999 999", 75),
        Form::new("AA999999999A99", 75),
        Form::new("AA 999999999A99", 70),
        Form::new("AA99999999", 45),
        Form::new("AAA99999999", 60),
        Form::new("AAA9999999A", 60),
        Form::new("AA99999999A", 60),
    ],
    check,
};

/// The letters that stand for the check digit of a Spanish company.
const COMPANY_LETTERS: &[u8; 10] = b"JABCDEFGHI";

fn check(number: &Compact<'_>) -> Check {
    let bytes = number.bytes();
    let is_valid = match (bytes.get(..2), bytes.len()) {
        (Some(b"DE"), 11) => number.without_prefix(b"DE").map(|own| {
            own.digit(0) > 0 && !own.is_one_character() && de::check_digit(&own, 8) == own.digit(8)
        }),
        (Some(b"FR"), 13) => number.without_prefix(b"FR").map(|own| is_french(&own)),
        (Some(b"NL"), 14) => Some(is_dutch(number)),
        (Some(b"FI"), 10) => number.without_prefix(b"FI").map(|own| is_finnish(&own)),
        (Some(b"ES"), 11) => number.without_prefix(b"ES").map(|own| is_spanish(&own)),
        _ => None,
    };
    match is_valid {
        Some(true) => Check::Valid,
        Some(false) => Check::Invalid("the check digits are wrong"),
        None => Check::Invalid("no country has such numbers"),
    }
}

/// Two digits of a key and the company's SIREN: the key is 12 and three times the SIREN, modulo 97; the SIREN passes the
/// Luhn formula. Keys with letters are rare and have no published formula.
fn is_french(own: &Compact<'_>) -> bool {
    let siren = own.number(2..11);
    siren > 0
        && (12 + 3 * (siren % 97)) % 97 == own.number(0..2)
        && own.last(9).is_some_and(|siren| siren.passes_luhn())
}

/// Nine digits, `B` and two digits: the nine pass the eleven test of citizens' numbers, or, since 2020, the whole with its
/// letters as numbers from 10 on leaves 1 modulo 97.
fn is_dutch(number: &Compact<'_>) -> bool {
    let bytes = number.bytes();
    let is_form = bytes[11] == b'B' && number.number(12..14) > 0;
    let eleven: u32 = [9, 8, 7, 6, 5, 4, 3, 2, 10]
        .iter()
        .enumerate()
        .map(|(index, weight)| number.digit(index + 2) * weight)
        .sum();
    let rest = bytes.iter().fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    });
    is_form && number.number(2..11) > 0 && (eleven.is_multiple_of(11) || rest == 1)
}

/// Eight digits of a company's number (Y-tunnus) with the weights 7, 9, 10, 5, 8, 4, 2.
fn is_finnish(own: &Compact<'_>) -> bool {
    let rest = own.weighted(&[7, 9, 10, 5, 8, 4, 2]) % 11;
    own.number(0..7) > 0
        && match rest {
            0 => own.digit(7) == 0,
            1 => false,
            rest => own.digit(7) == 11 - rest,
        }
}

/// A person's NIF or NIE with its letter modulo 23, or a company's: a letter, seven digits, and a check digit or the letter
/// that stands for it.
fn is_spanish(own: &Compact<'_>) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let bytes = own.bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    let is_person = |digits: u64| digits > 0 && *last == LETTERS[(digits % 23) as usize];
    match first {
        b'0'..=b'9' => is_person(own.number(0..8)),
        b'X'..=b'Z' => is_person(u64::from(first - b'X') * 10_000_000 + own.number(1..8)),
        b'K' | b'L' | b'M' => is_person(own.number(1..8)),
        b'A'..=b'H' | b'J' | b'N' | b'P'..=b'S' | b'U' | b'V' | b'W' => {
            let sum: u32 = (1..8)
                .map(|index| match (index % 2, own.digit(index)) {
                    (0, digit) => digit,
                    (_, digit) => digit * 2 / 10 + digit * 2 % 10,
                })
                .sum();
            let check = (10 - sum % 10) % 10;
            own.number(1..8) > 0
                && (*last == b'0' + check as u8 || *last == COMPANY_LETTERS[check as usize])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
