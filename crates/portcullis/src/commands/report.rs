//! `portcullis status`, `history` and `show`.

use std::path::Path;

use portcullis_api::engine::{Detail, Status, Summary};

use crate::command_error::{CommandError, Exit};
use crate::{connect, output, render};

pub(super) async fn status(file: &Path, json: bool) -> Result<Exit, CommandError> {
    let config = connect::config(file)?;
    let status: Status = connect::client(&config)?.get("/api/v1/status").await?;
    if json {
        output::json(&status);
    } else {
        output::result(&render::status(&status));
    }
    Ok(Exit::Done)
}

pub(super) async fn history(file: &Path, json: bool) -> Result<Exit, CommandError> {
    let config = connect::config(file)?;
    let rollouts: Vec<Summary> = connect::client(&config)?.get("/api/v1/rollouts").await?;
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

pub(super) async fn show(file: &Path, json: bool, id: &str) -> Result<Exit, CommandError> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(
            CommandError::new(Exit::Usage, format!("`{id}` is not a rollout's name"))
                .hint("names look like `dhash-2`; `portcullis history` lists them"),
        );
    }
    let config = connect::config(file)?;
    let client = connect::client(&config)?;
    let detail: Detail = client.get(&format!("/api/v1/rollouts/{id}")).await?;
    if json {
        output::json(&detail);
    } else {
        output::result(&render::detail(&detail));
    }
    Ok(Exit::Done)
}
