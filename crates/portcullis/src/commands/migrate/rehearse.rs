//! `portcullis migrate rehearse`: what a release would do to the data, on a copy of it.

use portcullis_backup::{BackupName, BackupState, Vault};
use portcullis_config::Config;
use portcullis_driver::ProcessDriver;
use portcullis_engine::{Planner, Rehearsals, RehearsalsRefused, vault_of};
use portcullis_rollout::{Fact, Failure, Rehearsal, ReleaseId};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Rehearse;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{clock, connect, offline, output};

use super::super::{backup, plan};

pub(super) async fn run(site: &Site, json: bool, args: &Rehearse) -> Result<Exit, CommandError> {
    let config = connect::config(site)?;
    let folder = StateFolder::new(&config.state.folder);
    folder.create()?;
    let vault = vault_of(&config, false)
        .await
        .map_err(|error| failed(&error))?;
    let name = chosen(
        &config,
        &vault,
        args.backup.as_deref(),
        args.release.as_deref(),
    )?;
    let _hold = vault.hold(&name).map_err(|error| failed(&error))?;
    let checks = connect::checks(&config)?;
    let opened = Rehearsals::open(folder.root(), vault.clone(), checks, &config.stores).await;
    let rehearsals = opened.map_err(|error| refused(&error))?;
    let history = offline::history(&config).await?;
    let process = ProcessDriver::open(folder.root().to_owned());
    let planner = Planner::new(process.map_err(|error| failed(&error))?);
    let wanted = args.release.clone().map(ReleaseId::new);
    let (now, scratch) = (clock::now_ms(), rehearsals.scratch());
    let planned = planner.rehearsal(&config, &history, wanted.as_ref(), now, scratch);
    let Some((rehearsal, deadline_ms)) = planned.map_err(|error| plan::refused(&error))? else {
        let what = "the release changes no data that the serving one has not changed already";
        output::result(&format!("there is nothing to rehearse: {what}"));
        return Ok(Exit::Done);
    };
    output::talk(&format!("rehearsing on {name}; nothing live is touched"));
    let held = tokio::select! {
        held = rehearsals.hold(&rehearsal, &name, deadline_ms) => held,
        () = interrupted() => {
            let left = rehearsals.clear(&rehearsal).await.err().map(|failure| failure.message);
            let message = "interrupted: the rehearsal was cleared away and says nothing";
            return Err(match left {
                None => CommandError::new(Exit::Detached, message),
                Some(left) => CommandError::new(Exit::Failed, message).cause(left),
            });
        }
    };
    told(&rehearsal, &name, held, json)
}

/// The backup that is asked for, or the newest of this service whose data the release has not migrated yet: on one that
/// has, a migration shows nothing.
///
/// # Errors
/// There is none, or the one that is asked for has the data of the release already.
pub(in crate::commands) fn chosen(
    config: &Config,
    vault: &Vault,
    wanted: Option<&str>,
    release: Option<&str>,
) -> Result<BackupName, CommandError> {
    let release = release.map(ReleaseId::new);
    let migrating = match &release {
        Some(id) => config.release(id),
        None => config.releases.last(),
    };
    let migrating = migrating.filter(|release| release.migration.is_some());
    let has_its_data = |of: Option<&str>| migrating.is_some_and(|m| Some(m.id.as_str()) == of);
    let already = |name: &BackupName| {
        let of = migrating.map_or("", |release| release.id.as_str());
        let what = format!(
            "the backup {name} has the data of {of} already: there is nothing to migrate in it"
        );
        CommandError::coded(ErrorCode::BadValue, what)
            .hint("choose one of before: `portcullis backup list` lists the names")
    };
    if let Some(name) = wanted {
        let name = backup::parse(name)?;
        let of = vault
            .manifest(&name)
            .ok()
            .and_then(|manifest| manifest.release);
        return match has_its_data(of.as_deref()) {
            true => Err(already(&name)),
            false => Ok(name),
        };
    }
    let (service, environment) = (config.service.name.as_str(), &config.service.environment);
    let mut passed_over = None;
    for summary in vault.list().map_err(|error| failed(&error))? {
        let is_ours =
            summary.name.service() == service && summary.name.environment() == environment;
        match &summary.state {
            BackupState::Complete { release, .. } if is_ours => {
                if !has_its_data(release.as_deref()) {
                    if let Some(newer) = &passed_over {
                        output::talk(&format!(
                            "{newer} is newer and passed over: its data is migrated already"
                        ));
                    }
                    return Ok(summary.name);
                }
                passed_over.get_or_insert(summary.name);
            }
            _ => {}
        }
    }
    Err(match passed_over {
        Some(name) => already(&name),
        None => {
            let message = format!("there is no backup of {service} ({environment}) to rehearse on");
            CommandError::coded(ErrorCode::BadValue, message)
                .hint("make one: `portcullis backup create`")
        }
    })
}

fn told(
    rehearsal: &Rehearsal,
    name: &BackupName,
    held: Result<Vec<Fact>, Failure>,
    json: bool,
) -> Result<Exit, CommandError> {
    let release = &rehearsal.new.launch.release;
    let (facts, failed) = match held {
        Ok(facts) => (facts, None),
        Err(failure) => (failure.facts, Some(failure.message)),
    };
    if json {
        output::json(&json!({
            "schema": "portcullis.migrate-rehearse/1",
            "release": release,
            "backup": name.to_string(),
            "passed": failed.is_none(),
            "failure": failed,
            "facts": facts,
        }));
        return Ok(if failed.is_some() {
            Exit::Failed
        } else {
            Exit::Done
        });
    }
    if let Some(message) = failed {
        let told = CommandError::coded(ErrorCode::MigrationFailed, message);
        let lines = facts
            .iter()
            .map(|fact| format!("{}: {}", fact.name, fact.value));
        return Err(lines.fold(told, CommandError::cause));
    }
    let width = facts.iter().map(|fact| fact.name.chars().count()).max();
    let width = width.unwrap_or_default();
    for Fact { name, value } in &facts {
        output::result(&format!("  {name:<width$}  {value}"));
    }
    let old = rehearsal.old.as_ref();
    output::result(&match old {
        Some(old) => format!(
            "{release} can be brought out: it and {} work on the migrated copy",
            old.launch.release
        ),
        None => format!("{release} can be brought out: it works on the migrated copy"),
    });
    Ok(Exit::Done)
}

/// Ends at the first Ctrl-C or request to end; never if that cannot be listened for.
pub(in crate::commands) async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn refused(error: &RehearsalsRefused) -> CommandError {
    match error {
        RehearsalsRefused::Busy => CommandError::of(Exit::LeaseHeld, error),
        _ => failed(error),
    }
}

fn failed(error: &dyn std::error::Error) -> CommandError {
    CommandError::of(Exit::Failed, error)
}
