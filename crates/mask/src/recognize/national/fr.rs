//! France.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[NIR, NIR_RARE, NIR_WITHOUT_KEY, TAX_ID, SIRET, SIREN];

/// Words for social security numbers.
const NIR_WORDS: &[&str] = &[
    "nir",
    "numero de securite sociale",
    "securite sociale",
    "secu",
    "numero de secu",
    "n\u{b0} secu",
    "carte vitale",
    "insee",
    "social security",
    "french social security",
    "an sinh xa hoi",
    "bao hiem xa hoi",
];

/// Social security numbers with their key: sex, year, month, department (2A and 2B in Corsica) and commune of birth, a
/// serial number, and 97 minus the rest modulo 97, where 2A counts as 19 and 2B as 18 (INSEE, "Numero de securite
/// sociale"; Decret 82-103).
const NIR: Shaped = Shaped {
    facts: Recognizer {
        id: "fr_nir",
        entity: Entity::FR_NIR,
        context: NIR_WORDS,
        against: ORDINARY,
    },
    forms: &[
        Form::new("999999999999999", 75),
        Form::new("999999A99999999", 85),
        Form::new("9 99 99 99 999 999 99", 95),
        Form::new("9 99 99 9A 999 999 99", 95),
        Form::new("9 99 99 99 999 999-99", 95),
        Form::new("9 99 99 9A 999 999-99", 95),
        Form::new("9.99.99.99.999.999.99", 90),
        Form::new("9-99-99-99-999-999-99", 90),
        Form::new("9.99.99.9A.999.999.99", 90),
        Form::new("9-99-99-9A-999-999-99", 90),
        Form::new("9999999999999 99", 75),
        Form::new("999999A999999 99", 80),
        Form::new("9999999999999-99", 75),
        Form::new("9 99 99 99999 999 99", 90),
        Form::new("9 99 99 9A999 999 99", 90),
    ],
    check: |number| match number.digit(0) {
        1 | 2 => check_nir(number),
        _ => Check::Invalid("it begins with a digit that few numbers have"),
    },
};

/// Numbers that begin with 3, 4, 7 or 8, which were given to people born in colonies or before they were registered.
/// There are few of them, and many other numbers that begin so.
const NIR_RARE: Shaped = Shaped {
    facts: Recognizer {
        id: "fr_nir_rare",
        ..NIR.facts
    },
    forms: &[
        Form::new("999999999999999", 35),
        Form::new("9 99 99 99 999 999 99", 60),
    ],
    check: |number| match number.digit(0) {
        1 | 2 => Check::Invalid("it begins with 1 or 2"),
        _ => check_nir(number),
    },
};

/// Social security numbers without the key.
const NIR_WITHOUT_KEY: Shaped = Shaped {
    facts: Recognizer {
        id: "fr_nir_without_key",
        entity: Entity::FR_NIR,
        context: NIR_WORDS,
        against: &[],
    },
    forms: &[
        Form::new("9999999999999", 15),
        Form::new("999999A999999", 40),
        Form::new("9 99 99 99 999 999", 45),
        Form::new("9 99 99 9A 999 999", 60),
    ],
    check: |number| match nir_key(number) {
        Err(why) => Check::Invalid(why),
        Ok(_) => Check::Plausible,
    },
};

