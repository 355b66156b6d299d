//! `portcullis doctor`: what would keep a release from going well.
//!
//! Changes nothing: it reads files, asks the server and the serving release, and tries which ports are
//! free. Every check has a time bound; one that takes longer is a warning of its own.

use std::time::Duration;

use portcullis_api::engine::Status;
use portcullis_config::Config;
use portcullis_engine::History;

use crate::bounds::DOCTOR_CHECK_MAX;
use crate::command_error::{CommandError, Exit};
use crate::commands::backup::gone;
use crate::site::Site;
use crate::{connect, gateway_files, output};

mod data;
mod finding;
mod journal;
mod machine;
mod network;
mod serving;
mod shared;
mod state;

use finding::{Finding, Word};

/// What the checks share.
struct Patient {
    config: Config,
    /// The journal's content, if it could be read.
    history: Option<History>,
    /// What the server says, if one answers.
    status: Option<Status>,
}

pub(super) async fn run(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let mut findings = vec![machine::version()];
    let config = match connect::config(site) {
        Ok(config) => Some(config),
        Err(error) => {
            let hint = "`portcullis check` tells every problem with its place";
            findings.push(Finding::fail("configuration", error.message()).hint(hint));
            None
        }
    };
    if let Some(config) = config {
        findings.push(files(&config));
        findings.extend(super::check::links(&config).into_iter().map(links));
        examine(config, &mut findings).await;
    }
    findings.push(machine::open_files());
    report(&findings, json);
    let failed = findings.iter().any(|finding| finding.word == Word::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

async fn examine(config: Config, findings: &mut Vec<Finding>) {
    let mut patient = Patient {
        config,
        history: None,
        status: None,
    };
    findings.extend(state::folder(&patient.config));
    findings.push(state::lock(&patient.config));
    findings.extend(state::identities(&patient.config));
    let (history, found) = within("journal", journal::examine(&patient.config))
        .await
        .unwrap_or_else(|late| (None, vec![late]));
    patient.history = history;
    findings.extend(found);
    let config = patient.config.clone();
    let gone = within("backups", gone::known(&config)).await;
    let gone = gone.unwrap_or_else(|late| {
        findings.push(late);
        None
    });
    let stores = portcullis_engine::stores_of(&config.stores).await;
    let encryption = portcullis_engine::encryption_of(&config).await;
    let examining = move || data::examine(&config, gone.as_ref(), stores, encryption);
    let on_disk = tokio::task::spawn_blocking(examining);
    findings.extend(match within("backups", on_disk).await {
        Ok(Ok(found)) => found,
        Ok(Err(died)) => vec![Finding::fail("backups", died.to_string())],
        Err(late) => vec![late],
    });
    let (status, found) = within("server", network::server(&patient.config))
        .await
        .unwrap_or_else(|late| (None, vec![late]));
    patient.status = status;
    findings.extend(found);
    findings.extend(network::ports(&patient));
    findings.push(network::gateway(&patient));
    let found = within("split", network::split(&patient)).await;
    findings.extend(found.unwrap_or_else(Some));
    let found = within("shared server", shared::examine(&patient.config)).await;
    findings.extend(found.unwrap_or_else(Some));
    let found = within("serving release", serving::examine(&patient)).await;
    findings.extend(found.unwrap_or_else(|late| vec![late]));
    findings.extend(serving::unknown(&patient));
}

/// What a check finds, or a warning that it took too long.
async fn within<T>(about: &'static str, check: impl Future<Output = T>) -> Result<T, Finding> {
    let limit: Duration = DOCTOR_CHECK_MAX;
    tokio::time::timeout(limit, check).await.map_err(|_| {
        let message = format!("could not be looked at within {} s", limit.as_secs());
        Finding::warn(about, message).hint("the machine or the disk is busy; try again later")
    })
}

/// Whether what the configuration names is on the disk.
fn files(config: &Config) -> Finding {
    let found = config.check_files();
    match found.and_then(|()| gateway_files::examine(config)) {
        Ok(()) => {
            let file = config.file.display();
            let message = format!("{file} has no problems, and its files are there");
            Finding::ok("configuration", message)
        }
        Err(problems) => {
            let first = problems.as_slice().first();
            let message = first.map(|problem| problem.message.clone());
            Finding::fail("configuration", message.unwrap_or_default())
                .hint("`portcullis check` tells every problem with its place")
        }
    }
}

/// A store that is a link cannot be put back.
fn links(message: String) -> Finding {
    Finding::warn("stores", message).hint("correct `path` in its [[store]]")
}

fn report(findings: &[Finding], json: bool) {
    let count = |word: Word| findings.iter().filter(|f| f.word == word).count();
    let (failed, warned) = (count(Word::Fail), count(Word::Warn));
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.doctor/1",
            "failed": failed,
            "warnings": warned,
            "findings": findings,
        }));
        return;
    }
    for finding in findings {
        let word = finding.word.as_str();
        output::result(&format!(
            "{word:<4}  {}: {}",
            finding.about, finding.message
        ));
        if let Some(hint) = &finding.hint {
            output::result(&format!("      do: {hint}"));
        }
    }
    output::talk(&match (failed, warned) {
        (0, 0) => "everything is well".to_owned(),
        _ => format!("{failed} failed, {warned} to look at"),
    });
}
