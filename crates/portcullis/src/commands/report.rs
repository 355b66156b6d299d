//! `portcullis status`, `history` and `show`: from the server, or from the journal's file when none runs.

use portcullis_api::ClientError;
use portcullis_api::engine::{Detail, EngineStanding, Status, Summary};
use portcullis_config::Config;
use serde::de::DeserializeOwned;

use super::follow::may_come_back;
use crate::bounds::{STARTING_ATTEMPTS, STARTING_PAUSE};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, offline, output, render};

pub(super) async fn status(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = match connect::config(site) {
        Ok(config) => config,
        Err(error) => return status_despite(error, site, json).await,
    };
    let asked = ask_or_read(&config, "/api/v1/status", async || {
        let history = offline::present(&config).await?;
        let (name, environment) = (config.service.name.as_str(), &config.service.environment);
        let why = match offline::other_engine(&config).await? {
            Some(holder) => format!("another engine acts: {holder}; nothing can be asked here"),
            None => why_stopped(&config),
        };
        let standing = EngineStanding::Stopped { why };
        Ok(portcullis_server::status(
            name,
            environment,
            &history,
            standing,
            0,
        ))
    });
    let (status, exit): (Status, Exit) = match asked.await? {
        Looked::Answered(status) => (status, Exit::Done),
        Looked::Read(status) => (status, Exit::Unreachable),
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
    let asked = ask_or_read(&config, "/api/v1/rollouts", async || {
        let history = offline::history(&config).await?;
        let newest_first = history.outlines().rev();
        Ok(newest_first
            .map(|outline| portcullis_server::summary(&outline))
            .collect())
    });
    let rollouts: Vec<Summary> = asked.await?.into();
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
    let path = format!("/api/v1/rollouts/{id}");
    let asked = ask_or_read(&config, &path, async || {
        let found = offline::rollout(&config, id).await?;
        Ok(found.as_ref().map(portcullis_server::detail))
    });
    let detail: Option<Detail> = asked.await?.into();
    let detail = detail.ok_or_else(|| {
        CommandError::new(Exit::Failed, format!("there is no rollout {id}"))
            .code(ErrorCode::UnknownRollout)
            .hint("`portcullis history` lists them")
    })?;
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

/// What a command learnt, and from whom.
enum Looked<T> {
    /// The server's answer.
    Answered(T),
    /// What the journal's file says; no server runs.
    Read(T),
}

impl<T> Looked<T> {
    fn into(self) -> T {
        match self {
            Looked::Answered(told) | Looked::Read(told) => told,
        }
    }
}

/// The server's answer, or what `read` finds in the journal's file when no server runs.
///
/// A server that is just starting or ending does neither well: it hangs up, or holds the file for itself.
/// That lasts for a moment, so both are tried again before it counts as a failure.
async fn ask_or_read<T: DeserializeOwned>(
    config: &Config,
    path: &str,
    read: impl AsyncFn() -> Result<T, CommandError>,
) -> Result<Looked<T>, CommandError> {
    let client = connect::client(config)?;
    let mut attempt = 1;
    loop {
        let failed = match client.get(path).await {
            Ok(answer) => return Ok(Looked::Answered(answer)),
            Err(ClientError::Unreachable { .. }) => match read().await {
                Ok(found) => return Ok(Looked::Read(found)),
                Err(error) => error,
            },
            Err(error) if may_come_back(&error) => error.into(),
            Err(error) => return Err(error.into()),
        };
        if attempt == STARTING_ATTEMPTS {
            return Err(failed);
        }
        attempt += 1;
        tokio::time::sleep(STARTING_PAUSE).await;
    }
}
