//! Labels of words, and the names that they make.

use super::*;

const LABELS: &[&str] = &["O", "B-PER", "I-PER", "B-MISC", "B-LOC", "I-LOC"];

/// The names in words that are labelled so: each word with the number of its label and how sure it is; `+` continues a
/// word.
fn found(words: &[(&str, usize, f32)]) -> Vec<(String, Entity, u8)> {
    let labels: Vec<Label> = LABELS.iter().map(|name| Label::of(name)).collect();
    let mut text = String::new();
    let mut tokens = Vec::new();
    for (word, label, sure) in words {
        let (begins_word, word) = match word.strip_prefix('+') {
            Some(rest) => (false, rest),
            None => (true, *word),
        };
        if begins_word && !text.is_empty() {
            text.push(' ');
        }
        let start = text.len();
        text.push_str(word);
        let mut probabilities = vec![(1.0 - sure) / 5.0; 6];
        probabilities[*label] = *sure;
        let token = Token {
            number: 0,
            range: start..text.len(),
            begins_word,
        };
        tokens.push((token, probabilities));
    }
    let labelled = tokens.iter().map(|(token, probabilities)| Labelled {
        token,
        probabilities,
    });
    let spans = names(&text, labelled, &labels);
    let told = |span: &NamedSpan| {
        let value = text[span.start..span.end].to_owned();
        (value, span.entity, span.score.hundredths())
    };
    spans.iter().map(told).collect()
}

#[test]
fn words_of_one_kind_are_one_name() {
    let words = [
        ("ask", 0, 1.0),
        ("Ana", 1, 1.0),
        ("Kova", 2, 1.0),
        ("+\u{10d}", 0, 1.0),
        ("in", 0, 1.0),
        ("Oslo", 4, 1.0),
    ];
    let expected = [
        ("Ana Kova\u{10d}".to_owned(), Entity::PERSON, 100),
        ("Oslo".to_owned(), Entity::LOCATION, 100),
    ];
    assert_eq!(found(&words), expected);
}

#[test]
fn a_beginning_or_another_kind_ends_a_name() {
    let words = [
        ("Ana", 2, 1.0),
        ("Bo", 1, 1.0),
        ("Oslo", 5, 1.0),
        ("Prize", 3, 1.0),
    ];
    let values: Vec<String> = found(&words)
        .into_iter()
        .map(|(value, _, _)| value)
        .collect();
    assert_eq!(values, ["Ana", "Bo", "Oslo"]);
}

#[test]
fn a_score_is_the_mean_of_the_words_with_all_labels_of_the_kind() {
    // 0.5 for one label of the kind and 0.1 for the other, then 1.
    let words = [("Ana", 1, 0.5), ("Bo", 2, 1.0)];
    assert_eq!(found(&words), [("Ana Bo".to_owned(), Entity::PERSON, 80)]);
    assert_eq!(found(&[]), []);
}
