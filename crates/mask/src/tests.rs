use std::sync::LazyLock;

use crate::{Finder, Rules};

/// The finder of the default rules. Making one takes as long as many texts.
pub(crate) static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(Rules::default()));

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
