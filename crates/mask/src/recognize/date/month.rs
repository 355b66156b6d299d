//! Names of months.

use std::sync::LazyLock;

/// The names and short forms of a month in several languages, in lower case; the index is the month less one.
const NAMES: [&[&str]; 12] = [
    &[
        "january", "jan", "januar", "janvier", "enero", "ene", "gennaio", "gen", "janeiro",
        "januari", "ocak", "stycznia",
    ],
    &[
        "february",
        "feb",
        "februar",
        "f\u{e9}vrier",
        "fevrier",
        "febrero",
        "febbraio",
        "fevereiro",
        "februari",
        "lutego",
        "\u{15f}ubat",
    ],
    &[
        "march",
        "mar",
        "m\u{e4}rz",
        "maerz",
        "mars",
        "marzo",
        "mar\u{e7}o",
        "maart",
        "mrt",
        "marca",
        "mart",
    ],
    &[
        "april", "apr", "avril", "abril", "abr", "aprile", "kwietnia", "nisan",
    ],
    &[
        "may",
        "mai",
        "mayo",
        "maggio",
        "maio",
        "mei",
        "maja",
        "maj",
        "may\u{131}s",
    ],
    &[
        "june", "jun", "juni", "juin", "junio", "giugno", "junho", "czerwca", "haziran",
    ],
    &[
        "july", "jul", "juli", "juillet", "julio", "luglio", "julho", "lipca", "temmuz",
    ],
    &[
        "august",
        "aug",
        "ao\u{fb}t",
        "aout",
        "agosto",
        "ago",
        "augustus",
        "augusti",
        "sierpnia",
        "a\u{11f}ustos",
    ],
    &[
        "september",
        "sep",
        "sept",
        "septembre",
        "septiembre",
        "settembre",
        "set",
        "setembro",
        "wrze\u{15b}nia",
        "eyl\u{fc}l",
    ],
    &[
        "october",
        "oct",
        "oktober",
        "okt",
        "octobre",
        "octubre",
        "ottobre",
        "ott",
        "outubro",
        "out",
        "pa\u{17a}dziernika",
        "ekim",
    ],
    &[
        "november",
        "nov",
        "novembre",
        "noviembre",
        "novembro",
        "listopada",
        "kas\u{131}m",
    ],
    &[
        "december",
        "dec",
        "dezember",
        "dez",
        "d\u{e9}cembre",
        "decembre",
        "diciembre",
        "dic",
        "dicembre",
        "dezembro",
        "grudnia",
        "aral\u{131}k",
    ],
];

/// The names by their first letter, in lower case; those that begin with another letter come last.
static BY_LETTER: LazyLock<[Vec<(&str, u32)>; 27]> = LazyLock::new(|| {
    let mut table = [const { Vec::new() }; 27];
    for (names, month) in NAMES.iter().zip(1..) {
        for name in *names {
            table[letter(name)].push((*name, month));
        }
    }
    table
});

/// The month of a name.
pub(super) fn number(name: &str) -> Option<u32> {
    BY_LETTER[letter(name)]
        .iter()
        .find(|(known, _)| is_same(name, known))
        .map(|(_, month)| *month)
}

/// Which part of the table has the names that begin as this one does.
fn letter(name: &str) -> usize {
    match name.bytes().next() {
        Some(first) if first.is_ascii_alphabetic() => usize::from((first | 0x20) - b'a'),
        _ => 26,
    }
}

/// Whether two names are the same but for the case of their letters.
fn is_same(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
        || (!name.is_ascii() && name.chars().flat_map(char::to_lowercase).eq(known.chars()))
}
