use std::cmp::Reverse;

use proptest::prelude::*;

use super::{API_KEY, RECOGNIZERS};
use crate::{Entity, NoteKind, Score};

mod announced;
mod armour;
mod cost;
mod tokens;

/// A body of so many characters of an alphabet that looks random and is always the same.
fn body(alphabet: &str, length: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            alphabet[(state >> 33) as usize % alphabet.len()]
        })
        .collect()
}

fn base62(length: usize) -> String {
    body(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        length,
    )
}

fn url64(length: usize) -> String {
    let body = body(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
        length - 1,
    );
    body + "Z"
}

fn hex(length: usize) -> String {
    body("0123456789abcdef", length)
}

/// What this room finds in a text, whatever other rooms make of the same places.
fn secrets(text: &str) -> Vec<(String, String)> {
    let finder = &*crate::tests::FINDER;
    let room = API_KEY.0..API_KEY.0 + RECOGNIZERS.len() as u16;
    let mut spans: Vec<(usize, usize, Score, Entity)> = finder
        .explain(text)
        .into_iter()
        .filter(|note| room.contains(&note.recognizer.0))
        .filter_map(|note| match note.kind {
            NoteKind::Found { score, .. } => Some((
                note.range.start,
                note.range.end,
                score,
                finder.rules().entity_of(note.recognizer),
            )),
            _ => None,
        })
        .collect();
    spans.sort_by_key(|(start, end, score, _)| (*start, Reverse(*end), Reverse(*score)));
    let mut settled: Vec<(usize, usize, Score, Entity)> = Vec::new();
    for span in spans {
        match settled.last_mut() {
            Some(last) if span.0 < last.1 => {
                if span.2 > last.2 {
                    *last = (last.0, last.1.max(span.1), span.2, span.3);
                } else {
                    last.1 = last.1.max(span.1);
                }
            }
            _ => settled.push(span),
        }
    }
    settled
        .into_iter()
        .map(|(start, end, _, entity)| {
            let facts = finder.rules().entity_facts(entity).unwrap();
            (text[start..end].to_owned(), facts.label.to_string())
        })
        .collect()
}

/// Each text must give exactly one find with this label.
fn assert_one(text: &str, value: &str, label: &str) {
    assert_eq!(
        secrets(text),
        [(value.to_owned(), label.to_owned())],
        "in: {text}"
    );
}

fn assert_none(text: &str) {
    assert_eq!(secrets(text), [], "in: {text}");
}

/// Each text must give its value with this label; all that do not are told at once.
fn assert_each(cases: &[(&str, &str)], label: &str) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, value)| secrets(text) != [((*value).to_owned(), label.to_owned())])
        .map(|(text, value)| format!("{text} => {:?}, not {value}", secrets(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// None of the texts holds a secret; all that seem to are told at once.
fn assert_clean(texts: &[&str]) {
    let wrong: Vec<String> = texts
        .iter()
        .filter(|text| !secrets(text).is_empty())
        .map(|text| format!("{text} => {:?}", secrets(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #[test]
    fn any_text_of_triggers_is_read_without_a_fault(
        parts in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,6}", "[a-zA-Z0-9=:.~_/+-]{0,40}",
                Just("password".to_owned()), Just("m\u{1ead}t kh\u{1ea9}u".to_owned()), Just(": ".to_owned()), Just("=\"".to_owned()),
                Just("-----BEGIN PRIVATE KEY-----".to_owned()), Just("-----END PRIVATE KEY-----".to_owned()), Just("\\n".to_owned()),
                Just("eyJhbGciOiJub25lIn0.".to_owned()), Just("ghp_".to_owned()), Just("://u:".to_owned()), Just("@h".to_owned()),
                Just("Authorization: Basic ".to_owned()), Just("PuTTY-User-Key-File-3: ".to_owned()), Just("Private-Lines: 1\n".to_owned()),
                Just("--password ".to_owned()), Just("\u{201c}".to_owned()), Just("<password>".to_owned()), Just("8Q~".to_owned()), Just("\\\"".to_owned()),
                Just(" is ".to_owned()), Just(" l\u{e0} ".to_owned()), Just("(\u{e9})".to_owned()), Just("hooks.slack.com/services/".to_owned()),
            ],
            0..14,
        )
    ) {
        let text = parts.concat();
        let finder = &*crate::tests::FINDER;
        for span in finder.find(&text) {
            prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
            prop_assert!(span.start < span.end);
        }
        let _notes = finder.explain(&text);
    }
}
