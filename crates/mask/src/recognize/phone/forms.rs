//! The ways in which national numbers are usually written, region by region, with how sure each of them is.
//!
//! Groupings follow ITU-T E.123 and the formats of libphonenumber's metadata. They are a filter before the validation, not
//! a validation.

use std::sync::LazyLock;

use rlibphonenumber::Region;

use super::groups::{Group, Joint};
use super::regions::Regions;

/// A space may stand between the groups.
const S: u8 = 1;
/// A hyphen.
const H: u8 = 2;
/// A dot.
const D: u8 = 4;
/// A slash.
const L: u8 = 8;
/// Different ones may stand in one number.
const MIXED: u8 = 16;
/// A space, a hyphen or a dot, the same everywhere.
const ANY: u8 = S | H | D;

/// One region's forms: the grouping (a digit for itself, `d` for any digit, brackets where brackets stand), the signs
/// between the groups, and the score without context.
type RegionForms = (&'static [&'static str], &'static [(&'static str, u8, u8)]);

const FORMS: &[RegionForms] = &[
    (
        &["US", "CA"],
        &[
            ("(ddd) ddd dddd", ANY | MIXED, 60),
            ("1 (ddd) ddd dddd", ANY | MIXED, 60),
            ("(ddd) ddddddd", ANY, 52),
            ("ddd ddd dddd", H, 56),
            ("ddd ddd dddd", D, 52),
            ("ddd ddd dddd", S, 45),
            ("ddd ddd dddd", S | H | L | MIXED, 48),
            ("1 ddd ddd dddd", H | D, 56),
            ("1 ddd ddd dddd", S | H | MIXED, 50),
            ("ddd ddddddd", H | S, 25),
            ("dddddddddd", ANY, 20),
            ("1dddddddddd", ANY, 18),
        ],
    ),
    (
        &["VN"],
        &[
            ("0ddd ddd ddd", ANY, 58),
            ("0dd ddd dddd", ANY, 58),
            ("0dd dddd ddd", ANY, 56),
            ("0ddd dd dd dd", ANY, 55),
            ("0ddd ddd ddd", ANY | MIXED, 52),
            ("0ddd dddddd", ANY, 52),
            ("0dd ddddddd", ANY, 52),
            ("0dd dd dd ddd", ANY, 52),
            ("0dd dd ddd dd", ANY, 52),
            ("0ddddd dd dd", ANY, 50),
            ("0dddd dd ddd", ANY, 50),
            ("0dddd ddddd", ANY, 50),
            ("0dddddddddd", ANY, 35),
            ("0ddddddddd", ANY, 52),
            ("(0dd) dddd dddd", ANY | MIXED, 60),
            ("(0ddd) dddd ddd", ANY | MIXED, 60),
            ("(0ddd) ddd dddd", ANY | MIXED, 60),
            ("(0ddd) ddd ddd", ANY | MIXED, 58),
            ("(0dd) dddddddd", ANY, 56),
            ("(0ddd) ddddddd", ANY, 56),
            ("(0dd) d ddd dddd", ANY | MIXED, 56),
            ("0dd dddd dddd", ANY | MIXED, 56),
            ("0ddd dddd ddd", ANY | MIXED, 55),
            ("0ddd ddd dddd", ANY | MIXED, 55),
            ("0dd dddddddd", ANY, 52),
            ("0ddd ddddddd", ANY, 50),
            ("0dd d ddd dddd", ANY | MIXED, 52),
            ("84 ddd ddd ddd", D, 52),
            ("84 dd ddd dddd", D, 52),
            ("84 dd dddd ddd", D, 52),
            ("84 ddd ddd ddd", ANY, 45),
            ("84 dd ddd dddd", ANY, 45),
            ("84 dd dddd dddd", ANY, 45),
            ("84 ddddddddd", ANY, 35),
            ("84ddddddddd", ANY, 25),
            ("(84) ddd ddd ddd", ANY | MIXED, 52),
            ("(84) dd ddd dddd", ANY | MIXED, 52),
            ("(84) dd dddd dddd", ANY | MIXED, 52),
            ("84ddd ddd ddd", ANY, 40),
            ("84dd ddd dddd", ANY, 40),
            ("0ddd d ddd ddd", ANY | MIXED, 54),
            ("(0ddd) d ddd ddd", ANY | MIXED, 56),
            ("0ddd d dddddd", ANY | MIXED, 50),
            ("1900 dddd", ANY, 25),
            ("1800 dddd", ANY, 25),
            ("1900dddd", ANY, 20),
            ("1800dddd", ANY, 20),
            ("1900 dd dd", ANY, 25),
            ("1800 dd dd", ANY, 25),
            ("1900 dd dd dd", ANY, 25),
            ("1800 dd dd dd", ANY, 25),
            ("1900 ddd ddd", ANY, 25),
            ("1800 ddd ddd", ANY, 25),
            ("1900 dddddd", ANY, 25),
            ("1800 dddddd", ANY, 25),
            ("1900dddddd", ANY, 20),
            ("1800dddddd", ANY, 20),
        ],
    ),
    (
        &["GB"],
        &[
            ("0dd dddd dddd", ANY, 55),
            ("0dddd dddddd", S | H, 54),
            ("0dddd ddd ddd", ANY, 55),
            ("0ddd ddd dddd", ANY, 55),
            ("0ddd ddddddd", S | H, 50),
            ("0dddd dd dd dd", S, 52),
            ("(0dd) dddd dddd", ANY | MIXED, 60),
            ("(0dddd) dddddd", ANY, 60),
            ("(0ddd) ddd dddd", ANY | MIXED, 60),
            ("(0dddd) ddd ddd", ANY | MIXED, 60),
            ("07ddddddddd", ANY, 45),
            ("0dddddddddd", ANY, 25),
            ("0dd dddddddd", S | H, 50),
        ],
    ),
    (
        &["DE"],
        &[
            ("0dd dddddd", L, 54),
            ("0dd ddddddd", L, 54),
            ("0dd dddddddd", L, 54),
            ("0ddd dddddd", L, 54),
            ("0ddd ddddddd", L, 54),
            ("0ddd dddddddd", L, 54),
            ("0dddd dddddd", L, 54),
            ("0dddd ddddd", L, 50),
            ("0dd dddddd", S | H, 35),
            ("0dd ddddddd", S | H, 50),
            ("0dd dddddddd", S | H, 50),
            ("0ddd ddddddd", S | H, 50),
            ("0ddd dddddddd", S | H, 52),
            ("0ddd dddddd", S | H, 48),
            ("0dddd dddddd", S | H, 50),
            ("0dddd ddddddd", S | H, 50),
            ("0dd dddd dddd", S | H, 52),
            ("0dd dd dd dd dd", S, 52),
            ("0dd ddddd ddd", S | H, 52),
            ("0ddd ddd ddddd", S | H, 52),
            ("0ddd dddd dddd", S | H, 40),
            ("015d dddd dddd", S | H, 52),
            ("016d dddd dddd", S | H, 52),
            ("017d dddd dddd", S | H, 52),
            ("0ddd dd dd dd", S, 50),
            ("0ddd dd dd dd d", S, 50),
            ("0ddd dd dd dd dd", S, 52),
            ("0dd ddd ddd dd", S, 50),
            ("(0dd) dddddd", S | H, 56),
            ("(0dd) ddddddd", S | H, 56),
            ("(0dd) dddddddd", S | H, 56),
            ("(0ddd) dddddd", S | H, 56),
            ("(0ddd) ddddddd", S | H, 56),
            ("(0dddd) dddddd", S | H, 56),
            ("(0dd) dddd dddd", S | H | MIXED, 56),
            ("015ddddddddd", ANY, 40),
            ("016ddddddddd", ANY, 40),
            ("017ddddddddd", ANY, 40),
            ("016dddddddd", ANY, 40),
            ("017dddddddd", ANY, 40),
            ("015dddddddd", ANY, 40),
            ("0dd dd dd dd", S | H | L | MIXED, 46),
            ("0dd dd dd ddd", S | H | L | MIXED, 46),
            ("0dd ddd ddd", S | H | L | MIXED, 40),
            ("0dd ddd ddd dd", S | H | L | MIXED, 50),
            ("0dd ddd dd dd", S | H | L | MIXED, 50),
            ("0dd dd dd dd dd", S | H | L | MIXED, 52),
            ("0ddd dd dd dd", S | H | L | MIXED, 50),
            ("0ddd ddd ddd", S | H | L | MIXED, 48),
            ("0ddd ddd dd dd", S | H | L | MIXED, 50),
            ("0dddd dd dd dd", S | H | L | MIXED, 50),
            ("0dddd ddd ddd", S | H | L | MIXED, 48),
            ("0dddddddd", ANY, 18),
            ("0ddddddddd", ANY, 18),
            ("0dddddddddd", ANY, 18),
        ],
    ),
    (
        &["FR"],
        &[
            ("0d dd dd dd dd", ANY, 60),
            ("0ddd dd dd dd", ANY, 50),
            ("0ddd ddd ddd", S, 50),
            ("0d dddd dddd", S | D, 50),
            ("0ddddddddd", ANY, 40),
        ],
    ),
    (
        &["ES"],
        &[
            ("ddd ddd ddd", S | H, 30),
            ("ddd dd dd dd", ANY, 50),
            ("dd ddd dd dd", ANY, 50),
            ("6dddddddd", ANY, 18),
            ("7dddddddd", ANY, 18),
            ("9dddddddd", ANY, 18),
        ],
    ),
    (
        &["IT"],
        &[
            ("3dd ddddddd", ANY | L, 45),
            ("3dd ddd dddd", ANY, 45),
            ("3dd ddd dd dd", ANY, 52),
            ("3dd dd dd ddd", ANY, 50),
            ("0d dddddddd", S | H | L, 48),
            ("0d dddd dddd", ANY, 50),
            ("0dd ddddddd", S | H | L, 48),
            ("0ddd dddddd", S | H | L, 48),
            ("0d ddddddd", S | L, 42),
            ("0dd ddd dddd", ANY, 50),
            ("3ddddddddd", ANY, 20),
        ],
    ),
    (
        &["NL"],
        &[
            ("06 dddddddd", S | H, 52),
            ("06 dddd dddd", S | H | MIXED, 54),
            ("06 dd dd dd dd", ANY | MIXED, 58),
            ("06 ddd ddd dd", S | H | MIXED, 52),
            ("0dd ddddddd", S | H, 52),
            ("0dd ddd dddd", S | H | MIXED, 55),
            ("0dd ddd dd dd", S | H | MIXED, 55),
            ("0ddd dddddd", S | H, 52),
            ("(0dd) ddddddd", S | H, 56),
            ("(0dd) ddd dddd", S | H | MIXED, 58),
            ("(0ddd) dddddd", S | H, 56),
            ("06dddddddd", ANY, 42),
            ("0ddddddddd", ANY, 20),
        ],
    ),
    (
        &["PL"],
        &[
            ("ddd ddd ddd", S, 30),
            ("ddd ddd ddd", H, 42),
            ("dd ddd dd dd", S | H | MIXED, 46),
            ("(dd) ddd dd dd", S | H | MIXED, 56),
            ("ddddddddd", ANY, 15),
        ],
    ),
    (
        &["FI"],
        &[
            ("0dd ddddddd", S | H, 52),
            ("0dd ddd dddd", S | H | MIXED, 55),
            ("0dd ddd dd dd", S | H | MIXED, 55),
            ("0d ddd dddd", S, 50),
            ("0dd dddd ddd", S, 52),
            ("(0d) ddd dddd", S, 56),
            ("04dddddddd", ANY, 40),
            ("05dddddddd", ANY, 40),
        ],
    ),
    (
        &["SE"],
        &[
            ("0dd ddd dd dd", S | H | MIXED, 58),
            ("0dd ddddddd", S | H, 52),
            ("0d ddd ddd dd", S | H | MIXED, 56),
            ("0d dddddddd", H, 50),
            ("0d ddd dd dd", S | H | MIXED, 55),
            ("0dd dd dd dd", S | H | MIXED, 54),
            ("0dd ddd ddd", H | S | MIXED, 48),
            ("0ddd dd dd dd", S | H | MIXED, 52),
            ("0dd ddd dddd", H | S | MIXED, 54),
            ("07dddddddd", ANY, 40),
            ("0d dd dd dd", S | H | MIXED, 44),
            ("0d ddd dd dd", S | H | MIXED, 55),
        ],
    ),
    (
        &["SG"],
        &[
            ("6ddd dddd", S, 35),
            ("8ddd dddd", S, 35),
            ("9ddd dddd", S, 35),
            ("6ddd dddd", H, 25),
            ("8ddd dddd", H, 25),
            ("9ddd dddd", H, 25),
            ("6ddddddd", ANY, 15),
            ("8ddddddd", ANY, 15),
            ("9ddddddd", ANY, 15),
        ],
    ),
    (
        &["AU"],
        &[
            ("04dd ddd ddd", ANY, 58),
            ("(0d) dddd dddd", S | H | MIXED, 60),
            ("0d dddd dddd", S | H, 55),
            ("04dddddddd", ANY, 42),
            ("0ddddddddd", ANY, 20),
            ("(0d) dddddddd", S, 56),
            ("1300 ddd ddd", S | H, 35),
            ("1800 ddd ddd", S | H, 35),
        ],
    ),
    (
        &["IN"],
        &[
            ("ddddd ddddd", S | H, 46),
            ("0ddddd ddddd", S | H, 48),
            ("0dd dddddddd", S | H, 50),
            ("0dd dddd dddd", S | H | MIXED, 54),
            ("(0dd) dddd dddd", S | H | MIXED, 60),
            ("0dddd dddddd", S | H, 50),
            ("91 ddddd ddddd", S | H | MIXED, 48),
            ("91dddddddddd", ANY, 22),
            ("0dddddddddd", ANY, 25),
            ("ddd ddd dddd", H, 42),
            ("ddd ddd dddd", S, 40),
            ("6ddddddddd", ANY, 20),
            ("7ddddddddd", ANY, 20),
            ("8ddddddddd", ANY, 20),
            ("9ddddddddd", ANY, 20),
            ("91 dddddddddd", S | H, 42),
            ("91 ddd ddd dddd", S | H | MIXED, 42),
        ],
    ),
    (
        &["KR"],
        &[
            ("01d dddd dddd", ANY, 60),
            ("0dd dddd dddd", ANY, 58),
            ("0dd ddd dddd", ANY, 55),
            ("02 dddd dddd", ANY, 56),
            ("02 ddd dddd", ANY, 54),
            ("(0dd) dddd dddd", S | H | MIXED, 60),
            ("(02) dddd dddd", S | H | MIXED, 60),
            ("(02) ddd dddd", S | H | MIXED, 60),
            ("(0dd) ddd dddd", S | H | MIXED, 60),
            ("01ddddddddd", ANY, 42),
            ("02ddddddd", ANY, 18),
            ("02dddddddd", ANY, 18),
            ("03ddddddddd", ANY, 18),
            ("03dddddddd", ANY, 18),
        ],
    ),
    (
        &["TH"],
        &[
            ("0dd ddd dddd", ANY, 56),
            ("0d dddd dddd", ANY, 54),
            ("0d ddd dddd", S | H, 54),
            ("0dd dddddd", S | H, 46),
            ("0dd ddddddd", H, 52),
            ("0ddddddddd", ANY, 40),
            ("0d ddd dd dd", S | H, 50),
            ("0dddddddd", ANY, 18),
        ],
    ),
    (
        &["BR"],
        &[
            ("(dd) ddddd dddd", S | H | MIXED | D, 60),
            ("(dd) dddd dddd", S | H | MIXED | D, 60),
            ("(dd) d dddd dddd", S | H | D | MIXED, 60),
            ("dd ddddd dddd", S | H | MIXED, 52),
            ("dd dddd dddd", S | H | MIXED, 45),
            ("dd d dddd dddd", S | H | MIXED, 50),
            ("(0dd) ddddd dddd", S | H | MIXED, 60),
            ("0dd ddddd dddd", S | H | MIXED, 54),
            ("(dd) ddddddddd", S, 56),
            ("(dd) dddddddd", S, 52),
            ("ddddddddddd", ANY, 18),
            ("11dddddddd", ANY, 17),
            ("21dddddddd", ANY, 17),
            ("31dddddddd", ANY, 17),
            ("41dddddddd", ANY, 17),
            ("51dddddddd", ANY, 17),
            ("61dddddddd", ANY, 17),
            ("71dddddddd", ANY, 17),
            ("81dddddddd", ANY, 17),
            ("55 dd ddddd dddd", S | H | MIXED, 46),
            ("55 (dd) ddddd dddd", S | H | MIXED, 60),
            ("55 dd dddd dddd", S | H | MIXED, 42),
            ("55 (dd) dddd dddd", S | H | MIXED, 60),
            ("55 dd ddddddddd", S | H, 40),
            ("55ddddddddddd", ANY, 20),
        ],
    ),
    (
        &["MX"],
        &[
            ("(dd) dddd dddd", S | H | MIXED, 60),
            ("(ddd) ddd dddd", S | H | MIXED, 58),
            ("(ddd) ddd dd dd", S | H | MIXED, 56),
            ("dd dddd dddd", S | H, 42),
            ("ddd ddd dddd", S | H, 40),
            ("ddd ddd dd dd", S | H, 42),
            ("dd dd dd dd dd", S | H, 42),
            ("dddddddddd", ANY, 18),
        ],
    ),
    (
        &["TR"],
        &[
            ("0ddd ddd dd dd", ANY | MIXED, 58),
            ("(0ddd) ddd dd dd", ANY | MIXED, 60),
            ("0 ddd ddd dd dd", ANY | MIXED, 56),
            ("0 (ddd) ddd dd dd", ANY | MIXED, 60),
            ("ddd ddd dd dd", S | H | MIXED, 50),
            ("(ddd) ddd dd dd", ANY | MIXED, 56),
            ("0ddd ddd dddd", ANY, 55),
            ("0ddd ddddddd", S, 50),
            ("05ddddddddd", ANY, 42),
            ("(0ddd) ddd dddd", ANY | MIXED, 60),
        ],
    ),
    (
        &["JP"],
        &[
            ("0d dddd dddd", ANY, 55),
            ("0dd dddd dddd", ANY, 58),
            ("0dd ddd dddd", ANY, 55),
            ("0ddd dd dddd", ANY, 55),
            ("0ddd ddd ddd", H, 55),
            ("0dddd d dddd", H, 52),
            ("(0d) dddd dddd", S | H | MIXED, 60),
            ("070dddddddd", ANY, 42),
            ("080dddddddd", ANY, 42),
            ("090dddddddd", ANY, 42),
            ("(0dd) ddd dddd", S | H | MIXED, 60),
            ("03dddddddd", ANY, 18),
            ("06dddddddd", ANY, 18),
        ],
    ),
    (
        &["CN"],
        &[
            ("1dd dddd dddd", S | H, 42),
            ("1dd ddd ddddd", S | H, 40),
            ("1dddddddddd", ANY, 20),
            ("86 1dd dddd dddd", S | H, 50),
            ("86 ddddddddddd", S | H, 40),
            ("0dd dddd dddd", H, 54),
            ("0ddd dddd dddd", H, 54),
            ("0dd dddddddd", H, 50),
            ("0ddd ddddddd", H, 50),
            ("0ddd dddddddd", H, 50),
            ("400 ddd dddd", H | S, 30),
            ("400 dddd ddd", H | S, 30),
        ],
    ),
    (
        &["RU"],
        &[
            ("8 (ddd) ddd dd dd", S | H | MIXED, 60),
            ("8 (ddd) ddd dddd", S | H | MIXED, 58),
            ("8 (dddd) dd dd dd", S | H | MIXED, 58),
            ("8 ddd ddd dd dd", S | H | MIXED, 50),
            ("8 ddd ddd dddd", S | H | MIXED, 45),
            ("(ddd) ddd dd dd", S | H | MIXED, 54),
            ("8dddddddddd", ANY, 18),
        ],
    ),
];

