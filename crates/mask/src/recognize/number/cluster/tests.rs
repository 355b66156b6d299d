use crate::{Finder, NoteKind, Rules};

/// What is found, without the label.
fn values(text: &str) -> Vec<String> {
    Finder::new(Rules::default())
        .find(text)
        .iter()
        .map(|span| text[span.start..span.end].to_owned())
        .collect()
}

#[test]
fn separators_may_be_no_break_spaces_and_typographic_hyphens() {
    for text in [
        "536\u{2011}22\u{2011}8145",
        "536\u{2013}22\u{2013}8145",
        "AB\u{a0}12\u{202f}34\u{2009}56\u{a0}C",
    ] {
        assert_eq!(values(text), [text]);
    }
}

#[test]
fn short_words_before_the_digits_are_a_part_only_where_a_shape_has_them() {
    assert_eq!(values("it is AB 12 34 56 C"), ["AB 12 34 56 C"]);
    assert_eq!(values("NINO AB 12 34 56 C is ok"), ["AB 12 34 56 C"]);
    assert_eq!(
        values("my ID RSS MRA 85T10 A562S now"),
        ["RSS MRA 85T10 A562S"]
    );
}

#[test]
fn letters_of_both_cases_are_no_code() {
    let finder = &*crate::tests::FINDER;
    let notes = finder.explain("x2482300W");
    assert!(
        notes
            .iter()
            .any(|note| note.kind == NoteKind::Invalid("it has capitals and small letters"))
    );
    assert_eq!(values("x2482300W"), Vec::<String>::new());
}

#[test]
fn small_letters_need_more_than_capitals() {
    assert_eq!(values("12345678Z"), ["12345678Z"]);
    assert_eq!(values("12345678z"), Vec::<String>::new());
    assert_eq!(values("dni 12345678z"), ["12345678z"]);
}

#[test]
fn the_work_is_linear_for_hostile_texts() {
    let finder = &*crate::tests::FINDER;
    for unit in ["1", "1 ", "a 1 ", "1-", "1 a b ", "12345678 ", "a1.", "+1 "] {
        let text = unit.repeat(40_000 / unit.len());
        let _ = finder.find(&text);
    }
}
