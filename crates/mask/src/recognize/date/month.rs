//! Names of months.

use std::sync::LazyLock;

/// The names and short forms of a month in several languages, in lower case; the index is the month less one.
const NAMES: [&[&str]; 12] = [
    &[
        "january",
        "tammikuuta",
        "\u{44f}\u{43d}\u{432}\u{430}\u{440}\u{44f}",
        "\u{e21}\u{e01}\u{e23}\u{e32}\u{e04}\u{e21}",
        "\u{e21}.\u{e04}.",
        "jan",
        "januar",
        "janvier",
        "enero",
        "ene",
        "gennaio",
        "gen",
        "janeiro",
        "januari",
        "ocak",
        "stycznia",
    ],
    &[
        "february",
        "helmikuuta",
        "pebruari",
        "\u{444}\u{435}\u{432}\u{440}\u{430}\u{43b}\u{44f}",
        "\u{e01}\u{e38}\u{e21}\u{e20}\u{e32}\u{e1e}\u{e31}\u{e19}\u{e18}\u{e4c}",
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
        "maaliskuuta",
        "maret",
        "mac",
        "\u{43c}\u{430}\u{440}\u{442}\u{430}",
        "\u{e21}\u{e35}\u{e19}\u{e32}\u{e04}\u{e21}",
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
        "april",
        "huhtikuuta",
        "\u{430}\u{43f}\u{440}\u{435}\u{43b}\u{44f}",
        "\u{e40}\u{e21}\u{e29}\u{e32}\u{e22}\u{e19}",
        "apr",
        "avril",
        "abril",
        "abr",
        "aprile",
        "kwietnia",
        "nisan",
    ],
    &[
        "may",
        "toukokuuta",
        "\u{43c}\u{430}\u{44f}",
        "\u{e1e}\u{e24}\u{e29}\u{e20}\u{e32}\u{e04}\u{e21}",
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
        "june",
        "kes\u{e4}kuuta",
        "kesakuuta",
        "\u{438}\u{44e}\u{43d}\u{44f}",
        "\u{e21}\u{e34}\u{e16}\u{e38}\u{e19}\u{e32}\u{e22}\u{e19}",
        "jun",
        "juni",
        "juin",
        "junio",
        "giugno",
        "junho",
        "czerwca",
        "haziran",
    ],
    &[
        "july",
        "hein\u{e4}kuuta",
        "heinakuuta",
        "julai",
        "\u{438}\u{44e}\u{43b}\u{44f}",
        "\u{e01}\u{e23}\u{e01}\u{e0e}\u{e32}\u{e04}\u{e21}",
        "jul",
        "juli",
        "juillet",
        "julio",
        "luglio",
        "julho",
        "lipca",
        "temmuz",
    ],
    &[
        "august",
        "elokuuta",
        "agustus",
        "ogos",
        "\u{430}\u{432}\u{433}\u{443}\u{441}\u{442}\u{430}",
        "\u{e2a}\u{e34}\u{e07}\u{e2b}\u{e32}\u{e04}\u{e21}",
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
        "syyskuuta",
        "\u{441}\u{435}\u{43d}\u{442}\u{44f}\u{431}\u{440}\u{44f}",
        "\u{e01}\u{e31}\u{e19}\u{e22}\u{e32}\u{e22}\u{e19}",
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
        "lokakuuta",
        "\u{43e}\u{43a}\u{442}\u{44f}\u{431}\u{440}\u{44f}",
        "\u{e15}\u{e38}\u{e25}\u{e32}\u{e04}\u{e21}",
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
        "marraskuuta",
        "\u{43d}\u{43e}\u{44f}\u{431}\u{440}\u{44f}",
        "\u{e1e}\u{e24}\u{e28}\u{e08}\u{e34}\u{e01}\u{e32}\u{e22}\u{e19}",
        "nov",
        "novembre",
        "noviembre",
        "novembro",
        "listopada",
        "kas\u{131}m",
    ],
    &[
        "december",
        "joulukuuta",
        "desember",
        "disember",
        "\u{434}\u{435}\u{43a}\u{430}\u{431}\u{440}\u{44f}",
        "\u{e18}\u{e31}\u{e19}\u{e27}\u{e32}\u{e04}\u{e21}",
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