/// One form, ready to be compared.
#[derive(Debug)]
pub(super) struct Form {
    /// The lengths of the groups, four bits each.
    signature: u32,
    /// The digits with which the first group begins.
    prefix: &'static str,
    /// Which group stands in brackets.
    brackets: Option<usize>,
    /// The signs between the groups, and whether they may differ.
    separators: u8,
    /// Any of these regions has to be looked for.
    regions: Regions,
    /// Under whose rules the number is validated.
    pub(super) region: Region,
    /// How sure the form is without context, in hundredths.
    pub(super) bare: u8,
}

/// All forms by signature; under one signature the surest come first.
static TABLE: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let mut table: Vec<Form> = FORMS
        .iter()
        .filter_map(|(codes, forms)| {
            let regions = Regions::of(codes.iter().copied()).ok()?;
            let region: Region = codes.first()?.parse().ok()?;
            Some(forms.iter().filter_map(move |(shape, separators, bare)| {
                form(shape, *separators, *bare, regions, region)
            }))
        })
        .flatten()
        .collect();
    table.sort_by_key(|form| (form.signature, std::cmp::Reverse(form.bare)));
    table
});

/// The forms that a window of groups has in these regions, the surest first. `brackets` is the group that stands in
/// brackets of its own.
pub(super) fn matching<'g>(
    text: &'g str,
    groups: &'g [Group],
    brackets: Option<usize>,
    regions: Regions,
) -> impl Iterator<Item = &'static Form> + 'g {
    let signature = groups.iter().fold(0, |signature: u32, group| {
        signature << 4 | u32::try_from(group.len() & 15).unwrap_or(0)
    });
    let table: &'static [Form] = &TABLE;
    let from = table.partition_point(|form| form.signature < signature);
    table[from..]
        .iter()
        .take_while(move |form| form.signature == signature)
        .filter(move |form| {
            form.regions.shares(regions)
                && form.brackets == brackets
                && text[groups[0].start..].starts_with(form.prefix)
                && has_separators(form, groups)
        })
}

