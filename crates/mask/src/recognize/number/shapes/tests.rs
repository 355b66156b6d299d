use super::{Place, Run, ShapeTable, runs_of};
use crate::Entity;
use crate::recognize::number::{Check, Form, Shaped};
use crate::recognize::{Recognizer, RecognizerId};

static SHAPED: Shaped = Shaped {
    facts: Recognizer {
        id: "test",
        entity: Entity::US_SSN,
        context: &[],
        against: &[],
    },
    forms: &[
        Form::new("99-A", 70),
        Form::new("9?", 20),
        Form::new("99 A 9", 30),
    ],
    check: |_| Check::Plausible,
};

/// How many forms end after these runs.
fn ending(runs: &[Run]) -> Option<usize> {
    let table = ShapeTable::new([(RecognizerId(0), 0, &SHAPED)].into_iter());
    let mut place = Place::START;
    for run in runs {
        place = table.after(place, *run)?;
    }
    Some(table.ending(place).len())
}

#[test]
fn a_shape_is_found_at_the_end_of_its_runs() {
    let (hyphen, space) = (Run::separator(b'-'), Run::separator(b' '));
    assert_eq!(ending(&[Run::digits(2), hyphen, Run::letters(1)]), Some(1));
    assert_eq!(ending(&[Run::digits(2)]), Some(1));
    assert_eq!(ending(&[Run::digits(1), Run::letters(1)]), Some(1));
    assert_eq!(ending(&[Run::digits(2), hyphen]), Some(0));
    assert_eq!(ending(&[Run::digits(3)]), None);
    assert_eq!(ending(&[Run::digits(2), space, Run::letters(2)]), None);
    assert_eq!(ending(&[Run::letters(2)]), None);
}

#[test]
fn runs_too_long_to_count_match_nothing() {
    assert_eq!(ending(&[Run::digits(1_000_000)]), None);
    assert_eq!(ending(&[Run::letters(61)]), None);
}

#[test]
fn a_question_mark_stands_for_a_digit_or_a_letter() {
    assert_eq!(runs_of("A??").len(), 4);
    assert!(runs_of("A?").contains(&vec![Run::letters(2)]));
    assert!(runs_of("A?").contains(&vec![Run::letters(1), Run::digits(1)]));
}