/// Tax numbers of persons (SPI): thirteen digits beginning with 0 to 3, the last three of which are the first ten modulo
/// 511 (Direction generale des finances publiques, in the OECD's sheet on French TINs; python-stdnum `fr.nif`).
const TAX_ID: Shaped = Shaped {
    facts: Recognizer {
        id: "fr_tax_id",
        entity: Entity::FR_TAX_ID,
        context: &[
            "numero fiscal",
            "numero fiscal de reference",
            "fiscal",
            "spi",
            "identifiant fiscal",
            "numero d'identification fiscale",
            "impots",
            "avis d'imposition",
            "nif",
            "tax id",
            "tax number",
            "tin",
            "ma so thue",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("9999999999999", 55),
        Form::new("99 99 999 999 999", 80),
        Form::new("9 99 99 99 999 999", 55),
    ],
    check: |number| {
        if number.digit(0) > 3 {
            return Check::Invalid("it begins with another digit than 0 to 3");
        }
        if number.number(0..10) == 0 {
            return Check::Invalid("it is a filler");
        }
        if number.number(0..10) % 511 == number.number(10..13) {
            Check::Valid
        } else {
            Check::Invalid("the key is wrong (mod 511)")
        }
    },
};

/// Words for companies.
const COMPANY_WORDS: &[&str] = &[
    "siret",
    "siren",
    "n\u{b0} siret",
    "n\u{b0} siren",
    "numero siret",
    "numero siren",
    "rcs",
    "etablissement",
    "entreprise",
    "french company",
    "company number",
    "ma so doanh nghiep",
];

/// Numbers of establishments: the company's nine digits and five more; both the nine and the fourteen pass Luhn's formula,
/// but the establishments of La Poste have a sum of digits that is a multiple of 5 (INSEE, "SIRET", "SIREN").
const SIRET: Shaped = Shaped {
    facts: Recognizer {
        id: "fr_siret",
        entity: Entity::FR_SIRET,
        context: COMPANY_WORDS,
        against: ORDINARY,
    },
    forms: &[
        Form::new("999 999 999 99999", 65),
        Form::new("999999999 99999", 50),
        Form::new("999.999.999.99999", 60),
        Form::new("999-999-999-99999", 60),
        Form::new("99999999999999", 35),
    ],
    check: check_siret,
};

/// Numbers of companies.
const SIREN: Shaped = Shaped {
    facts: Recognizer {
        id: "fr_siren",
        entity: Entity::FR_SIRET,
        context: COMPANY_WORDS,
        against: &[],
    },
    forms: &[
        Form::new("999 999 999", 30),
        Form::new("999.999.999", 20),
        Form::new("999999999", 18),
    ],
    check: |number| {
        if number.is_one_character() {
            Check::Invalid("all digits are the same")
        } else if number.passes_luhn() {
            Check::Valid
        } else {
            Check::Invalid("the check digit is wrong (Luhn)")
        }
    },
};

fn check_nir(number: &Compact<'_>) -> Check {
    match nir_key(number) {
        Err(why) => Check::Invalid(why),
        Ok(key) if key == number.number(13..15) => Check::Valid,
        Ok(_) => Check::Invalid("the key is wrong (mod 97)"),
    }
}

/// The key that belongs to the first thirteen characters, or why they are no number.
fn nir_key(number: &Compact<'_>) -> Result<u64, &'static str> {
    if !matches!(number.digit(0), 1..=4 | 7 | 8) {
        return Err("it begins with no sex");
    }
    // Months above 12 were given where the month of birth was not known.
    if !matches!(number.number(3..5), 1..=12 | 20..=42 | 50..=99) {
        return Err("there is no such month");
    }
    let department = match number.bytes().get(5..7) {
        Some(b"2A") => 19,
        Some(b"2B") => 18,
        Some([b'0'..=b'9', b'0'..=b'9']) => number.number(5..7),
        _ => return Err("there is no such department"),
    };
    if department == 0 || number.number(7..10) == 0 || number.number(10..13) == 0 {
        return Err("a part is all zeros");
    }
    let digits = (number.number(0..5) * 100 + department) * 1_000_000 + number.number(7..13);
    Ok(97 - digits % 97)
}

fn check_siret(number: &Compact<'_>) -> Check {
    /// The company number of La Poste.
    const LA_POSTE: u64 = 356_000_000;
    let company = number.number(0..9);
    if company == 0 || number.is_one_character() {
        return Check::Invalid("it is a filler");
    }
    let sum: u32 = (0..14).map(|index| number.digit(index)).sum();
    if company == LA_POSTE && sum.is_multiple_of(5) {
        return Check::Valid;
    }
    let passes_company = number.first(9).is_some_and(|company| company.passes_luhn());
    if passes_company && number.passes_luhn() {
        Check::Valid
    } else {
        Check::Invalid("a check digit is wrong (Luhn)")
    }
}

#[cfg(test)]
mod tests;
