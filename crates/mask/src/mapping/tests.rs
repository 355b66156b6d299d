use super::*;
use crate::Tag;

fn mapping() -> Mapping {
    Mapping::new(Style::Plain, Limits::default())
}

fn add(mapping: &mut Mapping, label: &str, value: &str) -> String {
    let mut output = String::new();
    mapping
        .write_placeholder(label, value, &mut output)
        .unwrap();
    output
}

#[test]
fn every_label_counts_from_one_and_a_value_keeps_its_placeholder() {
    let mut mapping = mapping();
    assert_eq!(add(&mut mapping, "EMAIL", "a@b.co"), "EMAIL_1");
    assert_eq!(add(&mut mapping, "PHONE", "555"), "PHONE_1");
    assert_eq!(add(&mut mapping, "EMAIL", "A@b.co"), "EMAIL_2");
    assert_eq!(add(&mut mapping, "EMAIL", "a@b.co"), "EMAIL_1");
    assert_eq!(add(&mut mapping, "SECRET", "a@b.co"), "EMAIL_1");
    assert_eq!((mapping.len(), mapping.bytes()), (3, 15));
    assert_eq!(mapping.placeholder_of("555").as_deref(), Some("PHONE_1"));
    assert_eq!(mapping.placeholder_of("556"), None);
}

#[test]
fn a_full_mapping_refuses_new_values_and_knows_the_old_ones() {
    let limits = Limits {
        entries_max: 2,
        bytes_max: 10,
    };
    let mut mapping = Mapping::new(Style::Plain, limits);
    let mut output = String::new();
    assert_eq!(
        mapping.write_placeholder("A", "12345678901", &mut output),
        Err(MappingError::TooManyBytes { bytes_max: 10 })
    );
    add(&mut mapping, "A", "12345");
    add(&mut mapping, "A", "67890");
    assert_eq!(
        mapping.write_placeholder("A", "", &mut output),
        Err(MappingError::TooManyEntries { entries_max: 2 })
    );
    assert_eq!(output, "");
    assert_eq!(add(&mut mapping, "A", "67890"), "A_2");
    assert!(matches!(
        mapping.write_placeholder("a", "x", &mut output),
        Err(MappingError::Label(_))
    ));
}

#[test]
fn a_mapping_survives_being_kept() {
    let style = Style::Tagged(Tag::new("ab").unwrap());
    let mut mapping = Mapping::new(style, Limits::default());
    add(&mut mapping, "EMAIL", "a@b.co");
    add(&mut mapping, "IP", "10.0.0.1");
    add(&mut mapping, "EMAIL", "\u{1ed7}\"\\");
    let kept = serde_json::to_string(&mapping.snapshot()).unwrap();
    let snapshot: Snapshot = serde_json::from_str(&kept).unwrap();
    let mut again = Mapping::from_snapshot(snapshot, Limits::default()).unwrap();
    assert_eq!(again.snapshot(), mapping.snapshot());
    assert_eq!(add(&mut again, "EMAIL", "new"), "EMAIL_3_ab");
}

#[test]
fn what_was_kept_is_checked() {
    let read = |text: &str, limits| {
        Mapping::from_snapshot(serde_json::from_str(text).unwrap(), limits).unwrap_err()
    };
    let limits = Limits::default();
    assert_eq!(
        read(r#"{"version":2,"style":"plain","entries":[]}"#, limits),
        MappingError::UnknownVersion {
            version: 2,
            known: 1
        }
    );
    let gap = r#"{"version":1,"style":"plain","entries":[{"label":"A","number":2,"value":"x"}]}"#;
    assert_eq!(
        read(gap, limits),
        MappingError::NumberMissing {
            label: "A".into(),
            number: 2,
            last: 0
        }
    );
    let zero = gap.replace('2', "0");
    assert_eq!(
        read(&zero, limits),
        MappingError::NumberTwice {
            label: "A".into(),
            number: 0
        }
    );
    let label = gap.replace('2', "1").replace("\"A\"", "\"a\"");
    assert!(matches!(read(&label, limits), MappingError::Label(_)));
    let small = Limits {
        entries_max: 0,
        ..limits
    };
    assert_eq!(
        read(&gap.replace('2', "1"), small),
        MappingError::TooManyEntries { entries_max: 0 }
    );
}

#[test]
fn two_requests_at_once_either_merge_or_mask_again() {
    let mut stored = mapping();
    add(&mut stored, "EMAIL", "a@b.co");
    let mark = stored.mark();
    let (mut one, mut two, mut three) = (stored.clone(), stored.clone(), stored.clone());
    add(&mut one, "EMAIL", "one@b.co");
    add(&mut two, "PHONE", "555");
    add(&mut three, "EMAIL", "three@b.co");

    assert_eq!(stored.merge(&one.changes_since(mark).unwrap()), Ok(1));
    assert_eq!(stored.merge(&two.changes_since(mark).unwrap()), Ok(1));
    let before = stored.snapshot();
    assert_eq!(
        stored.merge(&three.changes_since(mark).unwrap()),
        Err(MappingError::NumberTwice {
            label: "EMAIL".into(),
            number: 2
        })
    );
    assert_eq!(stored.snapshot(), before);
    // Masked again with the newer mapping, it gets the next number.
    assert_eq!(add(&mut stored, "EMAIL", "three@b.co"), "EMAIL_3");

    // The others are brought up to date, once and again.
    assert_eq!(one.merge(&stored.changes_since(mark).unwrap()), Ok(2));
    assert_eq!(
        one.merge(&stored.changes_since(Mark::default()).unwrap()),
        Ok(0)
    );
    assert_eq!(one.placeholder_of("555").as_deref(), Some("PHONE_1"));
    assert_eq!(
        mapping().changes_since(mark),
        Err(MappingError::MarkBeyondEnd {
            mark: 1,
            entries: 0
        })
    );
}

#[test]
fn a_merge_takes_all_or_nothing() {
    let mut mapping = mapping();
    let change = |number, value: &str| Change {
        label: "A".into(),
        number,
        value: value.into(),
    };
    let changes = [change(1, "x"), change(2, "y"), change(4, "z")];
    assert_eq!(
        mapping.merge(&changes),
        Err(MappingError::NumberMissing {
            label: "A".into(),
            number: 4,
            last: 2
        })
    );
    assert!(mapping.is_empty());
    let twice = [change(1, "x"), change(1, "y")];
    assert_eq!(
        mapping.merge(&twice),
        Err(MappingError::NumberTwice {
            label: "A".into(),
            number: 1
        })
    );
    assert!(mapping.is_empty());
}

#[test]
fn no_value_is_shown_for_debugging() {
    let mut mapping = mapping();
    add(&mut mapping, "EMAIL", "jane@example.com");
    let shown = format!("{mapping:?} {:?}", mapping.snapshot());
    assert!(!shown.contains("jane"), "{shown}");
    assert!(shown.contains("entries: 1"), "{shown}");
}
