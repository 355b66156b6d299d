//! Dates of birth.
//!
//! A date ([`form`]) counts only when the words around, or the name of the field, say that somebody was born on it. The
//! words have to speak of this date and not of another one in the same line, which [`claim`] decides. Years are taken
//! from 1900 to 2029: there is no clock here that could tell a date of birth from one that is still to come, so that
//! the last year has to be raised now and then. A year or a
//! birthday without its year, and an age, are not dates of birth in this sense.

mod claim;
mod form;
mod month;

use crate::find::Offers;
use crate::recognize::{Recognizer, RecognizerId, first};
use crate::{Entity, Score};

/// The id of this room's recognizer.
pub(crate) const DATE_OF_BIRTH: RecognizerId = RecognizerId(first::DATE);

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[Recognizer {
    id: "date_of_birth",
    entity: Entity::DATE_OF_BIRTH,
    context: &[
        "born",
        "dob",
        "d.o.b",
        "d.o.b.",
        "d o b",
        "date of birth",
        "dates of birth",
        "birth",
        "birth date",
        "birth dates",
        "birthdate",
        "birthdays",
        "birthday",
        "bday",
        "b-day",
        "dateofbirth",
        "ngay sinh",
        "ngaysinh",
        "ngay thang nam sinh",
        "ngay/thang/nam sinh",
        "ngay, thang, nam sinh",
        "sinh ngay",
        "sinh vao ngay",
        "sinh vao",
        "sinh nhat",
        "sinh nam",
        "sinh ra",
        "sinh",
        "chao doi",
        "n.sinh",
        "geboren",
        "geb.",
        "geb",
        "geburtsdatum",
        "geburtstag",
        "nacido",
        "nacida",
        "naci",
        "nacio",
        "fecha de nacimiento",
        "nacimiento",
        "cumpleanos",
        "ne le",
        "nee le",
        "ne(e) le",
        "date de naissance",
        "naissance",
        "anniversaire",
        "nato il",
        "nata il",
        "nato",
        "nata",
        "data di nascita",
        "nascita",
        "compleanno",
        "geboortedatum",
        "geboortedag",
        "data de nascimento",
        "nascimento",
        "nascido",
        "nascida",
        "nasceu",
        "nasci",
        "data urodzenia",
        "urodzony",
        "urodzona",
        "ur.",
        "syntymaaika",
        "syntynyt",
        "fodd",
        "fodelsedatum",
        "dogum tarihi",
        "dogum gunu",
        "ntns",
        "ns",
        "f. nac",
        "fecha nac",
        "fecha de nac",
        "tarikh lahir",
        "tanggal lahir",
        "tgl lahir",
        "lahir",
        "fodselsdato",
        "fodselsdag",
        "fodt",
        "datum narozeni",
        "narozen",
        "narozena",
        // Chinese: chusheng riqi, chusheng nianyue, shengri. Japanese: umare, tanjobi. Russian.
        "\u{51fa}\u{751f}\u{65e5}\u{671f}",
        "\u{51fa}\u{751f}\u{5e74}\u{6708}",
        "\u{51fa}\u{751f}",
        "\u{751f}\u{65e5}",
        "\u{751f}\u{307e}\u{308c}",
        "\u{8a95}\u{751f}\u{65e5}",
        "\u{434}\u{430}\u{442}\u{430} \u{440}\u{43e}\u{436}\u{434}\u{435}\u{43d}\u{438}\u{44f}",
        "\u{434}.\u{440}.",
        "\u{440}\u{43e}\u{434}\u{438}\u{43b}\u{441}\u{44f}",
        "\u{440}\u{43e}\u{434}\u{438}\u{43b}\u{430}\u{441}\u{44c}",
        "\u{751f}\u{5e74}\u{6708}\u{65e5}",
        "\u{c0dd}\u{b144}\u{c6d4}\u{c77c}",
        "\u{e27}\u{e31}\u{e19}\u{e40}\u{e01}\u{e34}\u{e14}",
    ],
    against: &[
        "released on",
        "released",
        "release",
        "founded",
        "established",
        "died",
        "death",
        "deceased",
        "created",
        "updated",
        "modified",
        "expires",
        "expiry",
        "issued",
        "published",
        "posted",
        "married",
        "joined",
        "hired",
        "deadline",
        "column",
        "constraint",
        "schema",
        "migration",
        "default",
        "added",
        "started",
        "opened",
        "launched",
        "we",
        "thanh lap",
        "sinh hoat",
        "sinh vien",
        "phat hanh",
        "ngay cap",
        "cap ngay",
        "het han",
        "mat ngay",
        "cong bo",
    ],
}];

/// How sure a date with a whole year is.
const WHOLE: Score = Score::of(30);
/// How sure a date is whose year has two digits or that has no separators.
const SHORT: Score = Score::of(20);

/// Up to where each recognizer of this room has looked in the text under way, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Seen {
    /// The end of the last date.
    date: usize,
}

/// Looks at `start..end`, a maximal run of ASCII letters and digits with a digit in it. Runs come from left to right, each
/// once.
pub(crate) fn word(
    text: &str,
    start: usize,
    _end: usize,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) {
    if start < seen.date {
        return;
    }
    let Some(date) = form::date(text, start) else {
        return;
    };
    seen.date = date.range.end;
    let bare = if date.is_short { SHORT } else { WHOLE };
    if offers.has_context(DATE_OF_BIRTH, &date.range)
        && !claim::is_claimed(text, &date.range, date.is_short)
    {
        offers.reject(
            DATE_OF_BIRTH,
            date.range,
            "the words around speak of another date",
        );
        return;
    }
    offers.offer(DATE_OF_BIRTH, date.range, bare);
}

#[cfg(test)]
mod tests;
