//! Numbers and codes of a fixed shape: national and tax numbers, passports, licences, and whatever else is known by how
//! many digits and letters it has.
//!
//! A recognizer of this room is data: the shapes in which its numbers are written, and a check of the digits. All shapes
//! of all recognizers lie in one tree, so that a run of digits costs a few steps however many countries are on.
//!
//! Two rules hold for all of them: codes are printed in capitals, so small letters lower the score, and a number that a
//! hyphen, a path or `#` joins to something needs context.

pub(crate) mod calendar;
pub(crate) mod cluster;
pub(crate) mod compact;
pub(crate) mod shapes;
pub(crate) mod ties;

use crate::Score;
use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;

/// A recognizer whose numbers have known shapes.
pub(crate) struct Shaped {
    /// Its id, entity and context.
    pub(crate) facts: Recognizer,
    /// How its numbers are written.
    pub(crate) forms: &'static [Form],
    /// What the digits themselves say.
    pub(crate) check: fn(&Compact<'_>) -> Check,
}

/// One way in which a number is written.
pub(crate) struct Form {
    /// The shape: `9` stands for a digit, `A` for an ASCII letter, `?` for either, a space for one space (also a no-break
    /// or thin one), anything else for itself. `-` also matches a no-break hyphen and an en dash.
    pub(crate) shape: &'static str,
    /// How sure this form is when no word around says so and the check is passed. Below the threshold (50) means that
    /// a number in this form counts only with context.
    pub(crate) bare: Score,
}

impl Form {
    /// A form with its score in hundredths.
    pub(crate) const fn new(shape: &'static str, bare: u8) -> Form {
        Form {
            shape,
            bare: Score::of(bare),
        }
    }
}

/// Words that announce ordinary numbers: orders, products, versions, telephones. For the `against` of recognizers whose
/// forms count without context.
pub(crate) const ORDINARY: &[&str] = &[
    "order",
    "order no",
    "invoice",
    "ticket",
    "tracking",
    "shipment",
    "part number",
    "part no",
    "sku",
    "product code",
    "serial number",
    "serial no",
    "model",
    "version",
    "build",
    "commit",
    "license key",
    "licence key",
    "product key",
    "isbn",
    "ean",
    "upc",
    "barcode",
    "phone",
    "tel",
    "fax",
    "flight",
    "ref",
    "reference",
    "don hang",
    "hoa don",
    "ma van don",
    "phien ban",
    "so dien thoai",
    "so seri",
    "ma san pham",
];

/// What the check of a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// It cannot be one; the words say why, without the number.
    Invalid(&'static str),
    /// It may be one: the kind has no check digit, or this one cannot be proved. The form's score stands.
    Plausible,
    /// Its check digits are right. The form's score stands, and the candidate wins over those that are only plausible.
    Valid,
}

/// How many recognizers of a fixed shape there are.
pub(crate) const fn count() -> usize {
    let countries = super::national::ALL;
    let (mut index, mut count) = (0, 0);
    while index < countries.len() {
        count += countries[index].len();
        index += 1;
    }
    count
}

/// All recognizers of a fixed shape, in the order of their ids.
pub(crate) fn shaped() -> impl Iterator<Item = &'static Shaped> {
    super::national::ALL
        .iter()
        .flat_map(|country| country.iter())
}