/// Whether the signs between the groups are those of the form.
fn has_separators(form: &Form, groups: &[Group]) -> bool {
    let mut first = None;
    groups.iter().enumerate().skip(1).all(|(index, group)| {
        let beside_bracket = form
            .brackets
            .is_some_and(|bracketed| index == bracketed || index == bracketed + 1);
        let bit = match group.joint {
            Joint::Bracket => return beside_bracket,
            Joint::Space if beside_bracket => return true,
            Joint::Space => S,
            Joint::Hyphen => H,
            Joint::Dot => D,
            Joint::Slash => L,
        };
        let same = *first.get_or_insert(bit) == bit;
        form.separators & bit != 0 && (same || form.separators & MIXED != 0)
    })
}

/// A form from how it is written in [`FORMS`].
fn form(
    shape: &'static str,
    separators: u8,
    bare: u8,
    regions: Regions,
    region: Region,
) -> Option<Form> {
    let first = shape.trim_start_matches('(');
    let digits = first.bytes().take_while(u8::is_ascii_digit).count();
    let signature = shape.split(' ').fold(0, |signature: u32, group| {
        let count = group
            .bytes()
            .filter(|byte| !matches!(byte, b'(' | b')'))
            .count();
        signature << 4 | u32::try_from(count).unwrap_or(0)
    });
    Some(Form {
        signature,
        prefix: first.get(..digits)?,
        brackets: shape.split(' ').position(|group| group.starts_with('(')),
        separators,
        regions,
        region,
        bare,
    })
}
