//! Italy.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[FISCAL_CODE, VAT];

/// Fiscal codes of persons: letters of the names, date and place of birth, and a check letter (Decreto Ministeriale 23
/// December 1976, articles 2 to 7). When two persons would share a code, digits are replaced by letters from the right on
/// (omocodia).
const FISCAL_CODE: Shaped = Shaped {
    facts: Recognizer {
        id: "it_fiscal_code",
        entity: Entity::IT_FISCAL_CODE,
        context: &[
            "codice fiscale",
            "cod. fiscale",
            "cod fiscale",
            "cod. fisc",
            "c.f.",
            "cf",
            "tessera sanitaria",
            "fiscal code",
            "italian tax code",
            "tax code",
            "ma so thue",
        ],
        against: &[],
    },
    forms: &[
        Form::new("AAAAAA??A??A???A", 90),
        Form::new("AAA AAA ??A?? A???A", 90),
        Form::new("AAAAAA ??A?? A???A", 80),
        Form::new("AAA-AAA-??A??-A???A", 90),
    ],
    check: check_fiscal_code,
};

/// VAT numbers: seven digits, the province's office in three, and a check digit that is Luhn's (D.P.R. 633/1972; Agenzia
/// delle Entrate). Offices are 001 to 100, 120, 121, 888 and 999; examples in print often have others, and digits alone
/// count only with context, so the office decides nothing.
const VAT: Shaped = Shaped {
    facts: Recognizer {
        id: "it_vat_code",
        entity: Entity::IT_VAT_CODE,
        context: &[
            "partita iva",
            "p. iva",
            "p.iva",
            "p iva",
            "piva",
            "partita i.v.a.",
            "iva",
            "vat",
            "vat number",
            "vat code",
            "codice fiscale",
            "ma so thue",
        ],
        against: &[],
    },
    forms: &[
        Form::new("99999999999", 30),
        Form::new("AA99999999999", 75),
        Form::new("AA 99999999999", 60),
    ],
    check: check_vat,
};

/// What a character adds at an odd place (the first place is odd), by its digit or its letter's place in the alphabet
/// (the decree's table; digits and the letters A to J have the same values).
const ODD: [u32; 26] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];
/// The letters of the months.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";
/// The letters that stand for digits in an omocodia.
const DIGITS: &[u8; 10] = b"LMNPQRSTUV";

fn check_fiscal_code(number: &Compact<'_>) -> Check {
    let bytes = number.bytes();
    if bytes.len() != 16 {
        return Check::Invalid("it has not 16 characters");
    }
    let two = |tens: usize| Some(10 * digit(bytes[tens])? + digit(bytes[tens + 1])?);
    let (Some(year), Some(day)) = (two(6), two(9)) else {
        return Check::Invalid("a letter stands for no digit");
    };
    if bytes[12..15].iter().any(|byte| digit(*byte).is_none()) {
        return Check::Invalid("a letter stands for no digit");
    }
    let Some(month) = MONTHS.iter().position(|letter| *letter == bytes[8]) else {
        return Check::Invalid("there is no such month");
    };
    // Women have 40 added to the day.
    let day = if day > 40 { day - 40 } else { day };
    if !calendar::is_short_day(year, month as u64 + 1, day) {
        return Check::Invalid("there is no such day");
    }
    let sum: u32 = bytes[..15]
        .iter()
        .enumerate()
        .map(|(index, byte)| {
            let value = place(*byte);
            if index % 2 == 0 {
                ODD[value]
            } else {
                value as u32
            }
        })
        .sum();
    if u32::from(bytes[15] - b'A') == sum % 26 {
        Check::Valid
    } else {
        Check::Invalid("the check letter is wrong")
    }
}

/// A digit, or the digit that a letter stands for.
fn digit(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        _ => DIGITS
            .iter()
            .position(|letter| *letter == byte)
            .map(|index| index as u64),
    }
}

/// The value of a digit, or a letter's place in the alphabet.
fn place(byte: u8) -> usize {
    usize::from(match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte.wrapping_sub(b'A').min(25),
    })
}

fn check_vat(number: &Compact<'_>) -> Check {
    let digits = match number.without_prefix(b"IT") {
        Some(digits) => digits,
        None if number.len() == 11 => *number,
        None => return Check::Invalid("the country is another"),
    };
    if digits.number(0..7) == 0 {
        return Check::Invalid("it is a filler");
    }
    if digits.passes_luhn() {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (Luhn)")
    }
}

#[cfg(test)]
mod tests;
