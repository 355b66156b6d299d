//! Sweden.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::calendar;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, ORDINARY, Shaped};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[PERSONNUMMER, ORGANISATIONSNUMMER];

/// Personal identity numbers: date of birth with two or four digits of the year, three digits, and a Luhn check digit over
/// the last ten digits. `+` instead of the hyphen says that the person is at least a hundred years old. Coordination
/// numbers have 60 added to the day (Folkbokforingslag 1991:481, section 18 and 18a; Skatteverket, SKV 704 and 707).
const PERSONNUMMER: Shaped = Shaped {
    facts: Recognizer {
        id: "se_personnummer",
        entity: Entity::SE_PERSONNUMMER,
        context: &[
            "personnummer",
            "personnr",
            "person nr",
            "pers nr",
            "persnr",
            "person number",
            "pnr",
            "samordningsnummer",
            "fodelsenummer",
            "personal identity number",
            "personal number",
            "coordination number",
            "swedish id",
            "national id",
            "can cuoc",
        ],
        against: ORDINARY,
    },
    forms: &[
        Form::new("999999-9999", 65),
        Form::new("999999+9999", 75),
        Form::new("99999999-9999", 75),
        Form::new("99999999+9999", 75),
        Form::new("999999 9999", 40),
        Form::new("99999999 9999", 45),
        Form::new("9999999999", 30),
        Form::new("999999999999", 35),
    ],
    check: check_personnummer,
};

/// Organisation numbers: ten digits with a Luhn check digit, the third of which is at least 2 so that it is no date. In
/// twelve digits 16 stands before it (Lag 1974:174 om identitetsbeteckning for juridiska personer; Bolagsverket). The VAT
/// number is SE, the ten digits and two more.
const ORGANISATIONSNUMMER: Shaped = Shaped {
    facts: Recognizer {
        id: "se_organisationsnummer",
        entity: Entity::SE_ORGANISATIONSNUMMER,
        context: &[
            "organisationsnummer",
            "organisationsnr",
            "orgnr",
            "org.nr",
            "org nr",
            "org. nr",
            "org-nr",
            "orgnummer",
            "momsregistreringsnummer",
            "moms",
            "bolag",
            "vat",
            "organisation number",
            "organization number",
            "company registration",
            "registration number",
            "swedish company",
            "ma so doanh nghiep",
        ],
        against: &[],
    },
    forms: &[
        Form::new("999999-9999", 40),
        Form::new("99999999-9999", 40),
        Form::new("999999 9999", 25),
        Form::new("9999999999", 18),
        Form::new("999999999999", 15),
        Form::new("AA999999999999", 60),
    ],
    check: check_organisationsnummer,
};

fn check_personnummer(number: &Compact<'_>) -> Check {
    let Some(short) = number.last(10) else {
        return Check::Invalid("it is too short");
    };
    let (month, day) = (short.number(2..4), short.number(4..6));
    let day = if day > 60 { day - 60 } else { day };
    let is_date = if number.len() == 12 {
        let year = number.number(0..4);
        // A plus sign is for those born a hundred years ago and earlier.
        let is_old = (1880..1900).contains(&year) && calendar::is_day(year, month, day);
        is_old || calendar::is_birthday(year, month, day)
    } else {
        calendar::is_short_day(short.number(0..2), month, day)
    };
    if !is_date {
        return Check::Invalid("there is no such birthday");
    }
    if short.number(6..9) == 0 {
        return Check::Invalid("the serial number is 000");
    }
    if short.passes_luhn() {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (Luhn)")
    }
}

fn check_organisationsnummer(number: &Compact<'_>) -> Check {
    let digits = match (number.len(), number.without_prefix(b"SE")) {
        (14, Some(vat)) if vat.number(10..12) > 0 => vat.first(10),
        (12, _) if number.number(0..2) == 16 => number.last(10),
        (10, _) => Some(*number),
        _ => None,
    };
    let Some(digits) = digits else {
        return Check::Invalid("the country or the century is another");
    };
    if digits.digit(2) < 2 || matches!(digits.digit(0), 0 | 4) {
        return Check::Invalid("no organisation has such a number");
    }
    if digits.is_one_character() {
        return Check::Invalid("all digits are the same");
    }
    if digits.passes_luhn() {
        Check::Valid
    } else {
        Check::Invalid("the check digit is wrong (Luhn)")
    }
}

#[cfg(test)]
mod tests;
