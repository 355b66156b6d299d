//! Singapore.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[NRIC_FIN, UEN];

/// Identity card numbers of citizens and permanent residents (S, T) and of foreigners (F, G, and M since 2022). The
/// check letter is a weighted sum modulo 11 with an offset and a table of letters for each series (Immigration and
/// Checkpoints Authority; the tables as in "National Registration Identity Card", Wikipedia, and the M series as ICA
/// announced it for 1 January 2022). An ordinary code of this shape passes less than once in a hundred times.
const NRIC_FIN: Shaped = Shaped {
    facts: Recognizer {
        id: "sg_nric_fin",
        entity: Entity::SG_NRIC_FIN,
        context: &[
            "nric",
            "nric/fin",
            "fin",
            "fin number",
            "fin no",
            "singpass",
            "singapore id",
            "singapore identity",
            "identity card",
            "work permit",
            "employment pass",
            "can cuoc singapore",
        ],
        against: &[
            "part",
            "part number",
            "part no",
            "catalogue",
            "catalog",
            "article",
            "sku",
            "serial",
            "model",
            "order",
            "batch",
            "lot",
        ],
    },
    forms: &[
        Form {
            shape: "A9999999A",
            bare: Score::of(70),
        },
        Form {
            shape: "A 9999999 A",
            bare: Score::of(40),
        },
        Form {
            shape: "A-9999999-A",
            bare: Score::of(55),
        },
    ],
    check: check_nric_fin,
};

/// Unique entity numbers, in the three formats of the Accounting and Corporate Regulatory Authority ("About UEN",
/// uen.gov.sg) with their check letters. Companies of foreign countries with `F000` have no published check.
const UEN: Shaped = Shaped {
    facts: Recognizer {
        id: "sg_uen",
        entity: Entity::SG_UEN,
        context: &[
            "uen",
            "unique entity number",
            "business registration",
            "company registration",
            "acra",
            "gst registration",
            "singapore company",
        ],
        against: &["part number", "sku", "serial", "order", "batch", "lot"],
    },
    forms: &[
        Form {
            shape: "99999999A",
            bare: Score::of(40),
        },
        Form {
            shape: "999999999A",
            bare: Score::of(60),
        },
        Form {
            shape: "A99AA9999A",
            bare: Score::of(85),
        },
        Form {
            shape: "A99999999A",
            bare: Score::of(30),
        },
    ],
    check: check_uen,
};

fn check_nric_fin(number: &Compact<'_>) -> Check {
    let sum = number.weighted(&[0, 2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters): (u32, &[u8; 11]) = match number.bytes()[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return Check::Invalid("the first letter is of no series"),
    };
    if number.number(1..8) == 0 {
        return Check::Invalid("the serial is all zeros");
    }
    if number.bytes().last() == Some(&letters[((sum + offset) % 11) as usize]) {
        Check::Valid
    } else {
        Check::Invalid("the check letter is wrong")
    }
}

/// The kinds of entities in the third format.
const ENTITY_KINDS: &[&[u8; 2]] = &[
    b"CC", b"CD", b"CH", b"CL", b"CM", b"CP", b"CS", b"CX", b"DP", b"FB", b"FC", b"FM", b"FN",
    b"GA", b"GB", b"GS", b"HC", b"HS", b"LL", b"LP", b"MB", b"MC", b"MD", b"MH", b"MM", b"MQ",
    b"NB", b"NR", b"PA", b"PB", b"PF", b"RF", b"RP", b"SM", b"SS", b"TC", b"TU", b"VH", b"XL",
];

/// The letters and digits of the third format in the order of their values.
const ENTITY_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWX0123456789";

fn check_uen(number: &Compact<'_>) -> Check {
    let bytes = number.bytes();
    let expected = match (bytes.len(), bytes[0]) {
        (9, _) => {
            let sum = number.weighted(&[10, 4, 9, 3, 8, 2, 7, 1]);
            b"XMKECAWLJDB"[(sum % 11) as usize]
        }
        (_, b'0'..=b'9') => {
            if !(1800..2040).contains(&number.number(0..4)) {
                return Check::Invalid("the first four digits are no year of registration");
            }
            let sum = number.weighted(&[10, 8, 6, 4, 9, 7, 5, 3, 1]);
            b"ZKCMDNERGWH"[(sum % 11) as usize]
        }
        (_, b'F') if bytes[1..4] == *b"000" => return Check::Plausible,
        (_, b'R' | b'S' | b'T') if ENTITY_KINDS.iter().any(|kind| bytes[3..5] == **kind) => {
            let value = |byte: &u8| ENTITY_ALPHABET.iter().position(|known| known == byte);
            let sum: Option<usize> = bytes
                .iter()
                .zip([4, 3, 5, 3, 10, 2, 2, 5, 7])
                .map(|(byte, weight)| value(byte).map(|value| value * weight))
                .sum();
            let Some(sum) = sum else {
                return Check::Invalid("a letter is never used");
            };
            ENTITY_ALPHABET[(sum + 6) % 11]
        }
        _ => return Check::Invalid("the first characters are of no kind of entity"),
    };
    if bytes.last() == Some(&expected) {
        Check::Valid
    } else {
        Check::Invalid("the check letter is wrong")
    }
}

#[cfg(test)]
mod tests;
