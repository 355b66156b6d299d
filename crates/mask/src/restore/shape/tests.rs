use std::sync::Arc;

use proptest::prelude::*;

use crate::restore::{Encoding, Restorer, Vocabulary};
use crate::{Labels, Limits, Mapping, Style};

/// Restores pieces of a text in which `PASSWORD_1` is `ab\cd"e`, `KEY_1` a key taken from JSON, and `EMAIL_1` plain.
fn restored<'t>(pieces: impl IntoIterator<Item = &'t str>) -> String {
    let mut mapping = Mapping::new(Style::Plain, Limits::default());
    for (label, value) in [
        ("PASSWORD", "ab\\cd\"e"),
        ("KEY", "-----BEGIN\\nMII\\n-----END"),
        ("EMAIL", "ann@example.com"),
    ] {
        let mut out = String::new();
        mapping.write_placeholder(label, value, &mut out).unwrap();
    }
    let labels = Arc::new(Labels::new(["PASSWORD", "KEY", "EMAIL"]).unwrap());
    let vocabulary = Arc::new(Vocabulary::of(&mapping, &labels));
    let mut restorer = Restorer::new(vocabulary, Encoding::Plain).minding_json();
    let mut out = String::new();
    for piece in pieces {
        restorer.push(piece, &mut out);
    }
    restorer.finish(&mut out);
    out
}

#[test]
fn what_a_model_writes_as_json_stays_json() {
    for text in [
        r#"{"password": "PASSWORD_1"}"#,
        r#"{"a": ["x", "PASSWORD_1 and EMAIL_1"], "b": {"c": "it is \"PASSWORD_1\""}}"#,
        r#"[{"p":"PASSWORD_1"},{"p":"KEY_1"}]"#,
        " \n [ [ \"PASSWORD_1\" ] ]",
    ] {
        let restored = restored([text]);
        let read: Result<serde_json::Value, _> = serde_json::from_str(&restored);
        assert!(read.is_ok(), "{restored}");
        assert!(!restored.contains("PASSWORD_1"));
    }
    let read: serde_json::Value =
        serde_json::from_str(&restored([r#"{"password": "PASSWORD_1"}"#])).unwrap();
    assert_eq!(read["password"], "ab\\cd\"e");
    let read: serde_json::Value = serde_json::from_str(&restored([r#"{"key":"KEY_1"}"#])).unwrap();
    assert_eq!(read["key"], "-----BEGIN\nMII\n-----END");
}

#[test]
fn json_in_a_fence_and_on_lines_of_its_own_is_found() {
    let fenced =
        "Here it is:\n```json\n{\n  \"password\": \"PASSWORD_1\"\n}\n```\nIt is PASSWORD_1.";
    assert_eq!(
        restored([fenced]),
        "Here it is:\n```json\n{\n  \"password\": \"ab\\\\cd\\\"e\"\n}\n```\nIt is ab\\cd\"e."
    );
    let lines = "{\"p\":\"PASSWORD_1\"}\n{\"p\":\"PASSWORD_1\"}\n";
    for line in restored([lines]).lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
}

#[test]
fn prose_gets_values_as_they_are() {
    for text in [
        "Your password is \"PASSWORD_1\".",
        "[Note] \"PASSWORD_1\"",
        "{{ \"PASSWORD_1\" }}",
        "{\"a\": 1} and then \"PASSWORD_1\"",
        "{\"a\": PASSWORD_1",
        "[1] \"PASSWORD_1\"",
        "{\"a\nPASSWORD_1",
    ] {
        assert_eq!(restored([text]), text.replace("PASSWORD_1", "ab\\cd\"e"));
    }
}

proptest! {
    #[test]
    fn every_way_of_cutting_json_gives_the_same_text(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("{"), Just("["), Just("}"), Just("]"), Just("\""), Just("\\"), Just("\n"), Just(" "), Just(","),
                Just("PASSWORD_1"), Just("{\"a\":\""), Just("KEY_1"), Just("EMAIL_1"), Just("PASS"), Just("a: "),
            ],
            0..24,
        ),
        cut in 0_usize..200,
    ) {
        let text = parts.concat();
        let whole = restored([text.as_str()]);
        let at = cut % (text.len() + 1);
        prop_assert_eq!(&restored([&text[..at], &text[at..]]), &whole);
        let single = (0..text.len()).map(|at| &text[at..=at]);
        prop_assert_eq!(&restored(single), &whole);
    }
}
