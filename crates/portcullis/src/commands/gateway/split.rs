//! `portcullis gateway split`: shows the split, or sets the canary's share by hand.
//!
//! **The fence.** The gateway takes a change from whoever has the newest epoch it has seen or the same.
//! A person's change carries the epoch that the gateway has seen last and no newer one, so the engine
//! that holds the lease is not locked out, and one that lost it still is. The change is made from the
//! split that was shown a moment before, so it also says how often that was changed: if the engine (or
//! somebody else) was faster, the gateway refuses and nothing is overwritten. A rollout that begins
//! afterwards replaces the whole split with its first shift, as its plan says.
//!
//! While a rollout is live the split is its own: a share set by hand would spoil its gates, and its next
//! step would undo it.

use portcullis_api::engine::Status;
use portcullis_api::gateway::{Arm, OVERTAKEN, RouteStatus, Split, SplitChange};
use portcullis_api::{Client, ClientError};
use portcullis_config::Config;

use super::{explain, route_path};
use crate::command_error::{CommandError, Exit};
use crate::{connect, offline, output, render};

pub(super) async fn show(
    config: &Config,
    client: &Client,
    json: bool,
) -> Result<Exit, CommandError> {
    let route = route(config, client).await?;
    if json {
        report_json(&route, None);
    } else {
        output::result(&sentence(&route));
    }
    Ok(Exit::Done)
}

pub(super) async fn set(
    config: &Config,
    client: &Client,
    weight_percent: u8,
    json: bool,
) -> Result<Exit, CommandError> {
    // The gateway first: without one there is nothing to set, whatever the journal says.
    let seen = route(config, client).await?;
    if seen.split.is_some() {
        refuse_while_live(config).await?;
    }
    let Some((split, canary)) = with_canary(&seen) else {
        let service = &seen.service;
        let what = match &seen.split {
            Some(split) => format!(
                "there is no canary to give a share: all requests of {service} go to {}",
                split.stable.release
            ),
            None => format!("there is no canary to give a share: no release of {service} serves"),
        };
        return Err(CommandError::new(Exit::Failed, what)
            .hint("`portcullis deploy` starts a release beside the one that serves"));
    };
    let before = split.weight_percent;
    let change = SplitChange {
        split: Split {
            weight_percent,
            ..split.clone()
        },
        epoch: seen.epoch,
        if_changes: Some(seen.changes),
    };
    let path = format!("{}/split", route_path(config));
    let route: RouteStatus = match client.put(&path, &change).await {
        Ok(route) => route,
        Err(ClientError::Refused(problem)) if problem.code.as_deref() == Some(OVERTAKEN) => {
            let what = "the split was changed by somebody else at the same time; nothing was set";
            return Err(CommandError::new(Exit::Failed, what)
                .hint("look with `portcullis gateway split`, then set it again"));
        }
        Err(error) => return Err(explain(error, config, client)),
    };
    if json {
        report_json(&route, Some(before));
        return Ok(Exit::Done);
    }
    output::result(&sentence(&route));
    if before == weight_percent {
        output::talk("it was so already");
    } else {
        output::talk(&format!(
            "{} had {before} % before; undo: portcullis gateway split {before}",
            canary.release
        ));
    }
    Ok(Exit::Done)
}

async fn route(config: &Config, client: &Client) -> Result<RouteStatus, CommandError> {
    let route = client.get(&route_path(config)).await;
    route.map_err(|error| explain(error, config, client))
}

/// Asks the server, or the journal's file when only the gateway runs.
async fn refuse_while_live(config: &Config) -> Result<(), CommandError> {
    let server = connect::client(config)?;
    let (live, acts) = match server.get::<Status>("/api/v1/status").await {
        Ok(status) => (status.live.map(|live| live.rollout), true),
        Err(ClientError::Unreachable { .. }) => {
            let history = offline::history(config).await?;
            // Where an engine has acted, its journal tells of a release.
            if history.is_empty() {
                let what = "the journal here knows of no release: this gateway has its split from an engine \
                            elsewhere, which gives it that again and may have a rollout under way";
                return Err(CommandError::new(Exit::Failed, what)
                    .hint("set the share where that engine runs; its followers take it over"));
            }
            (history.live().map(|past| past.id().to_string()), false)
        }
        Err(error) => return Err(error.into()),
    };
    let Some(rollout) = live else {
        return Ok(());
    };
    let what = format!(
        "rollout {rollout} is live and moves the traffic itself; a share set by hand would spoil its gates"
    );
    let refused = CommandError::new(Exit::Failed, what);
    Err(match acts {
        true => refused.hint(format!(
            "`portcullis abort {rollout}` takes all traffic back, `portcullis pause` stops it where it is"
        )),
        false => refused.hint(
            "no engine acts on it now: start `portcullis serve` again, which goes on with it, and abort it \
             there",
        ),
    })
}

fn with_canary(route: &RouteStatus) -> Option<(&Split, &Arm)> {
    let split = route.split.as_ref()?;
    Some((split, split.canary.as_ref()?))
}

/// How the requests are divided, and whether a bypass stands before that.
pub(super) fn sentence(route: &RouteStatus) -> String {
    let split = split_in_words(route);
    match &route.bypass {
        None => split,
        Some(bypass) => format!(
            "{split}\nBYPASSED: {}",
            render::bypassed(bypass, &route.service)
        ),
    }
}

fn split_in_words(route: &RouteStatus) -> String {
    let service = &route.service;
    let Some(split) = &route.split else {
        return format!("{service}: no release serves yet");
    };
    let stable = format!("{} at {}", split.stable.release, split.stable.address);
    match &split.canary {
        None => format!("{service}: 100 % to {stable}; no canary"),
        Some(canary) => format!(
            "{service}: {} % to the canary {} at {}, {} % to {stable}",
            split.weight_percent,
            canary.release,
            canary.address,
            100_u8.saturating_sub(split.weight_percent)
        ),
    }
}

fn report_json(route: &RouteStatus, before: Option<u8>) {
    output::json(&serde_json::json!({
        "schema": "portcullis.gateway-split/1",
        "service": route.service,
        "split": route.split,
        "before_percent": before,
        "undo": before.map(|before| format!("portcullis gateway split {before}")),
        "epoch": route.epoch,
        "changes": route.changes,
        "bypass": route.bypass,
    }));
}
