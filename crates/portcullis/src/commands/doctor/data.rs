//! Backups: where they go, whether there is room, and how old the newest is that can be trusted.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use portcullis_backup::{
    BackupError, Encryption, PostgresProblem, RedisProblem, Store, StoreKind, Vault,
};
use portcullis_config::Config;
use portcullis_engine::{VaultRefused, size_words};
use portcullis_rollout::Failure;

use super::finding::Finding;
use super::state::unseen;
use crate::clock;
use crate::commands::backup::KEY_HINT;
use crate::commands::backup::gone::Gone;

/// A backup older than this is worth a word, in days.
const OLD_DAYS: u64 = 7;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The vault, its space and its newest verified backup. Reads archives: it blocks.
pub(super) fn examine(
    config: &Config,
    gone: Option<&Gone>,
    stores: Result<Vec<Store>, Failure>,
    encryption: Result<Encryption, VaultRefused>,
) -> Vec<Finding> {
    if config.stores.is_empty() {
        let message = "the service declares no data, so there is nothing to back up";
        return vec![Finding::ok("backups", message)];
    }
    if let Some(gone) = gone {
        return vec![Finding::fail("backups", gone.sentence()).hint(gone.hint())];
    }
    let stores = match stores {
        Ok(stores) => stores,
        Err(failure) => return vec![Finding::fail("backups", failure.message)],
    };
    let encryption = match encryption {
        Ok(encryption) => encryption,
        Err(error) => return vec![Finding::fail("backups", error.to_string())],
    };
    let root = &config.state.vault;
    let shown = root.display();
    // Opening a vault makes it, and a doctor changes nothing.
    let meta = match fs::metadata(root) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let message = format!("the vault {shown} is not there yet; the first backup makes it");
            return vec![Finding::ok("backups", message)];
        }
        Err(error) => return vec![unseen("backups", config, &error)],
    };
    if !meta.is_dir() {
        let message = format!("the vault {shown} is not a folder");
        return vec![Finding::fail("backups", message).hint(
            "name a folder in `vault` of [state], or move away what is in the way: the first backup makes the folder",
        )];
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let message = format!("the vault {shown} has mode {mode:04o}: others may look into it");
        return vec![Finding::fail("backups", message).hint(format!("chmod 700 {shown}"))];
    }
    match Vault::open(root).map(|vault| vault.with_encryption(encryption)) {
        Ok(vault) => {
            let mut found = stores.iter().filter_map(reached).collect::<Vec<_>>();
            // What cannot be asked was told.
            if found.is_empty() {
                found.push(space(&stores, &vault));
                found.extend(rights(&stores));
            }
            found.push(newest(config, &vault));
            found.extend(stores.iter().filter_map(leftovers));
            found.extend(unfinished(&vault));
            found.extend(readable(&vault));
            found
        }
        Err(error) => vec![Finding::fail("backups", error.to_string())],
    }
}

/// A store of which no backup could begin.
fn reached(store: &Store) -> Option<Finding> {
    let error = store.examine().err()?;
    let (about, hint) = match &error {
        BackupError::Postgres {
            problem: PostgresProblem::NoRight { .. },
            ..
        } => ("rights", "no backup is made without it"),
        BackupError::Redis {
            problem: RedisProblem::Unreachable { .. },
            ..
        } => (
            "stores",
            "`redis-cli -h HOST -p PORT PING` from this machine asks the same server, and its log says more; no \
             backup is made until it answers",
        ),
        // Its text says what to do.
        BackupError::Postgres { .. }
        | BackupError::Redis { .. }
        | BackupError::Bucket { .. }
        | BackupError::Command { .. } => ("stores", "no backup is made until then"),
        _ => (
            "stores",
            "the stores of the configuration must be there; see `portcullis check`",
        ),
    };
    Some(Finding::fail(about, error.to_string()).hint(hint))
}

/// Rights of stores on servers: to back up, which was looked at before, and to restore.
fn rights(stores: &[Store]) -> Vec<Finding> {
    let on_servers = stores
        .iter()
        .filter(|store| store.kind() == StoreKind::Postgres);
    on_servers
        .map(|store| match store.may_be_restored() {
            Ok(()) => Finding::ok(
                "rights",
                format!(
                    "the user of store {} may back it up, rehearse on a copy and restore it",
                    store.name
                ),
            ),
            Err(error) => Finding::fail("rights", error.to_string())
                .hint("backups are made without it; nothing is rehearsed on them or restored"),
        })
        .collect()
}

