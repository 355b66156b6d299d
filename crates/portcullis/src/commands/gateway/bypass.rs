//! `portcullis gateway bypass`: takes the split out of the way in an emergency, and tells what was done.
//!
//! The gateway keeps the record of bypasses itself (`audit.jsonl` in the state folder), whether the engine
//! acts or not. They are not in the journal: only the engine that holds its lease may write there, and
//! a binary that does not know a kind of entry refuses to read on.

use portcullis_api::gateway::{BypassEnd, BypassWish, NO_BYPASS, RouteStatus};
use portcullis_api::{Client, ClientError};
use portcullis_config::Config;
use portcullis_gateway::{AuditEntry, AuditTrail};

use super::{explain, route_path, split};
use crate::cli::Bypass;
use crate::clock::local;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::state_folder::StateFolder;
use crate::{connect, output};

pub(super) async fn run(
    config: &Config,
    client: &Client,
    args: &Bypass,
    json: bool,
) -> Result<Exit, CommandError> {
    let service = config.service.name.as_str();
    if let Some(asked) = &args.service
        && asked != service
    {
        let what = format!("there is no service {asked} here; the configured one is {service}");
        return Err(CommandError::new(Exit::Failed, what)
            .hint("--file names the configuration of another service"));
    }
    match (&args.time, &args.reason) {
        _ if args.list => list(config, json),
        (Some(time), Some(reason)) => {
            let wish = BypassWish {
                by: connect::user(),
                reason: reason.clone(),
                for_ms: u64::try_from(time.as_millis()).unwrap_or(0),
            };
            begin(config, client, &wish, json).await
        }
        _ => end(config, client, json).await,
    }
}

async fn begin(
    config: &Config,
    client: &Client,
    wish: &BypassWish,
    json: bool,
) -> Result<Exit, CommandError> {
    let path = format!("{}/bypass", route_path(config));
    let route: RouteStatus = match client.put(&path, wish).await {
        Ok(route) => route,
        Err(error) => return Err(explain(error, config, client)),
    };
    let service = &route.service;
    let undo = format!("portcullis gateway bypass {service} --end");
    if json {
        report_json(&route, Some(&undo));
        return Ok(Exit::Done);
    }
    let until_ms = route.bypass.as_ref().map_or(0, |bypass| bypass.until_ms);
    let until = local(until_ms).strftime("%Y-%m-%d %H:%M:%S");
    let all = match &route.split {
        Some(split) => format!("every request goes to {}", split.stable.release),
        None => "no release serves, and no canary will get anything".to_owned(),
    };
    output::result(&format!("{service}: {all} until {until}"));
    output::talk(&format!(
        "recorded as done by {} in {}",
        wish.by,
        trail(config).path().display()
    ));
    output::talk(&format!(
        "the split is kept and holds again then, and a rollout at a gate holds until then; undo: {undo}"
    ));
    Ok(Exit::Done)
}

async fn end(config: &Config, client: &Client, json: bool) -> Result<Exit, CommandError> {
    let path = format!("{}/bypass/end", route_path(config));
    let by = connect::user();
    let route: RouteStatus = match client.post(&path, &BypassEnd { by }).await {
        Ok(route) => route,
        Err(ClientError::Refused(problem)) if problem.code.as_deref() == Some(NO_BYPASS) => {
            let what = format!(
                "no bypass of {} is in force; nothing was changed",
                config.service.name
            );
            return Err(CommandError::new(Exit::Failed, what)
                .hint("`portcullis gateway bypass --list` tells which there were"));
        }
        Err(error) => return Err(explain(error, config, client)),
    };
    if json {
        report_json(&route, None);
        return Ok(Exit::Done);
    }
    output::result(&split::sentence(&route));
    output::talk("the bypass was ended and the split holds again");
    Ok(Exit::Done)
}

/// From the file, so that it can be read whoever runs.
fn list(config: &Config, json: bool) -> Result<Exit, CommandError> {
    let trail = trail(config);
    let path = trail.path().display();
    let read = trail.read().map_err(|error| {
        let what = format!("the record of bypasses {path} cannot be read");
        CommandError::because(Exit::Failed, what, &error)
            .code(ErrorCode::StateFolder)
            .hint("run this as the user that runs `portcullis serve`")
    })?;
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.gateway-bypass-list/1",
            "file": trail.path(),
            "entries": read.entries,
            "unreadable_lines": read.unreadable,
        }));
        return Ok(Exit::Done);
    }
    if read.entries.is_empty() {
        output::talk("nothing was ever bypassed");
    }
    for entry in &read.entries {
        output::result(&line(entry));
    }
    for number in &read.unreadable {
        output::talk(&format!(
            "warning: line {number} of {path} is not one that this version reads"
        ));
    }
    Ok(Exit::Done)
}

fn line(entry: &AuditEntry) -> String {
    let time = |at_ms| local(at_ms).strftime("%Y-%m-%d %H:%M:%S").to_string();
    format!(
        "{}  {:16}  {}  by {}, until {}: {}",
        time(entry.at_ms),
        entry.event.words(),
        entry.service,
        entry.by,
        time(entry.until_ms),
        entry.reason
    )
}

fn trail(config: &Config) -> AuditTrail {
    AuditTrail::beside(&StateFolder::new(&config.state.folder).routes())
}

fn report_json(route: &RouteStatus, undo: Option<&str>) {
    output::json(&serde_json::json!({
        "schema": "portcullis.gateway-bypass/1",
        "service": route.service,
        "bypass": route.bypass,
        "split": route.split,
        "undo": undo,
    }));
}
