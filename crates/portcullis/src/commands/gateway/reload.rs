//! `portcullis gateway reload`: asks the running gateway to take its part of the configuration file.
//!
//! The process that runs the gateway reads the file, not this one: what it answers is what holds. It tells
//! problems as text. If this process finds the same ones, they are told as `portcullis check` tells them, with
//! file, line and column as fields in JSON.

use portcullis_api::gateway::{ReloadWish, Reloaded};
use portcullis_api::{Client, ClientError};
use portcullis_config::Config;
use serde_json::json;

use super::explain;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::{connect, gateway_files, output};

pub(super) async fn run(
    site: &Site,
    config: &Config,
    client: &Client,
    as_json: bool,
) -> Result<Exit, CommandError> {
    let wish = ReloadWish {
        by: connect::user(),
    };
    let answer: Result<Reloaded, ClientError> = client.post("/v1/reload", &wish).await;
    let reloaded = answer.map_err(|error| match error {
        ClientError::Refused(problem) if !problem.problems.is_empty() => {
            match same_problems(site, &problem.problems) {
                Some(problems) => problems.into(),
                None => ClientError::Refused(problem).into(),
            }
        }
        error => explain(error, config, client),
    })?;
    if as_json {
        output::json(&json!({
            "schema": "portcullis.gateway-reload/1",
            "changed": reloaded.changed,
            "at_restart": reloaded.at_restart,
        }));
        return Ok(Exit::Done);
    }
    output::result(&match reloaded.changed.as_slice() {
        [] => "reloaded: nothing of the gateway differed from what runs".to_owned(),
        changed => format!("reloaded: {} changed and in force", changed.join(", ")),
    });
    if !reloaded.at_restart.is_empty() {
        output::talk(&format!(
            "not the gateway's, and read at a start only: {}; restart `portcullis serve`",
            reloaded.at_restart.join(", ")
        ));
    }
    Ok(Exit::Done)
}

/// What is wrong with the file, if this process finds what the server has told.
fn same_problems(site: &Site, told: &[String]) -> Option<portcullis_config::Problems> {
    let environment = site.environment.as_deref();
    let found = match portcullis_config::load_environment(&site.file, environment) {
        Err(problems) => problems,
        Ok(config) => match config
            .check_files()
            .err()
            .and_then(|all| all.below("gateway"))
        {
            Some(problems) => problems,
            None => gateway_files::examine(&config).err()?,
        },
    };
    // The server may have named the file by another path.
    (found.as_slice().len() == told.len()).then_some(found)
}
