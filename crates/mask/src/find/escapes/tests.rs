use super::blanked;
use crate::tests::found;

#[test]
fn escapes_are_blanked_in_a_text_of_the_same_length() {
    for (text, expected) in [
        ("no escapes", None),
        ("end\\n", None),
        ("\"a\\n\"", None),
        ("a\\n10", Some("a \n10")),
        ("a\\r\\n\\tb", Some("a \r \n \tb")),
        ("a\\\\n1", Some("a  \n1")),
        ("\\u003c1\\u003e", Some("      1      ")),
        ("\\u00g01", None),
        ("\\d\\d", None),
        ("\\", None),
        ("\u{1ed7}\\n\u{1ed7}", Some("\u{1ed7} \n\u{1ed7}")),
    ] {
        let blank = blanked(text).map(|text| text.replace('\r', "\n"));
        let expected = expected.map(|text| text.replace('\r', "\n"));
        assert_eq!(blank, expected, "{text:?}");
        assert!(blank.is_none_or(|blank| blank.len() == text.len()));
    }
}

/// A tool's answer, a log or a file that was pasted: JSON whose line ends are escapes.
#[test]
fn data_directly_behind_an_escaped_line_end_is_found() {
    for value in [
        "4111 1111 1111 1111",
        "10.0.0.1",
        "2001:db8::1",
        "DE89370400440532013000",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "jo@example.com",
        "AKIAIOSFODNN7EXAMPLE",
        "+84 912 345 678",
        "00:1a:2b:3c:4d:5e",
    ] {
        for escape in ["\\n", "\\t", "\\r\\n", "\\\\n", "\\u000a", "\\u003c"] {
            let text = format!("{{\"a\":\"b{escape}{value}{escape}c\"}}");
            let values: Vec<String> = found(&text).into_iter().map(|(found, _)| found).collect();
            assert!(
                values.iter().any(|found| found.contains(value)),
                "{text:?} gives {values:?}"
            );
        }
    }
}

#[test]
fn what_looks_like_an_escape_brings_nothing_up() {
    for text in [
        "C:\\new\\table\\readme.txt",
        "\\nu + \\theta = \\rho",
        "printf(\"%d\\t%s\\n\", count, name)",
        "\\d{3}-\\d{2}-\\d{4}",
        "version\\n1.2.3\\nstd::vector",
    ] {
        assert_eq!(found(text), [], "{text:?}");
    }
}
