//! `portcullis check`.

use portcullis_analysis::{Rule, Signal};
use portcullis_config::Config;

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
            "notes": notes(&config),
        }));
    } else {
        output::result(&format!(
            "{}: no problems; service {} ({}), releases {}",
            site.file.display(),
            config.service.name,
            config.service.environment,
            releases.join(", ")
        ));
        for note in notes(&config) {
            output::talk(&format!("note: {note}"));
        }
    }
    Ok(Exit::Done)
}

/// What is no problem and yet may not be what was meant.
fn notes(config: &Config) -> Vec<String> {
    let warm = &config.service.keep_warm;
    let watch = warm.analysis_after(&config.analysis, &config.service.strategy);
    let compares = watch.rules.iter().any(|rule| rule.test.only_warns());
    let is_about_checks = |rule: &Rule| rule.signal == Signal::HealthFailures;
    let mut failing = watch.rules.iter().filter(|rule| !rule.test.only_warns());
    let note = "after a promotion only failed checks go back by themselves: the other rules compare with a \
                release that has no traffic then, and warn; a rule with a fixed limit would go back, such as { \
                signal = \"error-rate\", max = \"5%\" }";
    (warm.window_ms > 0 && compares && failing.all(is_about_checks))
        .then(|| note.to_owned())
        .into_iter()
        .collect()
}
