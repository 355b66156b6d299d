//! `portcullis twin`: a release on a restored and migrated copy, for as long as somebody wants to look at it.

use portcullis_api::gateway::{Arm, RouteStatus, ShadowStatus, Split, SplitChange};
use portcullis_config::Config;
use portcullis_driver::ProcessDriver;
use portcullis_engine::{Planner, Twin, Twins, TwinsRefused, vault_of};
use portcullis_rollout::{Fact, Failure, ReleaseId};
use serde_json::json;

use super::gateway::route_path;
use super::{migrate, plan};
use crate::cli::{Twin as TwinCommand, TwinUp};
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{clock, connect, offline, output};

pub(super) async fn run(
    site: &Site,
    json: bool,
    command: &TwinCommand,
) -> Result<Exit, CommandError> {
    let config = connect::config(site)?;
    match command {
        TwinCommand::Up(args) => up(&config, json, args).await,
        TwinCommand::Smoke => smoke(&config, json).await,
        TwinCommand::Show => show(&config, json).await,
        TwinCommand::Down => down(&config, json).await,
    }
}

async fn up(config: &Config, json: bool, args: &TwinUp) -> Result<Exit, CommandError> {
    if args.shadow && config.gateway.shadow_percent == 0 {
        let what = "nothing is mirrored: `shadow` in [gateway] is 0 %";
        return Err(CommandError::new(Exit::Usage, what).hint(
            "set for example shadow = \"10%\" there, and reload with `portcullis gateway reload`",
        ));
    }
    let folder = StateFolder::new(&config.state.folder);
    folder.create()?;
    if let Some(twin) = known(config)? {
        let what = format!(
            "there is a twin already: {} at {}",
            twin.release(),
            twin.address()
        );
        return Err(CommandError::new(Exit::Failed, what).hint("`portcullis twin down` removes it"));
    }
    let vault = vault_of(config, false)
        .await
        .map_err(|error| failed(&error))?;
    let name = migrate::chosen(
        config,
        &vault,
        args.backup.as_deref(),
        args.release.as_deref(),
    )?;
    let _hold = vault.hold(&name).map_err(|error| failed(&error))?;
    let twins = open(config).await?;
    let history = offline::history(config).await?;
    let process = ProcessDriver::open(folder.root().to_owned());
    let planner = Planner::new(process.map_err(|error| failed(&error))?);
    let wanted = args.release.clone().map(ReleaseId::new);
    let (now, scratch) = (clock::now_ms(), twins.scratch());
    let planned = planner.twin(config, &history, wanted.as_ref(), now, scratch);
    let rehearsal = planned.map_err(|error| plan::refused(&error))?;
    output::talk(&format!("on a copy of {name}; nothing live is touched"));
    let made = tokio::select! {
        made = twins.up(config, &rehearsal, &name, now) => made,
        () = migrate::interrupted() => Err(Failure {
            message: "interrupted".to_owned(),
            retryable: false,
            facts: Vec::new(),
        }),
    };
    let (twin, facts) = match made {
        Ok(made) => made,
        Err(failure) => {
            if let Some(left) = known(config)? {
                let _ = twins.down(&left).await;
            }
            return Err(told(&failure, "there is no twin"));
        }
    };
    if args.shadow {
        mirror(config, &twin).await?;
    }
    tell_up(&twin, &facts, json);
    Ok(Exit::Done)
}

fn tell_up(twin: &Twin, facts: &[Fact], json: bool) {
    if json {
        output::json(&shown(twin, None, facts));
    } else {
        facts
            .iter()
            .for_each(|fact| output::talk(&format!("  {}: {}", fact.name, fact.value)));
        output::result(&format!(
            "{} runs on a copy of {} at http://{}",
            twin.release(),
            twin.backup,
            twin.address()
        ));
        output::talk("undo: portcullis twin down");
    }
}

async fn smoke(config: &Config, json: bool) -> Result<Exit, CommandError> {
    let twin = needed(config)?;
    let twins = open(config).await?;
    let facts = twins.smoke(&twin).await;
    let facts = facts.map_err(|failure| told(&failure, "the twin does not answer as it should"))?;
    if json {
        output::json(&shown(&twin, None, &facts));
    } else {
        facts
            .iter()
            .for_each(|fact| output::talk(&format!("  {}: {}", fact.name, fact.value)));
        output::result(&format!("{} answers as it should", twin.release()));
    }
    Ok(Exit::Done)
}

async fn show(config: &Config, json: bool) -> Result<Exit, CommandError> {
    let twin = needed(config)?;
    // Without a gateway nothing is mirrored.
    let shadow = match connect::gateway(config)?
        .get::<RouteStatus>(&route_path(config))
        .await
    {
        Ok(route) => of(&route, &twin),
        Err(_) => None,
    };
    if json {
        output::json(&shown(&twin, shadow.as_ref(), &[]));
        return Ok(Exit::Done);
    }
    output::result(&format!(
        "{} runs on a copy of {} at http://{}, since {}",
        twin.release(),
        twin.backup,
        twin.address(),
        clock::local(twin.begun_ms).strftime("%Y-%m-%d %H:%M")
    ));
    match shadow {
        None => output::talk("nothing was mirrored to it"),
        Some(shadow) => output::talk(&format!(
            "mirrored requests: {}, of which {} failed and {} were answered with another status than by the stable \
             release",
            shadow.requests, shadow.errors, shadow.differed
        )),
    }
    Ok(Exit::Done)
}

