//! `portcullis backup`: on the files, with and without a running server.

mod apart;
pub(super) mod continuous;
pub(super) mod copies;
mod create;
pub(super) mod gone;
mod key;
mod other_release;
mod protect;
pub(super) mod prune;
mod restore_checks;
mod restored;
mod restoring;
mod verify;

use std::str::FromStr;

use jiff::Timestamp;
use portcullis_backup::{BackupError, BackupName, BackupState, BackupSummary, Keep, Store, Vault};
use portcullis_config::Config;
use portcullis_driver::ProcessDriver;
use portcullis_engine::{DataRecord, VaultRefused, size_words, stores_of, vault_of};

use create::Pauses;

use crate::cli::{Backup, BackupKey};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::commands::drill::open_records;
use crate::site::Site;
use crate::state_folder::{Lock, StateFolder};
use crate::{clock, connect, journal_place, offline, output};

/// What to do about backups that no key that is here opens.
pub(super) const KEY_HINT: &str = "`portcullis backup key list` says for whom each backup is encrypted: name the identity of \
                                   that key in `identities` of [backup.encryption], or mend its file";

pub(super) async fn run(site: &Site, json: bool, command: &Backup) -> Result<Exit, CommandError> {
    in_small_pages();
    let config = match command {
        Backup::Key(BackupKey::New { file }) => return key::new(file, json),
        Backup::List { copy: None } | Backup::Verify { copy: None, .. } => {
            connect::config_or_stand_in(site).await?
        }
        _ => connect::config(site)?,
    };
    match command {
        // What is elsewhere needs no vault here.
        Backup::List { copy: Some(copy) } => return copies::list(&config, copy, json).await,
        Backup::Verify {
            name,
            copy: Some(copy),
            ..
        } => return copies::verify(&config, (name.as_deref(), copy), json).await,
        Backup::List { copy: None } | Backup::Prune { .. } if gone::is_missing(&config) => {
            gone::is_new(&config).await?;
            return Ok(none_yet(&config, command, json));
        }
        Backup::Create { .. } => gone::may_be_made(&config).await?,
        Backup::Fetch { .. } => gone::tell_made_anew(&config).await,
        _ => {}
    }
    // Only making a backup makes the vault: whoever looks for one at a wrong place shall hear of it.
    let make = matches!(command, Backup::Create { .. } | Backup::Fetch { .. });
    if matches!(command, Backup::Fetch { .. }) {
        // A machine that was lost has nothing yet.
        StateFolder::new(&config.state.folder).create()?;
    }
    let vault = vault_of(&config, make).await;
    let vault = vault.map_err(|error| refused(&error))?;
    in_vault(&config, &vault, command, json).await
}

