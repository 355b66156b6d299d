//! What comments say, and which are refused.

use super::*;

#[test]
fn comments_for_people_say_nothing() {
    for comment in [
        "",
        "drops the column",
        "portcullis is not meant here",
        "see portcullis: no",
    ] {
        assert_eq!(read(comment), None, "{comment}");
    }
}

#[test]
fn a_batch_has_rows_a_pause_and_a_bound() {
    let batch = Batch {
        rows: 1000,
        pause_ms: Some(50),
        rounds_max: 20,
    };
    let said = read("portcullis: batch = 1000, pause = 50ms, rounds=20");
    assert_eq!(said, Some(Ok(vec![Directive::Batch(batch)])));
    for (value, milliseconds) in [("2s", 2000), ("1m", 60_000), ("1min", 60_000), ("0ms", 0)] {
        assert_eq!(time_ms(value), Some(milliseconds));
    }
}

#[test]
fn what_is_not_known_is_refused_and_never_taken_for_talk() {
    for comment in [
        "portcullis: contarct",
        "portcullis: btach = 10",
        "portcullis: pause = 10ms",
        "portcullis: ignored ban-drop-table: reason",
        "portcullis:ignore : reason",
        "portcullis:",
    ] {
        assert!(
            matches!(read(comment), Some(Err(Misunderstood::Unknown(_)))),
            "{comment}: {:?}",
            read(comment)
        );
    }
    for comment in [
        "batch = 0",
        "batch = many",
        "batch = 10, pause = 5",
        "batch = 1, rounds = 0",
    ] {
        let comment = format!("portcullis: {comment}");
        assert!(
            matches!(read(&comment), Some(Err(Misunderstood::BadValue(_)))),
            "{comment}: {:?}",
            read(&comment)
        );
    }
}

#[test]
fn an_ignore_needs_a_reason() {
    let no_reason = Misunderstood::NoReason("ban-drop-table, no-reverse".to_owned());
    for end in ["", ":", ":  "] {
        let comment = format!("portcullis:ignore ban-drop-table, no-reverse{end}");
        assert_eq!(read(&comment), Some(Err(no_reason.clone())), "{comment}");
    }
    let said = read("portcullis:ignore-file no-reverse: a view is enough: see 0007");
    let ignore = Directive::Ignore {
        rules: vec!["no-reverse".to_owned()],
        is_for_file: true,
    };
    assert_eq!(said, Some(Ok(vec![ignore])));
}
