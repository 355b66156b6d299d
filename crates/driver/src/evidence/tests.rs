use std::io::Write;

use super::*;

#[test]
fn only_the_last_lines_since_the_start_are_shown() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "an older run").unwrap();
    let from = file.as_file().metadata().unwrap().len();
    for n in 0..EVIDENCE_LINES_MAX + 5 {
        writeln!(file, "line {n}").unwrap();
    }
    let shown = last_lines_of(file.path(), from);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), EVIDENCE_LINES_MAX);
    assert_eq!(lines.first(), Some(&"line 5"));
    assert_eq!(lines.last(), Some(&"line 24"));
}

#[test]
fn a_body_is_cut_and_made_printable() {
    assert_eq!(body_excerpt(b""), None);
    assert_eq!(body_excerpt(b"\x1b[31mred\0"), Some("·[31mred·".to_owned()));
    let long = body_excerpt(&vec![b'x'; 10_000]).unwrap();
    assert_eq!(long.chars().count(), BODY_EXCERPT_CHARS_MAX + 1);
}
