//! `portcullis gateway`: what the gateway does and masks, a split set by hand, a reload, and a bypass. They ask the
//! gateway's admin API directly, so they work while the engine does not act. API keys are a matter of their file.

mod bypass;
mod key;
mod masking;
mod reload;
mod routes;
mod split;

use portcullis_api::{Client, ClientError};
use portcullis_config::Config;

use crate::bounds::LOOK_PATIENCE;
use crate::cli::Gateway;
use crate::command_error::{CommandError, Exit};
use crate::connect;
use crate::serve_process::{ServeProcess, Why};
use crate::site::Site;

pub(super) async fn run(site: &Site, json: bool, command: &Gateway) -> Result<Exit, CommandError> {
    let config = match command {
        Gateway::Key(command) => return key::run(site, json, command),
        // It is a process of its own, with a runtime of its own.
        Gateway::Serve(_) => return Ok(Exit::Done),
        Gateway::Split { weight: Some(_) } => connect::config(site)?,
        // It tells what is wrong with the file.
        Gateway::Reload => connect::config_or_quiet_stand_in(site).await?.config(),
        // In an emergency a mistake in the file must not be in the way.
        Gateway::Routes
        | Gateway::Masking
        | Gateway::Split { weight: None }
        | Gateway::Bypass(_) => connect::config_or_stand_in(site).await?,
    };
    let client = connect::gateway(&config)?.looking_for(LOOK_PATIENCE);
    match command {
        Gateway::Routes => routes::run(&config, &client, json).await,
        Gateway::Masking => masking::run(&config, &client, json).await,
        Gateway::Reload => reload::run(site, &config, &client, json).await,
        Gateway::Split { weight: None } => split::show(&config, &client, json).await,
        Gateway::Split {
            weight: Some(weight),
        } => split::set(&config, &client, *weight, json).await,
        Gateway::Bypass(args) => bypass::run(&config, &client, args, json).await,
        Gateway::Key(command) => key::run(site, json, command),
        Gateway::Serve(_) => Ok(Exit::Done),
    }
}

/// Says that it is the gateway that does not answer.
fn explain(error: ClientError, config: &Config, client: &Client) -> CommandError {
    match &error {
        ClientError::Unreachable { .. } => {
            let process = ServeProcess::of(&config.state.folder, &config.gateway.admin);
            let endpoint = client.endpoint();
            let what = match process {
                ServeProcess::Runs {
                    why: Why::NotActing,
                    ..
                } => format!("no gateway answers at {endpoint}; `portcullis serve` starts or ends"),
                _ => format!("no gateway answers at {endpoint}: {}", process.sentence()),
            };
            CommandError::new(Exit::Unreachable, what).hint(process.hint())
        }
        ClientError::Refused(_) | ClientError::Malformed { .. } | ClientError::Setup(_) => {
            error.into()
        }
    }
}

/// The path of the configured service's route.
pub(super) fn route_path(config: &Config) -> String {
    format!("/v1/routes/{}", config.service.name)
}
