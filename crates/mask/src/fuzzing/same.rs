//! Whether two JSON texts say the same, and whether only what may change changed.

use crate::json::{Document, FieldTable, JsonLimits, Kind, Treatment, Value};

/// Reads a text that is known to be JSON.
pub(crate) fn read(json: &[u8]) -> Document<'_> {
    Document::read(json, JsonLimits::default()).unwrap()
}

/// Both say the same: strings may be escaped differently, and a string that holds JSON may hold it differently spelled.
pub(crate) fn says_the_same(one: Value<'_>, two: Value<'_>) -> bool {
    if one.kind() != two.kind() {
        return false;
    }
    match one.kind() {
        Kind::Text | Kind::Key => {
            let (one, two) = (one.decoded(), two.decoded());
            one == two || is_the_same_json(&one.text, &two.text)
        }
        Kind::Object | Kind::Array => {
            let is_object = one.kind() == Kind::Object;
            let (mut left, mut right) = (one.members(), two.members());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return true,
                    (Some((key, value)), Some((other_key, other))) => {
                        if is_object && !says_the_same(key, other_key) {
                            return false;
                        }
                        if !says_the_same(value, other) {
                            return false;
                        }
                    }
                    _ => return false,
                }
            }
        }
        _ => one.raw() == two.raw(),
    }
}

fn is_the_same_json(one: &str, two: &str) -> bool {
    let read = |text| Document::read(text, JsonLimits::default());
    match (read(one.as_bytes()), read(two.as_bytes())) {
        (Ok(one), Ok(two)) => says_the_same(one.root(), two.root()),
        _ => false,
    }
}

/// Between the fields that the table names, `after` has the bytes that `before` has; a field that is a string is a string
/// afterwards, and what goes when a text changes is as it was or `null`.
pub(crate) fn assert_only_fields_changed(before: &Document<'_>, table: &FieldTable, after: &str) {
    let mut fields = Vec::new();
    let visited: Result<(), std::convert::Infallible> = table.visit(before, |field| {
        let range = field.value.range();
        match (field.treatment, field.value.kind()) {
            (Treatment::DropIfChanged, Kind::Text) => {
                fields.push((range.start - 1..range.end + 1, true));
            }
            (Treatment::DropIfChanged, _) => fields.push((range, true)),
            (_, Kind::Text | Kind::Key) => fields.push((range, false)),
            _ => {}
        }
        Ok(())
    });
    let Ok(()) = visited;
    fields.sort_by_key(|(range, _)| range.start);
    let source = before.source();
    let (mut copied, mut at) = (0, 0);
    for (range, goes) in fields {
        if range.start < copied {
            continue;
        }
        let kept = &source[copied..range.start];
        assert!(
            after[at..].starts_with(kept),
            "{kept:?} is not at {at} of {after:?}"
        );
        at += kept.len();
        copied = range.end;
        if goes {
            let was = &source[range];
            at += if after[at..].starts_with(was) {
                was.len()
            } else {
                // A list is emptied, and everything else becomes null.
                let gone = if was.starts_with('[') { "[]" } else { "null" };
                assert!(after[at..].starts_with(gone));
                gone.len()
            };
        } else {
            at = end_of_string(after, at);
        }
    }
    assert_eq!(&source[copied..], &after[at..]);
}

/// Where the string ends whose inside begins here.
fn end_of_string(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}
