use std::path::Path;

use super::*;

fn source(text: &str) -> Source {
    Source::new(Path::new("portcullis.toml"), text)
}

fn rendered(text: &str, span: Range<usize>) -> [String; 2] {
    let excerpt = source(text).excerpt(&span).expect("an excerpt");
    let under = format!("{}{}", excerpt.indent, "^".repeat(excerpt.width));
    [excerpt.text, under]
}

#[test]
fn lines_and_columns_count_from_one_in_characters() {
    let text = "a = 1\r\n\tb = \"\u{e4}\u{f6}\" x\nlast";
    let at = |part: &str| source(text).locate(text.find(part).expect("a part"));
    assert_eq!(source(text).locate(0), (1, 1));
    assert_eq!(at("\tb"), (2, 1));
    assert_eq!(at("b ="), (2, 2));
    assert_eq!(at("x"), (2, 11));
    assert_eq!(at("last"), (3, 1));
    assert_eq!(source(text).locate(usize::MAX), (3, 5));
    // In the middle of a character is that character.
    assert_eq!(
        source(text).locate(text.find('\u{f6}').expect("a part") + 1),
        (2, 8)
    );
    assert_eq!(source("").locate(0), (1, 1));
    assert_eq!(source("\u{feff}a").locate(3), (1, 1));
}

#[test]
fn carets_stand_under_what_is_meant() {
    let text = "\tname = \"\u{e4}\u{754c}\" # x\r\n";
    let start = text.find('"').expect("a quote");
    let end = text.rfind('"').expect("a quote") + 1;
    let [line, under] = rendered(text, start..end);
    assert_eq!(line, "\tname = \"\u{e4}\u{754c}\" # x");
    assert_eq!(under, "\t       ^^^^^");
    // A span over several lines is marked on its first; an empty one has one caret.
    assert_eq!(rendered("a = [\n1]", 4..8), ["a = [", "    ^"]);
    assert_eq!(rendered("a =", 3..3), ["a =", "   ^"]);
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let text = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
    let [line, under] = rendered(&text, 500..504);
    assert!(line.starts_with("...x") && line.ends_with("y..."), "{line}");
    assert_eq!(line.len(), SOURCE_LINE_CHARS_MAX + 2 * LEFT_OUT.len());
    assert_eq!(&line[under.find('^').expect("a caret")..][..4], "HERE");
}

#[test]
fn control_characters_are_not_printed() {
    assert_eq!(rendered("a = \u{1b}[31m", 0..1)[0], "a = \u{fffd}[31m");
}

#[test]
fn hidden_lines_are_not_quoted() {
    let mut source = source("a = 1\nsecret = 2\nb = 3");
    source.hide(&(6..10));
    assert_eq!(source.excerpt(&(6..10)), None);
    assert!(source.excerpt(&(0..1)).is_some());
}
