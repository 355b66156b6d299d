use std::sync::LazyLock;

use proptest::prelude::*;

use crate::{Finder, Rules, Style, Tag};

/// The finder of the default rules. Making one takes as long as many texts.
pub(crate) static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(Rules::default()));

/// A style with a tag.
pub(crate) fn tagged() -> Style {
    Style::Tagged(Tag::new("k7").unwrap())
}

/// Every style.
pub(crate) fn styles() -> impl Strategy<Value = Style> {
    proptest::sample::select(vec![Style::Plain, Style::Brackets, Style::Angles, tagged()])
}

/// Texts of fewer than so many of these pieces, and of any characters in between.
pub(crate) fn texts_of(
    pieces: &'static [&'static str],
    pieces_max: usize,
) -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            9 => proptest::sample::select(pieces).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from)
        ],
        0..pieces_max,
    )
    .prop_map(|pieces| pieces.concat())
}

/// What is found in a text: the value and its entity's label.
pub(crate) fn found(text: &str) -> Vec<(String, String)> {
    let finder = &*FINDER;
    finder
        .find(text)
        .into_iter()
        .map(|span| {
            let facts = finder.rules().entity_facts(span.entity).unwrap();
            (
                text[span.start..span.end].to_owned(),
                facts.label.to_string(),
            )
        })
        .collect()
}

#[test]
fn a_number_is_found_by_shape_check_and_context() {
    assert_eq!(
        found("My SSN is 536-22-8145."),
        [("536-22-8145".to_owned(), "US_SSN".to_owned())]
    );
    assert_eq!(
        found("my social security number: 536228145"),
        [("536228145".to_owned(), "US_SSN".to_owned())]
    );
    assert_eq!(found("Order 536228145 has shipped."), []);
    assert_eq!(
        found("write to jo@example.com"),
        [("jo@example.com".to_owned(), "EMAIL".to_owned())]
    );
}
