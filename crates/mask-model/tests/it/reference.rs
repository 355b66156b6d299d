//! Scores and names against those of `transformers` with torch, made by `fixture/make.py`.

use std::path::{Path, PathBuf};

use portcullis_mask::{Entity, NamedEntities};
use portcullis_mask_model::Model;
use serde::Deserialize;

/// How far a score may be from that of the other implementation: both compute in single precision, in another order.
const TOLERANCE: f32 = 1e-4;

/// A text, and what `transformers` makes of it.
#[derive(Deserialize)]
struct Case {
    text: String,
    tokens: Vec<u32>,
    scores: Vec<Vec<f32>>,
    names: Vec<Name>,
}

/// A name, with offsets in characters.
#[derive(Deserialize)]
struct Name {
    start: usize,
    end: usize,
    kind: String,
    score: f32,
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixture")
        .join(name)
}

fn cases(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(fixture(name).join("reference.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The spans with offsets in characters.
fn found(model: &Model, text: &str) -> Vec<(usize, usize, Entity, f32)> {
    let points = |offset: usize| text[..offset].chars().count();
    let spans = model.find(text).unwrap().into_iter();
    spans
        .map(|span| {
            let score = span.score.fraction() as f32;
            (points(span.start), points(span.end), span.entity, score)
        })
        .collect()
}

fn expected(case: &Case) -> Vec<(usize, usize, Entity)> {
    let names = case.names.iter().map(|name| {
        let entity = match name.kind.as_str() {
            "PER" => Entity::PERSON,
            "ORG" => Entity::ORGANIZATION,
            "LOC" => Entity::LOCATION,
            other => panic!("{other}"),
        };
        (name.start, name.end, entity)
    });
    names.collect()
}

fn agrees(name: &str) {
    let model = Model::load(&fixture(name)).unwrap();
    let mut names = 0;
    for case in cases(name) {
        let scores = model.scores(&case.text).unwrap();
        // The other one gives scores of the tokens around the text, too.
        assert_eq!(scores.nrows() + 2, case.tokens.len(), "{}", case.text);
        for (row, expected) in scores.rows().into_iter().zip(&case.scores[1..]) {
            for (score, expected) in row.iter().zip(expected) {
                let distance = (score - expected).abs();
                assert!(
                    distance <= TOLERANCE,
                    "{}: {score} for {expected}",
                    case.text
                );
            }
        }
        let found = found(&model, &case.text);
        let places: Vec<_> = found
            .iter()
            .map(|(start, end, entity, _)| (*start, *end, *entity))
            .collect();
        assert_eq!(places, expected(&case), "{}", case.text);
        names += places.len();
        for ((.., score), expected) in found.iter().zip(&case.names) {
            // Ours also counts what speaks for the other label of the kind, and is rounded to hundredths.
            assert!(
                *score > expected.score - 0.006,
                "{}: {score} for {}",
                case.text,
                expected.score
            );
        }
    }
    assert!(names > 0);
}

#[test]
fn bert_agrees_with_transformers() {
    agrees("bert");
}

#[test]
fn distilbert_agrees_with_transformers() {
    agrees("distilbert");
}

#[test]
fn xlm_roberta_agrees_with_transformers() {
    agrees("xlm-roberta");
}

#[test]
fn the_trained_model_finds_the_names_of_simple_sentences() {
    let model = Model::load(&fixture("bert")).unwrap();
    let text = "My name is Anna Kowalski. Please call John Smith about the invoice.";
    let names = model.find(text).unwrap();
    let names: Vec<_> = names
        .iter()
        .map(|span| (&text[span.start..span.end], span.entity))
        .collect();
    assert_eq!(
        names,
        [
            ("Anna Kowalski", Entity::PERSON),
            ("John Smith", Entity::PERSON)
        ]
    );
    assert_eq!(
        model
            .find("Please summarise the following text for me.")
            .unwrap(),
        []
    );
    assert_eq!(model.find("").unwrap(), []);
    assert_eq!(model.find(" \n\t ").unwrap(), []);
}

#[test]
fn a_text_that_is_longer_than_the_model_is_read_to_its_end() {
    let model = Model::load(&fixture("bert")).unwrap();
    let sentence = "Please call John Smith about the invoice. ";
    for count in [1, 12, 13, 14, 40, 101] {
        let text = sentence.repeat(count);
        let names = model.find(&text).unwrap();
        let starts: Vec<usize> = names.iter().map(|span| span.start).collect();
        let expected: Vec<usize> = text
            .match_indices("John Smith")
            .map(|(start, _)| start)
            .collect();
        assert_eq!(starts, expected, "{count} sentences");
        assert!(
            names
                .iter()
                .all(|span| &text[span.start..span.end] == "John Smith")
        );
    }
}

#[test]
fn any_text_has_names_between_characters() {
    let model = Model::load(&fixture("xlm-roberta")).unwrap();
    let pieces = [
        "\u{1f642}",
        "e\u{301}",
        "\u{fb01}",
        "\u{200b}",
        "\u{0}",
        "A",
        " ",
        "\u{6771}\u{4eac}",
        "\u{1ed7}",
        "\n",
        "\u{ad}",
        "x",
    ];
    let mut state = 1_usize;
    for length in (0..200).step_by(9) {
        let mut text = String::new();
        for _ in 0..length {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 33) % pieces.len()]);
        }
        let mut last = 0;
        for span in model.find(&text).unwrap() {
            assert!(last <= span.start && span.start < span.end, "{text:?}");
            assert!(text.get(span.start..span.end).is_some(), "{text:?}");
            last = span.end;
        }
    }
}
