//! Names of months.

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

/// The month of a name.
pub(super) fn number(name: &str) -> Option<u32> {
    NAMES
        .iter()
        .position(|names| names.iter().any(|known| is_same(name, known)))
        .and_then(|index| u32::try_from(index + 1).ok())
}

/// Whether two names are the same but for the case of their letters.
fn is_same(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
        || (!name.is_ascii() && name.chars().flat_map(char::to_lowercase).eq(known.chars()))
}
