//! `portcullis check`.

use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::{gateway_files, output};

pub(super) fn run(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = portcullis_config::check(&site.file, site.environment.as_deref())?;
    gateway_files::examine(&config)?;
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
            site.file.display(),
            config.service.name,
            config.service.environment,
            releases.join(", ")
        ));
    }
    Ok(Exit::Done)
}
