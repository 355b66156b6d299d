//! `portcullis status`, `history` and `show`: from the server, or from the journal's file when none runs.

use portcullis_api::ClientError;
use portcullis_api::engine::{Detail, EngineStanding, Status, Summary};
use portcullis_config::Config;
use serde::de::DeserializeOwned;

use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, offline, output, render};

pub(super) async fn status(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = match connect::config(site) {
        Ok(config) => config,
        Err(error) => return status_despite(error, site, json).await,
    };
    let mut exit = Exit::Done;
    let status = match ask::<Status>(&config, "/api/v1/status").await? {
        Some(status) => status,
        None => {
            exit = Exit::Unreachable;
            let history = offline::present(&config).await?;
            let (name, environment) = (config.service.name.as_str(), &config.service.environment);
            let standing = EngineStanding::Stopped {
                why: why_stopped(&config),
            };
            portcullis_server::status(name, environment, &history, standing, 0)
        }
    };
    if json {
        output::json(&status);
    } else {
        output::result(&render::status(&status));
    }
    Ok(exit)
}

pub(super) async fn history(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = connect::config(site)?;
    let rollouts = match ask::<Vec<Summary>>(&config, "/api/v1/rollouts").await? {
        Some(rollouts) => rollouts,
        None => {
            let history = offline::history(&config).await?;
            history
                .rollouts()
                .iter()
                .rev()
                .map(|past| portcullis_server::summary(past))
                .collect()
        }
    };
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.history/1",
            "rollouts": rollouts,
        }));
    } else if rollouts.is_empty() {
        output::talk("nothing was released yet; `portcullis deploy` begins");
    } else {
        output::result(&render::history(&rollouts));
    }
    Ok(Exit::Done)
}

pub(super) async fn show(site: &Site, json: bool, id: &str) -> Result<Exit, CommandError> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(
            CommandError::new(Exit::Usage, format!("`{id}` is not a rollout's name"))
                .code(ErrorCode::BadValue)
                .hint("names look like `dhash-2`; `portcullis history` lists them"),
        );
    }
    let config = connect::config(site)?;
    let detail = match ask::<Detail>(&config, &format!("/api/v1/rollouts/{id}")).await? {
        Some(detail) => detail,
        None => {
            let history = offline::history(&config).await?;
            let found = history.find(id).map(portcullis_server::detail);
            found.ok_or_else(|| {
                CommandError::new(Exit::Failed, format!("there is no rollout {id}"))
                    .code(ErrorCode::UnknownRollout)
                    .hint("`portcullis history` lists them")
            })?
        }
    };
    if json {
        output::json(&detail);
    } else {
        output::result(&render::detail(&detail));
    }
    Ok(Exit::Done)
}

/// The status although the configuration is broken, if a server runs: it goes on with the last good one.
async fn status_despite(
    error: CommandError,
    site: &Site,
    json: bool,
) -> Result<Exit, CommandError> {
    let Ok(client) = connect::running(site) else {
        return Err(error);
    };
    let Ok(status) = client.get::<Status>("/api/v1/status").await else {
        return Err(error);
    };
    if json {
        output::json(&status);
    } else {
        output::result(&render::status(&status));
    }
    Ok(Exit::Done)
}

/// Why no engine answers.
fn why_stopped(config: &Config) -> String {
    let folder = StateFolder::new(&config.state.folder);
    if folder.is_writable() || !folder.root().exists() {
        return "no server runs; `portcullis serve` starts it".to_owned();
    }
    format!(
        "nothing can be written to the state folder {}, so nothing may be done; a gateway that was \
         started serves from the last saved routes; make the folder writable, then stop `portcullis \
         serve` and start it again",
        folder.root().display()
    )
}

/// The server's answer; `None` when no server runs.
async fn ask<T: DeserializeOwned>(config: &Config, path: &str) -> Result<Option<T>, CommandError> {
    match connect::client(config)?.get(path).await {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::Unreachable { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