async fn down(config: &Config, json: bool) -> Result<Exit, CommandError> {
    let twin = needed(config)?;
    let twins = open(config).await?;
    unmirror(config, &twin).await?;
    let removed = twins.down(&twin).await;
    removed.map_err(|failure| told(&failure, "not all of the twin is gone"))?;
    if json {
        output::json(&json!({"schema": "portcullis.twin/1", "down": twin.release()}));
    } else {
        output::result(&format!(
            "{} is stopped, and its copy is removed",
            twin.release()
        ));
    }
    Ok(Exit::Done)
}

/// Has the gateway mirror reads to the twin.
async fn mirror(config: &Config, twin: &Twin) -> Result<(), CommandError> {
    change(config, |split| {
        (split.canary.is_none() && split.closed.is_none()).then(|| Split {
            canary: Some(arm_of(twin)),
            weight_percent: 0,
            mirror_only: true,
            ..split
        })
    })
    .await
    .map(drop)
}

/// Takes the twin out of the split, if it is in it. Without a gateway it is not.
async fn unmirror(config: &Config, twin: &Twin) -> Result<(), CommandError> {
    let client = connect::gateway(config)?;
    let Ok(route) = client.get::<RouteStatus>(&route_path(config)).await else {
        return Ok(());
    };
    let mirrored = |split: &Split| split.mirror_only && split.canary == Some(arm_of(twin));
    if !route.split.as_ref().is_some_and(mirrored) {
        return Ok(());
    }
    change(config, |split| {
        Some(Split {
            canary: None,
            mirror_only: false,
            ..split
        })
    })
    .await
    .map(drop)
}

/// Replaces the split by one that is made of it, unless somebody else was faster.
async fn change(
    config: &Config,
    next: impl Fn(Split) -> Option<Split>,
) -> Result<RouteStatus, CommandError> {
    let client = connect::gateway(config)?;
    let path = route_path(config);
    let seen: RouteStatus = client.get(&path).await?;
    let split = seen.split.clone().and_then(next).ok_or_else(|| {
        CommandError::new(
            Exit::Failed,
            "the split has a canary already, or serves nobody: nothing is mirrored",
        )
        .hint("wait for the end of the rollout; the twin runs, and `portcullis twin smoke` asks it")
    })?;
    let change = SplitChange {
        split,
        epoch: seen.epoch,
        if_changes: Some(seen.changes),
    };
    Ok(client.put(&format!("{path}/split"), &change).await?)
}

fn arm_of(twin: &Twin) -> Arm {
    Arm {
        release: twin.release().to_owned(),
        address: twin.address().to_owned(),
    }
}

fn of(route: &RouteStatus, twin: &Twin) -> Option<ShadowStatus> {
    let wanted = arm_of(twin);
    let arm = route.arms.iter().find(|status| status.arm == wanted)?;
    arm.shadow.clone()
}

fn shown(twin: &Twin, shadow: Option<&ShadowStatus>, facts: &[Fact]) -> serde_json::Value {
    json!({
        "schema": "portcullis.twin/1",
        "release": twin.release(),
        "address": twin.address(),
        "backup": twin.backup,
        "begun_ms": twin.begun_ms,
        "mirrored": shadow.map(|shadow| json!({
            "requests": shadow.requests,
            "errors": shadow.errors,
            "differed": shadow.differed,
        })),
        "facts": facts,
    })
}

fn known(config: &Config) -> Result<Option<Twin>, CommandError> {
    Twin::of(&config.state.folder).map_err(|error| refused(&error))
}

fn needed(config: &Config) -> Result<Twin, CommandError> {
    known(config)?.ok_or_else(|| {
        CommandError::new(Exit::Failed, "there is no twin")
            .hint("`portcullis twin up --release RELEASE` makes one")
    })
}

async fn open(config: &Config) -> Result<Twins, CommandError> {
    let vault = vault_of(config, false)
        .await
        .map_err(|error| failed(&error))?;
    let opened = Twins::open(&config.state.folder, vault, connect::checks(config)?).await;
    opened.map_err(|error| refused(&error))
}

fn told(failure: &Failure, what: &str) -> CommandError {
    let mut error = CommandError::new(Exit::Failed, what).cause(failure.message.clone());
    for fact in &failure.facts {
        error = error.cause(format!("{}: {}", fact.name, fact.value));
    }
    error
}

fn refused(error: &TwinsRefused) -> CommandError {
    match error {
        TwinsRefused::Busy => CommandError::of(Exit::LeaseHeld, error),
        _ => failed(error),
    }
}

fn failed(error: &dyn std::error::Error) -> CommandError {
    CommandError::of(Exit::Failed, error)
}
