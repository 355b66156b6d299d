//! `portcullis status`, `history` and `show`: from the server, or from the journal's file when none runs.

use portcullis_api::ClientError;
use portcullis_api::engine::{Detail, EngineStanding, Serving, Status, Summary};
use portcullis_api::gateway::{Arm, RouteStatus};
use portcullis_config::Config;
use portcullis_rollout::{Comparison, Replay};
use serde::de::DeserializeOwned;

use super::follow::may_come_back;
use crate::bounds::{LOOK_PATIENCE, STARTING_ATTEMPTS, STARTING_PAUSE};
use crate::cli::Show;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::serve_process::ServeProcess;
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, offline, output, render};

pub(super) async fn status(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = match connect::config(site) {
        Ok(config) => config,
        Err(error) => return status_despite(error, site, json).await,
    };
    let asked = ask_or_read(&config, "/api/v1/status", async || {
        from_files(&config).await
    });
    let (mut status, exit): (Status, Exit) = match asked.await? {
        Looked::Answered(status) => {
            let exit = exit_of(&status);
            (status, exit)
        }
        Looked::Read(status) => (status, Exit::Unreachable),
    };
    if let Some(route) = route_of_gateway(&config).await {
        status.split_differs = split_differs(&status, &route);
        status.bypass = route.bypass;
    }
    if json {
        output::json(&status);
    } else {
        output::result(&render::status(&status));
    }
    Ok(exit)
}

pub(super) async fn history(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = connect::config_or_stand_in(site).await?;
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

pub(super) async fn show(site: &Site, json: bool, show: &Show) -> Result<Exit, CommandError> {
    let id = show.rollout.as_str();
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(
            CommandError::new(Exit::Usage, format!("`{id}` is not a rollout's name"))
                .code(ErrorCode::BadValue)
                .hint("names look like `dhash-2`; `portcullis history` lists them"),
        );
    }
    let config = connect::config_or_stand_in(site).await?;
    if let Some(gate) = &show.gate {
        return replay(&config, json, (id, gate), show.replay).await;
    }
    let path = format!("/api/v1/rollouts/{id}");
    let asked = ask_or_read(&config, &path, async || {
        let found = offline::rollout(&config, id).await?;
        Ok(found.as_ref().map(portcullis_server::detail))
    });
    let detail: Option<Detail> = asked.await?.into();
    let detail = detail.ok_or_else(|| unknown_rollout(id))?;
    if json {
        output::json(&detail);
    } else {
        output::result(&render::detail(&detail));
    }
    Ok(Exit::Done)
}

fn unknown_rollout(id: &str) -> CommandError {
    CommandError::new(Exit::Failed, format!("there is no rollout {id}"))
        .code(ErrorCode::UnknownRollout)
        .hint("`portcullis history` lists them")
}

/// One gate of a rollout, and whether its verdicts follow from its samples.
async fn replay(
    config: &Config,
    json: bool,
    (id, gate): (&str, &str),
    compares: bool,
) -> Result<Exit, CommandError> {
    let refused = |why: &str| {
        CommandError::new(Exit::Usage, why.to_owned())
            .code(ErrorCode::BadValue)
            .hint(format!("`portcullis show {id}` has the names of its steps"))
    };
    if !gate.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') || gate.is_empty() {
        return Err(refused(&format!("`{gate}` is not a gate's name")));
    }
    let path = format!("/api/v1/rollouts/{id}/gates/{gate}");
    let asked = ask_or_read(config, &path, async || {
        let past = offline::rollout(config, id).await?;
        let past = past.ok_or_else(|| unknown_rollout(id))?;
        past.replay(gate)
            .map_err(|error| refused(&error.to_string()))
    });
    let replay: Replay = asked.await?.into();
    if json {
        output::json(&replay);
    } else {
        output::result(&render::replay(&replay, compares));
    }
    Ok(match replay.comparison() {
        Comparison::Different if compares => Exit::Failed,
        Comparison::OtherFormulas if compares => Exit::Inconclusive,
        _ => Exit::Done,
    })
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
    Ok(exit_of(&status))
}

/// An engine that had to stop is a failure, whatever became of the rollout.
fn exit_of(status: &Status) -> Exit {
    match status.engine.failure() {
        Some(_) => Exit::Failed,
        None => Exit::Done,
    }
}

/// How the service stands when no server answers: what the journal says, and the gateway, which may serve
/// all the same.
async fn from_files(config: &Config) -> Result<Status, CommandError> {
    let process = ServeProcess::of(&config.state.folder, &config.server.listen);
    let history = offline::present(config)
        .await
        .map_err(|error| match process {
            ServeProcess::None => error,
            _ => error.hint(format!("{}; {}", process.sentence(), process.hint())),
        })?;
    let why = match offline::other_engine(config).await? {
        Some(holder) => format!("another engine acts: {holder}; nothing can be asked here"),
        None => why_stopped(config, &process),
    };
    let (name, environment) = (config.service.name.as_str(), &config.service.environment);
    let standing = EngineStanding::Stopped { why };
    let mut status = portcullis_server::status(name, environment, &history, standing, 0);
    if matches!(process, ServeProcess::Runs { .. }) && history.is_empty() {
        status.sentence =
            "The journal says nothing of a release, but `portcullis serve` runs".to_owned();
        if let Some(stable) = stable_of_gateway(config).await {
            status.sentence = format!(
                "The journal says nothing of a release, but the gateway serves {}",
                stable.release
            );
            status.serving = Some(Serving {
                release: stable.release,
                address: stable.address,
                artifact_sha256: String::new(),
                stopped: false,
            });
        }
    }
    Ok(status)
}

/// The release to which the gateway sends users, if it answers.
async fn stable_of_gateway(config: &Config) -> Option<Arm> {
    let route = route_of_gateway(config).await?;
    route.split.map(|split| split.stable)
}

/// How the gateway divides requests, if not as the journal has it.
pub(super) fn split_differs(status: &Status, route: &RouteStatus) -> Option<String> {
    let wanted = status.split.as_ref()?;
    match &route.split {
        Some(split) if split == wanted => None,
        Some(split) => Some(format!("{split}; the journal says: {wanted}")),
        None => Some(format!(
            "has no split and answers 503; the journal says: {wanted}"
        )),
    }
}

/// How the gateway serves, if it answers.
pub(super) async fn route_of_gateway(config: &Config) -> Option<RouteStatus> {
    let client = connect::gateway(config).ok()?.looking_for(LOOK_PATIENCE);
    let path = format!("/v1/routes/{}", config.service.name);
    client.get(&path).await.ok()
}

/// Why no engine answers.
fn why_stopped(config: &Config, process: &ServeProcess) -> String {
    let folder = StateFolder::new(&config.state.folder);
    if folder.is_writable() || !folder.root().exists() {
        return match process {
            ServeProcess::None => "no server runs; `portcullis serve` starts it".to_owned(),
            ServeProcess::Runs { .. } | ServeProcess::Hidden(_) => {
                format!("{}; {}", process.sentence(), process.hint())
            }
        };
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
            Err(error @ ClientError::Unreachable { .. }) => match read().await {
                Ok(found) => return Ok(Looked::Read(found)),
                // It had its time, and the next look would take as long.
                Err(unread) if error.is_silence() => return Err(unread),
                Err(unread) => unread,
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
