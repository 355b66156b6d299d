//! India.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[PAN, AADHAAR, GSTIN, VOTER, PASSPORT];

/// Permanent account numbers: five letters, of which the fourth tells the kind of holder, four digits that are not all
/// zero, and a letter whose formula is not public (Income Tax Department, "Permanent Account Number").
const PAN: Shaped = Shaped {
    facts: Recognizer {
        id: "in_pan",
        entity: Entity::IN_PAN,
        context: &[
            "pan",
            "pan card",
            "pan number",
            "pan no",
            "permanent account number",
            "income tax",
            "panno",
        ],
        against: &[
            "coupon", "promo", "voucher", "sku", "order", "serial", "pnr", "ifsc",
        ],
    },
    forms: &[Form {
        shape: "AAAAA9999A",
        bare: Score::of(60),
    }],
    check: check_pan,
};

/// Aadhaar numbers: twelve digits, the first 2 to 9, the last a check digit after Verhoeff, no palindrome (Unique
/// Identification Authority of India, "A UID Numbering Scheme"). One number in ten passes.
const AADHAAR: Shaped = Shaped {
    facts: Recognizer {
        id: "in_aadhaar",
        entity: Entity::IN_AADHAAR,
        context: &[
            "aadhaar",
            "aadhar",
            "adhaar",
            "adhar",
            "uidai",
            "uid",
            "uid number",
            "aadhaar card",
            "aadhaar card number",
            "aadhar card number",
            "aadhaar number",
            // The word in Devanagari.
            "\u{906}\u{927}\u{93e}\u{930}",
        ],
        against: &[
            "order",
            "tracking",
            "awb",
            "credit card number",
            "debit card number",
            "account",
            "barcode",
            "upc",
            "phone",
            "mobile",
        ],
    },
    forms: &[
        Form {
            shape: "9999 9999 9999",
            bare: Score::of(45),
        },
        Form {
            shape: "9999-9999-9999",
            bare: Score::of(45),
        },
        Form {
            shape: "999999999999",
            bare: Score::of(20),
        },
    ],
    check: check_aadhaar,
};

/// Goods and services tax numbers: the code of a state, a PAN, a count, `Z`, and a check character (Luhn over 36
/// characters; GST Network, "GSTIN format").
const GSTIN: Shaped = Shaped {
    facts: Recognizer {
        id: "in_gstin",
        entity: Entity::IN_GSTIN,
        context: &[
            "gstin",
            "gst",
            "gst number",
            "gst no",
            "goods and services tax",
        ],
        against: &["order", "serial"],
    },
    forms: &[Form {
        shape: "99AAAAA9999A?A?",
        bare: Score::of(85),
    }],
    check: check_gstin,
};

/// Numbers of voters' cards (EPIC): three letters and seven digits, the last of which is a check digit after Luhn on newer
/// cards (Election Commission of India). Product and order codes look the same, so only context makes one of it.
const VOTER: Shaped = Shaped {
    facts: Recognizer {
        id: "in_voter",
        entity: Entity::IN_VOTER,
        context: &[
            "voter",
            "voter id",
            "voter card",
            "epic",
            "epic no",
            "epic number",
            "election card",
            "elector",
            "electoral photo identity",
        ],
        against: &["order", "invoice", "ticket", "jira", "sku"],
    },
    forms: &[Form {
        shape: "AAA9999999",
        bare: Score::of(25),
    }],
    check: check_voter,
};

/// Passport numbers: a letter and seven digits, of which the first and the last are not zero (Passport Seva). No check
/// digit is printed, so only words that tell of an Indian passport make one of it.
const PASSPORT: Shaped = Shaped {
    facts: Recognizer {
        id: "in_passport",
        entity: Entity::IN_PASSPORT,
        context: &[
            "indian passport",
            "india passport",
            "passport india",
            "passport of india",
            "passport (india)",
            "passport seva",
            "republic of india",
            "ho chieu an do",
        ],
        against: &["order", "sku", "part number"],
    },
    forms: &[
        Form {
            shape: "A9999999",
            bare: Score::of(40),
        },
        Form {
            shape: "A99 99999",
            bare: Score::of(25),
        },
        Form {
            shape: "A 9999999",
            bare: Score::of(25),
        },
    ],
    check: check_passport,
};

