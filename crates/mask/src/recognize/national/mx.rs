//! Mexico.

use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[CURP, RFC, RFC_UNPROVED];

/// Population registry codes: four letters of the names, the day of birth, the sex, the state, three consonants, a
/// distinguishing character, a check digit modulo 10 (Diario Oficial de la Federacion, 18 October 2021, "Instructivo normativo
/// para la asignacion de la CURP").
const CURP: Shaped = Shaped {
    facts: Recognizer {
        id: "mx_curp",
        entity: Entity::MX_CURP,
        context: &["curp", "clave unica", "registro de poblacion"],
        against: &[],
    },
    forms: &[Form {
        shape: "AAAA999999AAAAAA?9",
        bare: Score::of(90),
    }],
    check: check_curp,
};

/// Words for taxpayer registry codes.
const RFC_CONTEXT: &[&str] = &[
    "rfc",
    "r.f.c.",
    "registro federal de contribuyentes",
    "registro federal",
    "contribuyente",
    "factura",
    "mexican tax id",
];

/// Words against taxpayer registry codes: serial numbers and batches are written so as well.
const RFC_AGAINST: &[&str] = &[
    "serial",
    "lote",
    "batch",
    "sku",
    "order",
    "pedido",
    "modelo",
    "part number",
];

/// Taxpayer registry codes whose check character is right: four letters for a person or three for a company, a date, two
/// characters that tell namesakes apart, a check character modulo 11 (Servicio de Administracion Tributaria). Names with an
/// ampersand are not known.
const RFC: Shaped = Shaped {
    facts: Recognizer {
        id: "mx_rfc",
        entity: Entity::MX_RFC,
        context: RFC_CONTEXT,
        against: RFC_AGAINST,
    },
    forms: &[
        Form {
            shape: "AAAA999999???",
            bare: Score::of(70),
        },
        Form {
            shape: "AAAA-999999-???",
            bare: Score::of(75),
        },
        Form {
            shape: "AAAA 999999 ???",
            bare: Score::of(60),
        },
        Form {
            shape: "AAA999999???",
            bare: Score::of(60),
        },
        Form {
            shape: "AAA-999999-???",
            bare: Score::of(65),
        },
        Form {
            shape: "AAA 999999 ???",
            bare: Score::of(45),
        },
    ],
    check: check_rfc,
};

/// Taxpayer registry codes with another check character: about one in 65 that are in use has one. Only context makes one
/// of them.
const RFC_UNPROVED: Shaped = Shaped {
    facts: Recognizer {
        id: "mx_rfc_unproved",
        entity: Entity::MX_RFC,
        context: RFC_CONTEXT,
        against: RFC_AGAINST,
    },
    forms: &[
        Form {
            shape: "AAAA999999???",
            bare: Score::of(35),
        },
        Form {
            shape: "AAAA-999999-???",
            bare: Score::of(35),
        },
        Form {
            shape: "AAAA 999999 ???",
            bare: Score::of(30),
        },
        Form {
            shape: "AAA999999???",
            bare: Score::of(25),
        },
        Form {
            shape: "AAA-999999-???",
            bare: Score::of(25),
        },
    ],
    check: check_rfc_unproved,
};

/// The states of birth, and NE for people born abroad.
const STATES: &[&[u8; 2]] = &[
    b"AS", b"BC", b"BS", b"CC", b"CL", b"CM", b"CS", b"CH", b"DF", b"DG", b"GT", b"GR", b"HG",
    b"JC", b"MC", b"MN", b"MS", b"NT", b"NL", b"OC", b"PL", b"QT", b"QR", b"SP", b"SL", b"SR",
    b"TC", b"TS", b"TL", b"VZ", b"YN", b"ZS", b"NE",
];

/// The value of a character in both kinds of codes: the letters after N are one higher, for the Spanish letter between N
/// and O, or the ampersand.
fn value(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'N' => u32::from(byte - b'A') + 10,
        _ => u32::from(byte.saturating_sub(b'A')) + 11,
    }
}

fn check_curp(number: &Compact<'_>) -> Check {
    let bytes = number.bytes();
    let is_vowel = |byte: u8| matches!(byte, b'A' | b'E' | b'I' | b'O' | b'U');
    if !is_vowel(bytes[1]) && bytes[1] != b'X' {
        return Check::Invalid("the second letter is no vowel");
    }
    // A digit in the seventeenth place means a birth before 2000.
    let century = if bytes[16].is_ascii_digit() {
        1900
    } else {
        2000
    };
    let year = century + number.number(4..6);
    if !calendar::is_day(year, number.number(6..8), number.number(8..10)) {
        return Check::Invalid("the digits are no day of birth");
    }
    if !matches!(bytes[10], b'H' | b'M' | b'X') {
        return Check::Invalid("the eleventh letter tells no sex");
    }
    if !STATES.iter().any(|state| bytes[11..13] == **state) {
        return Check::Invalid("the letters are of no state");
    }
    if bytes[13..16].iter().any(|byte| is_vowel(*byte)) {
        return Check::Invalid("a vowel stands where consonants belong");
    }
    let sum: u32 = (2..=18)
        .rev()
        .zip(bytes)
        .map(|(weight, byte)| value(*byte) * weight)
        .sum();
    if (10 - sum % 10) % 10 == number.digit(17) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

/// Why the code cannot be one, whatever its check character is.
fn rfc_fault(number: &Compact<'_>) -> Option<&'static str> {
    let bytes = number.bytes();
    let letters = bytes.len() - 9;
    let part = |from: usize| number.number(letters + from..letters + from + 2);
    // The century is not told; 2000 has a 29th of February, as the code needs it to be.
    if !calendar::is_day(2000 + part(0), part(2), part(4)) {
        return Some("the digits are no date");
    }
    if !matches!(bytes.last(), Some(b'0'..=b'9' | b'A')) {
        return Some("the last character is never used there");
    }
    if matches!(bytes, b"XAXX010101000" | b"XEXX010101000") {
        return Some("it stands for the public or for all foreigners");
    }
    None
}

fn check_rfc(number: &Compact<'_>) -> Check {
    if let Some(why) = rfc_fault(number) {
        return Check::Invalid(why);
    }
    let bytes = number.bytes();
    let before_check = &bytes[..bytes.len() - 1];
    // A company's code is one shorter; a blank, of value 37, stands before it.
    let blank = if before_check.len() == 11 { 37 * 13 } else { 0 };
    let sum: u32 = before_check
        .iter()
        .rev()
        .zip(2..)
        .map(|(byte, weight)| value(*byte) * weight)
        .sum();
    let expected = match (11 - (sum + blank) % 11) % 11 {
        10 => b'A',
        digit => b'0' + digit as u8,
    };
    if bytes.last() == Some(&expected) {
        Check::Valid
    } else {
        Check::Invalid("the check character is wrong")
    }
}

fn check_rfc_unproved(number: &Compact<'_>) -> Check {
    rfc_fault(number).map_or(Check::Plausible, Check::Invalid)
}

#[cfg(test)]
mod tests;
