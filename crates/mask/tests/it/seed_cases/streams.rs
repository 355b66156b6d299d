//! Answers in pieces.

use std::sync::Arc;

use portcullis_mask::{Encoding, Restorer, Vocabulary};

use super::{Case, mapping, masker};

const GROUP: &str = "Streams";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            group: GROUP,
            given: r#"{"user": {"email": "|EMAIL_1|"}}"#,
            theirs: r#"{"user": {"email": "test@example.com"}}"#,
            ours: r#"{"user": {"email": "test@example.com"}}"#,
            why: "",
            run: pieces,
        },
        Case {
            group: GROUP,
            given: "EMAIL_1 (1000 times, in one piece)",
            theirs: "test@example.com (1000 times)",
            ours: "test@example.com (1000 times)",
            why: "",
            run: thousand,
        },
        Case {
            group: GROUP,
            given: "EM|AIL|_|1 and EMAIL_1|0",
            theirs: "EMAIL_1 and test@example.com0",
            ours: "test@example.com and EMAIL_10",
            why: "A placeholder that is cut is found all the same, and a longer number is another placeholder.",
            run: pieces,
        },
    ]
}

/// The pieces of a stream, after a request with one address.
fn pieces(stream: &str) -> String {
    let mut mapping = mapping();
    let masked = masker().mask("test@example.com", None, &mut mapping);
    assert_eq!(masked.expect("nothing is blocked").text, "EMAIL_1");
    let vocabulary = Arc::new(Vocabulary::of(&mapping, masker().labels()));
    let mut restorer = Restorer::new(vocabulary, Encoding::Json);
    let mut out = String::new();
    for piece in stream.split('|') {
        restorer.push(piece, &mut out);
    }
    restorer.finish(&mut out);
    out
}

fn thousand(_: &str) -> String {
    let out = pieces(&"EMAIL_1 ".repeat(1000));
    assert_eq!(out, "test@example.com ".repeat(1000));
    "test@example.com (1000 times)".to_owned()
}
