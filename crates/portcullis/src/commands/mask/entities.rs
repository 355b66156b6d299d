//! `portcullis mask entities`: what can be recognized.

use portcullis_mask::Rules;
use serde::Serialize;

use crate::command_error::{CommandError, Exit};
use crate::output;

#[derive(Debug, Serialize)]
struct Told {
    entity: String,
    label: String,
    about: String,
    recognizers: Vec<String>,
}

pub(super) fn run(json: bool) -> Result<Exit, CommandError> {
    let rules = Rules::default();
    let mut all = Vec::new();
    for (entity, facts) in rules.entities() {
        let recognizers = rules
            .recognizer_names()
            .filter(|(_, found, _)| *found == entity);
        let recognizers: Vec<String> = recognizers.map(|(name, _, _)| name.to_owned()).collect();
        if !recognizers.is_empty() {
            all.push(Told {
                entity: facts.name.to_string(),
                label: facts.label.to_string(),
                about: facts.about.to_string(),
                recognizers,
            });
        }
    }
    if json {
        output::json(&serde_json::json!({ "schema": "portcullis.entities/1", "entities": all }));
        return Ok(Exit::Done);
    }
    let width = |of: fn(&Told) -> &str| all.iter().map(|told| of(told).len()).max().unwrap_or(0);
    let (entity_width, label_width) = (width(|told| &told.entity), width(|told| &told.label));
    for told in &all {
        output::result(&format!(
            "{:entity_width$}  {:label_width$}  {}",
            told.entity, told.label, told.about
        ));
    }
    output::talk(
        "a name or label can be given to --only and --without; so can the recognizers that --json lists",
    );
    Ok(Exit::Done)
}
