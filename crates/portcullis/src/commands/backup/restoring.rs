//! Restoring a backup by its name: to copies in a folder, or in the place of the live data.
//!
//! Stores are restored one after another. So everything that can be known of all of them is looked at before the first one is
//! touched: nobody shall be left with some stores of the backup and others of before because of what could have been said at once.

use std::path::{Path, PathBuf};

use portcullis_backup::{BackupName, Store, StoreKind, StoreManifest, Vault};
use portcullis_config::Config;

use super::continuous::Wanted;
use super::restored::{Back, not_set, report_restored, tell_replaced};
use super::{alone, apart, failed, now, parse, restore_checks, stores};
use crate::command_error::{CommandError, ErrorCode, Exit};

/// Restores a backup by its name.
pub(super) async fn restore(
    config: &Config,
    vault: &Vault,
    name: &str,
    wanted: Wanted<'_>,
    json: bool,
) -> Result<Exit, CommandError> {
    let name = parse(name)?;
    restore_checks::is_the_recorded_one(config, vault, &name).await?;
    match wanted.to {
        Some(to) => to_copies(config, vault, &name, (wanted.store, to), json),
        None => in_place(config, vault, &name, wanted, json).await,
    }
}

/// Restores one store or all of them into a folder.
fn to_copies(
    config: &Config,
    vault: &Vault,
    name: &BackupName,
    (store, to): (Option<&str>, &Path),
    json: bool,
) -> Result<Exit, CommandError> {
    let new: Vec<&Path> = to.ancestors().take_while(|at| !at.exists()).collect();
    let copies = copies_in(config, vault, name, (store, to)).inspect_err(|_| {
        for folder in new {
            // One with a copy in it stays.
            let _ = std::fs::remove_dir(folder);
        }
    })?;
    report_restored(name, &copies, None, json);
    Ok(Exit::Done)
}

fn copies_in(
    config: &Config,
    vault: &Vault,
    name: &BackupName,
    (store, to): (Option<&str>, &Path),
) -> Result<Vec<Back>, CommandError> {
    // Between two stores too, nobody shall prune it away.
    let _hold = vault.hold(name).map_err(|error| failed(&error))?;
    let manifest = vault.manifest(name).map_err(|error| failed(&error))?;
    let held = manifest.stores.iter();
    let chosen: Vec<&StoreManifest> = held
        .filter(|held| store.is_none_or(|s| s == held.name))
        .collect();
    if chosen.is_empty() {
        let held = manifest.stores.iter();
        let known: Vec<&str> = held.map(|store| store.name.as_str()).collect();
        let what = format!(
            "{name} has no store {}; it has {}",
            store.unwrap_or(""),
            known.join(", ")
        );
        return Err(CommandError::new(Exit::Failed, what).code(ErrorCode::NoStore));
    }
    let targets: Vec<(&str, PathBuf)> = chosen
        .iter()
        .map(|held| (held.name.as_str(), to.join(&held.name)))
        .collect();
    let copies = targets.iter();
    let copies = copies.map(|(store, to)| (format!("the copy of {store}"), to.clone()));
    apart::are_apart(config, &copies.collect::<Vec<_>>())?;
    if to.is_dir() {
        for (store, target) in &targets {
            let free = vault.is_free_for(name, store, target);
            free.map_err(|error| nothing_written(failed(&error)))?;
        }
    }
    restore_checks::has_room_for_copies(to, &chosen)?;
    std::fs::create_dir_all(to).map_err(|error| {
        let what = format!("the folder {} cannot be made: {error}", to.display());
        CommandError::new(Exit::Failed, what).hint("--to names a folder, which may be new")
    })?;
    let mut copies = Vec::new();
    for (store, target) in targets {
        let restored = vault.restore(name, store, &target);
        let restored = restored.map_err(|error| with_done(failed(&error), &copies, store))?;
        not_set(store, restored.owners_not_set, restored.attributes_not_set);
        copies.push(Back {
            store: store.to_owned(),
            place: Some(target.display().to_string()),
            digest: restored.digest,
        });
    }
    Ok(copies)
}

/// Replaces live data. The folder's lock keeps a server, which would not know of it, out.
async fn in_place(
    config: &Config,
    vault: &Vault,
    name: &BackupName,
    wanted: Wanted<'_>,
    json: bool,
) -> Result<Exit, CommandError> {
    restore_checks::is_ours(config, name)?;
    let _lock = alone(config)?;
    let _hold = vault.hold(name).map_err(|error| failed(&error))?;
    let all = stores(config).await?;
    let is_meant = |held: &&Store| wanted.store.is_none_or(|store| store == held.name);
    let chosen: Vec<&Store> = all.iter().filter(is_meant).collect();
    if chosen.is_empty() {
        let what = format!(
            "the configuration has no store {}",
            wanted.store.unwrap_or("at all")
        );
        return Err(CommandError::new(Exit::Failed, what).code(ErrorCode::NoStore));
    }
    restore_checks::can_be_put_back(vault, name, &chosen)?;
    restore_checks::has_room(vault, name, &chosen)?;
    let lost = restore_checks::tell_loss(vault, name, &chosen);
    if !wanted.accept_loss {
        restore_checks::is_agreed("nothing was done")?;
    }
    let mut back: Vec<Back> = Vec::new();
    for held in &chosen {
        let replaced = vault.restore_in_place(name, held, now());
        let replaced = replaced.map_err(|error| with_done(failed(&error), &back, &held.name))?;
        tell_replaced(held, &replaced);
        back.push(Back {
            store: held.name.clone(),
            place: (held.kind() != StoreKind::Command).then(|| held.place()),
            digest: replaced.digest,
        });
    }
    report_restored(name, &back, Some(&lost), json);
    Ok(Exit::Done)
}

/// An error before which nothing was written.
fn nothing_written(error: CommandError) -> CommandError {
    let what = format!("{}; nothing was written", error.message());
    error.reworded(what)
}

/// An error that says which stores were restored before it came.
fn with_done(error: CommandError, done: &[Back], store: &str) -> CommandError {
    let names: Vec<&str> = done.iter().map(|back| back.store.as_str()).collect();
    let are = match names.len() {
        0 => return error,
        1 => "is",
        _ => "are",
    };
    error.hint(format!(
        "{} {are} restored already, and {store} is not: once this is mended, give the command again, with --store for what is missing",
        names.join(" and ")
    ))
}