/// Has the system give memory in small pages. A backup has many short-lived buffers, of which huge pages keep 2 MiB each: the
/// peak was a third to a half higher with them, and no time was saved (docs/benchmarks.md). It also holds for what this process starts,
/// all of which is of the command.
fn in_small_pages() {
    // A system that has no huge pages has no need of it.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

async fn in_vault(
    config: &Config,
    vault: &Vault,
    command: &Backup,
    json: bool,
) -> Result<Exit, CommandError> {
    match command {
        Backup::Prune { dry_run, .. } => {
            prune::run(config, vault, wanted(config, command), *dry_run, json).await
        }
        Backup::Protect { name, reason } => protect::protect(vault, name, reason, json),
        Backup::Unprotect { name } => protect::unprotect(vault, name, json),
        Backup::Create {
            reason,
            pause,
            no_pause,
        } => {
            in_one_line(reason)?;
            let pauses = Pauses::of(config, *pause, *no_pause);
            create::run(config, vault, reason, (pauses, json)).await
        }
        Backup::List { .. } => list(config, vault, json).await,
        Backup::Verify {
            continuous: Some(store),
            ..
        } => continuous::verify(config, vault, store, json).await,
        Backup::Verify { name, .. } => verify::run(config, vault, name.as_deref(), json).await,
        Backup::Copy { name, to } => {
            copies::copy(config, vault, (name.as_deref(), to.as_deref()), json).await
        }
        Backup::Fetch { name, from } => copies::fetch(config, vault, (name, from), json).await,
        Backup::Key(_) => key::list(config, vault, json).await,
        Backup::Restore {
            name,
            at,
            scratch,
            store,
            to,
            other_release,
            accept_loss,
            ..
        } => {
            if let (Some(name), None) = (name, to) {
                other_release::check(config, vault, &parse(name)?, *other_release).await?;
            }
            let wanted = continuous::Wanted {
                at: at.as_deref().unwrap_or_default(),
                store: store.as_deref(),
                to: to.as_deref(),
                scratch: scratch.as_deref(),
                accept_loss: *accept_loss,
            };
            match name {
                Some(name) => restoring::restore(config, vault, name, wanted, json).await,
                None => continuous::restore(config, vault, wanted, json).await,
            }
        }
    }
}

/// A reason is shown in lists, a line for each backup.
fn in_one_line(reason: &str) -> Result<(), CommandError> {
    match reason.chars().any(char::is_control) {
        false => Ok(()),
        true => Err(CommandError::new(
            Exit::Usage,
            "--reason must say in one line why the backup is made",
        )),
    }
}

/// How many are kept: what the command says, else the configuration.
fn wanted(config: &Config, command: &Backup) -> Keep {
    let configured = prune::configured(config);
    let Backup::Prune {
        keep_last,
        keep_days,
        keep_hourly,
        keep_daily,
        keep_weekly,
        keep_monthly,
        keep_yearly,
        ..
    } = command
    else {
        return configured;
    };
    Keep {
        last: keep_last.unwrap_or(configured.last),
        days: keep_days.unwrap_or(configured.days),
        hourly: keep_hourly.unwrap_or(configured.hourly),
        daily: keep_daily.unwrap_or(configured.daily),
        weekly: keep_weekly.unwrap_or(configured.weekly),
        monthly: keep_monthly.unwrap_or(configured.monthly),
        yearly: keep_yearly.unwrap_or(configured.yearly),
    }
}

/// There is no vault, so there is nothing to list or to remove. Where it was looked for is said, since it may be
/// a wrong place.
fn none_yet(config: &Config, command: &Backup, json: bool) -> Exit {
    if json {
        output::json(&match command {
            Backup::Prune { dry_run, .. } => serde_json::json!({
                "schema": "portcullis.backup-prune/1",
                "dry_run": dry_run,
                "keep_last": config.retention.keep_last,
                "keep_days": config.retention.keep_days,
                "keep": prune::keep_json(&prune::configured(config)),
                "removed": 0,
                "freed_bytes": 0,
                "backups": [],
            }),
            _ => serde_json::json!({ "schema": "portcullis.backups/1", "backups": [] }),
        });
    } else {
        output::talk(&format!(
            "there are no backups yet: there is no vault at {}; `portcullis backup create` makes one",
            config.state.vault.display()
        ));
    }
    Exit::Done
}

/// The release whose data the stores have now, so that a drill knows later what to start on it. A journal that cannot be
/// read must not keep anybody from making a backup.
async fn data_release(config: &Config) -> Option<String> {
    told(whose_data(config).await)
}

/// The same, or why it cannot be said.
async fn whose_data(config: &Config) -> Result<Option<String>, String> {
    let release = match offline::present(config).await {
        Ok(history) => history.data_release().map_err(|error| error.to_string()),
        Err(error) => Err(error.sentence()),
    };
    release.map(|release| release.map(|release| release.to_string()))
}

/// Says why a backup will not tell whose data it has.
fn told(release: Result<Option<String>, String>) -> Option<String> {
    release.unwrap_or_else(|why| {
        output::talk(&format!(
            "warning: the backup does not say which release its data is of, so that no drill can start one on it: {why}"
        ));
        None
    })
}

/// Records what was made or read back in the journal, if there is one. A journal that cannot be written must not keep
/// anybody from making a backup.
async fn record(config: &Config, record: &DataRecord) {
    let warn = |why: String| output::talk(&format!("warning: it is not in the journal: {why}"));
    match journal_place::open_read_only(config).await {
        Ok(Some(_)) => {}
        // A new journal in the place of a lost one would hide that it was lost.
        Ok(None) => {
            return output::talk(
                "note: there is no journal yet, so it does not tell of this backup; `portcullis serve` begins one",
            );
        }
        Err(error) => return warn(error.sentence()),
    }
    match open_records(config).await {
        Ok(records) => {
            if let Err(error) = records.append_made(record, &connect::user()).await {
                warn(connect::in_one_line(&error));
            }
        }
        Err(error) => warn(error.sentence()),
    }
}

/// The stores of the configuration, with what their references lead to.
async fn stores(config: &Config) -> Result<Vec<Store>, CommandError> {
    let stores = stores_of(&config.stores).await;
    stores.map_err(|failure| CommandError::coded(ErrorCode::DatabaseRefused, failure.message))
}

async fn list(config: &Config, vault: &Vault, json: bool) -> Result<Exit, CommandError> {
    let archives = continuous::listed(config, vault);
    let backups = vault.list().map_err(|error| failed(&error))?;
    list_lines(config, &backups, &archives, json).await;
    Ok(Exit::Done)
}

/// A list of backups, here or elsewhere, and of the continuous archives here.
async fn list_lines(
    config: &Config,
    backups: &[BackupSummary],
    archives: &[continuous::Listed],
    json: bool,
) {
    // A journal that cannot be read must not keep anybody from seeing what there is.
    let needed = prune::needed_by_journal(config).await.unwrap_or_default();
    let needed = |backup: &BackupSummary| {
        let mut needed = needed.iter();
        let found = needed.find(|(name, _)| name == backup.name.as_str());
        found.map(|(_, why)| why.as_str())
    };
    if json {
        let rows: Vec<_> = backups
            .iter()
            .map(|backup| {
                let (state, why) = state_words(&backup.state);
                serde_json::json!({
                    "name": backup.name.as_str(),
                    "created_at": backup.created_at.to_string(),
                    "bytes": backup.bytes,
                    "state": state,
                    "verified": backup.verified,
                    "encrypted": backup.sealed.is_some(),
                    "recipients": backup.sealed.as_ref().map(|sealed| &sealed.recipients),
                    "protected": backup.protection.as_ref().map(|protection| &protection.reason),
                    "needed": needed(backup),
                    "why": why,
                })
            })
            .collect();
        let mut all = serde_json::json!({ "schema": "portcullis.backups/1", "backups": rows });
        if !archives.is_empty() {
            all["continuous"] = archives.iter().map(continuous::Listed::json).collect();
        }
        output::json(&all);
    } else if backups.is_empty() {
        output::talk("there are no backups yet; `portcullis backup create` makes one");
    } else {
        for backup in backups {
            output::result(&line_of(backup, needed(backup)));
        }
    }
    if !json {
        for archive in archives {
            output::result(&archive.line());
        }
    }
}

/// What a list says of one backup; `needed` is why the journal needs it.
fn line_of(backup: &BackupSummary, needed: Option<&str>) -> String {
    let (state, why) = state_words(&backup.state);
    let state = if backup.verified { "verified" } else { state };
    let why = why.filter(|why| !why.is_empty());
    // A manifest may come from elsewhere, and a line of it must not look like one of ours.
    let why = why.map(|why| why.replace(char::is_control, "·"));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let encrypted = backup.sealed.as_ref().map_or("", |_| ", encrypted");
    let size = size_words(backup.bytes);
    let protected = backup.protection.as_ref().map_or("", |_| ", protected");
    let needed = needed.map(|why| format!("; {why}")).unwrap_or_default();
    format!(
        "{}  {size:>9}  {state}{encrypted}{protected}{why}{needed}",
        backup.name
    )
}

/// The right to replace live data: no server runs that would not know of it, and no release.
fn alone(config: &Config) -> Result<Lock, CommandError> {
    let folder = StateFolder::new(&config.state.folder);
    folder.create()?;
    let lock = folder.lock()?;
    let process = ProcessDriver::open(folder.root().to_owned()).map_err(|e| failed(&e))?;
    if let Some(running) = process
        .instances()
        .iter()
        .find(|instance| instance.pid.is_some())
    {
        let what = format!(
            "release {} runs at {} on this data and would not know that it was replaced",
            running.release, running.address
        );
        let refused = CommandError::new(Exit::Failed, what).code(ErrorCode::StoreInUse);
        return Err(refused.hint(
            "stop the services first: start `portcullis serve --stop-services` and stop it again; the \
             next `portcullis serve` starts them again",
        ));
    }
    Ok(lock)
}

fn state_words(state: &BackupState) -> (&'static str, Option<String>) {
    match state {
        BackupState::Complete { reason, .. } => ("complete", Some(reason.clone())),
        BackupState::Broken { why } => match why.strip_prefix("damaged: ") {
            Some(why) => ("damaged", Some(why.to_owned())),
            None => ("broken", Some(why.clone())),
        },
    }
}

pub(super) fn parse(name: &str) -> Result<BackupName, CommandError> {
    BackupName::from_str(name).map_err(|error| {
        CommandError::of(Exit::Usage, &error).hint("`portcullis backup list` lists the names")
    })
}

fn failed(error: &(dyn std::error::Error + 'static)) -> CommandError {
    let made = CommandError::of(Exit::Failed, error);
    match error.downcast_ref() {
        Some(
            BackupError::Postgres { .. }
            | BackupError::Redis { .. }
            | BackupError::Continuous { .. },
        ) => made.code(ErrorCode::DatabaseRefused),
        Some(BackupError::Bucket { .. }) => made.code(ErrorCode::BucketRefused),
        Some(BackupError::UnknownBackup { .. } | BackupError::NoVault { .. }) => {
            made.code(ErrorCode::NoBackup)
        }
        Some(BackupError::UnknownStore { .. }) => made.code(ErrorCode::NoStore),
        Some(BackupError::NoKey { .. }) => made.hint(KEY_HINT),
        Some(BackupError::Damaged { .. }) => made.hint(
            "use another one (`portcullis backup list`); if there is a copy of it elsewhere, move its files out of the vault, and \
             `portcullis backup fetch NAME --from COPY` brings the copy back",
        ),
        Some(BackupError::StoreInUse { .. }) => made.code(ErrorCode::StoreInUse),
        _ => made,
    }
}

/// A vault or a place that cannot be used as it is configured.
fn refused(error: &VaultRefused) -> CommandError {
    match error {
        VaultRefused::Vault(error) => failed(error),
        VaultRefused::Configured { .. } => {
            CommandError::of(Exit::Failed, error).code(ErrorCode::CopyFailed)
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(clock::now_ms() as i64).unwrap_or_default()
}
