//! What must hold for any text, whichever recognizers look at it.

use std::sync::Arc;

use super::{Choices, Room, text_pieces};
use crate::{
    AnswerScan, Encoding, Entity, Finder, Limits, Mapping, Masked, Masker, Restorer, Style, Tag,
    Vocabulary, restore,
};

/// Names of fields: they count as context.
const FIELDS: [Option<&str>; 6] = [
    None,
    Some("phone"),
    Some("password"),
    Some("ssn"),
    Some("date_of_birth"),
    Some("so_can_cuoc"),
];
/// How long the text of [`long_text`] is at least, in bytes.
const LONG: usize = 128 << 10;

/// Takes the style, the field and the cuts from the first bytes, and the text from the rest.
pub(crate) fn room(room: Room, bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (style, field, seed) = (choices.of(&styles()), choices.of(&FIELDS), choices.byte());
    holds(
        room.masker(),
        &String::from_utf8_lossy(choices.rest()),
        field,
        style,
        seed,
    );
}

/// The forms of placeholders.
pub(crate) fn styles() -> [Style; 4] {
    let tag = Tag::new("k7q2").unwrap();
    [
        Style::Plain,
        Style::Brackets,
        Style::Angles,
        Style::Tagged(tag),
    ]
}

/// The text again and again, up to a length at which quadratic time is seconds. Nothing is compared: the fuzzer's bound on
/// the time of one input is what finds something.
pub(crate) fn long_text(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let style = choices.of(&styles());
    let (unit, joint) = (choices.rest(), [" ", "\n", "", "_"]);
    let unit = String::from_utf8_lossy(unit) + joint[bytes.len() % joint.len()];
    if unit.is_empty() {
        return;
    }
    let text = unit.repeat(LONG / unit.len() + 1);
    let masker = Room::All.masker();
    let mut mapping = Mapping::new(style, Limits::default());
    // A mapping that is full refuses; that is no finding.
    if let Ok(masked) = masker.mask(&text, None, &mut mapping) {
        assert_eq!(restored(masker, &mapping, &masked.text), text);
    }
}

/// Everything that is promised of one text.
pub(crate) fn holds(masker: &Masker, text: &str, field: Option<&str>, style: Style, seed: u8) {
    spans_hold(masker.finder(), text, field);
    let mut mapping = Mapping::new(style, Limits::default());
    let masked = masker.mask(text, field, &mut mapping).unwrap();
    nothing_is_left(text, &masked);
    let hidden = masked.text.into_owned();
    assert_eq!(
        restored(masker, &mapping, &hidden),
        text,
        "masked: {hidden:?}"
    );
    cuts_hold(masker, &mapping, &hidden, seed);

    let again = masker.mask(text, field, &mut mapping).unwrap().text;
    assert_eq!(again, hidden, "the same text has the same placeholders");

    // Whatever the text is, it gets nothing out of a mapping that holds other values.
    let mut other = mapping_of_strangers(mapping.style().clone());
    let theirs = masker
        .mask(text, field, &mut other)
        .unwrap()
        .text
        .into_owned();
    assert_eq!(restored(masker, &other, &theirs), text);
    scan_holds(masker, text, seed);
}

/// A mapping whose values stand in no text.
pub(crate) fn mapping_of_strangers(style: Style) -> Mapping {
    let mut mapping = Mapping::new(style, Limits::default());
    for label in ["EMAIL", "LITERAL", "PHONE", "IP_PRIVATE"] {
        for number in 1..=11 {
            let value = format!("\u{1f512}\"{label}\\{number}\u{e9}\n<EMAIL_1>");
            mapping
                .write_placeholder(label, &value, &mut String::new())
                .unwrap();
        }
    }
    mapping
}

/// A text restored.
pub(crate) fn restored(masker: &Masker, mapping: &Mapping, text: &str) -> String {
    let vocabulary = Vocabulary::of(mapping, masker.labels());
    restore(&vocabulary, text, Encoding::Plain)
        .text
        .into_owned()
}

/// Spans come from left to right, apart, on characters' borders.
fn spans_hold(finder: &Finder, text: &str, field: Option<&str>) {
    let mut from = 0;
    for span in finder.find_in_field(text, field) {
        assert!(from <= span.start && span.start < span.end);
        assert!(text.get(span.start..span.end).is_some());
        assert!(span.score >= finder.rules().threshold(span.entity));
        from = span.end;
    }
}

/// No value that was found stands anywhere in what is sent.
fn nothing_is_left(text: &str, masked: &Masked<'_>) {
    for span in &masked.spans {
        let value = &text[span.start..span.end];
        let counts = value.len() >= 6 && !value.chars().all(char::is_alphabetic);
        // A value with an underscore could be a part of a placeholder by chance.
        if span.entity != Entity::LITERAL && counts && !value.contains('_') {
            assert!(
                !masked.text.contains(value),
                "{value:?} is left in {:?}",
                masked.text
            );
        }
    }
}

/// Restoring gives the same for every way of cutting.
fn cuts_hold(masker: &Masker, mapping: &Mapping, text: &str, seed: u8) {
    let vocabulary = Arc::new(Vocabulary::of(mapping, masker.labels()));
    for encoding in [Encoding::Plain, Encoding::Json, Encoding::JsonTwice] {
        let whole = restore(&vocabulary, text, encoding);
        for seed in [seed, 0] {
            let mut restorer = Restorer::new(Arc::clone(&vocabulary), encoding);
            let mut output = String::new();
            for piece in text_pieces(text, seed) {
                restorer.push(piece, &mut output);
                assert!(whole.text.starts_with(&output));
            }
            restorer.finish(&mut output);
            assert_eq!((&*whole.text, whole.counts), (&*output, restorer.counts()));
        }
    }
}

/// The scan of answers gives the same for every way of cutting.
fn scan_holds(masker: &Masker, text: &str, seed: u8) {
    let mapping = Mapping::new(Style::Plain, Limits::default());
    let scanned = |pieces: Vec<&str>| {
        let (mut scan, mut output) = (AnswerScan::new(), String::new());
        for piece in pieces {
            scan.push(masker, &mapping, piece, &mut output).unwrap();
        }
        scan.finish(masker, &mapping, &mut output).unwrap();
        output
    };
    assert_eq!(scanned(vec![text]), scanned(text_pieces(text, seed)));
}
