use proptest::prelude::*;

use super::*;

#[test]
fn families_are_named_as_each_format_wants() {
    let write = |format| {
        let mut text = Exposition::new(format);
        text.family(Kind::Counter, "a", "Help.");
        text.whole(&[], 3);
        text.family(Kind::Histogram, "b_seconds", "Help.");
        text.histogram(&[("x", "y")], &[(0.1, 1), (1.0, 2)], 3, 7.5);
        text.finish()
    };
    let plain = "# HELP a_total Help.\n# TYPE a_total counter\na_total 3\n\
                 # HELP b_seconds Help.\n# TYPE b_seconds histogram\n\
                 b_seconds_bucket{x=\"y\",le=\"0.1\"} 1\nb_seconds_bucket{x=\"y\",le=\"1\"} 3\n\
                 b_seconds_bucket{x=\"y\",le=\"+Inf\"} 6\nb_seconds_sum{x=\"y\"} 7.5\n\
                 b_seconds_count{x=\"y\"} 6\n";
    assert_eq!(write(Format::Text), plain);
    let open = plain
        .replace("# HELP a_total", "# HELP a")
        .replace("# TYPE a_total", "# TYPE a")
        .replace("le=\"1\"", "le=\"1.0\"")
        + "# EOF\n";
    assert_eq!(write(Format::OpenMetrics), open);
}

/// Reads a label's value as the formats define it.
fn unescape(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.push(match characters.next()? {
                '\\' => '\\',
                '"' => '"',
                'n' => '\n',
                _ => return None,
            }),
            '"' | '\n' => return None,
            other => value.push(other),
        }
    }
    Some(value)
}

proptest! {
    #[test]
    fn no_label_breaks_out_of_its_quotes(value in "[a\\\\\"\n{},=]{0,12}|\\PC{0,12}") {
        let mut text = Exposition::new(Format::Text);
        text.family(Kind::Gauge, "a", "Help.");
        text.whole(&[("name", &value)], 1);
        let text = text.finish();
        let lines: Vec<&str> = text.split('\n').collect();
        prop_assert_eq!(lines.len(), 4, "three lines and the end: {:?}", text);
        let sample = lines[2].strip_prefix("a{name=\"").and_then(|s| s.strip_suffix("\"} 1"));
        prop_assert_eq!(sample.and_then(unescape), Some(value));
    }
}
