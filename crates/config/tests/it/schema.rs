//! The JSON Schema that is kept with the documents, against what the parser takes.

use std::path::Path;

use jsonschema::Validator;
use portcullis_config::{TemplateOptions, schema, template};

use crate::{least, read};

const FULL: &str = include_str!("full.toml");
const DEMO: &str = include_str!("../../../../xtask/src/demo/portcullis.toml");
const TUTORIAL: &str = include_str!("../../../portcullis/tests/it/portcullis.toml");
const ENVIRONMENTS: &str = include_str!("environments.toml");
const GATEWAY: &str = include_str!("gateway.toml");
/// Files with mistakes, with a line of `-----` between them.
const MISTAKES: &str = include_str!("mistakes.toml.txt");
const GATEWAY_MISTAKES: &str = include_str!("gateway-mistakes.toml.txt");

fn validator() -> Validator {
    let schema = serde_json::from_str(&schema()).expect("JSON");
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).expect("a schema")
}

fn json(text: &str) -> serde_json::Value {
    let table: toml::Table = text
        .parse()
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    serde_json::to_value(table).expect("JSON")
}

fn refusals(validator: &Validator, text: &str) -> Vec<String> {
    let document = json(text);
    let errors = validator.iter_errors(&document);
    errors
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect()
}

/// The test configurations with their ports filled in.
fn filled(text: &str) -> String {
    text.replace("@FIRST@", "21000")
        .replace("@LAST@", "21019")
        .replace("@PORT@", "8080")
}

#[test]
fn the_schema_in_docs_is_up_to_date() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/portcullis.schema.json");
    let made = schema();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/portcullis.schema.json is not what the parser knows; run the tests of \
         portcullis-config once with UPDATE_REFERENCE=1"
    );
}

#[test]
fn the_schema_takes_every_right_file() {
    let validator = validator();
    let full = read(FULL).unwrap_or_else(|problems| panic!("{problems}"));
    let gateway = read(GATEWAY).unwrap_or_else(|problems| panic!("{problems}"));
    let starter = template(&TemplateOptions::default());
    for text in [
        FULL,
        &filled(DEMO),
        &filled(TUTORIAL),
        ENVIRONMENTS,
        GATEWAY,
        &gateway.to_toml(),
        &starter,
        &full.to_toml(),
        &least("keep_warm = \"0s\"", ""),
    ] {
        assert!(read(text).is_ok(), "{text}");
        assert_eq!(refusals(&validator, text), [""; 0], "{text}");
    }
}

/// The parser is never laxer than the schema.
#[test]
fn what_the_schema_refuses_the_parser_refuses() {
    let validator = validator();
    let mut refused = 0;
    let both = [MISTAKES, GATEWAY_MISTAKES].into_iter();
    let mistakes: Vec<&str> = both.flat_map(|file| file.split("\n-----\n")).collect();
    for tables in &mistakes {
        let text = match tables.strip_prefix("# whole\n") {
            Some(whole) => whole.to_owned(),
            None => least("", tables),
        };
        let refusals = refusals(&validator, &text);
        refused += usize::from(!refusals.is_empty());
        assert!(
            refusals.is_empty() || read(&text).is_err(),
            "only the schema refuses this: {refusals:?}\n{text}"
        );
        assert!(read(&text).is_err(), "this is no mistake:\n{text}");
    }
    // It is of use: most mistakes are seen while they are typed.
    assert!(
        refused * 4 > mistakes.len() * 3,
        "{refused} of {}",
        mistakes.len()
    );
}

#[test]
fn mistakes_in_environments_are_refused_by_the_schema_too() {
    let validator = validator();
    let mistakes = [
        "[environment.staging]\nservise = {}",
        "[environment.staging.gateway]\nlisten = 8080",
        "[[environment.staging.release]]\nversion = \"1.0\"",
        "[environment.staging.environment.inner]",
        "[environment.\"Not plain\"]",
        "[environment.staging.service]\nstrategy = \"canry\"",
    ];
    for tables in mistakes {
        let text = least("", tables);
        assert!(!refusals(&validator, &text).is_empty(), "{text}");
        assert!(read(&text).is_err(), "{text}");
    }
    // An overlay need not be complete.
    let partial = least("", "[environment.staging.service.ready]\ntimeout = \"1s\"");
    assert_eq!(refusals(&validator, &partial), [""; 0]);
}
