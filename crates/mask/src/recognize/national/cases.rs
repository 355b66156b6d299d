//! What the tests of all countries share.

use std::sync::LazyLock;

use crate::{Finder, Rules};

/// One finder for all tests: making one costs more than most of them.
static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(Rules::default()));

/// The beginnings of the labels of these countries; others have their own tests.
const OURS: &[&str] = &[
    "SG_", "AU_", "IN_", "KR_", "TH_", "BR_", "MX_", "TR_", "JP_", "VN_", "PASSPORT", "DRIVER_",
];

/// What is found of these countries in a text: the value and its entity's label.
pub(super) fn found(text: &str) -> Vec<(&str, String)> {
    FINDER
        .find(text)
        .into_iter()
        .map(|span| {
            let facts = FINDER.rules().entity_facts(span.entity).unwrap();
            (&text[span.start..span.end], facts.label.to_string())
        })
        .filter(|(_, label)| OURS.iter().any(|ours| label.starts_with(ours)))
        .collect()
}

/// The labels of what is found in the value of a named field.
pub(super) fn labels_in_field(field: &str, value: &str) -> Vec<String> {
    FINDER
        .find_in_field(value, Some(field))
        .into_iter()
        .filter_map(|span| FINDER.rules().entity_facts(span.entity))
        .map(|facts| facts.label.to_string())
        .collect()
}

/// Asserts that each text holds the value under a label with this part, whichever country names it.
pub(super) fn each_holds_some(part: &str, cases: &[(&str, &str)]) {
    for (text, value) in cases {
        let spans = FINDER.find(text);
        let is_labelled = |entity| {
            let facts = FINDER.rules().entity_facts(entity).unwrap();
            facts.label.contains(part)
        };
        assert!(
            spans
                .iter()
                .any(|span| text[span.start..span.end] == **value && is_labelled(span.entity)),
            "{value} is found in {text:?}: {spans:?}"
        );
    }
}

/// Asserts that each text holds exactly one value of the label.
pub(super) fn each_holds(label: &str, cases: &[(&str, &str)]) {
    for (text, value) in cases {
        assert_eq!(found(text), [(*value, label.to_owned())], "in {text:?}");
    }
}

/// Asserts that nothing is found in any of the texts.
pub(super) fn nothing_in(texts: &[&str]) {
    for text in texts {
        assert_eq!(found(text), [], "in {text:?}");
    }
}

/// Asserts that a number in its context is found, and that no number with one other digit is found under this label.
pub(super) fn no_damage_survives(label: &str, context: &str, number: &str) {
    let text = format!("{context} {number}");
    assert_eq!(found(&text), [(number, label.to_owned())], "in {text:?}");
    for (index, byte) in number
        .bytes()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_digit())
    {
        for digit in (b'0'..=b'9').filter(|digit| *digit != byte) {
            let mut damaged = number.as_bytes().to_vec();
            damaged[index] = digit;
            let text = format!("{context} {}", String::from_utf8(damaged).unwrap());
            assert!(
                found(&text).iter().all(|(_, found)| found != label),
                "{text:?} is refused"
            );
        }
    }
}
