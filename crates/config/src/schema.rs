//! The JSON Schema of portcullis.toml, made from the table of keys that the parser uses.
//!
//! It is for editors: it knows every key, its type, its default and the form of its value. What compares
//! values with each other is left to the parser, which is never laxer than the schema.

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::bounds::{NAME_CHARS_MAX, VERSION_CHARS_MAX};
use crate::config::HookPoint;
use crate::keys::{Key, Kind, Preset, ROOT, Section};
use crate::units;

/// The JSON Schema (draft 2020-12) of portcullis.toml.
pub fn schema() -> String {
    let mut definitions = Map::new();
    for section in ROOT.all() {
        // Lists replace each other, so their items are the same in environments.
        if section.header.starts_with("[[") {
            definitions.insert(definition(section), table(section, Form::Complete));
        }
    }
    let mut environment = table(&ROOT, Form::Overlay);
    if let Some(keys) = environment["properties"].as_object_mut() {
        keys.remove(crate::keys::ENVIRONMENTS);
    }
    definitions.insert("environment".to_owned(), environment);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "portcullis.toml",
        "description": "How Portcullis releases a service. Generated from the parser's table of keys.",
    });
    if let (Some(schema), Value::Object(root)) =
        (schema.as_object_mut(), table(&ROOT, Form::Complete))
    {
        schema.extend(root);
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    // Serialising a value to text cannot fail.
    format!("{schema:#}\n")
}

/// Whether what must be given must be given here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Complete,
    Overlay,
}

fn table(section: &'static Section, form: Form) -> Value {
    let properties = section
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key, form)));
    let mut out = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties.collect::<Map<_, _>>(),
    });
    if !section.about.is_empty() {
        out["description"] = section.about.into();
    }
    let required = section
        .keys
        .iter()
        .filter(|key| matches!(key.preset, Preset::Required));
    let required: Vec<&str> = required.map(|key| key.name).collect();
    if form == Form::Complete && !required.is_empty() {
        out["required"] = required.into();
    }
    out
}

fn property(key: &'static Key, form: Form) -> Value {
    let mut out = value(key.kind, form);
    let meaning = match key.preset {
        Preset::Absent(words) if !words.is_empty() => format!("{} Default: {words}.", key.meaning),
        _ => key.meaning.to_owned(),
    };
    out["description"] = meaning.into();
    if let Preset::Value(preset) = key.preset
        && let Ok(preset) = DeValue::parse(preset)
        && let Ok(preset) = units::json(preset.get_ref())
    {
        out["default"] = preset;
    }
    out
}

/// A URL of a database of a server, or a reference to one.
const SERVER_STORE: &str =
    "^(postgres(ql)?://|redis(s|\\+unix)?://|valkeys?://|env:|file:|cmd:|text:)";

fn value(kind: Kind, form: Form) -> Value {
    match kind {
        Kind::Text | Kind::Path => pattern(r"\S"),
        Kind::Name => pattern(&format!("^[a-z0-9-]{{1,{NAME_CHARS_MAX}}}$")),
        Kind::Version => pattern(&format!("^[A-Za-z0-9._-]{{1,{VERSION_CHARS_MAX}}}$")),
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Whole(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Duration | Kind::DurationFrom(_) | Kind::DurationWithin(..) => {
            pattern("^[0-9]+(ms|s|m|h|d)$")
        }
        Kind::Limit => json!({ "type": ["string", "number"] }),
        Kind::UrlPath => pattern("^/[!\"$-~]*$"),
        Kind::Pointer => pattern("^(/|$)"),
        Kind::Ports => pattern(r"^\s*[0-9]+\s*-\s*[0-9]+\s*$"),
        Kind::Address => pattern("^.+:[0-9]+$"),
        Kind::Listen => pattern("^(unix|.+:[0-9]+)$"),
        Kind::Token => pattern("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"),
        Kind::Method => pattern("^[A-Z]+$"),
        Kind::Weights => json!({
            "type": "array",
            "minItems": 1,
            "items": { "type": "integer", "minimum": 1, "maximum": 100 },
        }),
        Kind::Command => {
            json!({ "type": "array", "minItems": 1, "items": { "type": "string" } })
        }
        Kind::HookPoints => {
            let points: Vec<String> = HookPoint::all().map(|point| point.to_string()).collect();
            json!({
                "type": "array",
                "minItems": 1,
                "uniqueItems": true,
                "items": { "type": "string", "enum": points },
            })
        }
        Kind::Postgres => pattern("^(postgres(ql)?://|env:|file:|cmd:|text:)"),
        Kind::ServerStore => pattern(SERVER_STORE),
        Kind::Journal => pattern("^(sqlite$|postgres(ql)?://|env:|file:|cmd:|text:)"),
        Kind::Redis => pattern("^(redis(s|\\+unix)?://|env:|file:|cmd:|text:)"),
        Kind::Form(form) => pattern(form.pattern()),
        Kind::Bytes(..) => pattern("^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)$"),
        Kind::Percent(_) => pattern("^[0-9]{1,3}%$"),
        Kind::RequestRate => pattern("^[0-9]+/[0-9]*(ms|s|m|h|d)$"),
        Kind::Network => pattern("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"),
        Kind::Status(statuses) => json!({ "type": "integer", "enum": statuses }),
        Kind::List(item, min) => json!({
            "type": "array",
            "minItems": min,
            "uniqueItems": true,
            "items": value(*item, form),
        }),
        Kind::Texts | Kind::Conditions | Kind::Pointers | Kind::Scores | Kind::Actions => {
            free_keys(kind, form)
        }
        Kind::Score => score(),
        Kind::Secret => pattern("^(env:|file:|cmd:|text:)"),
        Kind::Values => json!({ "type": "object", "propertyNames": { "pattern": "^(/|$)" } }),
        Kind::Any => json!({}),
        Kind::Table(section) => table(section, form),
        Kind::Tables(section) => json!({ "type": "array", "items": reference(section) }),
        Kind::Environments(section) => json!({
            "type": "object",
            "description": section.about,
            "propertyNames": { "pattern": format!("^[a-z0-9-]{{1,{NAME_CHARS_MAX}}}$") },
            "additionalProperties": { "$ref": "#/$defs/environment" },
        }),
    }
}

/// A table with free keys.
fn free_keys(kind: Kind, form: Form) -> Value {
    let item = match kind {
        Kind::Pointers => value(Kind::Pointer, form),
        Kind::Scores => score(),
        Kind::Actions => value(Kind::Choice(crate::keys::ACTIONS), form),
        _ => json!({ "type": "string" }),
    };
    json!({ "type": "object", "additionalProperties": item })
}

fn score() -> Value {
    json!({ "type": "number", "minimum": 0, "maximum": 1 })
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

fn reference(section: &Section) -> Value {
    json!({ "$ref": format!("#/$defs/{}", definition(section)) })
}

/// `[[gate.rule]]` is `gate.rule`.
fn definition(section: &Section) -> String {
    section.header.trim_matches(['[', ']']).to_owned()
}
