//! `portcullis watch`: a rollout on a live screen.

use portcullis_api::Client;
use portcullis_api::engine::{Status, Summary};

use super::follow::{Form, Goal, follow_as};
use crate::cli::Watch;
use crate::command_error::{CommandError, Exit};
use crate::connect;
use crate::site::Site;

pub(super) mod feed;
pub(super) mod live;
mod painter;
pub(super) mod surroundings;

pub(super) async fn run(
    site: &Site,
    json: bool,
    _plain: bool,
    args: &Watch,
) -> Result<Exit, CommandError> {
    let client = connect::running(site)?;
    let id = match &args.rollout {
        Some(id) => named(id)?.to_owned(),
        None => newest(&client).await?,
    };
    let form = if json {
        Form::JsonLines
    } else {
        Form::fitting(site)
    };
    follow_as(&client, &id, Goal::Retirement, form).await
}

fn named(id: &str) -> Result<&str, CommandError> {
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Ok(id);
    }
    let what = format!("`{id}` is not a rollout's name");
    Err(CommandError::new(Exit::Usage, what)
        .hint("names look like `dhash-2`; `portcullis history` lists them"))
}

/// The live rollout, or else the last one.
async fn newest(client: &Client) -> Result<String, CommandError> {
    let status: Status = client.get("/api/v1/status").await?;
    if let Some(live) = status.live {
        return Ok(live.rollout);
    }
    let past: Vec<Summary> = client.get("/api/v1/rollouts").await?;
    let newest = past.into_iter().next().map(|summary| summary.rollout);
    newest.ok_or_else(|| {
        CommandError::new(Exit::Failed, "there is no rollout to watch")
            .hint("nothing was released yet; `portcullis deploy` begins")
    })
}