/// Backups that are encrypted for a key that is not here.
fn readable(vault: &Vault) -> Option<Finding> {
    let why = vault.encryption().reads_what_it_writes().err()?;
    let message = format!("backups are encrypted and cannot be read here: {why}");
    let hint = "without an identity they are never verified, and no release with data begins; see \
                `portcullis docs copies-and-encryption`";
    Some(Finding::warn("backups", message).hint(hint))
}

/// Copies that nobody uses any more, unless a rollout is at it just now.
fn leftovers(store: &Store) -> Option<Finding> {
    // That the server cannot be asked was told with the space.
    let left = store.leftovers().unwrap_or_default();
    if left.is_empty() {
        return None;
    }
    let (name, left) = (&store.name, left.join(", "));
    let message = match store.path() {
        None if store.kind() == StoreKind::Command => {
            format!("restores of tools that were cut off left replaced data behind: {left}")
        }
        None => format!("the server of store {name} has copies that Portcullis made: {left}"),
        Some(_) => format!("restores of store {name} that were cut off left copies behind: {left}"),
    };
    let hint = match store.kind() {
        StoreKind::Redis => {
            "unless a restore is under way, empty them with redis-cli -n NUMBER FLUSHDB; the next restore does it too"
                .to_owned()
        }
        StoreKind::Bucket => format!(
            "unless a rollout or a restore is under way, remove what lies below {}.portcullis-copy-NAME/, and then the .json of \
             that name",
            store.place()
        ),
        kind if store.path().is_some() || kind == StoreKind::Command => {
            "unless a restore is under way, remove them with rm -r; the next restore does it too"
                .to_owned()
        }
        StoreKind::Postgres => {
            "unless a rollout or a restore is under way, drop them with DROP DATABASE".to_owned()
        }
        _ => "unless a rollout or a restore is under way, remove them".to_owned(),
    };
    Some(Finding::warn("copies", message).hint(hint))
}

/// What backups that were cut off left in the vault.
fn unfinished(vault: &Vault) -> Option<Finding> {
    let left = vault.leftovers().unwrap_or_default();
    let left: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
    if left.is_empty() {
        return None;
    }
    let message = format!(
        "backups that were cut off left files behind: {}",
        left.join(", ")
    );
    let hint = "the next backup or restore removes them, unless one is under way";
    Some(Finding::warn("copies", message).hint(hint))
}

fn space(stores: &[Store], vault: &Vault) -> Finding {
    match vault.space(stores) {
        Ok(space) => {
            let (needed, free) = (size_words(space.needed_bytes), size_words(space.free_bytes));
            // A rollout also keeps a restored copy for its rehearsal.
            if space.free_bytes < space.needed_bytes.saturating_mul(2) {
                Finding::fail(
                    "space",
                    format!("{free} free, and a backup with its rehearsal needs twice {needed}"),
                )
                .hint("make room, or move the vault to another disk with [state] vault")
            } else {
                Finding::ok(
                    "space",
                    format!("{free} free; a backup needs at most {needed}"),
                )
            }
        }
        Err(error) => Finding::fail("space", error.to_string())
            .hint("the stores of the configuration must be there; see `portcullis check`"),
    }
}

fn newest(config: &Config, vault: &Vault) -> Finding {
    let (service, environment) = (config.service.name.as_str(), &config.service.environment);
    match vault.latest(service, environment, true) {
        Ok(Some(backup)) => {
            let age_ms = clock::now_ms().saturating_sub(milliseconds(backup.created_at));
            let days = age_ms / DAY_MS;
            let message = match days {
                0 => format!(
                    "{} reads back whole and is less than a day old",
                    backup.name
                ),
                days => format!("{} reads back whole and is {days} days old", backup.name),
            };
            if days >= OLD_DAYS {
                Finding::warn("backups", message).hint("`portcullis backup create` makes a new one")
            } else {
                Finding::ok("backups", message)
            }
        }
        Ok(None) => {
            let newest = vault.latest(service, environment, false).ok().flatten();
            let why = newest.and_then(|backup| vault.verify(&backup.name).err());
            let hint = match &why {
                Some(BackupError::NoKey { .. } | BackupError::NotReadThrough { .. }) => KEY_HINT,
                _ => "`portcullis backup create` makes one; a release makes its own all the same",
            };
            let why = why.map_or_else(String::new, |why| format!("; the newest one: {why}"));
            Finding::warn(
                "backups",
                format!("there is none that reads back whole{why}"),
            )
            .hint(hint)
        }
        Err(error) => Finding::fail("backups", error.to_string()),
    }
}

fn milliseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}