fn check_pan(number: &Compact<'_>) -> Check {
    if let Some(why) = pan_fault(number.bytes()) {
        return Check::Invalid(why);
    }
    // One short hash of a commit in a few thousand has this shape.
    let mut letters = number.written.bytes().filter(u8::is_ascii_alphabetic);
    if letters.all(|letter| matches!(letter, b'a'..=b'f')) {
        return Check::Invalid("it reads as a hash");
    }
    Check::Plausible
}

/// Why these ten characters cannot be a PAN.
fn pan_fault(pan: &[u8]) -> Option<&'static str> {
    if !matches!(
        pan[3],
        b'A' | b'B' | b'C' | b'F' | b'G' | b'H' | b'J' | b'K' | b'L' | b'P' | b'T'
    ) {
        return Some("the fourth letter is of no kind of holder");
    }
    if pan[5..9] == *b"0000" {
        return Some("the serial is all zeros");
    }
    None
}

fn check_aadhaar(number: &Compact<'_>) -> Check {
    if number.digit(0) < 2 {
        return Check::Invalid("the first digit is 0 or 1");
    }
    if number.bytes().iter().eq(number.bytes().iter().rev()) {
        return Check::Invalid("it reads the same from both ends");
    }
    if passes_verhoeff(number) {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong")
    }
}

/// Whether the digits pass Verhoeff's formula (J. Verhoeff, "Error Detecting Decimal Codes", 1969): each digit goes through
/// a permutation by its place, and all are multiplied in the dihedral group of ten elements; the product must be 0.
fn passes_verhoeff(number: &Compact<'_>) -> bool {
    const PERMUTATION: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = (0..number.len())
        .rev()
        .enumerate()
        .fold(0, |product, (place, index)| {
            let digit = (0..place % 8).fold(number.digit(index), |digit, _| {
                PERMUTATION[digit as usize % 10]
            });
            dihedral_product(product, digit)
        });
    product == 0
}

/// The product of two elements of the dihedral group of order ten: 0 to 4 are rotations, 5 to 9 reflections.
fn dihedral_product(left: u32, right: u32) -> u32 {
    let (left_turn, right_turn) = (left % 5, right % 5);
    match (left < 5, right < 5) {
        (true, true) => (left_turn + right_turn) % 5,
        (true, false) => 5 + (left_turn + right_turn) % 5,
        (false, true) => 5 + (left_turn + 5 - right_turn) % 5,
        (false, false) => (left_turn + 5 - right_turn) % 5,
    }
}

fn check_gstin(number: &Compact<'_>) -> Check {
    let bytes = number.bytes();
    let state = number.number(0..2);
    // 97 is other territory, 99 the centre's jurisdiction.
    if !((1..=38).contains(&state) || matches!(state, 97 | 99)) {
        return Check::Invalid("the first two digits are of no state");
    }
    if let Some(why) = pan_fault(&bytes[2..12]) {
        return Check::Invalid(why);
    }
    if bytes[12] == b'0' || bytes[13] != b'Z' {
        return Check::Invalid("the thirteenth character is 0 or the fourteenth is not Z");
    }
    let sum: u32 = bytes
        .iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let value = match byte {
                b'0'..=b'9' => u32::from(byte - b'0'),
                _ => u32::from(byte - b'A') + 10,
            };
            let weighted = value * (1 + place as u32 % 2);
            weighted / 36 + weighted % 36
        })
        .sum();
    if sum.is_multiple_of(36) {
        Check::Valid
    } else {
        Check::Invalid("the check character is wrong")
    }
}

fn check_voter(number: &Compact<'_>) -> Check {
    if number.number(3..10) == 0 {
        return Check::Invalid("the digits are all zero");
    }
    match Compact::of(&number.written[3..]) {
        Some(digits) if digits.passes_luhn() => Check::Valid,
        _ => Check::Plausible,
    }
}

fn check_passport(number: &Compact<'_>) -> Check {
    if number.digit(1) == 0 || number.digit(7) == 0 {
        return Check::Invalid("the first or the last digit is zero");
    }
    Check::Plausible
}

#[cfg(test)]
mod tests;
