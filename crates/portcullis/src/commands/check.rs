//! `portcullis check`.

use std::path::Path;

use crate::command_error::{CommandError, Exit};
use crate::{connect, output};

pub(super) fn run(file: &Path, json: bool) -> Result<Exit, CommandError> {
    let config = connect::config(file)?;
    config.check_files()?;
    let releases: Vec<&str> = config.releases.iter().map(|r| r.id.as_str()).collect();
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.check/1",
            "file": config.file,
            "service": config.service.name,
            "environment": config.service.environment,
            "releases": releases,
            "problems": [],
        }));
    } else {
        output::result(&format!(
            "{}: no problems; service {} ({}), releases {}",
            file.display(),
            config.service.name,
            config.service.environment,
            releases.join(", ")
        ));
    }
    Ok(Exit::Done)
}
