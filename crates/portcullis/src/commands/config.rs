//! `portcullis config`: where each value came from, and the schema for editors.

use portcullis_config::{Explained, ValueOrigin, explain, schema};
use serde_json::{Value, json};

use crate::cli::ConfigCommand;
use crate::command_error::{CommandError, Exit};
use crate::output;
use crate::site::Site;

pub(super) fn run(site: &Site, json: bool, command: &ConfigCommand) -> Result<Exit, CommandError> {
    match command {
        ConfigCommand::Explain { key } => explained(site, json, key.as_deref()),
        ConfigCommand::Schema => {
            // Already JSON, with or without --json.
            output::result(schema().trim_end());
            Ok(Exit::Done)
        }
    }
}

fn explained(site: &Site, json: bool, key: Option<&str>) -> Result<Exit, CommandError> {
    let mut all = explain(&site.file, site.environment.as_deref())?;
    match key {
        Some(key) => {
            all = Explained::below(all, key).map_err(|unknown| {
                let error = CommandError::of(Exit::Usage, &unknown);
                match unknown.near {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint("`portcullis config explain` lists all keys"),
                }
            })?;
        }
        // What is not given and has no default says nothing, unless it was asked for.
        None => all.retain(|one| json || one.value.is_some()),
    }
    if json {
        let keys: Vec<Value> = all.iter().map(as_json).collect();
        output::json(&json!({
            "schema": "portcullis.config-explain/1",
            "file": site.file,
            "environment": site.environment,
            "keys": keys,
        }));
    } else {
        columns(&all).iter().for_each(|line| output::result(line));
    }
    Ok(Exit::Done)
}

fn as_json(one: &Explained) -> Value {
    let origin = match &one.origin {
        ValueOrigin::File { file, line } => json!({ "from": "file", "file": file, "line": line }),
        ValueOrigin::Environment { file, line, name } => {
            json!({ "from": "environment", "file": file, "line": line, "environment": name })
        }
        ValueOrigin::Default => json!({ "from": "default" }),
    };
    json!({ "key": one.key, "value": one.value, "origin": origin })
}

/// A value longer than this does not push the origins of all others to the right.
const VALUE_WIDTH_MAX: usize = 40;

/// Key, value and origin, one below the other.
fn columns(all: &[Explained]) -> Vec<String> {
    let value = |one: &Explained| {
        one.value
            .clone()
            .unwrap_or_else(|| "(not given)".to_owned())
    };
    let key_width = all.iter().map(|one| one.key.chars().count()).max();
    let value_width = all.iter().map(|one| value(one).chars().count()).max();
    let key_width = key_width.unwrap_or(0);
    let value_width = value_width.unwrap_or(0).min(VALUE_WIDTH_MAX);
    all.iter()
        .map(|one| {
            let (key, value, origin) = (&one.key, value(one), &one.origin);
            format!("{key:key_width$}  {value:value_width$}  {origin}")
        })
        .collect()
}
